// The interop service and its client on quic-go, written from docs/protocol.md:
//
//	interop client --ca FILE [--host HOST] [--options JSON] CASE PORT[,PORT...]
//	interop server --cert FILE --key FILE [--host HOST] [--options JSON]
//
// The client runs a case once for each port, all at once, and ends with 0 when all went well. The server prints its port, then a line
// for each connection that ended, and ends with its standard input.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/quic-go/quic-go"
)

const alpn = "echostream/1"

// How long a case may take.
const caseTimeout = 840 * time.Second

// A handshake that loses a third of its packets may wait for probes whose timer has doubled many times.
const patience = 800 * time.Second

func main() {
	if len(os.Args) < 2 {
		fatal(errors.New("usage: interop client|server"))
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	host := flags.String("host", "127.0.0.1", "address of the server")
	ca := flags.String("ca", "", "certificate of the authority, PEM")
	cert := flags.String("cert", "", "certificate of the server, PEM")
	key := flags.String("key", "", "key of the server, PEM")
	options := flags.String("options", "{}", "what the case wants to know, JSON")
	flags.Parse(os.Args[2:])
	switch os.Args[1] {
	case "client":
		fatal(client(*host, *ca, *options, flags.Args()))
	case "server":
		fatal(server(*host, *cert, *key, *options))
	default:
		fatal(fmt.Errorf("unknown role %s", os.Args[1]))
	}
}

func fatal(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func config() *quic.Config {
	return &quic.Config{
		Versions:              []quic.Version{quic.Version1},
		EnableDatagrams:       true,
		HandshakeIdleTimeout:  patience,
		MaxIdleTimeout:        patience,
		MaxIncomingStreams:    1_000,
		MaxIncomingUniStreams: 1_000,
		Tracer:                traceKeyUpdates,
	}
}

func client(host, ca, options string, arguments []string) error {
	if len(arguments) != 2 {
		return errors.New("a client takes a case and ports")
	}
	run := cases[arguments[0]]
	if run == nil {
		return fmt.Errorf("there is no case %s", arguments[0])
	}
	content, err := os.ReadFile(ca)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(content) {
		return fmt.Errorf("%s holds no certificate", ca)
	}
	var given caseOptions
	if err := json.Unmarshal([]byte(options), &given); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), caseTimeout)
	defer cancel()
	ports := strings.Split(arguments[1], ",")
	ended := make(chan error, len(ports))
	for _, port := range ports {
		go func() {
			err := runCase(ctx, run, net.JoinHostPort(host, port), &tls.Config{
				RootCAs: roots, ServerName: "localhost", NextProtos: []string{alpn},
				ClientSessionCache: tls.NewLRUClientSessionCache(1),
			}, given)
			if err != nil {
				err = fmt.Errorf("port %s: %w", port, err)
			}
			ended <- err
		}()
	}
	var all []error
	for range ports {
		all = append(all, <-ended)
	}
	return errors.Join(all...)
}

func runCase(ctx context.Context, run testCase, address string, secrets *tls.Config, options caseOptions) error {
	session, err := dial(ctx, address, secrets)
	if err != nil {
		return err
	}
	defer session.conn.CloseWithError(connectionNoError, "")
	finished := make(chan error, 1)
	go func() { finished <- run(ctx, session, options) }()
	select {
	case err := <-finished:
		return err
	case <-ctx.Done():
		return fmt.Errorf("not finished within %s: %w", caseTimeout, context.Cause(session.conn.Context()))
	}
}

func dial(ctx context.Context, address string, secrets *tls.Config) (*session, error) {
	return dialBy(ctx, quic.DialAddr, address, secrets)
}

// How quic-go connects: when the handshake is complete, or at once if the server is known.
type dialer func(context.Context, string, *tls.Config, *quic.Config) (*quic.Conn, error)

func dialBy(ctx context.Context, by dialer, address string, secrets *tls.Config) (*session, error) {
	conn, err := by(ctx, address, secrets, config())
	if err != nil {
		return nil, err
	}
	s, err := begin(conn, systemService())
	if err == nil {
		s.again = func(ctx context.Context, by dialer) (*session, error) { return dialBy(ctx, by, address, secrets) }
	}
	return s, err
}

// What a server is told.
type serverOptions struct {
	// Clients have to prove their address.
	Retry bool `json:"retry"`
	// They may send before the handshake is complete.
	EarlyData bool `json:"earlyData"`
}

func server(host, cert, key, options string) error {
	var given serverOptions
	if err := json.Unmarshal([]byte(options), &given); err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return err
	}
	secrets := &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{alpn}}
	socket, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
	if err != nil {
		return err
	}
	transport := &quic.Transport{Conn: socket, VerifySourceAddress: func(net.Addr) bool { return given.Retry }}
	defer transport.Close()
	settings := config()
	settings.Allow0RTT = given.EarlyData
	listener, err := transport.ListenEarly(secrets, settings)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr().(*net.UDPAddr).Port)
	service := interopService()
	go func() {
		for {
			conn, err := listener.Accept(context.Background())
			if err != nil {
				return
			}
			context.AfterFunc(conn.Context(), func() { report(context.Cause(conn.Context())) })
			go begin(conn, service)
		}
	}()
	io.Copy(io.Discard, os.Stdin)
	return listener.Close()
}

// report tells how a connection ended.
func report(ending error) {
	line, _ := json.Marshal(map[string]any{"closed": closeCode(ending), "reason": ending.Error()})
	fmt.Println(string(line))
}

// closeCode is the code of CONNECTION_CLOSE of type 0x1d, -1 when a connection ended in another way.
func closeCode(ending error) int {
	var closed *quic.ApplicationError
	if errors.As(ending, &closed) {
		return int(closed.ErrorCode)
	}
	return -1
}

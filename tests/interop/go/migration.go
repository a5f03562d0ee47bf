package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/quic-go/quic-go"
)

// migration moves a connection to another socket once in each direction of a transfer: not that of the session, which has no
// connection ids of its own, so that packets find it by their socket alone.
func migration(ctx context.Context, first *session, options caseOptions) error {
	s, err := first.again(ctx, dialFromTransport)
	if err != nil {
		return err
	}
	defer s.conn.CloseWithError(connectionNoError, "")
	done := make(chan error, 1)
	go func() { done <- transfer(ctx, s, options) }()
	half := uint64(options.Bytes / 2)
	for _, isReached := range []func(quic.ConnectionStats) bool{
		func(stats quic.ConnectionStats) bool { return stats.BytesSent > half },
		func(stats quic.ConnectionStats) bool { return stats.BytesReceived > half },
	} {
		for !isReached(s.conn.ConnectionStats()) {
			select {
			case err := <-done:
				return errors.Join(err, errors.New("ended too soon"))
			case <-time.After(5 * time.Millisecond):
			}
		}
		if err := move(ctx, s.conn); err != nil {
			return err
		}
	}
	return <-done
}

func dialFromTransport(ctx context.Context, address string, secrets *tls.Config, config *quic.Config) (*quic.Conn, error) {
	server, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		return nil, err
	}
	transport, err := freshTransport()
	if err != nil {
		return nil, err
	}
	return transport.Dial(ctx, server, secrets, config)
}

// freshTransport has a socket of its own, which is closed when the program ends.
func freshTransport() (*quic.Transport, error) {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	return &quic.Transport{Conn: socket}, err
}

func move(ctx context.Context, conn *quic.Conn) error {
	transport, err := freshTransport()
	if err != nil {
		return err
	}
	path, err := conn.AddPath(transport)
	if err != nil {
		return err
	}
	if err := path.Probe(ctx); err != nil {
		return err
	}
	return path.Switch()
}

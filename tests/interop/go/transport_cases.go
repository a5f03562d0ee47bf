package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/quic-go/quic-go"
)

// The client's part in the transport cases; faults are made by a proxy in between.

func handshake(ctx context.Context, s *session, _ caseOptions) error {
	return expectAnswer(ctx, s, "echo", []byte("hello"), []byte("hello"))
}

func transfer(_ context.Context, s *session, options caseOptions) error {
	items := options.Bytes / itemBytes
	if err := upload(s, items); err != nil {
		return err
	}
	download, err := s.openWith("download", map[string]any{"items": items, "bytes": itemBytes})
	if err != nil {
		return err
	}
	var got digest
	for {
		item, err := download.next()
		if err != nil {
			return errors.Join(ignoreEnd(err), equal(got.value(), digestOf(items)))
		}
		got.add(item.([]byte))
	}
}

// keyUpdate moves so much that quic-go updates its keys, for the first time after a hundred packets, and some more.
func keyUpdate(ctx context.Context, s *session, _ caseOptions) error {
	if err := transfer(ctx, s, caseOptions{Bytes: 2_000_000}); err != nil {
		return err
	}
	if keyUpdates.count.Load() == 0 {
		return errors.New("no keys were updated")
	}
	return handshake(ctx, s, caseOptions{})
}

// resumption shows the ticket of the first connection, once it has come, in another one.
func resumption(ctx context.Context, s *session, options caseOptions) error {
	return againUntil(ctx, s, options, quic.DialAddr, func(state quic.ConnectionState) bool { return state.TLS.DidResume })
}

// earlyData sends its SETTINGS and a call before the handshake is complete, once the ticket of a connection before has come.
func earlyData(ctx context.Context, s *session, options caseOptions) error {
	return againUntil(ctx, s, options, quic.DialAddrEarly, func(state quic.ConnectionState) bool { return state.Used0RTT })
}

// againUntil connects and makes a call, again and again, until a connection has what is wanted.
func againUntil(ctx context.Context, s *session, options caseOptions, by dialer, has func(quic.ConnectionState) bool) error {
	for {
		second, err := s.again(ctx, by)
		if err != nil {
			return err
		}
		defer second.conn.CloseWithError(connectionNoError, "")
		if err := handshake(ctx, second, options); err != nil || has(second.conn.ConnectionState()) {
			return err
		}
	}
}

func multiplexing(_ context.Context, s *session, _ caseOptions) error {
	return inParallel(2_000, 500, func(n int) error { return echoStream(s, n) })
}

func manyCalls(ctx context.Context, s *session, _ caseOptions) error {
	return inParallel(shortCalls, inFlight, func(n int) error {
		content := []byte(strconv.Itoa(n))
		return expectAnswer(ctx, s, "echo", content, content)
	})
}

// manyStreams makes the same calls, each on a bidirectional stream of its own.
func manyStreams(_ context.Context, s *session, _ caseOptions) error {
	return inParallel(shortCalls, inFlight, func(n int) error { return echoStream(s, n) })
}

func echoStream(s *session, n int) error {
	content := []byte(strconv.Itoa(n))
	return expectItems(s, "echo", content, []any{content})
}

func upload(s *session, items int) error {
	upload, err := s.open("upload")
	for n := 0; err == nil && n < items; n++ {
		err = upload.send(pattern(itemBytes))
	}
	if err == nil {
		err = upload.end()
	}
	if err != nil {
		return err
	}
	got, err := upload.all()
	return errors.Join(err, equal(got, []any{digestOf(items)}))
}

func digestOf(items int) map[string]any {
	var digest digest
	for range items {
		digest.add(pattern(itemBytes))
	}
	return digest.value()
}

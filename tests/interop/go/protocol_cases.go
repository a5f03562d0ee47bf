package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

type caseOptions struct {
	// Bytes that a transfer moves each way.
	Bytes int `json:"bytes"`
}

type testCase func(ctx context.Context, s *session, options caseOptions) error

const (
	largeBytes = 900_000
	itemBytes  = 50_000
	shortCalls = 2_000
	inFlight   = 64
)

var cases = map[string]testCase{
	"unary":         unary,
	"unary-large":   unaryLarge,
	"failures":      failures,
	"metadata":      metadata,
	"deadline":      deadline,
	"cancel":        cancel,
	"server-stream": serverStream,
	"client-stream": clientStream,
	"channel":       doubling,
	"cancel-stream": cancelStream,
	"datagram":      datagram,
	"goaway":        drained,
	"client-drain":  clientDrain,
	"handshake":     handshake,
	"transfer":      transfer,
	"migration":     migration,
	"multiplexing":  multiplexing,
	"key-update":    keyUpdate,
	"resumption":    resumption,
	"early-data":    earlyData,
	"short-calls":   manyCalls,
	"short-streams": manyStreams,
}

func unary(ctx context.Context, s *session, _ caseOptions) error {
	if err := errors.Join(
		expectAnswer(ctx, s, "echo", []byte("hello"), []byte("hello")),
		expectAnswer(ctx, s, "echo", []byte{}, []byte{}),
		expectAnswer(ctx, s, "add", map[string]any{"a": 2, "b": 40}, int64(42)),
		expectAnswer(ctx, s, "$sys.ping", []byte("ping"), []byte("ping")),
		expectAnswer(ctx, s, "$sys.health", []byte{}, map[string]any{"status": "serving"}),
	); err != nil {
		return err
	}
	return inParallel(500, 500, func(n int) error {
		return expectAnswer(ctx, s, "add", map[string]any{"a": n, "b": 1}, int64(n+1))
	})
}

func unaryLarge(ctx context.Context, s *session, _ caseOptions) error {
	content := pattern(largeBytes)
	return inParallel(3, 3, func(int) error {
		got, err := s.request(ctx, "echo", content)
		if err == nil && !bytes.Equal(got.([]byte), content) {
			err = errors.New("another answer")
		}
		return err
	})
}

func failures(ctx context.Context, s *session, _ caseOptions) error {
	failure, err := expectFailure(s.request(ctx, "fail", map[string]any{"left": 3}))
	if err != nil {
		return err
	}
	expected := &callError{statusExhausted, failure.disposition, "Nothing left", "outOfStock", map[string]any{"left": int64(3)}}
	if err := equal(failure, expected); err != nil {
		return err
	}
	failure, err = expectFailure(s.request(ctx, "nobody", []byte{}))
	if err == nil {
		err = equal([]int{failure.status, failure.disposition}, []int{statusUnimplemented, notProcessed})
	}
	if err != nil {
		return err
	}
	// The answer of count is a sequence.
	for method, status := range map[string]int{"count": statusUnimplemented, "add": statusInvalidArgument} {
		failure, err := expectFailure(s.request(ctx, method, map[string]any{"a": 1}))
		if err == nil {
			err = equal(failure.status, status)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
	}
	return expectAnswer(ctx, s, "echo", []byte("there"), []byte("there"))
}

func metadata(ctx context.Context, s *session, _ caseOptions) error {
	entries := []entry{{"tenant", "a", false}, {"tenant", "ö", false}, {"bin", "\x00\xff", true}, {"empty", "", false}}
	got, echoed, err := s.requestWith(ctx, callFields{method: "metadata", metadata: entries}, []byte{})
	if err != nil {
		return err
	}
	expected := []any{[]any{"tenant", "a"}, []any{"tenant", "ö"}, []any{"bin", []byte("\x00\xff")}, []any{"empty", ""}}
	return errors.Join(equal(got, expected), equal(echoed, entries))
}

func deadline(ctx context.Context, s *session, _ caseOptions) error {
	left, _, err := s.requestWith(ctx, callFields{method: "timeLeft", timeoutMs: 60_000}, []byte{})
	if err != nil {
		return err
	}
	if ms, isNumber := left.(int64); !isNumber || ms <= 0 || ms > 60_000 {
		return fmt.Errorf("%v ms left", left)
	}
	if err := expectAnswer(ctx, s, "timeLeft", []byte{}, nil); err != nil {
		return err
	}
	_, _, err = s.requestWith(ctx, callFields{method: "wait", timeoutMs: 50}, []byte{})
	failure, err := expectFailure(nil, err)
	if err != nil {
		return err
	}
	return errors.Join(equal(failure.status, statusDeadlineExceeded), untilEnded(ctx, s, "wait", 1))
}

func cancel(ctx context.Context, s *session, _ caseOptions) error {
	cancelled, cancel := context.WithCancel(ctx)
	ended := make(chan error)
	for range 5 {
		go func() {
			failure, err := expectFailure(s.request(cancelled, "wait", []byte{}))
			if err == nil {
				err = equal(failure.status, statusCancelled)
			}
			ended <- err
		}()
	}
	err := expectAnswer(ctx, s, "echo", []byte("x"), []byte("x"))
	cancel()
	for range 5 {
		err = errors.Join(err, <-ended)
	}
	return errors.Join(err, untilEnded(ctx, s, "wait", 5))
}

func serverStream(ctx context.Context, s *session, _ caseOptions) error {
	expected := []any{}
	for n := range 1_000 {
		expected = append(expected, int64(n))
	}
	if err := errors.Join(
		expectItems(s, "count", 1_000, expected),
		expectItems(s, "count", 0, []any{}),
		expectItems(s, "add", map[string]any{"a": 1, "b": 2}, []any{int64(3)}),
	); err != nil {
		return err
	}
	failing, err := s.openWith("failMidway", 3)
	if err != nil {
		return err
	}
	items, err := failing.all()
	failure, err := expectFailure(nil, err)
	if err != nil {
		return err
	}
	err = errors.Join(equal(items, expected[:3]), equal([]any{failure.status, failure.message}, []any{statusAborted, "Enough"}))
	nobody, opening := s.openWith("nobody", 1)
	if opening != nil {
		return opening
	}
	failure, ending := expectFailure(nobody.next())
	if ending == nil {
		ending = equal(failure.status, statusUnimplemented)
	}
	return errors.Join(err, ending)
}

func clientStream(_ context.Context, s *session, _ caseOptions) error {
	sum, err := s.open("sum")
	for n := 0; err == nil && n < 1_000; n++ {
		err = sum.send(n)
	}
	if err == nil {
		err = sum.end()
	}
	if err != nil {
		return err
	}
	got, err := sum.all()
	return errors.Join(err, equal(got, []any{int64(499_500)}), upload(s, 20))
}

func doubling(_ context.Context, s *session, _ caseOptions) error {
	channel, err := s.open("double")
	for n := 0; err == nil && n < 100; n++ {
		var got any
		if err = channel.send(n); err == nil {
			got, err = channel.next()
		}
		if err == nil {
			err = equal(got, int64(2*n))
		}
	}
	if err != nil {
		return err
	}
	err = channel.end()
	rest, ending := channel.all()
	return errors.Join(err, ending, equal(rest, []any{}))
}

func cancelStream(ctx context.Context, s *session, _ caseOptions) error {
	ticking, err := s.openWith("ticks", []byte{})
	for n := 0; err == nil && n < 3; n++ {
		var got any
		if got, err = ticking.next(); err == nil {
			err = equal(got, int64(n))
		}
	}
	if err != nil {
		return err
	}
	ticking.cancel()
	if err := untilEnded(ctx, s, "ticks", 1); err != nil {
		return err
	}
	abandoned, err := s.open("sum")
	if err == nil {
		err = abandoned.send(1)
	}
	if err != nil {
		return err
	}
	abandoned.cancel()
	return expectAnswer(ctx, s, "echo", []byte("x"), []byte("x"))
}

func datagram(ctx context.Context, s *session, _ caseOptions) error {
	came := make(chan any, 100)
	s.on("blipped", func(value any) {
		select {
		case came <- value:
		default:
		}
	})
	// Each may be lost.
	for {
		if err := s.emitVolatile("blip", map[string]any{"x": 1}); err != nil {
			return err
		}
		select {
		case value := <-came:
			return equal(value, map[string]any{"x": int64(1)})
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func drained(ctx context.Context, s *session, _ caseOptions) error {
	running := make(chan error, 1)
	go func() { running <- expectAnswer(ctx, s, "after", 300, int64(300)) }()
	streaming, err := s.open("double")
	if err == nil {
		err = streaming.send(1)
	}
	if err != nil {
		return err
	}
	got, err := streaming.next()
	if err := errors.Join(err, equal(got, int64(2)), expectAnswer(ctx, s, "drain", 60_000, nil)); err != nil {
		return err
	}
	going := s.waitGoingAway()
	if going == nil || going.code != connectionGoingAway {
		return fmt.Errorf("GOAWAY is %v", going)
	}
	failure, err := expectFailure(s.request(ctx, "echo", []byte("new")))
	if err == nil {
		err = equal([]int{failure.status, failure.disposition}, []int{statusUnavailable, notProcessed})
	}
	if err := errors.Join(err, <-running, streaming.send(2)); err != nil {
		return err
	}
	got, err = streaming.next()
	if err := errors.Join(err, equal(got, int64(4)), streaming.end()); err != nil {
		return err
	}
	if _, err := streaming.all(); err != nil {
		return err
	}
	return expectClosed(ctx, s, connectionGoingAway)
}

func clientDrain(ctx context.Context, s *session, _ caseOptions) error {
	running := make(chan error, 1)
	go func() { running <- expectAnswer(ctx, s, "after", 200, int64(200)) }()
	// The call is on its way once another one, made later, is answered.
	if err := expectAnswer(ctx, s, "echo", []byte("x"), []byte("x")); err != nil {
		return err
	}
	s.drain(60_000, connectionNoError)
	return errors.Join(<-running, expectClosed(ctx, s, connectionNoError))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
)

// inParallel calls work for 0 to count - 1, so many at a time.
func inParallel(count, atOnce int, work func(n int) error) error {
	var next atomic.Int64
	var all sync.WaitGroup
	ended := make([]error, atOnce)
	for at := range atOnce {
		all.Go(func() {
			for ended[at] == nil {
				n := int(next.Add(1)) - 1
				if n >= count {
					return
				}
				ended[at] = work(n)
			}
		})
	}
	all.Wait()
	return errors.Join(ended...)
}

func expectAnswer(ctx context.Context, s *session, method string, request, expected any) error {
	got, err := s.request(ctx, method, request)
	if err == nil {
		err = equal(got, expected)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

func expectItems(s *session, method string, request any, expected []any) error {
	channel, err := s.openWith(method, request)
	if err != nil {
		return err
	}
	got, err := channel.all()
	if err == nil {
		err = equal(got, expected)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

func expectFailure(got any, err error) (*callError, error) {
	var failure *callError
	if errors.As(err, &failure) {
		return failure, nil
	}
	return nil, fmt.Errorf("expected a failure, got %v and %v", got, err)
}

func expectClosed(ctx context.Context, s *session, code int) error {
	select {
	case <-s.conn.Context().Done():
		return equal(closeCode(context.Cause(s.conn.Context())), code)
	case <-ctx.Done():
		return errors.New("the connection stays open")
	}
}

func untilEnded(ctx context.Context, s *session, name string, least int64) error {
	for {
		got, err := s.request(ctx, "ended", name)
		if err != nil {
			return err
		}
		if got.(int64) >= least {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func equal(got, expected any) error {
	if reflect.DeepEqual(got, expected) {
		return nil
	}
	return fmt.Errorf("expected %.500v, got %.500v", fmt.Sprintf("%#v", expected), fmt.Sprintf("%#v", got))
}

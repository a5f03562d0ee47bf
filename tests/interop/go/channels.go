package main

import (
	"context"
	"errors"
	"io"

	"github.com/quic-go/quic-go"
)

// A channel is a streaming call of ours.
type channel struct {
	session *session
	stream  *quic.Stream
	ended   bool
	over    bool
}

// open calls a method with a sequence of items.
func (s *session) open(method string) (*channel, error) {
	stream, err := s.conn.OpenStreamSync(s.conn.Context())
	if err != nil {
		return nil, err
	}
	s.lock.Lock()
	s.channels++
	s.lock.Unlock()
	c := &channel{session: s, stream: stream}
	fields := callFields{method: method}
	_, err = stream.Write(frame(frameHeaders, fields.append([]byte{fields.flags()})))
	return c, err
}

// openWith calls a method that takes one item: HEADERS, MESSAGE and END in one write.
func (s *session) openWith(method string, value any) (*channel, error) {
	c, err := s.open(method)
	if err == nil {
		err = c.send(value)
	}
	if err == nil {
		err = c.end()
	}
	return c, err
}

func (c *channel) send(value any) error {
	body, err := appendPayload(nil, value)
	if err != nil {
		return err
	}
	_, err = c.stream.Write(frame(frameMessage, body))
	return err
}

func (c *channel) end() error {
	c.ended = true
	if _, err := c.stream.Write(frame(frameEnd, nil)); err != nil {
		return err
	}
	return c.stream.Close()
}

// next returns the next answer; io.EOF when the call has ended well, otherwise why it failed.
func (c *channel) next() (any, error) {
	if c.over {
		return nil, io.EOF
	}
	for {
		kind, r, err := readFrame(c.stream, maxMessageBytes)
		if err != nil {
			c.finish()
			if c.session.conn.Context().Err() != nil {
				return nil, &callError{statusUnavailable, perhapsProcessed, "the connection ended", "", nil}
			}
			return nil, &callError{statusDataLoss, processed, "the stream ended without a TRAILER: " + err.Error(), "", nil}
		}
		switch kind {
		case frameHeaders:
			if r.u8()&flagMetadata != 0 {
				r.metadata()
			}
			r.end()
		case frameMessage:
			return r.payload()
		case frameTrailer:
			flags := r.u8()
			c.finish()
			if len(r.left) > 0 && r.left[0] != statusOK {
				failure := r.failure(flags)
				if r.err == nil {
					return nil, failure
				}
			}
			if r.err == nil {
				return nil, io.EOF
			}
		default:
			r.fail("a frame that does not belong on a streaming call")
		}
		if r.err != nil {
			return nil, r.err
		}
	}
}

// all returns all answers.
func (c *channel) all() ([]any, error) {
	items := []any{}
	for {
		item, err := c.next()
		if errors.Is(err, io.EOF) {
			return items, nil
		}
		if err != nil {
			return items, err
		}
		items = append(items, item)
	}
}

// cancel tells that the answers are not wanted any more.
func (c *channel) cancel() {
	if !c.ended {
		c.stream.CancelWrite(streamCancelled)
	}
	c.stream.CancelRead(streamCancelled)
	c.finish()
}

func (c *channel) finish() {
	if c.over {
		return
	}
	c.over = true
	c.session.lock.Lock()
	c.session.channels--
	c.session.lock.Unlock()
	c.session.onSettled()
}

// serveChannel serves a streaming call of the other end.
func (s *session) serveChannel(stream *quic.Stream) error {
	kind, r, err := readFrame(stream, maxMessageBytes)
	if err != nil {
		return nil
	}
	if kind != frameHeaders {
		return violation("a streaming call that does not begin with HEADERS")
	}
	fields := r.callFields(r.u8())
	r.end()
	if r.err != nil {
		return r.err
	}
	s.lock.Lock()
	isDraining := s.draining
	if !isDraining {
		s.serving++
	}
	s.lock.Unlock()
	if isDraining {
		trailer(stream, &callError{statusUnavailable, notProcessed, "going away", "", nil}, false)
		return nil
	}
	ctx, cancel := callContext(stream.Context(), fields)
	defer func() {
		cancel()
		s.lock.Lock()
		s.serving--
		s.lock.Unlock()
		s.onSettled()
	}()
	in := &incoming{call: &call{ctx: ctx, session: s, fields: fields}, stream: stream}
	err = s.service.serve(in)
	if stream.Context().Err() != nil {
		stream.CancelRead(streamCancelled)
		return nil
	}
	if ctx.Err() == context.DeadlineExceeded {
		err = &callError{statusDeadlineExceeded, processed, "out of time", "", nil}
	}
	var broken violation
	if errors.As(err, &broken) {
		return err
	}
	var failure *callError
	if err != nil {
		failure = asCallError(err)
	} else if err := in.headers(); err != nil {
		return nil
	}
	trailer(stream, failure, in.hasSeenEnd)
	return nil
}

func trailer(stream *quic.Stream, failure *callError, seenEnd bool) {
	body := []byte{0, statusOK}
	if failure != nil {
		body, _ = appendFailure(nil, nil, failure)
	}
	stream.Write(frame(frameTrailer, body))
	stream.Close()
	if !seenEnd {
		stream.CancelRead(streamCancelled)
	}
}

// An incoming is a streaming call of the other end, as its handler sees it.
type incoming struct {
	*call
	stream     *quic.Stream
	hasHeaders bool
	hasSeenEnd bool
}

// next returns the next item of the caller; io.EOF after the last.
func (in *incoming) next() (any, error) {
	kind, r, err := readFrame(in.stream, maxMessageBytes)
	if err != nil {
		var failure *callError
		if errors.As(err, &failure) {
			return nil, failure
		}
		return nil, &callError{statusDataLoss, processed, "the request ended without END", "", nil}
	}
	switch kind {
	case frameMessage:
		return r.payload()
	case frameEnd:
		in.hasSeenEnd = true
		return nil, io.EOF
	}
	return nil, violation("a frame that does not belong on a streaming call")
}

// single returns the one item of the caller.
func (in *incoming) single() (any, error) {
	item, err := in.next()
	if err == nil {
		_, err = in.next()
		if err == io.EOF {
			return item, nil
		}
	}
	if err == nil || err == io.EOF {
		err = &callError{statusInvalidArgument, notProcessed, "not one item", "", nil}
	}
	return nil, err
}

func (in *incoming) send(value any) error {
	if err := in.headers(); err != nil {
		return err
	}
	body, err := appendPayload(nil, value)
	if err != nil {
		return err
	}
	_, err = in.stream.Write(frame(frameMessage, body))
	return err
}

func (in *incoming) headers() error {
	if in.hasHeaders {
		return nil
	}
	in.hasHeaders = true
	_, err := in.stream.Write(frame(frameHeaders, []byte{0}))
	return err
}

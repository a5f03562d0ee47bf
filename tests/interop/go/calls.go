package main

import (
	"context"
	"time"

	"github.com/quic-go/quic-go/quicvarint"
)

// request calls a method of the other end; ending ctx cancels the call.
func (s *session) request(ctx context.Context, method string, value any) (any, error) {
	got, _, err := s.requestWith(ctx, callFields{method: method}, value)
	return got, err
}

func (s *session) requestWith(ctx context.Context, fields callFields, value any) (any, []entry, error) {
	arrived := make(chan answer, 1)
	s.lock.Lock()
	id := s.nextCall
	s.nextCall++
	s.waiting[id] = arrived
	s.lock.Unlock()
	defer s.onSettled()
	defer s.forget(id)
	head := append(quicvarint.Append(nil, messageRequest), fields.flags())
	message, err := appendPayload(fields.append(quicvarint.Append(head, id)), value)
	if err != nil {
		return nil, nil, err
	}
	if err := s.send(message); err != nil {
		return nil, nil, &callError{statusUnavailable, perhapsProcessed, err.Error(), "", nil}
	}
	var outOfTime <-chan time.Time
	if fields.timeoutMs > 0 {
		timer := time.NewTimer(time.Duration(fields.timeoutMs) * time.Millisecond)
		defer timer.Stop()
		outOfTime = timer.C
	}
	status := statusCancelled
	select {
	case answer := <-arrived:
		return answer.value, answer.metadata, answer.err
	case <-outOfTime:
		status = statusDeadlineExceeded
	case <-ctx.Done():
	}
	s.send(quicvarint.Append(quicvarint.Append(nil, messageCancel), id))
	return nil, nil, &callError{status, perhapsProcessed, "given up", "", nil}
}

func (s *session) forget(id uint64) {
	s.lock.Lock()
	defer s.lock.Unlock()
	delete(s.waiting, id)
}

func (s *session) settle(id uint64, with answer) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if waiting := s.waiting[id]; waiting != nil {
		delete(s.waiting, id)
		waiting <- with
	}
}

func (s *session) onAnswer(r *reader) {
	flags := r.u8()
	if flags&^flagMetadata != 0 {
		r.fail("unknown flags")
	}
	id := r.varint()
	var got answer
	if flags&flagMetadata != 0 {
		got.metadata = r.metadata()
	}
	got.value, got.err = r.payload()
	if r.err == nil {
		s.settle(id, got)
	}
}

func (s *session) onRequest(r *reader) {
	flags := r.u8()
	id := r.varint()
	fields := r.callFields(flags)
	value, err := r.payload()
	if r.err != nil {
		return
	}
	call, refusal := s.admit(id, fields)
	switch {
	case call == nil && refusal == nil:
		return
	case refusal == nil && err != nil:
		refusal = err.(*callError)
		s.finish(id)
	}
	if refusal != nil {
		go s.sendFailure(id, refusal)
		return
	}
	go func() {
		got, err := s.service.unary[fields.method](call, value)
		defer s.onSettled()
		defer s.finish(id)
		if call.ctx.Err() == context.DeadlineExceeded {
			err = &callError{statusDeadlineExceeded, processed, "out of time", "", nil}
		} else if call.ctx.Err() != nil {
			return
		}
		if err != nil {
			s.sendFailure(id, asCallError(err))
			return
		}
		flags := byte(0)
		if len(call.answerMetadata) > 0 {
			flags = flagMetadata
		}
		message := quicvarint.Append(append(quicvarint.Append(nil, messageAnswer), flags), id)
		if flags != 0 {
			message = appendMetadata(message, call.answerMetadata)
		}
		message, err = appendPayload(message, got)
		if err != nil {
			s.sendFailure(id, asCallError(err))
			return
		}
		s.send(message)
	}()
}

// admit makes a call of a REQUEST; neither a call nor a refusal when it was cancelled before it came.
func (s *session) admit(id uint64, fields callFields) (*call, *callError) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.earlyCancel[id] {
		delete(s.earlyCancel, id)
		return nil, nil
	}
	if s.draining {
		return nil, &callError{statusUnavailable, notProcessed, "going away", "", nil}
	}
	if s.service.unary[fields.method] == nil {
		return nil, &callError{statusUnimplemented, notProcessed, "no unary method " + fields.method, "", nil}
	}
	ctx, cancel := callContext(s.conn.Context(), fields)
	s.running[id] = cancel
	return &call{ctx: ctx, session: s, fields: fields}, nil
}

func (s *session) finish(id uint64) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if cancel := s.running[id]; cancel != nil {
		cancel()
		delete(s.running, id)
	}
}

func (s *session) sendFailure(id uint64, failure *callError) {
	between := quicvarint.Append(nil, id)
	if message, err := appendFailure(quicvarint.Append(nil, messageFailure), between, failure); err == nil {
		s.send(message)
	}
}

func callContext(parent context.Context, fields callFields) (context.Context, context.CancelFunc) {
	if fields.timeoutMs > 0 {
		return context.WithTimeout(parent, time.Duration(fields.timeoutMs)*time.Millisecond)
	}
	return context.WithCancel(parent)
}

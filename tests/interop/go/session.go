package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
)

// Kinds of unidirectional streams, and the one kind of datagram this program speaks.
const (
	kindControl    = 0x01
	kindMessages   = 0x02
	kindEvents     = 0x03
	kindMedia      = 0x04
	kindMediaUnit  = 0x05
	kindTimeProbe  = 0x01
	kindTimeAnswer = 0x02
	kindEventGram  = 0x05
	settingFeature = 0x04
)

// A session is one end of a connection. Both ends may call.
type session struct {
	conn    *quic.Conn
	service *service
	// Connects once more, to the same server with the same secrets.
	again func(context.Context, dialer) (*session, error)

	// Writes to the control stream, one after the other.
	controlLock sync.Mutex
	control     *quic.SendStream

	// What follows is guarded by lock; changed tells of changes that a drain waits for.
	lock        sync.Mutex
	changed     *sync.Cond
	nextCall    uint64
	waiting     map[uint64]chan answer
	running     map[uint64]context.CancelFunc
	earlyCancel map[uint64]bool
	channels    int
	serving     int
	ended       map[string]int
	draining    bool
	// Code and grace of the other end's GOAWAY that began a drain.
	goingAway     *goaway
	saidNothing   bool
	peerIsDone    bool
	eventHandlers map[string]func(any)
}

type goaway struct {
	code    uint64
	graceMs uint64
}

type answer struct {
	value    any
	metadata []entry
	err      error
}

// begin opens the control stream and serves what the other end opens.
func begin(conn *quic.Conn, service *service) (*session, error) {
	s := &session{
		conn: conn, service: service,
		waiting: map[uint64]chan answer{}, running: map[uint64]context.CancelFunc{}, earlyCancel: map[uint64]bool{},
		ended: map[string]int{}, eventHandlers: map[string]func(any){},
	}
	s.changed = sync.NewCond(&s.lock)
	control, err := conn.OpenUniStreamSync(conn.Context())
	if err != nil {
		return nil, err
	}
	s.control = control
	features := appendBlob(quicvarint.Append(nil, settingFeature), []byte{0x01})
	if _, err := control.Write(append([]byte{kindControl}, frame(frameSettings, features)...)); err != nil {
		return nil, err
	}
	go s.accept(func() (func() error, error) {
		stream, err := conn.AcceptUniStream(conn.Context())
		return func() error { return s.readStream(stream) }, err
	})
	go s.accept(func() (func() error, error) {
		stream, err := conn.AcceptStream(conn.Context())
		return func() error { return s.serveChannel(stream) }, err
	})
	go s.accept(func() (func() error, error) {
		content, err := conn.ReceiveDatagram(conn.Context())
		return func() error { s.onDatagram(content); return nil }, err
	})
	context.AfterFunc(conn.Context(), s.onClosed)
	return s, nil
}

// accept serves what next returns until the connection ends; a violation closes it.
func (s *session) accept(next func() (func() error, error)) {
	for {
		serve, err := next()
		if err != nil {
			return
		}
		go func() {
			var broken violation
			if err := serve(); errors.As(err, &broken) {
				s.conn.CloseWithError(connectionViolation, broken.Error())
			}
		}()
	}
}

func (s *session) onClosed() {
	s.lock.Lock()
	defer s.lock.Unlock()
	for id, waiting := range s.waiting {
		delete(s.waiting, id)
		waiting <- answer{err: &callError{statusUnavailable, perhapsProcessed, "the connection ended", "", nil}}
	}
	for _, cancel := range s.running {
		cancel()
	}
	s.changed.Broadcast()
}

func (s *session) readStream(stream *quic.ReceiveStream) error {
	kind, err := readVarint(stream)
	if err != nil {
		return nil
	}
	switch kind {
	case kindControl:
		return s.readControl(stream)
	case kindMessages:
		return s.readMessages(stream)
	case kindEvents, kindMedia, kindMediaUnit:
		// This program takes neither; it says so in the way that it would of a kind it does not know.
	}
	stream.CancelRead(streamUnknownKind)
	return nil
}

func (s *session) readControl(stream *quic.ReceiveStream) error {
	for first := true; ; first = false {
		kind, r, err := readFrame(stream, 65_536)
		if s.conn.Context().Err() != nil {
			return nil
		}
		if err != nil {
			return violation("the CONTROL stream ended")
		}
		if (kind == frameSettings) != first {
			return violation("SETTINGS must come first, and once")
		}
		switch kind {
		case frameSettings:
			for len(r.left) > 0 {
				r.varint()
				r.blob()
			}
		case frameGoaway:
			code, graceMs := r.varint(), r.varint()
			r.text()
			r.end()
			s.lock.Lock()
			if graceMs == 0 {
				s.peerIsDone = true
			} else {
				s.goingAway = &goaway{code, graceMs}
			}
			s.lock.Unlock()
			s.onSettled()
		case frameEventAck:
			r.varint()
			r.end()
		default:
			return violation("a frame that does not belong on the CONTROL stream")
		}
		if r.err != nil {
			return r.err
		}
	}
}

func (s *session) readMessages(stream *quic.ReceiveStream) error {
	for {
		size, err := readVarint(stream)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && size > maxMessageBytes {
			stream.CancelRead(streamCancelled)
			return nil
		}
		var content []byte
		if err == nil {
			content, err = readExactly(stream, size)
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return violation("a stream ended inside a message")
		}
		if err != nil {
			return nil
		}
		r := &reader{left: content}
		s.onMessage(r)
		if r.err != nil {
			return r.err
		}
	}
}

func (s *session) onMessage(r *reader) {
	switch r.varint() {
	case messageRequest:
		s.onRequest(r)
	case messageAnswer:
		s.onAnswer(r)
	case messageFailure:
		flags := r.u8()
		id := r.varint()
		if failure := r.failure(flags); r.err == nil {
			s.settle(id, answer{err: failure})
		}
	case messageCancel:
		id := r.varint()
		r.end()
		s.lock.Lock()
		defer s.lock.Unlock()
		if cancel := s.running[id]; cancel != nil {
			cancel()
		} else {
			s.earlyCancel[id] = true
		}
	}
}

// send sends a message on a stream of its own; it waits while the other end gives no credit.
func (s *session) send(message []byte) error {
	stream, err := s.conn.OpenUniStreamSync(s.conn.Context())
	if err != nil {
		return err
	}
	if _, err := stream.Write(appendBlob([]byte{kindMessages}, message)); err != nil {
		return err
	}
	return stream.Close()
}

func (s *session) sendControl(kind uint64, body []byte) {
	s.controlLock.Lock()
	defer s.controlLock.Unlock()
	s.control.Write(frame(kind, body))
}

// onDatagram drops what is malformed or not known.
func (s *session) onDatagram(content []byte) {
	arrived := nowUs()
	r := &reader{left: content}
	switch r.varint() {
	case kindTimeProbe:
		answer := append([]byte{kindTimeAnswer}, r.exactly(8)...)
		answer = binary.BigEndian.AppendUint64(answer, arrived)
		if r.err == nil {
			s.conn.SendDatagram(binary.BigEndian.AppendUint64(answer, nowUs()))
		}
		return
	case kindEventGram:
	default:
		return
	}
	name := string(r.blob())
	value, err := r.payload()
	if err != nil || r.err != nil {
		return
	}
	if listener := s.service.listeners[name]; listener != nil {
		listener(s, value)
	}
	s.lock.Lock()
	handler := s.eventHandlers[name]
	s.lock.Unlock()
	if handler != nil {
		handler(value)
	}
}

// nowUs is our monotonic clock, whose epoch is the start of this program.
func nowUs() uint64 { return uint64(time.Since(started).Microseconds()) }

var started = time.Now()

// emitVolatile sends an event that may be lost.
func (s *session) emitVolatile(name string, value any) error {
	content, err := appendPayload(appendBlob([]byte{kindEventGram}, []byte(name)), value)
	if err != nil {
		return err
	}
	return s.conn.SendDatagram(content)
}

// on takes volatile events of a name.
func (s *session) on(name string, handler func(any)) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.eventHandlers[name] = handler
}

// drain closes in order: what runs may finish, what is new is refused.
func (s *session) drain(graceMs uint64, code uint64) {
	s.lock.Lock()
	s.draining = true
	s.lock.Unlock()
	body := quicvarint.Append(quicvarint.Append(nil, code), graceMs)
	s.sendControl(frameGoaway, appendBlob(body, nil))
	s.onSettled()
	late := time.AfterFunc(time.Duration(graceMs)*time.Millisecond, s.changed.Broadcast)
	defer late.Stop()
	until := time.Now().Add(time.Duration(graceMs) * time.Millisecond)
	s.lock.Lock()
	for s.conn.Context().Err() == nil && time.Now().Before(until) &&
		!(s.saidNothing && s.peerIsDone && len(s.running) == 0 && s.serving == 0) {
		s.changed.Wait()
	}
	s.lock.Unlock()
	s.conn.CloseWithError(quic.ApplicationErrorCode(code), "")
}

// onSettled is called when something ended: perhaps it was the last thing a drain waits for.
func (s *session) onSettled() {
	s.lock.Lock()
	isLast := (s.draining || s.goingAway != nil) && len(s.waiting) == 0 && s.channels == 0 && !s.saidNothing
	if isLast {
		s.saidNothing = true
	}
	s.changed.Broadcast()
	s.lock.Unlock()
	if isLast {
		s.sendControl(frameGoaway, []byte{connectionNoError, 0, 0})
	}
}

// waitGoingAway returns the other end's GOAWAY that begins a drain, once it is there.
func (s *session) waitGoingAway() *goaway {
	s.lock.Lock()
	defer s.lock.Unlock()
	for s.goingAway == nil && s.conn.Context().Err() == nil {
		s.changed.Wait()
	}
	return s.goingAway
}

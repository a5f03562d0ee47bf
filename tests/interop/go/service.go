package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"time"
)

// A call, as its handler sees it.
type call struct {
	ctx            context.Context
	session        *session
	fields         callFields
	answerMetadata []entry
}

// A service is what one end offers.
type service struct {
	unary     map[string]func(*call, any) (any, error)
	streaming map[string]func(*incoming) error
	listeners map[string]func(*session, any)
}

// serve answers a streaming call; a unary method is one with one item both ways.
func (s *service) serve(in *incoming) error {
	if streaming := s.streaming[in.fields.method]; streaming != nil {
		return streaming(in)
	}
	unary := s.unary[in.fields.method]
	if unary == nil {
		return &callError{statusUnimplemented, notProcessed, "no method " + in.fields.method, "", nil}
	}
	request, err := in.single()
	if err != nil {
		return err
	}
	got, err := unary(in.call, request)
	if err != nil {
		return err
	}
	return in.send(got)
}

func asCallError(err error) *callError {
	var failure *callError
	if errors.As(err, &failure) {
		return failure
	}
	return &callError{13, processed, err.Error(), "", nil}
}

// systemService has what every server answers ("System methods").
func systemService() *service {
	return &service{
		unary: map[string]func(*call, any) (any, error){
			"$sys.ping":   func(_ *call, value any) (any, error) { return value, nil },
			"$sys.health": func(*call, any) (any, error) { return map[string]any{"status": "serving"}, nil },
		},
		streaming: map[string]func(*incoming) error{},
		listeners: map[string]func(*session, any){},
	}
}

// interopService is the service that tests/interop/service.ts describes, as far as calls and volatile events go.
func interopService() *service {
	s := systemService()
	s.unary["echo"] = func(_ *call, value any) (any, error) { return value, nil }
	s.unary["add"] = func(_ *call, value any) (any, error) {
		terms, _ := value.(map[string]any)
		a, hasA := terms["a"].(int64)
		b, hasB := terms["b"].(int64)
		if !hasA || !hasB {
			return nil, &callError{statusInvalidArgument, processed, "a and b are to be integers", "", nil}
		}
		return a + b, nil
	}
	s.unary["fail"] = func(_ *call, value any) (any, error) {
		left := value.(map[string]any)["left"]
		return nil, &callError{statusExhausted, processed, "Nothing left", "outOfStock", map[string]any{"left": left}}
	}
	s.unary["metadata"] = func(call *call, _ any) (any, error) {
		pairs := []any{}
		for _, one := range call.fields.metadata {
			if one.isBytes {
				pairs = append(pairs, []any{one.name, []byte(one.value)})
			} else {
				pairs = append(pairs, []any{one.name, one.value})
			}
		}
		call.answerMetadata = call.fields.metadata
		return pairs, nil
	}
	s.unary["timeLeft"] = func(call *call, _ any) (any, error) {
		until, has := call.ctx.Deadline()
		if !has {
			return nil, nil
		}
		return time.Until(until).Milliseconds(), nil
	}
	s.unary["wait"] = func(call *call, _ any) (any, error) {
		<-call.ctx.Done()
		call.session.countEnded("wait")
		return nil, call.ctx.Err()
	}
	s.unary["after"] = func(_ *call, value any) (any, error) {
		time.Sleep(time.Duration(value.(int64)) * time.Millisecond)
		return value, nil
	}
	s.unary["ended"] = func(call *call, value any) (any, error) {
		call.session.lock.Lock()
		defer call.session.lock.Unlock()
		return call.session.ended[value.(string)], nil
	}
	s.unary["drain"] = func(call *call, value any) (any, error) {
		go call.session.drain(uint64(value.(int64)), connectionGoingAway)
		return nil, nil
	}
	s.streaming["count"] = func(in *incoming) error { return count(in, nil) }
	s.streaming["failMidway"] = func(in *incoming) error {
		return count(in, &callError{statusAborted, processed, "Enough", "", nil})
	}
	s.streaming["ticks"] = func(in *incoming) error {
		if _, err := in.single(); err != nil {
			return err
		}
		for n := 0; ; n++ {
			if err := in.send(n); err != nil {
				in.session.countEnded("ticks")
				return err
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	s.streaming["sum"] = func(in *incoming) error {
		sum := int64(0)
		if err := in.each(func(item any) error { sum += item.(int64); return nil }); err != nil {
			return err
		}
		return in.send(sum)
	}
	s.streaming["double"] = func(in *incoming) error {
		return in.each(func(item any) error { return in.send(2 * item.(int64)) })
	}
	s.streaming["upload"] = func(in *incoming) error {
		var digest digest
		if err := in.each(func(item any) error { digest.add(item.([]byte)); return nil }); err != nil {
			return err
		}
		return in.send(digest.value())
	}
	s.streaming["download"] = func(in *incoming) error {
		request, err := in.single()
		if err != nil {
			return err
		}
		asked := request.(map[string]any)
		item := pattern(int(asked["bytes"].(int64)))
		for range asked["items"].(int64) {
			if err := in.send(item); err != nil {
				return err
			}
		}
		return nil
	}
	s.listeners["blip"] = func(session *session, value any) { session.emitVolatile("blipped", value) }
	return s
}

func count(in *incoming, ending error) error {
	request, err := in.single()
	if err != nil {
		return err
	}
	for n := range request.(int64) {
		if err := in.send(n); err != nil {
			return err
		}
	}
	return ending
}

func (in *incoming) each(take func(any) error) error {
	for {
		item, err := in.next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = take(item)
		}
		if err != nil {
			return err
		}
	}
}

func (s *session) countEnded(name string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.ended[name]++
}

// A digest is what the receiver of items tells about them.
type digest struct {
	items int64
	all   []byte
}

func (d *digest) add(item []byte) {
	d.items++
	d.all = append(d.all, item...)
}

func (d *digest) value() map[string]any {
	sum := sha256.Sum256(d.all)
	return map[string]any{"frames": d.items, "bytes": int64(len(d.all)), "digest": hex.EncodeToString(sum[:])}
}

// pattern returns bytes that both ends can make.
func pattern(size int) []byte {
	content := make([]byte, size)
	for at := range content {
		short := at & 0xffff
		content[at] = byte(short*31 + short>>8)
	}
	return content
}

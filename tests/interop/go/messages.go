package main

import "github.com/quic-go/quic-go/quicvarint"

// Types of messages ("Messages").
const (
	messageRequest = 0x01
	messageAnswer  = 0x02
	messageFailure = 0x03
	messageCancel  = 0x04
)

// Flags of calls, answers and failures.
const (
	flagMetadata   = 0x01
	flagTimeout    = 0x02
	flagTrace      = 0x04
	flagIdempotent = 0x08
	flagMethodID   = 0x10
	flagErrorName  = 0x20
	flagErrorData  = 0x40
)

// callFields are what REQUEST and a caller's HEADERS say of a call.
type callFields struct {
	method    string
	timeoutMs uint64
	metadata  []entry
}

func (f callFields) flags() byte {
	var flags byte
	if f.timeoutMs > 0 {
		flags |= flagTimeout
	}
	if len(f.metadata) > 0 {
		flags |= flagMetadata
	}
	return flags
}

func (f callFields) append(to []byte) []byte {
	to = appendBlob(to, []byte(f.method))
	if f.timeoutMs > 0 {
		to = quicvarint.Append(to, f.timeoutMs)
	}
	if len(f.metadata) > 0 {
		to = appendMetadata(to, f.metadata)
	}
	return to
}

func (r *reader) callFields(flags int) callFields {
	var fields callFields
	if flags&^(flagMethodID|flagTimeout|flagTrace|flagMetadata|flagIdempotent) != 0 {
		r.fail("unknown flags")
	}
	if flags&flagMethodID != 0 {
		// None were handed out: the method of no name is served by nobody.
		r.varint()
	} else {
		fields.method = string(r.blob())
	}
	if flags&flagTimeout != 0 {
		fields.timeoutMs = r.varint()
	}
	if flags&flagTrace != 0 {
		r.exactly(25)
	}
	if flags&flagMetadata != 0 {
		fields.metadata = r.metadata()
	}
	return fields
}

// appendFailure appends flags, what stands between them and the fields, and the fields.
func appendFailure(to, between []byte, failure *callError) ([]byte, error) {
	flags := byte(0)
	if failure.name != "" {
		flags |= flagErrorName
	}
	if failure.data != nil {
		flags |= flagErrorData
	}
	to = append(append(to, flags), between...)
	to = append(to, byte(failure.status), byte(failure.disposition))
	to = appendBlob(to, []byte(failure.message))
	if failure.name != "" {
		to = appendBlob(to, []byte(failure.name))
	}
	if failure.data != nil {
		return appendPayload(to, failure.data)
	}
	return to, nil
}

func (r *reader) failure(flags int) *callError {
	if flags&^(flagMetadata|flagErrorName|flagErrorData) != 0 {
		r.fail("unknown flags")
	}
	failure := &callError{status: r.u8(), disposition: r.u8(), message: r.text()}
	if failure.status < 1 || failure.status > 16 || failure.disposition > processed {
		r.fail("a status or disposition that is none")
	}
	if flags&flagErrorName != 0 {
		failure.name = r.text()
	}
	if flags&flagMetadata != 0 {
		r.metadata()
	}
	if flags&flagErrorData != 0 {
		data, err := r.payload()
		if err != nil {
			failure.name = ""
		}
		failure.data = data
	}
	r.end()
	return failure
}

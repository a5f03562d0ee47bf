package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/fxamacker/cbor/v2"
	"github.com/quic-go/quic-go/quicvarint"
)

// Statuses of calls that this program names ("Statuses").
const (
	statusOK               = 0
	statusCancelled        = 1
	statusInvalidArgument  = 3
	statusDeadlineExceeded = 4
	statusExhausted        = 8
	statusAborted          = 10
	statusUnimplemented    = 12
	statusUnavailable      = 14
	statusDataLoss         = 15
)

// Dispositions: whether a handler may have run.
const (
	notProcessed     = 0
	perhapsProcessed = 1
	processed        = 2
)

// Codes of CONNECTION_CLOSE and GOAWAY, and of RESET_STREAM and STOP_SENDING.
const (
	connectionNoError   = 0x00
	connectionViolation = 0x01
	connectionGoingAway = 0x04

	streamCancelled   = 0x20
	streamUnknownKind = 0x21
	streamRefused     = 0x22
)

const (
	maxValue        = 1<<53 - 1
	maxMessageBytes = 1 << 20
	maxTextBytes    = 1024
	maxNameBytes    = 128

	encodingRaw  = 0
	encodingCBOR = 1
)

// A violation of docs/protocol.md by the other end: it closes the connection.
type violation string

func (v violation) Error() string { return string(v) }

// A callError is how a call ended when it did not end well.
type callError struct {
	status      int
	disposition int
	message     string
	name        string
	data        any
}

func (e *callError) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.message) }

// An entry of metadata; its value is text, or bytes.
type entry struct {
	name    string
	value   string
	isBytes bool
}

// A reader reads the fields of one whole unit. The first field that reaches past its end, or is none, is kept as err.
type reader struct {
	left []byte
	err  error
}

func (r *reader) fail(message string) {
	if r.err == nil {
		r.err = violation(message)
	}
	r.left = nil
}

func (r *reader) exactly(size uint64) []byte {
	if size > uint64(len(r.left)) {
		r.fail("a field reaches past the end of its unit")
		return nil
	}
	taken := r.left[:size]
	r.left = r.left[size:]
	return taken
}

func (r *reader) u8() int {
	taken := r.exactly(1)
	if len(taken) == 0 {
		return 0
	}
	return int(taken[0])
}

func (r *reader) varint() uint64 {
	value, size, err := quicvarint.Parse(r.left)
	if err != nil || value > maxValue {
		r.fail("a varint is cut short or above 2^53 - 1")
		return 0
	}
	r.left = r.left[size:]
	return value
}

func (r *reader) blob() []byte { return r.exactly(r.varint()) }

func (r *reader) text() string {
	content := r.blob()
	return string(content[:min(len(content), maxTextBytes)])
}

func (r *reader) end() {
	if len(r.left) > 0 {
		r.fail("bytes after the last field")
	}
}

func (r *reader) metadata() []entry {
	block := reader{left: r.blob()}
	var entries []entry
	for len(block.left) > 0 {
		name := string(block.blob())
		tag := block.varint()
		value := block.exactly(tag >> 1)
		entries = append(entries, entry{name, string(value), tag&1 == 1})
	}
	if block.err != nil {
		r.fail("a metadata entry reaches past its block")
	}
	return entries
}

func appendBlob(to, content []byte) []byte {
	return append(quicvarint.Append(to, uint64(len(content))), content...)
}

func appendMetadata(to []byte, entries []entry) []byte {
	var block []byte
	for _, one := range entries {
		block = appendBlob(block, []byte(one.name))
		tag := uint64(len(one.value)) * 2
		if one.isBytes {
			tag++
		}
		block = append(quicvarint.Append(block, tag), one.value...)
	}
	return appendBlob(to, block)
}

// appendPayload appends encoding and payload of a value; bytes travel as they are.
func appendPayload(to []byte, value any) ([]byte, error) {
	if content, isBytes := value.([]byte); isBytes {
		return append(quicvarint.Append(to, encodingRaw), content...), nil
	}
	content, err := cbor.Marshal(value)
	return append(quicvarint.Append(to, encodingCBOR), content...), err
}

// payload reads encoding and payload, which end the unit. What makes no sense is a *callError.
func (r *reader) payload() (any, error) {
	encoding := r.varint()
	content := r.exactly(uint64(len(r.left)))
	if r.err != nil {
		return nil, r.err
	}
	switch encoding {
	case encodingRaw:
		return append([]byte{}, content...), nil
	case encodingCBOR:
		var value any
		if err := decoding.Unmarshal(content, &value); err != nil {
			return nil, &callError{statusInvalidArgument, notProcessed, err.Error(), "", nil}
		}
		return withIntegers(value), nil
	}
	return nil, &callError{statusUnimplemented, notProcessed, "unknown encoding", "", nil}
}

// withIntegers reads an integer that arrived as a float as the integer.
func withIntegers(value any) any {
	switch value := value.(type) {
	case uint64:
		return int64(value)
	case float64:
		if value == float64(int64(value)) {
			return int64(value)
		}
	case []any:
		for at, item := range value {
			value[at] = withIntegers(item)
		}
	case map[string]any:
		for key, item := range value {
			value[key] = withIntegers(item)
		}
	}
	return value
}

// readVarint reads a varint of a stream; io.EOF when the stream ends before it.
func readVarint(stream io.Reader) (uint64, error) {
	first := make([]byte, 1, 8)
	if _, err := io.ReadFull(stream, first); err != nil {
		return 0, err
	}
	content := first[:1<<(first[0]>>6)]
	if _, err := io.ReadFull(stream, content[1:]); err != nil {
		return 0, unexpected(err)
	}
	value, _, err := quicvarint.Parse(content)
	if err == nil && value > maxValue {
		err = violation("a varint is above 2^53 - 1")
	}
	return value, err
}

// readExactly reads so many bytes of a stream; the end of the stream is unexpected.
func readExactly(stream io.Reader, size uint64) ([]byte, error) {
	content := make([]byte, size)
	_, err := io.ReadFull(stream, content)
	return content, unexpected(err)
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

var decoding = func() cbor.DecMode {
	mode, err := cbor.DecOptions{DefaultMapType: stringMapType, IndefLength: cbor.IndefLengthForbidden}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}()

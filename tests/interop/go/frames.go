package main

import (
	"fmt"
	"io"
	"reflect"

	"github.com/quic-go/quic-go/quicvarint"
)

// Types of frames ("Frames").
const (
	frameHeaders  = 0x01
	frameMessage  = 0x02
	frameEnd      = 0x03
	frameTrailer  = 0x04
	frameSettings = 0x10
	frameGoaway   = 0x11
	frameEventAck = 0x13
	frameResumed  = 0x14
	frameEvent    = 0x20
	frameMedia    = 0x30
	frameClock    = 0x31
)

var knownFrames = map[uint64]bool{
	frameHeaders: true, frameMessage: true, frameEnd: true, frameTrailer: true, frameSettings: true, frameGoaway: true,
	frameEventAck: true, frameResumed: true, frameEvent: true, frameMedia: true, frameClock: true,
}

func frame(kind uint64, body []byte) []byte {
	return appendBlob(quicvarint.Append(nil, kind), body)
}

// readFrame returns the next frame of a known type; others are stepped over, whatever their length.
func readFrame(stream io.Reader, maxBytes uint64) (uint64, *reader, error) {
	for {
		kind, err := readVarint(stream)
		if err != nil {
			return 0, nil, err
		}
		size, err := readVarint(stream)
		if err != nil {
			return 0, nil, unexpected(err)
		}
		if !knownFrames[kind] {
			if _, err := io.CopyN(io.Discard, stream, int64(size)); err != nil {
				return 0, nil, unexpected(err)
			}
			continue
		}
		if size > maxBytes {
			return 0, nil, &callError{statusExhausted, notProcessed, fmt.Sprintf("frame of %d bytes", size), "", nil}
		}
		body, err := readExactly(stream, size)
		return kind, &reader{left: body}, err
	}
}

var stringMapType = reflect.TypeOf(map[string]any{})

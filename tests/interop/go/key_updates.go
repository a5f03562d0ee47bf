package main

import (
	"context"
	"sync/atomic"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/qlog"
	"github.com/quic-go/quic-go/qlogwriter"
)

// keyUpdates counts how often 1-RTT keys were updated, by all connections of this program.
var keyUpdates keyUpdateCounter

// A keyUpdateCounter is a trace that looks at nothing else.
type keyUpdateCounter struct{ count atomic.Int64 }

func (c *keyUpdateCounter) AddProducer() qlogwriter.Recorder { return c }

func (c *keyUpdateCounter) SupportsSchemas(string) bool { return false }

func (c *keyUpdateCounter) RecordEvent(event qlogwriter.Event) {
	updated, isUpdate := event.(qlog.KeyUpdated)
	if isUpdate && updated.KeyPhase > 0 {
		c.count.Add(1)
	}
}

func (c *keyUpdateCounter) Close() error { return nil }

func traceKeyUpdates(context.Context, bool, quic.ConnectionID) qlogwriter.Trace { return &keyUpdates }

package rest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
)

// Trace is a W3C trace id.
type Trace [16]byte

// NewTrace makes a random trace id.
func NewTrace() Trace {
	var t Trace
	_, _ = rand.Read(t[:]) // never fails (crypto/rand)
	t[0] |= 1              // all zeroes is no trace id
	return t
}

// String is the id as 32 hexadecimal digits.
func (t Trace) String() string { return hex.EncodeToString(t[:]) }

// parent is a traceparent header of this trace with a new span, sampled.
func (t Trace) parent() string {
	var span [8]byte
	_, _ = rand.Read(span[:]) // never fails (crypto/rand)
	span[0] |= 1
	return "00-" + t.String() + "-" + hex.EncodeToString(span[:]) + "-01"
}

type traceKey struct{}

// WithTrace makes the calls under ctx part of a trace. Without it each call begins one of its own.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

func traceOf(ctx context.Context) Trace {
	if t, ok := ctx.Value(traceKey{}).(Trace); ok {
		return t
	}
	return NewTrace()
}

package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/fault"
)

const (
	// maxDeadline is the longest time for a call, and the time for a call without a deadline.
	maxDeadline = 30 * time.Second
	// shave is taken off a caller's deadline so that the answer still arrives within it.
	shave = 20 * time.Millisecond
	// shaveFrom is the remaining time below which nothing is taken off.
	shaveFrom = 200 * time.Millisecond
)

func (s *Server) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	started := s.deps.Clock.Now()
	defer func() { err = s.edge(ctx, info.FullMethod, started, recover(), err) }()
	ctx, err = s.admit(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	ctx, cancel := deadline(ctx)
	defer cancel()
	if err := s.validate(req); err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

// platformServices are every unit's: other units and the operator need them also of a unit that is barred.
const platformServices = "/naru.platform.v1."

// admit lets a caller in who may call the method, unless the unit is barred.
func (s *Server) admit(ctx context.Context, method string) (context.Context, error) {
	ctx, err := s.gate.admit(ctx, method)
	if err == nil && s.deps.Barred != nil && !strings.HasPrefix(method, platformServices) {
		err = s.deps.Barred()
	}
	return ctx, err
}

// deadline gives a unary call a deadline.
func deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	at, ok := ctx.Deadline()
	if !ok {
		return context.WithTimeout(ctx, maxDeadline)
	}
	remaining := time.Until(at)
	switch {
	case remaining > maxDeadline:
		remaining = maxDeadline
	case remaining > shaveFrom:
		remaining -= shave
	default:
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, remaining)
}

func (s *Server) validate(req any) error {
	message, ok := req.(proto.Message)
	if !ok {
		return nil
	}
	violations, err := Check(message)
	if err != nil {
		return err
	}
	if len(violations) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, s.deps.Unit, fault.InvalidRequest, "the request breaks rules", fault.WithViolations(violations...))
}

// edge ends a call: a panic becomes an Internal fault; a failure is logged once and mapped to gRPC.
func (s *Server) edge(ctx context.Context, method string, started time.Time, panicked any, err error) error {
	var stack []slog.Attr
	if panicked != nil {
		err = fmt.Errorf("panic: %v", panicked)
		stack = append(stack, slog.String("stack", string(debug.Stack())))
	}
	if err == nil {
		return nil
	}
	if s.deps.AsFault != nil {
		err = s.deps.AsFault(err)
	}
	f := fault.As(err)
	attrs := append(stack,
		slog.String("method", method), slog.String("kind", f.Kind.String()), slog.String("reason", f.Reason),
		slog.Duration("took", s.deps.Clock.Now().Sub(started)), slog.String("error", err.Error()))
	if unit, ok := callingUnit(ctx); ok {
		attrs = append(attrs, slog.String("caller", unit))
	}
	s.deps.Log.LogAttrs(ctx, levelOf(f.Kind, err), "call failed", attrs...)
	if f.Kind == fault.Denied || f.Kind == fault.Unauthenticated {
		s.refused.Add(ctx, 1, metric.WithAttributes(attribute.String("method", method), attribute.String("reason", f.Reason)))
	}
	return fault.ToStatus(err).Err()
}

// levelOf chooses the log level: info for a caller's mistake, warning for what may pass, error for our defects.
func levelOf(kind fault.Kind, err error) slog.Level {
	switch kind {
	case fault.Internal, fault.Corrupt:
		return slog.LevelError
	case fault.Unavailable, fault.Exhausted:
		if errors.Is(err, context.Canceled) {
			return slog.LevelInfo
		}
		return slog.LevelWarn
	case fault.Invalid, fault.Unauthenticated, fault.Denied, fault.NotFound, fault.Exists, fault.Conflict, fault.Reused, fault.Stale:
		return slog.LevelInfo
	default:
		return slog.LevelError
	}
}

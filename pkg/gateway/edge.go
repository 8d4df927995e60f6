package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/naru-relay/naru/pkg/clock"
)

// EdgeDeps is what Edge needs.
type EdgeDeps struct {
	Log    *slog.Logger
	Clock  clock.Clock
	Tracer trace.Tracer
	Meter  metric.Meter
}

// Edge is the outermost handler: it makes a span for each call, which continues the request's traceparent and is returned in the
// answer's, one log line, one measurement, and an Internal problem after a panic. Log lines hold the route and never the path,
// the query or a header.
func Edge(deps EdgeDeps, next http.Handler) (http.Handler, error) {
	took, err := deps.Meter.Float64Histogram("naru.gateway.http.duration", metric.WithUnit("s"), metric.WithDescription("Time from a request to the end of its answer"))
	if err != nil {
		return nil, fmt.Errorf("making the edge: %w", err)
	}
	propagator := propagation.TraceContext{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, span := deps.Tracer.Start(propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header)), "HTTP "+knownMethod(r.Method),
			trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		c := &call{method: knownMethod(r.Method), started: deps.Clock.Now(), recorder: recorder{ResponseWriter: w}}
		ctx = context.WithValue(ctx, callKey{}, c)
		propagator.Inject(ctx, propagation.HeaderCarrier(w.Header()))
		defer func() {
			panicked := recover()
			if panicked == http.ErrAbortHandler { //nolint:errorlint // net/http knows this very value
				c.broken = true
				deps.ended(ctx, c, took, nil)
				panic(panicked) //nolint:forbidigo // net/http's only way to break the connection, so that the caller sees that the answer is not whole
			}
			if panicked != nil && c.recorder.status == 0 {
				WriteError(ctx, &c.recorder, errors.New("the handler panicked"))
			}
			deps.ended(ctx, c, took, panicked)
		}()
		next.ServeHTTP(&c.recorder, r.WithContext(ctx))
	}), nil
}

// ended records in span, measurement and log how a call ended.
func (d EdgeDeps) ended(ctx context.Context, c *call, took metric.Float64Histogram, panicked any) {
	elapsed, status := d.Clock.Now().Sub(c.started), c.recorder.code()
	attrs := []attribute.KeyValue{
		attribute.String("http.request.method", c.method), attribute.String("http.route", c.name()), attribute.Int("http.response.status_code", status),
	}
	span := trace.SpanFromContext(ctx)
	span.SetAttributes(attrs...)
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
	took.Record(ctx, elapsed.Seconds(), metric.WithAttributes(attrs...))
	line := []slog.Attr{
		slog.String("method", c.method), slog.String("route", c.name()), slog.Int("status", status),
		slog.Int64("bytes", c.recorder.bytes), slog.Duration("took", elapsed),
	}
	if c.broken {
		line = append(line, slog.Bool("broken", true))
	}
	if panicked != nil {
		d.Log.LogAttrs(ctx, slog.LevelError, "request panicked", append(line, slog.Any("panic", panicked), slog.String("stack", string(debug.Stack())))...)
		return
	}
	d.Log.LogAttrs(ctx, slog.LevelInfo, "request", line...)
}

// knownMethod keeps made-up methods out of logs and measurements.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}

type callKey struct{}

// call is one call as the edge sees it; the inner handlers set its route.
type call struct {
	method, route string
	started       time.Time
	// broken says that the answer was cut off.
	broken   bool
	recorder recorder
}

func (c *call) name() string {
	if c.route == "" {
		return "none"
	}
	return c.route
}

func setRoute(ctx context.Context, route *Route) { SetRouteName(ctx, route.Pattern) }

// SetRouteName sets the route of a call that is not one of the API.
func SetRouteName(ctx context.Context, name string) {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		c.route = name
	}
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader remembers the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write counts.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) code() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

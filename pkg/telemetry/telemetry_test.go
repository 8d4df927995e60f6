package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTelemetry(t *testing.T, o telemetry.Options) *telemetry.Telemetry {
	t.Helper()
	if o.Unit == "" {
		o.Unit = "intake"
	}
	if o.LogWriter == nil {
		o.LogWriter = &bytes.Buffer{}
	}
	tel, err := telemetry.New(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = tel.Shutdown(context.WithoutCancel(t.Context())) })
	return tel
}

// A log record is one JSON object with the unit, UTC times and, below a span, the span's ids.
func TestLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	tel := newTelemetry(t, telemetry.Options{LogWriter: &out, SampleRatio: 1})
	ctx, span := tel.Tracer.Start(t.Context(), "work")
	at := time.Date(2026, 1, 1, 9, 0, 0, 123_456_789, time.FixedZone("KST", 9*60*60))
	tel.Log.With(slog.Int("count", 2)).LogAttrs(ctx, slog.LevelInfo, "frame published", slog.Time("at", at), slog.Duration("took", 1_234_567*time.Nanosecond), slog.Any("again_in", 90*time.Second))
	tel.Log.LogAttrs(ctx, slog.LevelDebug, "not written")

	var record map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &record), "exactly one line")
	require.Equal(t, "intake", record["unit"])
	require.Equal(t, "frame published", record["msg"])
	require.InDelta(t, 2, record["count"], 0)
	require.InDelta(t, 1.234, record["took_ms"], 0, "a duration says its unit")
	require.InDelta(t, 90_000, record["again_in_ms"], 0)
	require.Equal(t, "2026-01-01T00:00:00.123456Z", record["at"])
	require.Regexp(t, `^\d{4}-\d\d-\d\dT[\d:.]+Z$`, record["time"])
	require.Equal(t, span.SpanContext().TraceID().String(), record["trace_id"])
	require.Equal(t, span.SpanContext().SpanID().String(), record["span_id"])
	span.End()

	out.Reset()
	tel.Log.LogAttrs(t.Context(), slog.LevelInfo, "outside a span")
	require.NotContains(t, out.String(), "trace_id")
}

type fileSpan struct {
	Name        string
	SpanContext struct{ TraceID, SpanID string }
	Resource    []struct {
		Key   string
		Value struct{ Value any }
	}
}

// Sampled spans are written to the file, one JSON object per line; spans of traces that are not sampled are not.
func TestTraceFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "spans.jsonl")
	tel := newTelemetry(t, telemetry.Options{TraceFile: path, SampleRatio: 1, Version: "1.2.3"})
	ctx, outer := tel.Tracer.Start(t.Context(), "outer")
	_, inner := tel.Tracer.Start(ctx, "inner")
	inner.End()
	outer.End()
	_, silent := tel.Tracer.Start(unsampled(t), "silent")
	silent.End()
	require.NoError(t, tel.Shutdown(t.Context()))
	require.NoError(t, tel.Shutdown(t.Context()), "a second Shutdown is harmless")

	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	var spans []fileSpan
	for line := range bytes.Lines(raw) {
		var span fileSpan
		require.NoError(t, json.Unmarshal(line, &span))
		spans = append(spans, span)
	}
	require.Len(t, spans, 2)
	require.Equal(t, "inner", spans[0].Name)
	require.Equal(t, "outer", spans[1].Name)
	require.Equal(t, spans[0].SpanContext.TraceID, spans[1].SpanContext.TraceID)
	resource := map[string]any{}
	for _, attr := range spans[0].Resource {
		resource[attr.Key] = attr.Value.Value
	}
	require.Equal(t, map[string]any{"service.name": "intake", "service.version": "1.2.3", "service.namespace": "naru"}, resource)
}

func remote(t *testing.T, flags trace.TraceFlags) context.Context {
	t.Helper()
	return trace.ContextWithRemoteSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: flags, Remote: true,
	}))
}

func unsampled(t *testing.T) context.Context { t.Helper(); return remote(t, 0) }

// The caller's decision about sampling overrides the ratio, in both directions.
func TestSampling(t *testing.T) {
	t.Parallel()
	file := func() string { return filepath.Join(t.TempDir(), "traces.jsonl") }
	none, all := newTelemetry(t, telemetry.Options{TraceFile: file()}), newTelemetry(t, telemetry.Options{TraceFile: file(), SampleRatio: 1})
	nowhere := newTelemetry(t, telemetry.Options{SampleRatio: 1})
	tests := []struct {
		name    string
		tel     *telemetry.Telemetry
		ctx     context.Context
		sampled bool
	}{
		{name: "begun here, ratio 0", tel: none, ctx: t.Context(), sampled: false},
		{name: "begun here, ratio 1", tel: all, ctx: t.Context(), sampled: true},
		{name: "begun here, taken by nobody", tel: nowhere, ctx: t.Context(), sampled: false},
		{name: "sampled by the caller", tel: none, ctx: remote(t, trace.FlagsSampled), sampled: true},
		{name: "not sampled by the caller", tel: all, ctx: unsampled(t), sampled: false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, span := tt.tel.Tracer.Start(tt.ctx, "x")
			defer span.End()
			require.Equal(t, tt.sampled, span.SpanContext().IsSampled())
		})
	}
}

// The propagator writes and reads the W3C header, and carries no baggage.
func TestPropagator(t *testing.T) {
	t.Parallel()
	tel := newTelemetry(t, telemetry.Options{})
	carrier := propagation.MapCarrier{}
	tel.Propagator.Inject(remote(t, trace.FlagsSampled), carrier)
	require.Equal(t, propagation.MapCarrier{"traceparent": "00-01000000000000000000000000000000-0200000000000000-01"}, carrier)
	back := trace.SpanContextFromContext(tel.Propagator.Extract(t.Context(), carrier))
	require.Equal(t, trace.SpanID{2}, back.SpanID())
	require.ElementsMatch(t, []string{"traceparent", "tracestate"}, tel.Propagator.Fields())
}

// Two units in one process have separate metrics that can be gathered together, and nothing global is touched.
func TestMetrics(t *testing.T) {
	t.Parallel()
	tracerBefore, meterBefore := otel.GetTracerProvider(), otel.GetMeterProvider()
	intake := newTelemetry(t, telemetry.Options{Unit: "intake"})
	address := newTelemetry(t, telemetry.Options{Unit: "address"})
	for _, tel := range []*telemetry.Telemetry{intake, address} {
		counter, err := tel.Meter.Int64Counter("naru.journal.published")
		require.NoError(t, err)
		counter.Add(t.Context(), 3)
		latency, err := tel.Meter.Float64Histogram("naru.pg.commit", metric.WithUnit("s"))
		require.NoError(t, err)
		latency.Record(t.Context(), 0.0007)
	}
	families, err := prometheus.Gatherers{intake.Gatherer, address.Gatherer}.Gather()
	require.NoError(t, err)
	byName := map[string]*dto.MetricFamily{}
	for _, family := range families {
		byName[family.GetName()] = family
	}
	published := byName["naru_journal_published_total"].GetMetric()
	require.Len(t, published, 2)
	var units []string
	for _, m := range published {
		require.InDelta(t, 3, m.GetCounter().GetValue(), 0)
		for _, label := range m.GetLabel() {
			if label.GetName() == "unit" {
				units = append(units, label.GetValue())
			}
		}
	}
	require.ElementsMatch(t, []string{"intake", "address"}, units)
	buckets := byName["naru_pg_commit_seconds"].GetMetric()[0].GetHistogram().GetBucket()
	require.InDelta(t, 0.0005, buckets[0].GetUpperBound(), 0)
	require.Zero(t, buckets[0].GetCumulativeCount())
	require.Equal(t, uint64(1), buckets[1].GetCumulativeCount())

	require.Same(t, tracerBefore, otel.GetTracerProvider())
	require.Same(t, meterBefore, otel.GetMeterProvider())
}

type sink struct {
	collector.UnimplementedTraceServiceServer
	mu    sync.Mutex
	names []string
}

func (s *sink) Export(_ context.Context, r *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rs := range r.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			for _, span := range ss.GetSpans() {
				s.names = append(s.names, span.GetName())
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// Spans reach a collector over a real socket.
func TestOTLP(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server, received := grpc.NewServer(), &sink{}
	collector.RegisterTraceServiceServer(server, received)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); require.NoError(t, <-served) })

	tel := newTelemetry(t, telemetry.Options{OTLPEndpoint: "http://" + listener.Addr().String(), SampleRatio: 1})
	_, span := tel.Tracer.Start(t.Context(), "sent away")
	span.End()
	require.NoError(t, tel.Shutdown(t.Context()))
	received.mu.Lock()
	defer received.mu.Unlock()
	require.Equal(t, []string{"sent away"}, received.names)
}

func TestOptions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		options  telemetry.Options
		contains string
	}{
		{name: "no unit", options: telemetry.Options{LogWriter: &bytes.Buffer{}}, contains: "name is required"},
		{name: "no writer", options: telemetry.Options{Unit: "x"}, contains: "log writer"},
		{name: "ratio above 1", options: telemetry.Options{Unit: "x", LogWriter: &bytes.Buffer{}, SampleRatio: 1.1}, contains: "ratio"},
		{name: "ratio not a number", options: telemetry.Options{Unit: "x", LogWriter: &bytes.Buffer{}, SampleRatio: math.NaN()}, contains: "ratio"},
		{name: "trace file in no folder", options: telemetry.Options{Unit: "x", LogWriter: &bytes.Buffer{}, TraceFile: "/nowhere/at/all"}, contains: "trace file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := telemetry.New(t.Context(), tt.options)
			require.ErrorContains(t, err, tt.contains)
		})
	}
}

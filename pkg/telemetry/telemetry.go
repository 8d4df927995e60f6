// Package telemetry gives one unit its own logger, tracer, meter and metric registry.
//
// Nothing here is process-global: no otel.Set… and no default registry, so that several units in one process do not see each
// other. Code that instruments a library passes it these providers. Spans, logs and metrics MUST NOT hold personal data.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// scope names the tracer and the meter of a unit's own code.
const scope = "github.com/naru-relay/naru"

// Options of a unit's telemetry.
type Options struct {
	// Unit is the unit's name: service.name of spans, the label unit of metrics, the key unit of log records. Required.
	Unit string
	// Version is the build's version, service.version of spans.
	Version string
	// LogWriter takes the log, one JSON object a line. Required.
	LogWriter io.Writer
	// LogLevel is the least level that is written; its zero value is Info.
	LogLevel slog.Level
	// TraceFile is a file to which finished spans are appended, one JSON object a line; empty means none.
	TraceFile string
	// OTLPEndpoint is the URL of a collector that takes OTLP over gRPC (http:// means without TLS); empty means none. A collector
	// that does not answer never holds up the unit: its spans are dropped.
	OTLPEndpoint string
	// SampleRatio, 0 to 1, is the share of traces begun here that are recorded, if there is a file or an endpoint. For a trace
	// begun elsewhere the caller's decision counts.
	SampleRatio float64
}

// Telemetry holds the instruments of one unit.
type Telemetry struct {
	Log            *slog.Logger
	Tracer         trace.Tracer
	TracerProvider trace.TracerProvider
	Meter          metric.Meter
	MeterProvider  metric.MeterProvider
	// Gatherer gives the unit's metrics to a /metrics handler. All carry the label unit, so gatherers of several units can be
	// merged.
	Gatherer prometheus.Gatherer
	// Registerer takes collectors of libraries that know Prometheus only.
	Registerer prometheus.Registerer
	// Propagator carries the W3C trace context (and no baggage, which could carry personal data out).
	Propagator propagation.TextMapPropagator

	// closers run last to first: a provider has to be shut down before the file it writes to.
	closers []func(context.Context) error
}

// New builds a unit's telemetry; Shutdown must be called at its end.
func New(ctx context.Context, o Options) (*Telemetry, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("building telemetry of unit %s: %w", o.Unit, err)
	}
	t := &Telemetry{Propagator: propagation.TraceContext{}}
	t.Log = slog.New(NewHandler(o.LogWriter, o.LogLevel)).With(slog.String("unit", o.Unit))
	// A resource without detection: host names and process arguments must not be sent elsewhere.
	res := resource.NewSchemaless(
		attribute.String("service.name", o.Unit), attribute.String("service.version", o.Version), attribute.String("service.namespace", "naru"))
	if err := errors.Join(t.traces(ctx, o, res), t.metrics(o, res)); err != nil {
		// What was opened before the failure is closed again; its own troubles are secondary.
		_ = t.Shutdown(ctx)
		return nil, fmt.Errorf("building telemetry of unit %s: %w", o.Unit, err)
	}
	return t, nil
}

func (o Options) validate() error {
	switch {
	case o.Unit == "":
		return errors.New("a unit's name is required")
	case o.LogWriter == nil:
		return errors.New("a log writer is required")
	case !(o.SampleRatio >= 0 && o.SampleRatio <= 1): // written so that NaN is refused
		return errors.New("sample ratio is outside 0..1")
	default:
		return nil
	}
}

func (t *Telemetry) traces(ctx context.Context, o Options, res *resource.Resource) error {
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(res)}
	if o.TraceFile != "" {
		file, err := os.OpenFile(o.TraceFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("opening the trace file: %w", err)
		}
		t.closers = append(t.closers, func(context.Context) error { return file.Close() })
		exporter, err := stdouttrace.New(stdouttrace.WithWriter(file))
		if err != nil {
			return fmt.Errorf("making the trace file exporter: %w", err)
		}
		options = append(options, sdktrace.WithBatcher(exporter))
	}
	if o.OTLPEndpoint != "" {
		exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(o.OTLPEndpoint))
		if err != nil {
			return fmt.Errorf("making the OTLP exporter: %w", err)
		}
		options = append(options, sdktrace.WithBatcher(exporter))
	}
	begun := sdktrace.TraceIDRatioBased(o.SampleRatio)
	if o.TraceFile == "" && o.OTLPEndpoint == "" {
		begun = sdktrace.NeverSample() // nobody takes spans; trace ids still join the lines of logs
	}
	provider := sdktrace.NewTracerProvider(append(options, sdktrace.WithSampler(sdktrace.ParentBased(begun)))...)
	t.TracerProvider, t.Tracer = provider, provider.Tracer(scope, trace.WithInstrumentationVersion(o.Version))
	t.closers = append(t.closers, provider.Shutdown)
	return nil
}

// latencyBounds are the buckets of histograms that measure seconds: from a group commit (under a millisecond) to the longest
// outside call. The library's own bounds are meant for milliseconds.
func latencyBounds() []float64 {
	return []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
}

func (t *Telemetry) metrics(o Options, res *resource.Resource) error {
	registry := prometheus.NewRegistry()
	t.Gatherer, t.Registerer = registry, prometheus.WrapRegistererWith(prometheus.Labels{"unit": o.Unit}, registry)
	reader, err := otelprometheus.New(otelprometheus.WithRegisterer(t.Registerer), otelprometheus.WithoutScopeInfo(), otelprometheus.WithoutTargetInfo())
	if err != nil {
		return fmt.Errorf("making the metric exporter: %w", err)
	}
	seconds := sdkmetric.NewView(
		sdkmetric.Instrument{Kind: sdkmetric.InstrumentKindHistogram, Unit: "s"},
		sdkmetric.Stream{Aggregation: sdkmetric.AggregationExplicitBucketHistogram{Boundaries: latencyBounds()}})
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(res), sdkmetric.WithView(seconds))
	t.MeterProvider, t.Meter = provider, provider.Meter(scope, metric.WithInstrumentationVersion(o.Version))
	t.closers = append(t.closers, provider.Shutdown)
	return nil
}

// Shutdown writes out what is still held and closes the exporters, within the time ctx allows.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	var errs []error
	for _, closer := range slices.Backward(t.closers) {
		errs = append(errs, closer(ctx))
	}
	t.closers = nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("shutting down telemetry: %w", err)
	}
	return nil
}

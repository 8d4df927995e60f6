package telemetry

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/metric"
)

// Instruments makes instruments and collects the errors, so that callers check once, by Err.
type Instruments struct {
	meter metric.Meter
	errs  []error
}

// NewInstruments begins with none.
func NewInstruments(meter metric.Meter) *Instruments { return &Instruments{meter: meter} }

// Err joins the errors of all instruments.
func (i *Instruments) Err() error {
	if err := errors.Join(i.errs...); err != nil {
		return fmt.Errorf("make instruments: %w", err)
	}
	return nil
}

// Counter makes a counter; unit may be empty, here and below.
func (i *Instruments) Counter(name, unit, about string) metric.Int64Counter {
	made, err := i.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(about))
	i.errs = append(i.errs, err)
	return made
}

// Histogram makes a histogram; without bounds of its own it has the unit's for latencies.
func (i *Instruments) Histogram(name, unit, about string, bounds ...float64) metric.Float64Histogram {
	options := []metric.Float64HistogramOption{metric.WithUnit(unit), metric.WithDescription(about)}
	if len(bounds) > 0 {
		options = append(options, metric.WithExplicitBucketBoundaries(bounds...))
	}
	made, err := i.meter.Float64Histogram(name, options...)
	i.errs = append(i.errs, err)
	return made
}

// Gauge describes a gauge.
type Gauge struct{ Name, Unit, About string }

// Gauges makes gauges that are read together: one value for each, or none if there is nothing to show.
func (i *Instruments) Gauges(read func(ctx context.Context) ([]float64, error), described ...Gauge) {
	gauges, all := make([]metric.Float64Observable, len(described)), make([]metric.Observable, len(described))
	for n, g := range described {
		made, err := i.meter.Float64ObservableGauge(g.Name, metric.WithUnit(g.Unit), metric.WithDescription(g.About))
		i.errs = append(i.errs, err)
		gauges[n], all[n] = made, made
	}
	_, err := i.meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		values, err := read(ctx)
		if err != nil {
			return err
		}
		for n, value := range values {
			o.ObserveFloat64(gauges[n], value)
		}
		return nil
	}, all...)
	i.errs = append(i.errs, err)
}

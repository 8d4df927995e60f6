package address

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/pg"
)

// metrics of the unit. No attribute ever tells who.
type metrics struct {
	resolutions, lookups, registrations metric.Int64Counter
	unknownOwn, missing                 metric.Int64Counter
}

func newMetrics(meter metric.Meter, db pg.DBTX, now clock.Clock, h HarvestingConfig) (*metrics, error) {
	m := &metrics{}
	var errs [9]error
	m.resolutions, errs[0] = meter.Int64Counter("naru.address.resolutions", metric.WithDescription("Outcomes of the search for recipients, by outcome and source."))
	m.lookups, errs[1] = meter.Int64Counter("naru.address.lookups", metric.WithDescription("Searches at the hub, by how they ended."))
	m.registrations, errs[2] = meter.Int64Counter("naru.address.hub_calls", metric.WithDescription("Calls to the hub about addresses, by call and how they ended."))
	m.unknownOwn, errs[3] = meter.Int64Counter("naru.address.unknown_own", metric.WithDescription("Addresses the hub says are ours and that we do not know."))
	m.missing, errs[4] = meter.Int64Counter("naru.address.missing_at_hub", metric.WithDescription("Own addresses the hub did not know any more."))
	documents, err := meter.Int64ObservableGauge("naru.address.due_documents", metric.WithDescription("Open documents that are overdue for a look, at most 10,000."))
	errs[5] = err
	age, err := meter.Float64ObservableGauge("naru.address.due_documents_age", metric.WithUnit("s"), metric.WithDescription("How long the oldest of them has been overdue."))
	errs[6] = err
	addresses, err := meter.Int64ObservableGauge("naru.address.due_addresses", metric.WithDescription("Addresses of which the hub has to be told something."))
	errs[7] = err
	harvesters, err := meter.Int64ObservableGauge("naru.address.harvesting.senders",
		metric.WithDescription("Senders whose searches of today were fruitless beyond the alarm ratio (Act 18-6)."))
	errs[8] = err
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("make instruments: %w", err)
	}
	_, err = meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		const count = `
			select (select count(*) from (select from due_document where due_at < now() limit 10000) d),
			       coalesce((select extract(epoch from now() - min(due_at)) from due_document where due_at < now()), 0)::float8,
			       (select count(*) from due_address)`
		var overdue, waiting int64
		var seconds float64
		if err := db.QueryRow(ctx, count).Scan(&overdue, &seconds, &waiting); err != nil {
			return fmt.Errorf("observe due work: %w", err)
		}
		o.ObserveInt64(documents, overdue)
		o.ObserveFloat64(age, seconds)
		o.ObserveInt64(addresses, waiting)
		conspicuous, err := countAlarming(ctx, db, dayOf(now.Now()), h.AlarmFrom, h.AlarmRatio)
		if err != nil {
			return err
		}
		o.ObserveInt64(harvesters, conspicuous)
		return nil
	}, documents, age, addresses, harvesters)
	if err != nil {
		return nil, fmt.Errorf("observe due work: %w", err)
	}
	return m, nil
}

func (m *metrics) resolution(ctx context.Context, o outcome) {
	name := strings.ToLower(strings.TrimPrefix(o.resolution.String(), "RESOLUTION_"))
	m.resolutions.Add(ctx, 1, metric.WithAttributes(attribute.String("resolution", name), attribute.String("source", o.source)))
}

func (m *metrics) lookup(ctx context.Context, ended string) {
	m.lookups.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", ended)))
}

func (m *metrics) registration(ctx context.Context, call, ended string) {
	m.registrations.Add(ctx, 1, metric.WithAttributes(attribute.String("call", call), attribute.String("outcome", ended)))
}

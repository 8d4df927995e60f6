package address

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/telemetry"
)

// metrics of the unit. No attribute ever tells who.
type metrics struct {
	resolutions, lookups, registrations metric.Int64Counter
	unknownOwn, missing, unreadable     metric.Int64Counter
}

func newMetrics(meter metric.Meter, db pg.DBTX, now clock.Clock, h HarvestingConfig) (*metrics, error) {
	made := telemetry.NewInstruments(meter)
	m := &metrics{
		resolutions:   made.Counter("naru.address.resolutions", "", "Outcomes of the search for recipients, by outcome and source."),
		lookups:       made.Counter("naru.address.lookups", "", "Searches at the hub, by how they ended."),
		registrations: made.Counter("naru.address.hub_calls", "", "Calls to the hub about addresses, by call and how they ended."),
		unknownOwn:    made.Counter("naru.address.unknown_own", "", "Addresses the hub says are ours and that we do not know."),
		unreadable:    made.Counter("naru.address.unreadable.institutions", "", "Institutions, applications, authorities and identities that were shown without their sealed values, which cannot be opened any more."),
		missing:       made.Counter("naru.address.missing_at_hub", "", "Own addresses the hub did not know any more."),
	}
	made.Gauges(func(ctx context.Context) ([]float64, error) {
		overdue, seconds, waiting, refused, err := readDueWork(ctx, db)
		if err != nil {
			return nil, err
		}
		conspicuous, err := countAlarming(ctx, db, dayOf(now.Now()), h.AlarmFrom, h.AlarmRatio)
		if err != nil {
			return nil, err
		}
		age, err := readApplicationsAge(ctx, db)
		if err != nil {
			return nil, err
		}
		names, err := countNameChanges(ctx, db)
		return []float64{overdue, seconds, waiting, refused, float64(conspicuous), age, names}, err
	},
		telemetry.Gauge{Name: "naru.address.due_documents", About: "Open documents that are overdue for a look, at most 10,000."},
		telemetry.Gauge{Name: "naru.address.due_documents_age", Unit: "s", About: "How long the oldest of them has been overdue."},
		telemetry.Gauge{Name: "naru.address.due_addresses", About: "Addresses of which the hub has to be told something and that it has not refused."},
		telemetry.Gauge{Name: "naru.address.refused_addresses", About: "Addresses that the hub refuses and that nobody has given up."},
		telemetry.Gauge{Name: "naru.address.harvesting.senders", About: "Senders whose searches of today were fruitless beyond the alarm ratio (Act 18-6)."},
		telemetry.Gauge{Name: "naru.address.applications_age", Unit: "s", About: "How long the oldest application for an organisation has waited for an operator."},
		telemetry.Gauge{Name: "naru.address.refused_names", About: "Changes of owners' names or types that the hub refuses and that nobody has given up."})
	return m, made.Err()
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

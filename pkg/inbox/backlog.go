package inbox

import (
	"context"
	"time"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/telemetry"
)

// Backlog counts what consumers could not finish.
type Backlog struct {
	Deferred, Parked int64
	// OldestDeferred is how long the oldest deferred event has waited.
	OldestDeferred time.Duration
}

// ReadBacklog counts deferred and parked events.
func ReadBacklog(ctx context.Context, db pg.DBTX) (Backlog, error) {
	const count = `
		select (select count(*) from deferred_event), (select count(*) from parked_event where given_up_at is null),
		       (select coalesce(extract(epoch from now() - min(deferred_at)), 0)::float8 from deferred_event)`
	var b Backlog
	var seconds float64
	if _, err := pg.Scan(ctx, db, "count deferred and parked events", []any{&b.Deferred, &b.Parked, &seconds}, count); err != nil {
		return Backlog{}, err
	}
	b.OldestDeferred = time.Duration(seconds * float64(time.Second))
	return b, nil
}

func observeBacklog(made *telemetry.Instruments, db pg.DBTX) {
	made.Gauges(func(ctx context.Context) ([]float64, error) {
		b, err := ReadBacklog(ctx, db)
		return []float64{float64(b.Deferred), float64(b.Parked), b.OldestDeferred.Seconds()}, err
	},
		telemetry.Gauge{Name: "naru.inbox.deferred.events", About: "Events that wait for their missing half."},
		telemetry.Gauge{Name: "naru.inbox.parked.events", About: "Events that wait for an operator."},
		telemetry.Gauge{Name: "naru.inbox.deferred.age.seconds", About: "Age of the oldest deferred event."})
}

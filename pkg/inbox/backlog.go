package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/pg"
)

// Backlog is what consumers could not finish.
type Backlog struct {
	Deferred, Parked int64
	// OldestDeferred is how long the oldest deferred event has waited.
	OldestDeferred time.Duration
}

// ReadBacklog counts deferred and parked events.
func ReadBacklog(ctx context.Context, db pg.DBTX) (Backlog, error) {
	const count = `
		select (select count(*) from deferred_event), (select count(*) from parked_event),
		       (select coalesce(extract(epoch from now() - min(deferred_at)), 0)::float8 from deferred_event)`
	var b Backlog
	var seconds float64
	if err := db.QueryRow(ctx, count).Scan(&b.Deferred, &b.Parked, &seconds); err != nil {
		return Backlog{}, fmt.Errorf("count deferred and parked events: %w", err)
	}
	b.OldestDeferred = time.Duration(seconds * float64(time.Second))
	return b, nil
}

func observeBacklog(meter metric.Meter, db pg.DBTX) error {
	deferred, err1 := meter.Int64ObservableGauge("naru.inbox.deferred.events", metric.WithDescription("Events that wait for their missing half."))
	parked, err2 := meter.Int64ObservableGauge("naru.inbox.parked.events", metric.WithDescription("Events that wait for an operator."))
	oldest, err3 := meter.Float64ObservableGauge("naru.inbox.deferred.age.seconds", metric.WithDescription("Age of the oldest deferred event."))
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	_, err := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		b, err := ReadBacklog(ctx, db)
		if err != nil {
			return err
		}
		o.ObserveInt64(deferred, b.Deferred)
		o.ObserveInt64(parked, b.Parked)
		o.ObserveFloat64(oldest, b.OldestDeferred.Seconds())
		return nil
	}, deferred, parked, oldest)
	return err
}

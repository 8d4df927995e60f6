package delivery

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/pg"
)

type metrics struct {
	decided metric.Int64Counter
}

func newMetrics(meter metric.Meter, db pg.DBTX) (*metrics, error) {
	decided, err1 := meter.Int64Counter("naru.delivery.decided.documents", metric.WithDescription("Documents by what became of them."))
	due, err2 := meter.Int64ObservableGauge("naru.delivery.notices.due", metric.WithDescription("Notices still to be given."))
	age, err3 := meter.Float64ObservableGauge("naru.delivery.notices.age.seconds", metric.WithDescription("Age of the oldest notice still to be given."))
	_, err4 := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		waiting, oldest, err := noticeBacklog(ctx, db)
		if err != nil {
			return err
		}
		o.ObserveInt64(due, waiting)
		o.ObserveFloat64(age, oldest.Seconds())
		return nil
	}, due, age)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, fmt.Errorf("make delivery instruments: %w", err)
	}
	return &metrics{decided: decided}, nil
}

func (m *metrics) count(ctx context.Context, state State, documents int) {
	m.decided.Add(ctx, int64(documents), metric.WithAttributes(attribute.String("state", string(state))))
}

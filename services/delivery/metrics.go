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
	age, err2 := meter.Float64ObservableGauge("naru.delivery.notices.age.seconds", metric.WithDescription("Age of the oldest notice still to be given."))
	_, err3 := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		oldest, err := noticeAge(ctx, db)
		if err != nil {
			return err
		}
		o.ObserveFloat64(age, oldest.Seconds())
		return nil
	}, age)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("make delivery instruments: %w", err)
	}
	return &metrics{decided: decided}, nil
}

func (m *metrics) count(ctx context.Context, state State, documents int) {
	m.decided.Add(ctx, int64(documents), metric.WithAttributes(attribute.String("state", string(state))))
}

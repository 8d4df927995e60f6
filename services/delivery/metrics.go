package delivery

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/telemetry"
)

type metrics struct {
	decided    metric.Int64Counter
	unreadable metric.Int64Counter
	inviting   metric.Int64Counter
}

func newMetrics(meter metric.Meter, db pg.DBTX, to *hook, by *inviter) (*metrics, error) {
	made := telemetry.NewInstruments(meter)
	m := &metrics{
		decided:    made.Counter("naru.delivery.decided.documents", "", "Documents by what became of them."),
		inviting:   made.Counter("naru.delivery.invitations", "", "Recipients who are members nowhere, by what became of their invitation."),
		unreadable: made.Counter("naru.delivery.unreadable.items", "", "Documents shown in an inbox that cannot be read any more."),
	}
	made.Gauges(func(ctx context.Context) ([]float64, error) {
		oldest, err := noticeAge(ctx, db)
		return []float64{oldest.Seconds()}, err
	}, telemetry.Gauge{Name: "naru.delivery.notices.age.seconds", About: "Age of the oldest notice still to be given."})
	made.Gauges(func(ctx context.Context) ([]float64, error) {
		oldest, err := invitationAge(ctx, db)
		return []float64{oldest.Seconds()}, err
	}, telemetry.Gauge{Name: "naru.delivery.invitations.age.seconds", About: "Age of the oldest invitation still to be given."})
	if by.channel != nil {
		made.Gauges(func(ctx context.Context) ([]float64, error) {
			left, err := pauseLeft(ctx, db, by.channel.name())
			return []float64{left.Seconds()}, err
		}, telemetry.Gauge{Name: "naru.delivery.invitations.paused.seconds", About: "How long the channel of invitations is still left alone, as it asked."})
	}
	if to != nil {
		made.Gauges(func(ctx context.Context) ([]float64, error) {
			left, err := pauseLeft(ctx, db, to.name())
			return []float64{left.Seconds()}, err
		}, telemetry.Gauge{Name: "naru.delivery.notices.paused.seconds", About: "How long the notice URL is still left alone, as it asked."})
	}
	return m, made.Err()
}

func (m *metrics) count(ctx context.Context, state State, documents int) {
	m.decided.Add(ctx, int64(documents), metric.WithAttributes(attribute.String("state", string(state))))
}

func (m *metrics) invited(ctx context.Context, outcome string, n int) {
	m.inviting.Add(ctx, int64(n), metric.WithAttributes(attribute.String("outcome", outcome)))
}

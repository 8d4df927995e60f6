package delivery_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	"github.com/naru-relay/naru/services/delivery"
)

// countedClock counts how often it is asked.
type countedClock struct {
	*clock.Fake
	asked atomic.Int64
}

func (c *countedClock) Now() time.Time {
	c.asked.Add(1)
	return c.Fake.Now()
}

// A deadline has passed when the unit's clock, which may be believed, and the database's clock both say so: a step of one of
// them, by hours or by years, ends nothing.
func TestAStepOfAClockEndsNothing(t *testing.T) {
	t.Parallel()
	database := &countedClock{Fake: clock.NewFake(clock.System().Now())}
	o := setup(t, unittest.WithDatabaseClock(database), unittest.Config(func(c *delivery.Config) { c.DeadlineInterval = config.Duration(10 * time.Millisecond) }))
	d := o.document(t, unittest.NewID(), none)
	o.Deliver(t, express, resolved(1, d))
	nothingEnds := func(because string) {
		// The second look begins after the step.
		from := database.asked.Load()
		await.Require(t, unittest.Patience, func() bool { return database.asked.Load() >= from+2 })
		require.Empty(t, unittest.Facts[*deliveryv1.DeliveryExpired](t, o.Bench), because)
	}
	o.Clock.Advance(10 * 365 * 24 * time.Hour)
	nothingEnds("the unit's clock was not measured since it stepped")
	o.Clock.Advance(-10 * 365 * 24 * time.Hour)
	o.Advance(t, 25*time.Hour)
	nothingEnds("the database's clock has not come to the deadline")
	database.Advance(25 * time.Hour)
	unittest.AwaitFacts[*deliveryv1.DeliveryExpired](t, o.Bench, 1)
}

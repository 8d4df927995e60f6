package circulation_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	"github.com/naru-relay/naru/services/circulation"
)

// After an outage nothing waits out the pause that it earned by it: the first call the hub takes wakes all, and the oldest go
// first. Nobody has to look at any of it.
func TestBacklogAfterAnOutage(t *testing.T) {
	t.Parallel()
	for name, outage := range map[string]func(h *hub, on bool){
		"no answer": func(h *hub, on bool) { h.down = on },
		"failures": func(h *hub, on bool) {
			if h.refuses = ""; on {
				h.refuses = "ERR-09-001"
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const many = 900
			o := setup(t, func(c *circulation.Config) {
				c.Calls.Concurrency, c.Calls.Batch, c.Calls.MaxOffenders = 1, 100, 2
				c.Calls.FirstWait, c.Calls.MaxWait = config.Duration(time.Hour), config.Duration(time.Hour)
			})
			first := o.facts(t)
			o.Deliver(t, express, received(first))
			o.awaitCalls(t, first.GetEdocNum(), isDone, isWaiting)

			o.hub.do(func() { outage(o.hub, true) })
			var events []journal.Fact
			var numbers []string
			for range many {
				o.Clock.Advance(time.Microsecond)
				f := o.facts(t)
				events, numbers = append(events, received(f)), append(numbers, f.GetEdocNum())
			}
			shuffled := slices.Clone(events)
			slices.Reverse(shuffled)
			o.Deliver(t, express, shuffled...)
			await.Require(t, unittest.Patience, func() bool { return o.untried(t) == 0 })
			o.hub.do(func() { outage(o.hub, false); o.hub.items = nil })
			require.Len(t, unittest.Facts[*circulationv1.CirculationRegistered](t, o.Bench), 1, "all wait for an hour")

			last := o.facts(t)
			o.Deliver(t, express, received(last))
			unittest.AwaitFacts[*circulationv1.CirculationRegistered](t, o.Bench, many+2)
			var order []string
			o.hub.do(func() {
				for _, item := range o.hub.items {
					order = append(order, item.GetEdocNum())
				}
			})
			require.Equal(t, append([]string{last.GetEdocNum()}, numbers...), order)
			for _, refused := range unittest.Facts[*circulationv1.CirculationRefused](t, o.Bench) {
				require.True(t, refused.GetRetried())
			}
		})
	}
}

// untried counts the registrations that were never attempted.
func (o *office) untried(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, o.App.QueryRow(t.Context(), `select count(*) from circulation_record where registration_attempts = 0`).Scan(&n))
	return n
}

package address

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// withQuota runs a unit whose quota is two fruitless outcomes per sender and day. It searches again whenever the test calls
// hurry.
func withQuota(t *testing.T) *world {
	t.Helper()
	return setup(t, unittest.Config(func(c *Config) {
		c.Lookup.Interval, c.Registration.Interval = config.Duration(10*time.Millisecond), config.Duration(10*time.Millisecond)
		c.Harvesting = HarvestingConfig{FruitlessPerDay: 2, AlarmRatio: 0.5, AlarmFrom: 4}
	}))
}

func nobody() *platformv1.RecipientIdentifier {
	return byAddress(unittest.Platform, "nobody-"+uuid.NewString()[:8], "")
}

// awaitWithheld waits until a document's outcome is withheld.
func (w *world) awaitWithheld(t *testing.T, edoc string) {
	t.Helper()
	await.Require(t, unittest.Patience, func() bool {
		return w.count(t, `select count(*) from open_document where edoc_num = $1 and withheld and state = 'open'`, edoc) == 1
	})
	require.Empty(t, w.told(t, edoc))
}

func (w *world) requireDay(t *testing.T, sender string, searched, fruitless int) {
	t.Helper()
	require.Equal(t, 1, w.count(t, `select count(*) from sender_day where day = $1::date and sender = $2 and searched = $3 and fruitless = $4`,
		dayOf(w.Clock.Now()), sender, searched, fruitless))
}

// Beyond the day's quota a sender never learns why a document cannot be delivered, nor whether its recipient is a member of some
// relay, whether that was known at once or came from the hub: at the deadline all of them expire alike. Deliveries to members and
// outcomes of other senders are not affected.
func TestFruitlessOutcomesBeyondQuotaWait(t *testing.T) {
	t.Parallel()
	w := withQuota(t)
	sender, p, unwilling := uuid.NewString(), someone(), someone()
	w.member(t, p)
	refuser, _ := w.member(t, unwilling)
	_, err := w.session(t, refuser).SetRefusal(t.Context(), &addressv1.SetRefusalRequest{Refused: true})
	require.NoError(t, err)

	atOnce := []journal.Fact{w.accepted(t, send{to: nobody(), sender: sender}), w.accepted(t, send{to: byCI(p), sender: sender})}
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, atOnce...)
	require.Equal(t, none, w.told(t, atOnce[0].Subject)[0].GetResolution())
	require.Equal(t, own, w.told(t, atOnce[1].Subject)[0].GetResolution())
	w.awaitTold(t, w.send(t, send{to: byCI(someone()), sender: sender}), none)
	w.requireDay(t, sender, 3, 2)
	require.Empty(t, w.Stated(t, &addressv1.SearchQuotaExceeded{}))

	elsewhere := byCI(someone())
	w.hub.set(func(h *fakeHub) {
		h.elsewhere[identifierOf(elsewhere)] = []*platformv1.PlatformAddress{{PlatformId: "beta-01-relay", Address: "somebody"}}
	})
	byHub, atPeer := w.send(t, send{to: byCI(someone()), sender: sender}), w.send(t, send{to: elsewhere, sender: sender})
	w.awaitWithheld(t, byHub)
	w.awaitWithheld(t, atPeer)
	batch := []journal.Fact{w.accepted(t, send{to: byCI(unwilling), sender: sender}), w.accepted(t, send{to: nobody(), sender: sender})}
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, batch...)
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, batch...)
	for _, e := range batch {
		w.awaitWithheld(t, e.Subject)
	}
	w.hurry(t)
	require.Equal(t, own, w.told(t, w.send(t, send{to: byCI(p), sender: sender}))[0].GetResolution())
	require.Equal(t, none, w.told(t, w.send(t, send{to: nobody()}))[0].GetResolution(), "another sender's quota is its own")
	w.requireDay(t, sender, 8, 6)
	exceeded := w.Stated(t, &addressv1.SearchQuotaExceeded{})
	require.Len(t, exceeded, 1)
	require.Equal(t, sender, exceeded[0].GetSubject())

	w.Advance(t, 24*time.Hour)
	w.awaitTold(t, w.send(t, send{to: byCI(someone()), sender: sender}), none)
	w.hurry(t)
	w.awaitWithheld(t, byHub)
	w.Advance(t, 49*time.Hour)
	// An attempt that began before the clock moved may postpone its document once more.
	await.Require(t, unittest.Patience, func() bool {
		w.hurry(t)
		return len(w.told(t, byHub)) > 0 && len(w.told(t, atPeer)) > 0 && len(w.told(t, batch[0].Subject)) > 0 && len(w.told(t, batch[1].Subject)) > 0
	})
	for _, edoc := range []string{byHub, atPeer, batch[0].Subject, batch[1].Subject} {
		w.awaitTold(t, edoc, unknown)
		require.Len(t, w.told(t, edoc), 1)
		require.Equal(t, documentExpired, w.stateOf(t, edoc))
	}
}

// A withheld document is delivered when its recipient joins, and stays withheld while the recipient cannot receive.
func TestWithheldDocumentFollowsItsRecipient(t *testing.T) {
	t.Parallel()
	w := withQuota(t)
	sender, p := uuid.NewString(), someone()
	for range 2 {
		w.send(t, send{to: nobody(), sender: sender})
	}
	edoc, office := w.send(t, send{to: byCI(p), sender: sender}), w.send(t, send{to: byBusiness("1234567891"), sender: sender})
	w.awaitWithheld(t, edoc)
	w.awaitWithheld(t, office)
	w.institution(t, "Office_1", "1234567891")
	w.awaitWithheld(t, office)
	w.requireDay(t, sender, 4, 4)
	w.member(t, p)
	w.awaitTold(t, edoc, own)
	require.Len(t, w.told(t, edoc), 1)

	cancelled := w.send(t, send{to: nobody(), sender: sender})
	w.awaitWithheld(t, cancelled)
	w.cancel(t, cancelled)
	require.Equal(t, documentCancelled, w.stateOf(t, cancelled))
}

// Senders whose searches today are mostly fruitless are counted once they have made enough searches.
func TestConspicuousSendersAreCounted(t *testing.T) {
	t.Parallel()
	w := withQuota(t)
	p := someone()
	w.member(t, p)
	requireGauge := func(want float64) {
		t.Helper()
		families, err := w.Env.Gatherer.Gather()
		require.NoError(t, err)
		for _, family := range families {
			if family.GetName() == "naru_address_harvesting_senders" {
				require.InDelta(t, want, family.GetMetric()[0].GetGauge().GetValue(), 0)
				return
			}
		}
		require.Fail(t, "the metric is not shown")
	}
	sendAll := func(sender string, found, fruitless int) {
		for range found {
			w.send(t, send{to: byCI(p), sender: sender})
		}
		for range fruitless {
			w.send(t, send{to: nobody(), sender: sender})
		}
	}
	sendAll("few", 0, 3)
	sendAll("mostly-found", 3, 2)
	requireGauge(0)
	sendAll("half", 2, 2)
	sendAll("none", 0, 5)
	requireGauge(2)
	w.Advance(t, 24*time.Hour)
	requireGauge(0)
}

// Old counts are deleted; those that an operator may ask for stay.
func TestCountsOfOldDaysGo(t *testing.T) {
	t.Parallel()
	w := withQuota(t)
	for _, days := range []int{0, 7, 8} {
		_, err := addTallies(t.Context(), w.App, dayOf(w.Clock.Now().AddDate(0, 0, -days)), []tally{{edoc: fmt.Sprint(days), sender: "s", searched: true}})
		require.NoError(t, err)
	}
	require.NoError(t, purgeDays(t.Context(), w.App, dayOf(w.Clock.Now().AddDate(0, 0, -keptDays))))
	require.Equal(t, 2, w.count(t, `select count(*) from sender_day`))
}

package address

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/pkg/work"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// If a document and the joining of its recipient come at the same moment, the member receives the document, whichever was first.
func TestDocumentAndJoiningAtTheSameMoment(t *testing.T) {
	t.Parallel()
	const rounds = 60
	w := setup(t)
	w.member(t, someone()) // loads the token keys before the race
	numbers := make([]string, rounds)
	var all sync.WaitGroup
	for round := range rounds {
		p := someone()
		recipient := w.prove(t, p)
		to := byCI(p)
		if round%2 == 1 {
			to = byFacts(p)
		}
		event := w.accepted(t, send{to: to, lane: platformv1.Lane(1 + round%2)})
		numbers[round] = event.Subject
		frames := unittest.Frames(t, platformv1.Lane(1+round%2), event)
		start := make(chan struct{})
		all.Go(func() {
			<-start
			w.DeliverFrames(t, frames...)
		})
		all.Go(func() {
			<-start
			w.ask(t, recipient)
		})
		close(start)
	}
	all.Wait()
	for _, edoc := range numbers {
		w.awaitTold(t, edoc, own)
		require.Equal(t, documentOwn, w.stateOf(t, edoc))
	}
	require.Zero(t, w.count(t, `select count(*) from due_document`))
	outcomes := unittest.Facts[*addressv1.RecipientResolved](t, w.Bench)
	outcomes = slices.DeleteFunc(outcomes, func(m *addressv1.RecipientResolved) bool { return m.GetResolution() != own })
	require.Len(t, outcomes, rounds)
}

// A joining that is confirmed while a document is being decided waits for that decision, and then finds the document.
func TestJoiningWaitsForDocumentBeingDecided(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	recipient := w.prove(t, p)
	event := w.accepted(t, send{to: byCI(p)})
	accepted, _ := event.Message.(*intakev1.DocumentAccepted)
	found, err := matcher{platform: unittest.Platform, index: w.Env.Index}.of(t.Context(), byCI(p))
	require.NoError(t, err)

	require.NoError(t, w.Env.Journal.InTx(t.Context(), func(tx *journal.Tx) error {
		lockMatches(tx, false, found.key)
		require.NoError(t, pg.Exec(t.Context(), tx, "take the lock", `select`))
		w.ask(t, recipient)
		await.Require(t, unittest.Patience, func() bool {
			return w.count(t, `select count(*) from pg_locks where locktype = 'advisory' and classid = $1 and not granted`, matchLockClass) == 1
		})
		require.Equal(t, addressv1.MemberState_MEMBER_STATE_REGISTERING, w.membership(t, recipient).GetState())
		fresh, err := insertDocuments(t.Context(), tx, []document{{
			edoc: event.Subject, sender: event.Sender, lane: platformv1.Lane_LANE_EXPRESS, state: documentOpen, match: found,
			sealedRecipient: accepted.GetSealedRecipient(), facts: accepted.GetFacts(), sendDeadline: accepted.GetFacts().GetSendDeadline().AsTime(),
		}}, w.Clock.Now())
		require.True(t, fresh[event.Subject])
		return err
	}))
	require.Equal(t, recipient, w.awaitTold(t, event.Subject, own).GetFacts().GetRecipient())
}

// A result that comes after its claim was taken over changes nothing; the search is made again.
func TestLateResultChangesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	hold := make(chan struct{})
	w.hub.set(func(h *fakeHub) { h.hold = hold })
	edoc := w.send(t, send{to: byCI(someone())})
	await.Require(t, unittest.Patience, func() bool { return w.count(t, `select count(*) from due_document where owner is not null`) == 1 })
	_, err := w.App.Exec(t.Context(), `update due_document set owner = 'another replica', lease_until = now() + interval '1 hour', attempt = attempt + 1`)
	require.NoError(t, err)
	close(hold)
	await.Require(t, unittest.Patience, func() bool { return w.count(t, `select count(*) from hub_attempt where outcome = 'ok'`) == 1 })
	_, err = w.App.Exec(t.Context(), `update due_document set owner = null, lease_until = null`)
	require.NoError(t, err)
	w.awaitTold(t, edoc, none)
	require.Len(t, w.told(t, edoc), 1)
}

// Claims take turns between senders, so one sender's many documents do not delay another's single one.
func TestClaimsTakeTurns(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var dues []due
	const many = 2 * claimFront
	for n := range many {
		dues = append(dues, due{edoc: fmt.Sprintf("many-%03d", n), sender: "a", in: -time.Hour})
	}
	// A claim visits senders from a random UUID on. These senders sort after every UUID, so every claim visits them.
	dues = append(dues, due{edoc: "single", sender: "z", in: -time.Minute}, due{edoc: "later", sender: "zz", in: time.Hour})
	// Never committed, so that the unit's own loop cannot claim anything.
	tx, err := w.App.Begin(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(context.WithoutCancel(t.Context()))) }()
	require.NoError(t, setDueDocuments(t.Context(), tx, dues))
	lease := work.Lease{Owner: "me", For: time.Minute, Limit: 4}
	claimed, err := claimDocuments(t.Context(), tx, lease)
	require.NoError(t, err)
	require.Len(t, claimed, 4)
	require.True(t, slices.ContainsFunc(claimed, func(c claim) bool { return c.key == "single" }))
	lease.Limit = 2 * many
	rest, err := claimDocuments(t.Context(), tx, lease)
	require.NoError(t, err)
	require.Len(t, rest, claimFront, "of one sender the front at most, and neither what is claimed nor what is not due")

	require.ErrorIs(t, dueDocuments.finish(t.Context(), tx, "somebody else", claimed[0]), work.ErrLost)
	require.NoError(t, dueDocuments.finish(t.Context(), tx, "me", claimed[0]))
}

// Joining finds the waiting documents, however they describe the person. Documents that no longer wait do not change.
func TestJoiningResolvesWaiting(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	first, second, stranger := w.send(t, send{to: byCI(p)}), w.send(t, send{to: byFacts(p), lane: platformv1.Lane_LANE_BULK}), w.send(t, send{to: byCI(someone())})
	cancelled := w.send(t, send{to: byCI(p)})
	for _, edoc := range []string{first, second, stranger, cancelled} {
		w.awaitTold(t, edoc, none)
	}
	w.cancel(t, cancelled)
	recipient, _ := w.member(t, p)
	for _, edoc := range []string{first, second} {
		told := w.awaitTold(t, edoc, own)
		require.Equal(t, recipient, told.GetFacts().GetRecipient())
		require.Len(t, w.told(t, edoc), 2)
	}
	require.Len(t, w.told(t, stranger), 1)
	require.Len(t, w.told(t, cancelled), 1)
	require.Equal(t, 1, w.count(t, `select count(*) from due_document`), "only the stranger's document still waits")
}

// While the hub registers a member's address, documents to the member wait without an outcome.
func TestDocumentWaitsForRegistration(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p, recipient, hold := w.heldUp(t)
	w.ask(t, recipient)
	edoc := w.send(t, send{to: byCI(p)})
	w.hurry(t)
	require.Empty(t, w.told(t, edoc))
	close(hold)
	w.awaitTold(t, edoc, own)
	require.Len(t, w.told(t, edoc), 1)
	require.Zero(t, w.hub.searched())
}

// The same frame again, or the same event in another frame, has no effect.
func TestDuplicatesHaveNoEffect(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	w.member(t, p)
	event, other := w.accepted(t, send{to: byCI(p)}), w.accepted(t, send{to: byCI(someone())})
	frames := unittest.Frames(t, platformv1.Lane_LANE_EXPRESS, event, other, event)
	w.DeliverFrames(t, frames...)
	w.awaitTold(t, other.Subject, none)
	w.DeliverFrames(t, frames...)
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, event, other)
	w.Deliver(t, platformv1.Lane_LANE_BULK, event, other)
	require.Len(t, w.told(t, event.Subject), 1)
	require.Len(t, w.told(t, other.Subject), 1)
	require.Len(t, unittest.Facts[*addressv1.RecipientResolved](t, w.Bench), 2)
}

// While the hub is down a document stays open without an outcome.
func TestHubDownThenUp(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hub.set(func(h *fakeHub) { h.down = true })
	p := someone()
	edoc := w.send(t, send{to: byCI(p)})
	await.Require(t, unittest.Patience, func() bool { return w.hub.searched() >= 3 })
	require.Empty(t, w.told(t, edoc))
	require.Equal(t, documentOpen, w.stateOf(t, edoc))
	w.hub.set(func(h *fakeHub) {
		h.down = false
		h.elsewhere[p.CI] = []*platformv1.PlatformAddress{{PlatformId: "beta-01-relay", Address: "b"}}
	})
	w.awaitTold(t, edoc, peer)
	require.Len(t, w.told(t, edoc), 1)
	require.Positive(t, w.count(t, `select count(*) from hub_attempt where subject = $1 and outcome = 'HUB_UNAVAILABLE'`, edoc))
	require.Equal(t, 1, w.count(t, `select count(*) from hub_attempt where subject = $1 and outcome = 'ok' and exchange <> ''`, edoc))
}

// The hub's answer is used for further documents to the same recipient for a while, but never hides a joining here.
func TestCache(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	w.awaitTold(t, w.send(t, send{to: byCI(p)}), none)
	w.awaitTold(t, w.send(t, send{to: byCI(p)}), none)
	require.Equal(t, 1, w.hub.searched())
	w.Clock.Advance(2 * w.Config.(*Config).CacheTTL.Std())
	w.awaitTold(t, w.send(t, send{to: byCI(p)}), none)
	require.Equal(t, 2, w.hub.searched())
	w.member(t, p)
	require.Equal(t, own, w.told(t, w.send(t, send{to: byCI(p)}))[0].GetResolution())
}

// A recipient may join another relay while a document waits here.
func TestRecheckFindsPeer(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	edoc := w.send(t, send{to: byCI(p)})
	w.awaitTold(t, edoc, none)
	w.hub.set(func(h *fakeHub) {
		h.elsewhere[p.CI] = []*platformv1.PlatformAddress{{PlatformId: "beta-01-relay", Address: "b"}}
	})
	w.Clock.Advance(2 * w.Config.(*Config).CacheTTL.Std())
	w.hurry(t)
	w.awaitTold(t, edoc, peer)
	w.Clock.Advance(2 * w.Config.(*Config).CacheTTL.Std())
	w.hurry(t)
	await.Require(t, unittest.Patience, func() bool { return w.hub.searched() >= 3 })
	require.Len(t, w.told(t, edoc), 2, "an outcome that did not change is not told again")
}

// The search for a document ends at its deadline, but not before an outcome was stated.
func TestDeadlineEndsSearch(t *testing.T) {
	t.Parallel()
	w := setup(t)
	edoc := w.send(t, send{to: byCI(someone())})
	w.awaitTold(t, edoc, none)
	w.Advance(t, 73*time.Hour)
	w.hurry(t)
	await.Require(t, unittest.Patience, func() bool { return w.stateOf(t, edoc) == documentExpired })
	require.Len(t, w.told(t, edoc), 1)
	ended := w.Stated(t, &addressv1.SearchEnded{})
	require.Len(t, ended, 1)
	require.Equal(t, edoc, ended[0].GetSubject())
	require.Zero(t, w.count(t, `select count(*) from open_document where state <> 'open' and (facts is not null or sealed_recipient is not null)`))

	late := w.send(t, send{to: byCI(someone()), deadline: -1})
	w.awaitTold(t, late, none)
	await.Require(t, unittest.Patience, func() bool { return w.stateOf(t, late) == documentExpired })
}

// If the hub has said nothing about the recipient by the deadline, the final outcome is UNKNOWN, stated once. Until then the
// search is repeated.
func TestUnansweredSearchEndsAtDeadline(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fails func(h *fakeHub)
	}{
		{"the hub is down", func(h *fakeHub) { h.down = true }},
		{"the hub takes no searches", func(h *fakeHub) { h.refuseSearches = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.hub.set(c.fails)
			p := someone()
			edoc := w.send(t, send{to: byCI(p)})
			await.Require(t, unittest.Patience, func() bool { return w.hub.searched() >= 3 })
			require.Empty(t, w.told(t, edoc))
			w.Advance(t, 73*time.Hour)
			w.hurry(t)
			told := w.awaitTold(t, edoc, unknown)
			require.False(t, told.GetResolvedAt().AsTime().Before(told.GetFacts().GetSendDeadline().AsTime()))
			require.Empty(t, told.GetFacts().GetRecipient())
			require.Nil(t, told.GetFacts().GetTo())
			require.Equal(t, documentExpired, w.stateOf(t, edoc))
			require.Equal(t, []string{"deadline", ""}, []string{told.GetSource(), told.GetExchange()})
			require.Len(t, w.told(t, edoc), 1)
			require.Empty(t, w.Stated(t, &addressv1.SearchEnded{}), "the outcome says that the search is over")
			require.Zero(t, w.count(t, `select count(*) from due_document`))
			w.hub.set(func(h *fakeHub) { h.down, h.refuseSearches = false, false })
			w.member(t, p)
			require.Len(t, w.told(t, edoc), 1, "it is final")
		})
	}
}

// A member whose address the hub does not confirm before the deadline counts as unknown.
func TestUnconfirmedMemberEndsAtDeadline(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hub.set(func(h *fakeHub) { h.down = true })
	p := someone()
	w.ask(t, w.prove(t, p))
	edoc := w.send(t, send{to: byCI(p)})
	require.Empty(t, w.told(t, edoc))
	w.Advance(t, 73*time.Hour)
	w.hurry(t)
	w.awaitTold(t, edoc, unknown)
	require.Equal(t, documentExpired, w.stateOf(t, edoc))
}

// A search that is postponed beyond its deadline ends at the deadline.
func TestSearchIsNotPutOffPastDeadline(t *testing.T) {
	t.Parallel()
	w := setup(t, unittest.Config(func(c *Config) {
		c.Lookup.Interval = config.Duration(10 * time.Millisecond)
		c.Lookup.FirstBackoff, c.Lookup.MaxBackoff = config.Duration(time.Hour), config.Duration(time.Hour)
	}))
	w.hub.set(func(h *fakeHub) { h.down = true })
	edoc := w.send(t, send{to: byCI(someone()), deadline: 500 * time.Millisecond})
	await.Require(t, unittest.Patience, func() bool { return w.count(t, `select count(*) from due_document where failures > 0`) == 1 })
	w.Clock.Advance(500 * time.Millisecond)
	w.awaitTold(t, edoc, unknown)
}

// A new key is fetched before the transaction, so that one connection suffices and intake is never asked inside a transaction.
func TestFirstSeenKeyNeedsNoSecondConnection(t *testing.T) {
	t.Parallel()
	w := setup(t, unittest.Connections(1))
	edoc := w.accepted(t, send{to: byAddress("beta-01-relay", "somebody", "")})
	delivered := make(chan struct{})
	go func() {
		defer close(delivered)
		w.Deliver(t, platformv1.Lane_LANE_EXPRESS, edoc)
	}()
	select {
	case <-delivered:
	case <-time.After(5 * time.Second):
		require.Fail(t, "the document waits for a connection that its own transaction holds")
	}
	require.Equal(t, peer, w.told(t, edoc.Subject)[0].GetResolution())
	require.Equal(t, 1, w.count(t, `select count(*) from sealed_key where purpose = $1`, string(sealedDescription)))
}

func (w *world) cancel(t testing.TB, edoc string) {
	t.Helper()
	event := w.accepted(t, send{to: byCI(someone())})
	event.Subject, event.Message = edoc, &intakev1.CancelRequested{EdocNum: edoc, Lane: platformv1.Lane_LANE_EXPRESS}
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, event)
}

// A cancel is decided here during the search, even if the request arrives before the document.
func TestCancel(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	w.member(t, p)
	found, waiting := w.send(t, send{to: byCI(p)}), w.send(t, send{to: byCI(someone())})
	overtaken := w.accepted(t, send{to: byCI(someone()), sender: uuid.NewString()})
	w.cancel(t, found)
	w.cancel(t, waiting)
	w.cancel(t, waiting)
	w.cancel(t, overtaken.Subject)
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, overtaken)
	stopped := unittest.AwaitFacts[*addressv1.DocumentCancelled](t, w.Bench, 2)
	require.Len(t, stopped, 2)
	require.ElementsMatch(t, []string{waiting, overtaken.Subject}, []string{stopped[0].GetEdocNum(), stopped[1].GetEdocNum()})
	require.Equal(t, documentOwn, w.stateOf(t, found))
	require.Equal(t, documentCancelled, w.stateOf(t, overtaken.Subject))
}

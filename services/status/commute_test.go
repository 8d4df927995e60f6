package status_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

const (
	own, noConsent, peer = addressv1.Resolution_RESOLUTION_OWN, addressv1.Resolution_RESOLUTION_OWN_WITHOUT_CONSENT, addressv1.Resolution_RESOLUTION_PEER
	none, unknown        = addressv1.Resolution_RESOLUTION_NONE, addressv1.Resolution_RESOLUTION_UNKNOWN
	refused, ambiguous   = addressv1.Resolution_RESOLUTION_REFUSED, addressv1.Resolution_RESOLUTION_AMBIGUOUS
)

// story returns everything that can happen to a document that is finally read, including events that exclude each other.
func (o *office) story(f *platformv1.DocumentFacts) []journal.Fact {
	return []journal.Fact{
		o.accepted(f), o.cancelRequested(f, 5), o.resolved(f, 1, none, 1), o.resolved(f, 2, noConsent, 2), o.resolved(f, 3, own, 3),
		o.invited(f, 1, 6), o.invited(f, 2, 8), o.unreachable(f, 7), o.received(f, 10), o.noticeGiven(f, 11), o.cancelRefused(f, 12),
		o.expired(f, 13), o.failed(f, 14), o.cancelled(f, 16), o.cancelledByAddress(f, 15),
		o.issued(f, 1, 20), o.issued(f, 2, 30), o.verified(f, 1, 21), o.verified(f, 2, 31), o.read(f, 32),
		o.refused(f, 1, false, 3, 40), o.refused(f, 3, false, 9, 41), o.registered(f, 1, 50), o.refused(f, 2, true, 3, 51), o.readTimeRegistered(f, 2, 60),
		o.certificateIssued(f, 70), o.certificateFailed(f, 80),
	}
}

// In whatever order and however often a document's events come, its summary and its timeline are the same.
func TestEventsCommute(t *testing.T) {
	t.Parallel()
	const orders = 24
	o := setup(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	documents := make([]*platformv1.DocumentFacts, orders)
	plans := make([][]journal.Fact, orders)
	longest := 0
	for i := range documents {
		documents[i] = o.document()
		documents[i].Batch = "batch-1"
		events := o.story(documents[i])
		for range 8 { // repetitions
			events = append(events, events[random.IntN(len(events))])
		}
		if i > 0 { // the first document's events come in order
			random.Shuffle(len(events), func(a, b int) { events[a], events[b] = events[b], events[a] })
		}
		plans[i] = events
		longest = max(longest, len(events))
	}
	// All documents advance together in steps of two events, so that frames hold many documents, and sometimes one document
	// twice.
	for step := 0; step < longest; step += 2 {
		byKind := map[frame.Kind][]journal.Fact{}
		for _, events := range plans {
			for _, e := range events[step:min(step+2, len(events))] {
				kind := frame.KindOf(e.Message)
				byKind[kind] = append(byKind[kind], e)
			}
		}
		for _, kind := range slices.Sorted(maps.Keys(byKind)) {
			lane := express
			if random.IntN(2) == 0 {
				lane = bulk
			}
			o.Deliver(t, lane, byKind[kind]...)
		}
	}

	want := &statusv1.DocumentStatus{
		State: statusv1.DocumentState_DOCUMENT_STATE_READ, AcceptedAt: o.stamp(0), SentAt: o.stamp(10), ReceivedAt: o.stamp(10), ReadAt: o.stamp(32),
		RecipientAddress: "recipient-address", SendDeadline: o.stamp(100_000), ViewingDeadline: o.stamp(200_000),
		TokenIssuedAt: o.stamp(30), TokenVerifiedAt: o.stamp(31), Repeats: "20200101_NARUTEST01_0000000000009", Reason: "ADDRESS_WITHDRAWN",
		CancelRefused: true, Actor: sender, InvitedAt: o.stamp(8), Batch: "batch-1",
		Hub: &statusv1.HubStatus{RegistrationResult: 1, RegisteredAt: o.stamp(50), ReadTimeResult: 2, ReadTimeRegisteredAt: o.stamp(60)},
	}
	// accepted, sent, received, read, expired, failed, cancelled, cancel refused, registered, read time: 10; resolutions: 3;
	// tokens issued and verified: 2 and 2; the highest ordinals of the refusals: 3 and 2; invitations: 2; unreachable: 1.
	want.Version = 10 + 3 + 2 + 2 + 3 + 2 + 2 + 1
	for i, f := range documents {
		want.EdocNum, want.OwnKey = f.GetEdocNum(), f.GetOwnKey()
		got := o.status(t, f)
		require.True(t, proto.Equal(want, got), "order %d: %s", i, protojson.Format(got))
		require.Equal(t, identities(o.story(f)), shownIdentities(o.timeline(t, f)), "order %d", i)
	}
}

func identities(events []journal.Fact) []string {
	var all []string
	for _, e := range events {
		all = append(all, fmt.Sprintf("%s/%d", frame.KindOf(e.Message), max(e.Ordinal, 1)))
	}
	slices.Sort(all)
	return all
}

func shownIdentities(entries []*statusv1.TimelineEntry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, fmt.Sprintf("%s/%d", e.GetKind(), e.GetOrdinal()))
	}
	slices.Sort(all)
	return all
}

// The state follows from the facts by rank, whichever comes last. Every change of the summary is a new version.
func TestStates(t *testing.T) {
	t.Parallel()
	o := setup(t)
	type events = func(f *platformv1.DocumentFacts) []journal.Fact
	for _, test := range []struct {
		name   string
		events events
		state  statusv1.DocumentState
	}{
		{"accepted", func(*platformv1.DocumentFacts) []journal.Fact { return nil }, statusv1.DocumentState_DOCUMENT_STATE_ACCEPTED},
		{"own", func(f *platformv1.DocumentFacts) []journal.Fact { return []journal.Fact{o.resolved(f, 1, own, 1)} }, statusv1.DocumentState_DOCUMENT_STATE_ACCEPTED},
		{"none", func(f *platformv1.DocumentFacts) []journal.Fact { return []journal.Fact{o.resolved(f, 1, none, 1)} }, statusv1.DocumentState_DOCUMENT_STATE_AWAITING_MEMBERSHIP},
		{"no consent", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.resolved(f, 2, noConsent, 2), o.resolved(f, 1, none, 1)}
		}, statusv1.DocumentState_DOCUMENT_STATE_AWAITING_CONSENT},
		{"peer", func(f *platformv1.DocumentFacts) []journal.Fact { return []journal.Fact{o.resolved(f, 1, peer, 1)} }, statusv1.DocumentState_DOCUMENT_STATE_RECIPIENT_AT_OTHER_RELAY},
		{"refused", func(f *platformv1.DocumentFacts) []journal.Fact { return []journal.Fact{o.resolved(f, 1, refused, 1)} }, statusv1.DocumentState_DOCUMENT_STATE_REFUSED},
		{"ambiguous", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.resolved(f, 1, ambiguous, 1)}
		}, statusv1.DocumentState_DOCUMENT_STATE_RECIPIENT_AMBIGUOUS},
		{"joined later", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.resolved(f, 2, own, 2), o.resolved(f, 1, none, 1)}
		}, statusv1.DocumentState_DOCUMENT_STATE_ACCEPTED},
		{"received", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.received(f, 3), o.cancelledByAddress(f, 4), o.expired(f, 5)}
		}, statusv1.DocumentState_DOCUMENT_STATE_RECEIVED},
		{"read", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.read(f, 9), o.received(f, 3)}
		}, statusv1.DocumentState_DOCUMENT_STATE_READ},
		{"expired", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.expired(f, 9), o.resolved(f, 1, none, 1)}
		}, statusv1.DocumentState_DOCUMENT_STATE_EXPIRED},
		{"never found out", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.resolved(f, 1, unknown, 8), o.expired(f, 9)}
		}, statusv1.DocumentState_DOCUMENT_STATE_EXPIRED},
		{"cancelled", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.cancelRequested(f, 8), o.cancelled(f, 9)}
		}, statusv1.DocumentState_DOCUMENT_STATE_CANCELLED},
		{"cancelled by address", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.cancelledByAddress(f, 9), o.resolved(f, 1, noConsent, 1)}
		}, statusv1.DocumentState_DOCUMENT_STATE_CANCELLED},
		{"invited", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.invited(f, 2, 3), o.resolved(f, 1, none, 1), o.invited(f, 1, 2)}
		}, statusv1.DocumentState_DOCUMENT_STATE_AWAITING_MEMBERSHIP},
		{"unreachable", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.unreachable(f, 2), o.resolved(f, 1, none, 1)}
		}, statusv1.DocumentState_DOCUMENT_STATE_UNREACHABLE},
		{"unreachable to the end", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.expired(f, 9), o.resolved(f, 1, none, 1), o.unreachable(f, 2)}
		}, statusv1.DocumentState_DOCUMENT_STATE_UNREACHABLE},
		{"unreachable, then a member elsewhere", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.resolved(f, 1, none, 1), o.unreachable(f, 2), o.resolved(f, 2, peer, 3)}
		}, statusv1.DocumentState_DOCUMENT_STATE_RECIPIENT_AT_OTHER_RELAY},
		{"unreachable, and cancelled", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.resolved(f, 1, none, 1), o.unreachable(f, 2), o.cancelled(f, 3)}
		}, statusv1.DocumentState_DOCUMENT_STATE_CANCELLED},
		{"unreachable, and received after all", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.resolved(f, 1, none, 1), o.unreachable(f, 2), o.received(f, 3)}
		}, statusv1.DocumentState_DOCUMENT_STATE_RECEIVED},
		{"nobody at the contact", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.failedFor(f, "NO_SUCH_PERSON", 9)}
		}, statusv1.DocumentState_DOCUMENT_STATE_NO_SUCH_PERSON},
		{"invitation refused", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.failedFor(f, "INVITATION_REFUSED", 9)}
		}, statusv1.DocumentState_DOCUMENT_STATE_INVITATION_REFUSED},
		{"invitation failed", func(f *platformv1.DocumentFacts) []journal.Fact {
			return []journal.Fact{o.failedFor(f, "INVITATION_FAILED", 9)}
		}, statusv1.DocumentState_DOCUMENT_STATE_INVITATION_FAILED},
		{"failed", func(f *platformv1.DocumentFacts) []journal.Fact { return []journal.Fact{o.failed(f, 9)} }, statusv1.DocumentState_DOCUMENT_STATE_FAILED},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := o.document()
			o.tell(t, o.accepted(f))
			before := o.status(t, f)
			require.Equal(t, statusv1.DocumentState_DOCUMENT_STATE_ACCEPTED, before.GetState())
			for _, e := range test.events(f) {
				o.tell(t, e)
				after := o.status(t, f)
				same := proto.Clone(after).(*statusv1.DocumentStatus)
				same.Version = before.GetVersion()
				if proto.Equal(before, same) {
					require.GreaterOrEqual(t, after.GetVersion(), before.GetVersion())
				} else {
					require.Greater(t, after.GetVersion(), before.GetVersion())
				}
				before = after
			}
			require.Equal(t, test.state, before.GetState())
		})
	}
}

// The timeline says that the recipient could not be determined; the summary never claims that there is none.
func TestUnknownRecipientIsTold(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.document()
	o.tell(t, o.accepted(f), o.resolved(f, 1, unknown, 8))
	require.Equal(t, statusv1.DocumentState_DOCUMENT_STATE_ACCEPTED, o.status(t, f).GetState())
	o.tell(t, o.expired(f, 9))
	require.Equal(t, statusv1.DocumentState_DOCUMENT_STATE_EXPIRED, o.status(t, f).GetState())
	entries := o.timeline(t, f)
	require.Len(t, entries, 3)
	require.Equal(t, "UNKNOWN", entries[1].GetDetails()["resolution"])
}

// What an operator gave up waits for nobody any more and says so, in whatever order the facts come.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	for _, order := range [][]int{{0, 1}, {1, 0}} {
		o := setup(t)
		f := o.document()
		given := journal.Fact{
			Subject: f.GetEdocNum(), Ordinal: 1, Sender: f.GetSender(), Actor: "operator", OccurredAt: o.at(4),
			Message: &circulationv1.CirculationGivenUp{EdocNum: f.GetEdocNum(), Sender: f.GetSender(), Refusal: "HUB_RESULT_3", GivenUpAt: o.stamp(4)},
		}
		facts := []journal.Fact{o.refused(f, 1, false, 3, 3), given}
		hub := o.statusAfter(t, f, o.accepted(f), o.received(f, 1), facts[order[0]], facts[order[1]])
		require.True(t, hub.GetGivenUp())
		require.False(t, hub.GetQueued() || hub.GetRetried())
		require.Equal(t, "HUB_RESULT_3", hub.GetRefusal())
		entries := o.timeline(t, f)
		last := entries[len(entries)-1]
		require.Equal(t, "naru.circulation.v1.CirculationGivenUp", last.GetKind())
		require.Equal(t, map[string]string{"call": "REGISTRATION", "refusal": "HUB_RESULT_3"}, last.GetDetails())
	}
}

// What the hub refuses and may change its mind about goes again by itself, and says so until it is registered or a person must
// look.
func TestHubStatusOfWhatIsRetried(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.document()
	again := func(ordinal uint32, readTime bool, result int32, second int) journal.Fact {
		fact := o.refused(f, ordinal, readTime, result, second)
		fact.Message.(*circulationv1.CirculationRefused).Retried = true
		return fact
	}
	require.Empty(t, o.statusAfter(t, f, o.accepted(f), o.received(f, 1)).GetRefusal())
	hub := o.statusAfter(t, f, again(1, false, 42, 2))
	require.True(t, hub.GetRetried())
	require.False(t, hub.GetQueued())
	require.Equal(t, "HUB_RESULT_42", hub.GetRefusal())
	require.Equal(t, int32(42), hub.GetRegistrationResult())
	hub = o.statusAfter(t, f, o.refused(f, 9, false, 42, 3))
	require.False(t, hub.GetRetried())
	require.True(t, hub.GetQueued(), "too old to be retried")
	hub = o.statusAfter(t, f, again(7, false, 5, 3))
	require.True(t, hub.GetQueued(), "what was told before and comes late")
	require.Equal(t, "HUB_RESULT_42", hub.GetRefusal())
	hub = o.statusAfter(t, f, o.registered(f, 1, 4))
	require.Empty(t, hub.GetRefusal())
	require.False(t, hub.GetRetried() || hub.GetQueued())
	hub = o.statusAfter(t, f, again(2, true, 4, 5))
	require.True(t, hub.GetRetried())
	require.Equal(t, "HUB_RESULT_4", hub.GetRefusal())
	hub = o.statusAfter(t, f, o.readTimeRegistered(f, 1, 6))
	require.Empty(t, hub.GetRefusal())
}

// statusAfter tells facts and is what the sender then sees of the hub.
func (o *office) statusAfter(t *testing.T, f *platformv1.DocumentFacts, told ...journal.Fact) *statusv1.HubStatus {
	t.Helper()
	o.tell(t, told...)
	return o.status(t, f).GetHub()
}

// What the hub refused waits for a person until it is registered.
func TestHubStatus(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.document()
	o.tell(t, o.accepted(f), o.received(f, 1), o.refused(f, 1, false, 5, 2))
	hub := o.status(t, f).GetHub()
	require.True(t, hub.GetQueued())
	require.Equal(t, int32(5), hub.GetRegistrationResult())
	require.Nil(t, hub.GetRegisteredAt())
	o.tell(t, o.registered(f, 1, 3))
	require.False(t, o.status(t, f).GetHub().GetQueued())
	o.tell(t, o.refused(f, 2, true, 9, 6))
	hub = o.status(t, f).GetHub()
	require.True(t, hub.GetQueued())
	require.Equal(t, int32(1), hub.GetRegistrationResult())
	require.Equal(t, int32(9), hub.GetReadTimeResult())
	o.tell(t, o.readTimeRegistered(f, 1, 9))
	require.False(t, o.status(t, f).GetHub().GetQueued())

	// "Already registered" waits until an operator accepts it. The time of registration is then that of the hub's answer, which
	// is before the refusal's.
	accepted := o.document()
	o.tell(t, o.accepted(accepted), o.received(accepted, 1), o.refused(accepted, 1, false, 2, 5))
	require.True(t, o.status(t, accepted).GetHub().GetQueued())
	o.tell(t, o.registered(accepted, 2, 4))
	hub = o.status(t, accepted).GetHub()
	require.False(t, hub.GetQueued())
	require.Equal(t, o.at(4), hub.GetRegisteredAt().AsTime())
	// A later refusal makes it queued again.
	o.tell(t, o.refused(accepted, 3, false, 3, 7))
	require.True(t, o.status(t, accepted).GetHub().GetQueued())
}

package circulation_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// A received document is registered with exactly its facts; the registration is stated, proved and shown.
func TestRegistersAReceivedDocument(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.facts(t)
	o.Deliver(t, express, received(f))

	stated := unittest.AwaitFacts[*circulationv1.CirculationRegistered](t, o.Bench, 1)[0]
	require.Equal(t, int32(1), stated.GetResult())
	require.Equal(t, "exchange-1", stated.GetExchange())
	require.Equal(t, answeredAt, stated.GetAcknowledgedAt().AsTime())
	require.Equal(t, f.GetRecipient(), stated.GetRecipient())
	require.Equal(t, f.GetFrom().GetAddress(), stated.GetFrom().GetAddress())
	require.Equal(t, f.GetTo().GetAddress(), stated.GetTo().GetAddress())
	envelope := o.Stated(t, &circulationv1.CirculationRegistered{})[0]
	require.Equal(t, f.GetEdocNum(), envelope.GetSubject())
	require.Equal(t, uint32(1), envelope.GetOrdinal())
	require.NotEmpty(t, envelope.GetCausation())

	o.hub.do(func() {
		require.Len(t, o.hub.items, 1)
		item := o.hub.items[0]
		require.Equal(t, canary, item.GetTitle())
		require.Equal(t, "desk", item.GetFrom().GetSubAddress())
		require.Equal(t, f.GetSentAt().AsTime(), item.GetSentAt().AsTime())
		require.Equal(t, f.GetReceivedAt().AsTime(), item.GetReceivedAt().AsTime())
		require.Equal(t, f.GetDocumentHash().GetValue(), item.GetDocumentHash().GetValue())
		require.Equal(t, f.GetDocumentType(), item.GetDocumentType())
		require.Len(t, item.GetAttachmentHashes(), 2)
		require.Equal(t, "SHA-256", item.GetAttachmentHashes()[0].GetAlgorithm())
		require.Equal(t, f.GetAttachmentHashes()[1].GetValue(), item.GetAttachmentHashes()[1].GetValue())
	})

	r := o.awaitCalls(t, f.GetEdocNum(), isDone, isWaiting)
	require.Equal(t, int32(1), r.GetRegistration().GetResult())
	require.Equal(t, answeredAt, r.GetRegistration().GetAcknowledgedAt().AsTime())
	require.Equal(t, unittest.Platform, r.GetRegistrar())

	proofs := o.proofs(t, f.GetEdocNum(), false)
	require.Len(t, proofs, 1)
	require.Equal(t, "ANSWERED", proofs[0].GetOutcome())
	require.Equal(t, "exchange-1", proofs[0].GetExchange())
	require.Equal(t, int32(1), proofs[0].GetResult())
	require.Equal(t, answeredAt, proofs[0].GetEndedAt().AsTime())
	require.Equal(t, o.attempts(t, f.GetEdocNum(), 1)[0].digest, proofs[0].GetContentDigest())

	// Record and call name the commit that states the registration.
	var call string
	var ofCall, ofRecord uuid.UUID
	require.NoError(t, o.App.QueryRow(t.Context(), `
		select c.id::text, c.commit_id, r.commit_id
		from   circulation_record r join hub_call c on c.id = r.registration_call
		where  r.edoc_num = $1`, f.GetEdocNum()).Scan(&call, &ofCall, &ofRecord))
	require.Equal(t, ofCall, ofRecord)
	require.NoError(t, journal.Find(t.Context(), o.App, "circulation", ofCall, call, &circulationv1.HubCallSettled{}))
	require.NoError(t, journal.Find(t.Context(), o.App, "circulation", ofCall, f.GetEdocNum(), &circulationv1.CirculationRegistered{}))
}

// scripted is the sequence of the hub's answers to a document's calls, with the expected state.
type scripted struct {
	name     string
	script   []int32
	state    circulationv1.CallState
	reason   string
	attempts int32
	// confirmed is the number of confirmations asked for, registrations that of registrations sent.
	confirmed, registrations int
}

// Every result of the registration has the consequence that hub-interface 7.3 and the design require.
func TestResultsOfTheRegistration(t *testing.T) {
	t.Parallel()
	o := setup(t)
	for _, test := range []scripted{
		{name: "registered", script: []int32{1}, state: isDone, attempts: 1},
		{name: "already, never sent by us", script: []int32{2}, state: isQueued, reason: "HUB_RESULT_2", attempts: 1},
		{name: "times out of order", script: []int32{3}, state: isQueued, reason: "HUB_RESULT_3", attempts: 1},
		{name: "no sender address", script: []int32{4}, state: isQueued, reason: "HUB_RESULT_4", attempts: 1},
		{name: "no recipient address, then registered", script: []int32{5, 5, 1}, state: isDone, attempts: 3, confirmed: 2},
		{name: "no recipient address too often", script: []int32{5, 5, 5, 5}, state: isQueued, reason: "HUB_RESULT_5", attempts: 4, confirmed: 3},
		{name: "unknown sending platform", script: []int32{6}, state: isQueued, reason: "HUB_RESULT_6", attempts: 1},
		{name: "unknown receiving platform", script: []int32{7}, state: isQueued, reason: "HUB_RESULT_7", attempts: 1},
		{name: "other", script: []int32{9}, state: isQueued, reason: "HUB_RESULT_9", attempts: 1},
		{name: "unknown to us", script: []int32{42}, state: isQueued, reason: "HUB_RESULT_42", attempts: 1},
		{name: "left out of the answer, then registered", script: []int32{0, 1}, state: isDone, attempts: 2},
		{name: "left out of the answer, then already", script: []int32{0, 2}, state: isDone, attempts: 2},
		{name: "answer lost, then already", script: []int32{lost, 2}, state: isDone, attempts: 2},
		{name: "no recipient address, then already by somebody else", script: []int32{5, 2}, state: isQueued, reason: "HUB_RESULT_2", attempts: 2, confirmed: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := o.facts(t)
			o.hub.do(func() { o.hub.scripts[f.GetEdocNum()] = test.script })
			o.Deliver(t, express, received(f))
			r := o.awaitCalls(t, f.GetEdocNum(), test.state, isWaiting).GetRegistration()
			require.Equal(t, test.attempts, r.GetAttempts())
			require.Equal(t, test.script[len(test.script)-1], r.GetResult())
			require.Equal(t, test.reason, r.GetQueueReason())
			require.Len(t, o.attempts(t, f.GetEdocNum(), 1), len(test.script))
			require.Equal(t, test.confirmed, o.confirmations(f.GetTo().GetAddress()))
			if test.state == isQueued {
				refused := o.refusal(t, f.GetEdocNum())
				require.False(t, refused.GetReadTime())
				require.Equal(t, r.GetResult(), refused.GetResult())
				require.NotEmpty(t, refused.GetExchange())
				require.NotNil(t, r.GetQueuedAt())
			}
		})
	}
}

// Every result of the read-time call has the consequence that hub-interface 7.4 and the design require.
func TestResultsOfTheReadTime(t *testing.T) {
	t.Parallel()
	o := setup(t)
	for _, test := range []scripted{
		{name: "registered", script: []int32{1}, state: isDone, attempts: 1, registrations: 1},
		{name: "already", script: []int32{2}, state: isDone, attempts: 1, registrations: 1},
		{name: "earlier than receipt", script: []int32{3}, state: isQueued, reason: "HUB_RESULT_3", attempts: 1, registrations: 1},
		{name: "not registered, registered again, then taken", script: []int32{4, 4, 1}, state: isDone, attempts: 3, registrations: 3},
		{name: "not registered too often", script: []int32{4, 4, 4, 4}, state: isQueued, reason: "HUB_RESULT_4", attempts: 4, registrations: 4},
		{name: "other", script: []int32{9}, state: isQueued, reason: "HUB_RESULT_9", attempts: 1, registrations: 1},
		{name: "left out of the answer, then taken", script: []int32{0, 1}, state: isDone, attempts: 2, registrations: 1},
		{name: "answer lost, then already", script: []int32{lost, 2}, state: isDone, attempts: 2, registrations: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := o.facts(t)
			o.hub.do(func() { o.hub.scripts[f.GetEdocNum()+"/read"] = test.script })
			o.Deliver(t, express, received(f))
			o.Deliver(t, express, read(f))
			r := o.awaitCalls(t, f.GetEdocNum(), isDone, test.state).GetReadTime()
			require.Equal(t, test.attempts, r.GetAttempts())
			require.Equal(t, test.reason, r.GetQueueReason())
			require.Len(t, o.attempts(t, f.GetEdocNum(), 1), test.registrations)
			require.Equal(t, 1, o.statedOf(t, f.GetEdocNum()), "a registration is stated once")
			if test.state == isQueued {
				require.True(t, o.refusal(t, f.GetEdocNum()).GetReadTime())
			}
			o.hub.do(func() {
				for _, item := range o.hub.readItems {
					if item.GetEdocNum() == f.GetEdocNum() {
						require.Equal(t, f.GetReceivedAt().AsTime().Add(10*time.Second), item.GetReadAt().AsTime())
					}
				}
			})
		})
	}
}

// Records that this relay does not register, and read times that the hub does not take, are stored and never sent.
func TestWhatIsNotSent(t *testing.T) {
	t.Parallel()
	o := setup(t)
	without, foreign, silent, last := o.facts(t), o.facts(t), o.facts(t), o.facts(t)
	without.Circulation = false
	foreign.Registrar = "other-01-relay"
	silent.DocumentType = platformv1.DocumentType_DOCUMENT_TYPE_NOTICE_WITHOUT_READ_TIME
	o.Deliver(t, express, received(without), received(foreign), received(silent), received(last))
	o.Deliver(t, express, read(without), read(foreign), read(silent), read(last))

	o.awaitCalls(t, last.GetEdocNum(), isDone, isDone)
	o.awaitCalls(t, silent.GetEdocNum(), isDone, isNotNeeded)
	r := o.awaitCalls(t, without.GetEdocNum(), isNotNeeded, isNotNeeded)
	require.Equal(t, without.GetReceivedAt().AsTime(), r.GetReceivedAt().AsTime())
	require.Equal(t, "other-01-relay", o.awaitCalls(t, foreign.GetEdocNum(), isNotNeeded, isNotNeeded).GetRegistrar())
	o.hub.do(func() {
		require.Len(t, o.hub.items, 2)
		require.Len(t, o.hub.readItems, 1)
		require.Equal(t, last.GetEdocNum(), o.hub.readItems[0].GetEdocNum())
	})
}

func (o *office) confirmations(address string) int {
	o.addresses.mu.Lock()
	defer o.addresses.mu.Unlock()
	n := 0
	for _, one := range o.addresses.confirmed {
		if one == address {
			n++
		}
	}
	return n
}

// refusal returns the only refusal stated about a document.
func (o *office) refusal(t *testing.T, number string) *circulationv1.CirculationRefused {
	t.Helper()
	var found []*circulationv1.CirculationRefused
	for _, r := range unittest.Facts[*circulationv1.CirculationRefused](t, o.Bench) {
		if r.GetEdocNum() == number {
			found = append(found, r)
		}
	}
	require.Len(t, found, 1)
	return found[0]
}

// statedOf counts the registrations stated about a document.
func (o *office) statedOf(t *testing.T, number string) int {
	t.Helper()
	n := 0
	for _, r := range unittest.Facts[*circulationv1.CirculationRegistered](t, o.Bench) {
		if r.GetEdocNum() == number {
			n++
		}
	}
	return n
}

// A document whose sender wanted no circulation has no registrar (intake leaves it empty). Its record is stored like any other
// (Act 18-5), with all its times, but never sent to the hub.
func TestRecordWithoutCirculationIsKept(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.facts(t)
	f.Circulation, f.Registrar = false, ""
	o.Deliver(t, express, received(f))
	o.Deliver(t, express, read(f))
	var parked []string
	require.NoError(t, o.App.QueryRow(t.Context(), `select array_agg(reason) from parked_event`).Scan(&parked))
	require.Empty(t, parked)
	r := o.awaitCalls(t, f.GetEdocNum(), isNotNeeded, isNotNeeded)
	require.Empty(t, r.GetRegistrar())
	require.Equal(t, f.GetReceivedAt().AsTime(), r.GetReceivedAt().AsTime())
	require.Equal(t, f.GetReceivedAt().AsTime().Add(10*time.Second), r.GetReadAt().AsTime())
	o.hub.do(func() { require.Zero(t, o.hub.calls) })
}

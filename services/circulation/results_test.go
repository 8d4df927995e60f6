package circulation_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/await"
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
	// refused are the refusals told: those that are retried, and the one that waits for a person.
	refused []string
	// recipient and sender count the confirmations asked for, registrations those sent.
	recipient, sender, registrations int
}

// check has a document's calls answered as scripted.
func (o *office) check(t *testing.T, test scripted, of string, facts ...func(*platformv1.DocumentFacts) journal.Fact) (*platformv1.DocumentFacts, *circulationv1.CirculationRecord) {
	t.Helper()
	f := o.facts(t)
	f.From.Address = "sender-of-" + f.GetEdocNum()
	o.hub.do(func() { o.hub.scripts[f.GetEdocNum()+of] = test.script })
	for _, fact := range facts {
		o.Deliver(t, express, fact(f))
	}
	states := []circulationv1.CallState{test.state, isWaiting}
	if of != "" {
		states = []circulationv1.CallState{isDone, test.state}
	}
	r := o.awaitCalls(t, f.GetEdocNum(), states[0], states[1])
	var told []string
	for _, refused := range o.refusals(t, f.GetEdocNum()) {
		told = append(told, refused.GetRefusal())
		require.Equal(t, of != "", refused.GetReadTime())
		require.Equal(t, len(told) < len(test.refused) || test.state == isDone, refused.GetRetried())
		require.NotEmpty(t, refused.GetExchange())
	}
	require.Equal(t, test.refused, told)
	return f, r
}

// Every result of the registration leads where hub-interface 7.3 and the design want it: what may change is retried, and told
// once.
func TestResultsOfTheRegistration(t *testing.T) {
	t.Parallel()
	o := setup(t)
	for _, test := range []scripted{
		{name: "registered", script: []int32{1}, state: isDone, attempts: 1},
		{name: "already, never sent by us", script: []int32{2}, state: isQueued, reason: "HUB_RESULT_2", attempts: 1, refused: []string{"HUB_RESULT_2"}},
		{name: "times out of order", script: []int32{3}, state: isQueued, reason: "HUB_RESULT_3", attempts: 1, refused: []string{"HUB_RESULT_3"}},
		{name: "no sender address", script: []int32{4, 4, 1}, state: isDone, attempts: 3, refused: []string{"HUB_RESULT_4"}, sender: 2},
		{name: "no recipient address", script: []int32{5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 1}, state: isDone, attempts: 11, refused: []string{"HUB_RESULT_5"}, recipient: 10},
		{name: "neither address", script: []int32{4, 5, 1}, state: isDone, attempts: 3, refused: []string{"HUB_RESULT_4", "HUB_RESULT_5"}, sender: 1, recipient: 1},
		{name: "unknown sending platform", script: []int32{6, 1}, state: isDone, attempts: 2, refused: []string{"HUB_RESULT_6"}},
		{name: "unknown receiving platform", script: []int32{7, 7, 1}, state: isDone, attempts: 3, refused: []string{"HUB_RESULT_7"}},
		{name: "other", script: []int32{9, 1}, state: isDone, attempts: 2, refused: []string{"HUB_RESULT_9"}},
		{name: "other, and registered all the same", script: []int32{9, 2}, state: isDone, attempts: 2, refused: []string{"HUB_RESULT_9"}},
		{name: "unknown to us", script: []int32{42, 42, 43, 1}, state: isDone, attempts: 4, refused: []string{"HUB_RESULT_42", "HUB_RESULT_43"}},
		{name: "other, then times out of order", script: []int32{9, 3}, state: isQueued, reason: "HUB_RESULT_3", attempts: 2, refused: []string{"HUB_RESULT_9", "HUB_RESULT_3"}},
		{name: "left out of the answer, then registered", script: []int32{0, 1}, state: isDone, attempts: 2},
		{name: "left out of the answer, then already", script: []int32{0, 2}, state: isDone, attempts: 2},
		{name: "answer lost, then already", script: []int32{lost, 2}, state: isDone, attempts: 2},
		{name: "no recipient address, then already by somebody else", script: []int32{5, 2}, state: isQueued, reason: "HUB_RESULT_2", attempts: 2,
			refused: []string{"HUB_RESULT_5", "HUB_RESULT_2"}, recipient: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, record := o.check(t, test, "", received)
			r := record.GetRegistration()
			require.Equal(t, test.attempts, r.GetAttempts())
			require.Equal(t, test.script[len(test.script)-1], r.GetResult())
			require.Equal(t, test.reason, r.GetQueueReason())
			require.Empty(t, r.GetRefusal())
			require.Len(t, o.attempts(t, f.GetEdocNum(), 1), len(test.script))
			require.Equal(t, test.recipient, o.confirmations(f.GetTo().GetAddress()))
			require.Equal(t, test.sender, o.confirmations(f.GetFrom().GetAddress()))
			require.Equal(t, test.state == isQueued, r.GetQueuedAt() != nil)
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
		{name: "earlier than receipt", script: []int32{3}, state: isQueued, reason: "HUB_RESULT_3", attempts: 1, refused: []string{"HUB_RESULT_3"}, registrations: 1},
		{name: "not registered, registered again, then taken", script: []int32{4, 4, 4, 4, 1}, state: isDone, attempts: 5, refused: []string{"HUB_RESULT_4"}, registrations: 5},
		{name: "other", script: []int32{9, 9, 1}, state: isDone, attempts: 3, refused: []string{"HUB_RESULT_9"}, registrations: 1},
		{name: "left out of the answer, then taken", script: []int32{0, 1}, state: isDone, attempts: 2, registrations: 1},
		{name: "answer lost, then already", script: []int32{lost, 2}, state: isDone, attempts: 2, registrations: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, record := o.check(t, test, "/read", received, read)
			r := record.GetReadTime()
			require.Equal(t, test.attempts, r.GetAttempts())
			require.Equal(t, test.reason, r.GetQueueReason())
			require.Len(t, o.attempts(t, f.GetEdocNum(), 1), test.registrations)
			require.Equal(t, 1, o.statedOf(t, f.GetEdocNum()), "a registration is stated once")
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

// What the hub still refuses when its time is over by both clocks waits for a person, who may begin that time again.
func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.facts(t)
	number := f.GetEdocNum()
	refuse := func(on bool) { o.hub.do(func() { o.hub.poison[number] = on }) }
	overdue := func() {
		t.Helper()
		o.awaitCalls(t, number, isDue, isWaiting)
		await.Require(t, unittest.Patience, func() bool { return o.record(t, number).GetRegistration().GetRefusal() != "" })
		o.Advance(t, 10*24*time.Hour)
		attempts := func() int32 { return o.record(t, number).GetRegistration().GetAttempts() }
		asked := attempts()
		await.Require(t, unittest.Patience, func() bool { return attempts() >= asked+2 })
		require.Empty(t, o.record(t, number).GetRegistration().GetQueueReason(), "one clock alone ends no patience")
		o.database.Advance(10 * 24 * time.Hour)
		r := o.awaitCalls(t, number, isQueued, isWaiting).GetRegistration()
		require.Equal(t, "HUB_REFUSED:ERR-02-001", r.GetQueueReason())
		require.Nil(t, r.GetRefusedSince())
	}
	refuse(true)
	o.Deliver(t, express, received(f))
	overdue()
	told := o.refusals(t, number)
	require.True(t, told[0].GetRetried())
	require.False(t, told[len(told)-1].GetRetried())

	retry := func() {
		t.Helper()
		_, err := circulationv1.NewCirculationAdminServiceClient(o.Admin(t)).RetryQueued(t.Context(), &circulationv1.RetryQueuedRequest{EdocNum: number})
		require.NoError(t, err)
	}
	retry()
	overdue()
	refuse(false)
	retry()
	o.awaitCalls(t, number, isDone, isWaiting)
}

// Records that this relay does not register, and read times that do not exist at the hub, are kept and never sent.
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
	found := o.refusals(t, number)
	require.Len(t, found, 1)
	return found[0]
}

// refusals are what is stated of a document's refusals.
func (o *office) refusals(t *testing.T, number string) []*circulationv1.CirculationRefused {
	t.Helper()
	var found []*circulationv1.CirculationRefused
	for _, r := range unittest.Facts[*circulationv1.CirculationRefused](t, o.Bench) {
		if r.GetEdocNum() == number {
			found = append(found, r)
		}
	}
	return found
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

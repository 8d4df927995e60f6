package certificate

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	"github.com/naru-relay/naru/services/sandbox/pki" //nolint:depguard // the test holds this unit against the sandbox of the outside world
)

func (f *fakeHub) GetPushedCertificate(_ context.Context, r *hubv1.GetPushedCertificateRequest) (*hubv1.GetPushedCertificateResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if kept := f.pushes[r.GetPush()]; kept != nil {
		return kept, nil
	}
	return nil, fault.New(fault.Unavailable, "hub", hubv1.Reason_REASON_HUB_UNAVAILABLE, "")
}

// push has the hub unit state that a certificate came, for the applicant, and returns the id of the push.
func (b *office) push(t testing.TB, edocNum, applicant, number string, signer pki.Signer, spoil bool) string {
	t.Helper()
	content := b.content(&hubv1.IssueDistributionCertificateRequest{EdocNum: edocNum, Address: applicant, Reason: reasonText})
	content.CertNum = number
	rendered, err := b.render(content, signer)
	require.NoError(t, err)
	if spoil {
		rendered.GetPdf()[12] ^= 0x01
	}
	pushID := id.New().String()
	b.hub.mu.Lock()
	if b.hub.pushes == nil {
		b.hub.pushes = map[string]*hubv1.GetPushedCertificateResponse{}
	}
	b.hub.pushes[pushID] = &hubv1.GetPushedCertificateResponse{CertNum: number, Pdf: rendered.GetPdf()}
	b.hub.mu.Unlock()
	b.Deliver(t, lane, journal.Fact{Subject: pushID, Ordinal: 1, Actor: "unit:hub", OccurredAt: b.Clock.Now(), Message: &hubv1.HubPushReceived{
		CertNum: number, EdocNum: edocNum, Address: applicant,
	}})
	return pushID
}

// settledPushes waits until so many pushes have an outcome and returns the outcomes by push.
func (b *office) settledPushes(t testing.TB, n int) map[string]*certificatev1.PushSettled {
	t.Helper()
	facts := unittest.AwaitFacts[*certificatev1.PushSettled](t, b.Bench, n)
	settled := map[string]*certificatev1.PushSettled{}
	for i, e := range b.Stated(t, &certificatev1.PushSettled{}) {
		settled[e.GetSubject()] = facts[i]
	}
	return settled
}

// away has the hub not answer until it is opened again.
func (b *office) away() (open func()) {
	var answers atomic.Bool
	b.hub.issue = func(r *hubv1.IssueDistributionCertificateRequest, attempt int) (*hubv1.IssueDistributionCertificateResponse, error) {
		if !answers.Load() {
			return nil, hubFault(fault.Unavailable, hubv1.Reason_REASON_HUB_UNAVAILABLE)
		}
		return b.genuine(r, attempt)
	}
	return func() { answers.Store(true) }
}

const pushedNumber = "2026-1121-0000-0099"

// A pushed certificate ends the open request of its applicant, exactly as one that was asked for. The other party's request stays
// open.
func TestPushedCertificateIsTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	open := b.away()
	number := b.circulated(t, 1)
	asked, err := b.asSender(t).RequestCertificate(t.Context(), ask(number, "req-1"))
	require.NoError(t, err)
	others, err := b.asRecipient(t).RequestCertificate(t.Context(), ask(number, "req-1"))
	require.NoError(t, err)
	push := b.push(t, number, senderAddr, pushedNumber, b.pki.Signer(pki.Hub), false)
	got := awaitEnd(t, b.asSender(t), asked.GetCertificate().GetId())
	require.Equal(t, []any{stateIssued, pushedNumber}, []any{got.GetState(), got.GetCertNum()})
	same(t, allPassed, got.GetChecks())
	file, err := download(t, b.asSender(t), got.GetId())
	require.NoError(t, err)
	require.Equal(t, b.hub.pushes[push].GetPdf(), file.GetData())
	require.Equal(t, pushedNumber, unittest.AwaitFacts[*certificatev1.CertificateIssued](t, b.Bench, 1)[0].GetCertNum())
	settled := b.settledPushes(t, 1)[push]
	require.Equal(t, []string{pushTaken, got.GetId(), pushedNumber, number},
		[]string{settled.GetOutcome(), settled.GetCertificate(), settled.GetCertNum(), settled.GetEdocNum()})

	open()
	got = awaitEnd(t, b.asRecipient(t), others.GetCertificate().GetId())
	require.Equal(t, []any{stateIssued, certNum}, []any{got.GetState(), got.GetCertNum()})
}

// A pushed file that does not pass its checks changes nothing: the request stays open and is issued by what was asked for.
func TestPushedCertificateThatDoesNotPass(t *testing.T) {
	t.Parallel()
	b := setup(t)
	open := b.away()
	number := b.circulated(t, 1)
	asked, err := b.asSender(t).RequestCertificate(t.Context(), ask(number, "req-1"))
	require.NoError(t, err)
	foreign, err := b.pki.Foreign(pki.Hub)
	require.NoError(t, err)
	forged := b.push(t, number, senderAddr, pushedNumber, b.pki.Signer(pki.Hub), true)
	stranger := b.push(t, number, senderAddr, "2026-1121-0000-0098", foreign, false)
	settled := b.settledPushes(t, 2)
	for _, push := range []string{forged, stranger} {
		require.Equal(t, []string{pushCheckFailed, asked.GetCertificate().GetId()}, []string{settled[push].GetOutcome(), settled[push].GetCertificate()})
	}
	require.Empty(t, unittest.Facts[*certificatev1.CertificateFailed](t, b.Bench))
	_, err = download(t, b.asSender(t), asked.GetCertificate().GetId())
	require.Equal(t, "NOT_ISSUED", fault.ReasonOf(err))
	require.Equal(t, 2, b.count(t, `select count(*) from certificate_attempt where outcome = 'check_failed' and not late`))
	open()
	got := awaitEnd(t, b.asSender(t), asked.GetCertificate().GetId())
	require.Equal(t, []any{stateIssued, certNum}, []any{got.GetState(), got.GetCertNum()})
}

// What comes late, twice, or for somebody who did not ask is kept and changes nothing.
func TestPushesThatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	number := b.circulated(t, 1)
	got := ended(t, b.asSender(t), number, "req-1")
	require.Equal(t, certNum, got.GetCertNum())
	want := map[string]string{
		b.push(t, number, senderAddr, certNum, b.pki.Signer(pki.Hub), false):               pushDuplicate,
		b.push(t, number, "SENDER-of-nothing", pushedNumber, b.pki.Signer(pki.Hub), false): pushNoRequest,
		b.push(t, number, receiverAddr, pushedNumber, b.pki.Signer(pki.Hub), false):        pushNoRequest,
		b.push(t, b.edoc(t, 99), senderAddr, pushedNumber, b.pki.Signer(pki.Hub), false):   pushNoRequest,
		b.push(t, number, senderAddr, pushedNumber, b.pki.Signer(pki.Hub), false):          pushLate,
	}
	settled := b.settledPushes(t, len(want))
	for push, outcome := range want {
		require.Equal(t, outcome, settled[push].GetOutcome())
	}
	require.Len(t, unittest.Facts[*certificatev1.CertificateIssued](t, b.Bench), 1)
	require.Equal(t, 1, b.count(t, `select count(*) from certificate_attempt`))
}

// While the file cannot be had, the push waits; the request is asked for at the hub all the same.
func TestPushedFileThatCannotBeHad(t *testing.T) {
	t.Parallel()
	b := setup(t)
	open := b.away()
	number := b.circulated(t, 1)
	asked, err := b.asSender(t).RequestCertificate(t.Context(), ask(number, "req-1"))
	require.NoError(t, err)
	pushID := id.New().String()
	b.Deliver(t, lane, journal.Fact{Subject: pushID, Ordinal: 1, Actor: "unit:hub", OccurredAt: b.Clock.Now(), Message: &hubv1.HubPushReceived{
		CertNum: pushedNumber, EdocNum: number, Address: senderAddr,
	}})
	open()
	got := awaitEnd(t, b.asSender(t), asked.GetCertificate().GetId())
	require.Equal(t, []any{stateIssued, certNum}, []any{got.GetState(), got.GetCertNum()})
	require.Equal(t, pushLate, b.settledPushes(t, 1)[pushID].GetOutcome())
}

package certificate

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const agentKind = platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT

// mandates are those that intake knows, by what is asked.
type mandates struct {
	mu    sync.Mutex
	known map[string]*intakev1.GetMandateResponse
	// ended are authorisations that are not in force any more.
	ended map[string]bool
	err   error
}

func mandateOf(r *intakev1.GetMandateRequest) string {
	return r.GetAuthorisation() + r.GetAgent() + r.GetEdocNum() + r.GetReason()
}

func (f *fakeIntake) GetMandate(_ context.Context, r *intakev1.GetMandateRequest) (*intakev1.GetMandateResponse, error) {
	f.mandates.mu.Lock()
	defer f.mandates.mu.Unlock()
	answer := f.mandates.known[mandateOf(r)]
	switch {
	case f.mandates.err != nil:
		return nil, f.mandates.err
	case f.mandates.ended[r.GetAuthorisation()]:
		return nil, fault.New(fault.Denied, "intake", intakev1.Reason_REASON_AUTHORISATION_MISSING, "")
	case answer != nil:
		return answer, nil
	}
	for known := range f.mandates.known {
		if known[:len(r.GetAuthorisation())] == r.GetAuthorisation() && known[len(r.GetAuthorisation()):][:len(r.GetAgent())] == r.GetAgent() {
			return nil, fault.New(fault.Conflict, "intake", intakev1.Reason_REASON_DIGEST_DIFFERS, "")
		}
	}
	return nil, fault.New(fault.NotFound, "intake", intakev1.Reason_REASON_AUTHORISATION_NOT_FOUND, "")
}

func (m *mandates) change(how func(m *mandates)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	how(m)
}

// mandate has a party authorise an agent to obtain the certificates of a document for the usual reason.
func (b *office) mandate(agent, party string, kind platformv1.PrincipalKind, number string) (authorisation string, told *intakev1.GetMandateResponse) {
	authorisation = unittest.NewID()
	told = &intakev1.GetMandateResponse{
		Principal: party, Kind: kind, Digest: []byte("0123456789abcdef0123456789abcdef"), GivenAt: timestamppb.New(b.Clock.Now().Add(-time.Minute)),
		ExpiresAt: timestamppb.New(b.Clock.Now().Add(time.Hour)),
	}
	b.intake.mandates.change(func(m *mandates) {
		if m.known == nil {
			m.known, m.ended = map[string]*intakev1.GetMandateResponse{}, map[string]bool{}
		}
		m.known[mandateOf(&intakev1.GetMandateRequest{Authorisation: authorisation, Agent: agent, EdocNum: number, Reason: reasonText})] = told
	})
	return authorisation, told
}

func (b *office) asAgent(t testing.TB, agent string) certificatev1.CertificateServiceClient {
	t.Helper()
	return certificatev1.NewCertificateServiceClient(b.As(t, agentKind, agent))
}

func askBy(edocNum, requestID, authorisation string) *certificatev1.RequestCertificateRequest {
	r := ask(edocNum, requestID)
	r.Authorisation = authorisation
	return r
}

// An agent obtains the certificate of who authorised it, sender or recipient; the facts name agent, authorisation and party. It
// is the agent's and nobody else's.
func TestAgentObtainsByAMandate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i, tt := range []struct {
		party, address string
		kind           platformv1.PrincipalKind
		entitlement    certificatev1.Entitlement
	}{
		{b.sender, senderAddr, platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, certificatev1.Entitlement_ENTITLEMENT_SENDER},
		{b.recipient, receiverAddr, platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT, certificatev1.Entitlement_ENTITLEMENT_RECIPIENT},
	} {
		agent, number := unittest.NewID(), b.circulated(t, int64(i+1))
		authorisation, told := b.mandate(agent, tt.party, tt.kind, number)
		asks := b.asAgent(t, agent)
		r, err := asks.RequestCertificate(t.Context(), askBy(number, "req-1", authorisation))
		require.NoError(t, err)
		got := awaitEnd(t, asks, r.GetCertificate().GetId())
		require.Equal(t, stateIssued, got.GetState())
		require.Equal(t, tt.address, b.hub.calls()[i].GetAddress())
		_, err = download(t, asks, got.GetId())
		require.NoError(t, err)
		again, err := asks.RequestCertificate(t.Context(), askBy(number, "req-1", authorisation))
		require.NoError(t, err)
		require.Equal(t, got.GetId(), again.GetCertificate().GetId())

		requested := unittest.Facts[*certificatev1.CertificateRequested](t, b.Bench)[i]
		require.Equal(t, []any{agentKind, authorisation}, []any{requested.GetPrincipalKind(), requested.GetAuthorisation()})
		accepted := unittest.Facts[*certificatev1.CertificateAccepted](t, b.Bench)[i]
		require.Equal(t, tt.entitlement, accepted.GetEntitlement())
		require.True(t, proto.Equal(&certificatev1.Mandate{
			Authorisation: authorisation, Digest: told.GetDigest(), GivenAt: told.GetGivenAt(), ExpiresAt: told.GetExpiresAt(), Principal: tt.party, PrincipalKind: tt.kind,
		}, accepted.GetMandate()), "%v", accepted.GetMandate())
		issued := b.Stated(t, &certificatev1.CertificateIssued{})[i]
		require.Equal(t, []string{agent, b.sender}, []string{issued.GetActor(), issued.GetSender()})
		for _, other := range []certificatev1.CertificateServiceClient{b.asSender(t), b.asRecipient(t), b.asAgent(t, unittest.NewID())} {
			_, err = download(t, other, got.GetId())
			require.Equal(t, "CERTIFICATE_NOT_FOUND", fault.ReasonOf(err))
		}
		list, err := asks.ListCertificates(t.Context(), &certificatev1.ListCertificatesRequest{EdocNum: number})
		require.NoError(t, err)
		require.Len(t, list.GetCertificates(), 1)
	}
	b.follows(t)
}

// follows checks that the tables are what the facts say.
func (b *office) follows(t *testing.T) {
	t.Helper()
	report, err := audit.Run(t.Context(), b.Owner, []audit.Unit{{Name: domain, Tables: follows()}}, time.Time{})
	require.NoError(t, err)
	for _, violation := range report.Violations {
		require.Equal(t, audit.ConsumedUnknown, violation.Code, violation) // no other unit's journal is here
	}
}

// Without a mandate, or by one that is another agent's, about something else or not in force, an agent is refused, which is
// recorded. What it is told does not depend on whether there is such a document. A party that has no right gives none.
func TestAgentWithoutAMandate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	agent, number, absent := unittest.NewID(), b.circulated(t, 1), b.edoc(t, 99)
	theirs, _ := b.mandate(unittest.NewID(), b.sender, platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, number)
	elsewhere, _ := b.mandate(agent, b.sender, platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, b.edoc(t, 98))
	over, _ := b.mandate(agent, b.sender, platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, number)
	b.intake.mandates.change(func(m *mandates) { m.ended[over] = true })
	for name, tt := range map[string]struct{ authorisation, reason, outcome string }{
		"none":            {"", "AUTHORISATION_MISSING", noMandate},
		"another agent's": {theirs, "AUTHORISATION_NOT_FOUND", mandateUnknown},
		"something else":  {elsewhere, "AUTHORISATION_MISSING", mandateDiffers},
		"not in force":    {over, "AUTHORISATION_MISSING", mandateNotInForce},
	} {
		var told []*fault.Error
		for _, asked := range []string{number, absent} {
			before := len(unittest.Facts[*certificatev1.CertificateRefused](t, b.Bench))
			_, err := b.asAgent(t, agent).RequestCertificate(t.Context(), askBy(asked, "req-"+unittest.NewID(), tt.authorisation))
			require.Equal(t, tt.reason, fault.ReasonOf(err), name)
			refused := unittest.Facts[*certificatev1.CertificateRefused](t, b.Bench)
			require.Len(t, refused, before+1, name)
			require.Equal(t, []string{asked, tt.outcome, tt.authorisation},
				[]string{refused[before].GetEdocNum(), refused[before].GetOutcome(), refused[before].GetAuthorisation()}, name)
			told = append(told, fault.As(err))
		}
		require.Equal(t, []any{told[0].Kind, told[0].Message}, []any{told[1].Kind, told[1].Message}, name)
	}
	require.Zero(t, b.asked()["delivery"], "nobody is asked about the document")

	stranger, _ := b.mandate(agent, unittest.NewID(), platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT, number)
	unknown, _ := b.mandate(agent, b.sender, platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, absent)
	for authorisation, asked := range map[string]string{stranger: number, unknown: absent} {
		_, err := b.asAgent(t, agent).RequestCertificate(t.Context(), askBy(asked, "req-1"+asked[20:], authorisation))
		require.Equal(t, "DOCUMENT_NOT_FOUND", fault.ReasonOf(err))
	}
	require.Equal(t, 1, b.count(t, `select count(*) from certificate_refusal where outcome = 'not_entitled'`))
	require.Equal(t, 1, b.count(t, `select count(*) from certificate_refusal where outcome = 'unknown_document'`))
	_, err := b.asAgent(t, agent).ListCertificates(t.Context(), &certificatev1.ListCertificatesRequest{EdocNum: number})
	require.Equal(t, "DOCUMENT_NOT_FOUND", fault.ReasonOf(err))
	_, err = b.asSender(t).RequestCertificate(t.Context(), askBy(number, "req-1", theirs))
	require.Equal(t, "authorisation.agent", fault.As(err).Violations[0].Rule, "a party needs none")
	require.Zero(t, b.count(t, `select count(*) from certificate`))
	b.follows(t)

	// While intake is away nothing is decided, and the same request comes again.
	b.intake.mandates.change(func(m *mandates) {
		m.err, m.ended = fault.New(fault.Unavailable, "intake", nil, ""), map[string]bool{}
	})
	before := b.count(t, `select count(*) from certificate_refusal`)
	_, err = b.asAgent(t, agent).RequestCertificate(t.Context(), askBy(number, "req-2", over))
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	require.Equal(t, before, b.count(t, `select count(*) from certificate_refusal`))
	b.intake.mandates.change(func(m *mandates) { m.err = nil })
	_, err = b.asAgent(t, agent).RequestCertificate(t.Context(), askBy(number, "req-2", over))
	require.NoError(t, err)
	_, err = b.asAgent(t, agent).RequestCertificate(t.Context(), askBy(number, "req-2", elsewhere))
	require.Equal(t, "REQUEST_ID_REUSED", fault.ReasonOf(err), "another authorisation is another request")
}

// What was obtained by a mandate is handed out while that is in force; later a refusal is recorded.
func TestHandOutEndsWithTheMandate(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	agent, number := unittest.NewID(), w.deposited(t, 1)
	authorisation, told := w.mandate(agent, w.sender, platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, number)
	conn := w.As(t, agentKind, agent)
	certificates, bundles := certificatev1.NewCertificateServiceClient(conn), certificatev1.NewBundleServiceClient(conn)
	batch, err := bundles.BatchRequestBundles(t.Context(), &certificatev1.BatchRequestBundlesRequest{
		EdocNums: []string{number, w.edoc(t, 99)}, Reason: reasonText, RequestId: "req-1", Authorisation: authorisation,
	})
	require.NoError(t, err)
	require.Equal(t, "AUTHORISATION_MISSING", batch.GetOutcomes()[1].GetReason(), "it is not about this one")
	id := batch.GetOutcomes()[0].GetBundle().GetId()
	unittest.AwaitFacts[*certificatev1.BundleIssued](t, w.Bench, 1)
	require.Equal(t, told.GetPrincipal(), unittest.Facts[*certificatev1.CertificateAccepted](t, w.Bench)[0].GetMandate().GetPrincipal())
	received := func() error {
		stream, err := bundles.DownloadBundle(t.Context(), &certificatev1.DownloadBundleRequest{Id: id})
		require.NoError(t, err)
		_, err = stream.Recv()
		return err
	}
	require.NoError(t, received())
	_, err = download(t, certificates, id)
	require.NoError(t, err)

	w.intake.mandates.change(func(m *mandates) { m.ended[authorisation] = true })
	require.Equal(t, "AUTHORISATION_MISSING", fault.ReasonOf(received()))
	_, err = download(t, certificates, id)
	require.Equal(t, "AUTHORISATION_MISSING", fault.ReasonOf(err))
	refused := unittest.Facts[*certificatev1.CertificateRefused](t, w.Bench)
	require.Len(t, refused, 3)
	for _, fact := range refused[1:] {
		require.Equal(t, []string{id, mandateNotInForce, authorisation}, []string{fact.GetCertificate(), fact.GetOutcome(), fact.GetAuthorisation()})
	}
	state, err := bundles.GetBundle(t.Context(), &certificatev1.GetBundleRequest{Id: id})
	require.NoError(t, err)
	require.Equal(t, certificatev1.BundleState_BUNDLE_STATE_ISSUED, state.GetBundle().GetState())
}

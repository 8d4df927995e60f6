package intake

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/authorisation"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	firstNumber  = "20260302_NARU000001_0000000000042"
	secondNumber = "20260302_NARU000001_0000000000043"
	whyWanted    = canary + " 법원 제출"
	certificates = intakev1.AuthorisationPurpose_AUTHORISATION_PURPOSE_CERTIFICATES
)

// askCertificates asks whoever owns an address for the certificates of documents.
func (a *agent) askCertificates(t *testing.T, address, requestID string, numbers ...string) *intakev1.Authorisation {
	t.Helper()
	got, err := a.asks.RequestAuthorisation(t.Context(), &intakev1.RequestAuthorisationRequest{
		RequestId: requestID, SenderAddress: address, Certificates: &intakev1.CertificatesOf{EdocNums: numbers, Reason: whyWanted},
	})
	require.NoError(t, err)
	return got.GetAuthorisation()
}

// mandate is what intake tells certificate about an authorisation.
func (w *world) mandate(t *testing.T, agent, id, number, reason string) (*intakev1.GetMandateResponse, string) {
	t.Helper()
	got, err := intakev1.NewIntakeLookupServiceClient(w.Unit(t, "certificate")).GetMandate(t.Context(), &intakev1.GetMandateRequest{
		Authorisation: id, Agent: agent, EdocNum: number, Reason: reason,
	})
	return got, fault.ReasonOf(err)
}

// A member, or an institution, lets an agent obtain certificates of the documents that it was shown, for the reason it was shown,
// until the time is over or it is revoked; no other agent, and nothing else.
func TestMandate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := newSigner(t)
	w.institution(t, 2, key)
	person := w.member(t, "person@x")
	a, other := w.agent(t), w.agent(t)
	asked := a.askCertificates(t, "person@x", "r-1", firstNumber, secondNumber)
	require.Equal(t, []any{certificates, int32(2), person, waiting}, []any{asked.GetPurpose(), asked.GetItems(), asked.GetSender(), asked.GetState()})
	salt, err := hex.DecodeString(asked.GetSalt())
	require.NoError(t, err)
	require.Equal(t, authorisation.Of(salt, authorisation.OfCertificate(firstNumber, whyWanted), authorisation.OfCertificate(secondNumber, whyWanted)).String(),
		asked.GetDigest(), "whoever knows what is asked for computes it")
	require.Equal(t, certificates, unittest.Facts[*intakev1.AuthorisationRequested](t, w.Bench)[0].GetPurpose())
	shown, err := shownTo(t, w.Recipient(t, person), asked.GetId())
	require.NoError(t, err)
	require.Len(t, shown.GetShown(), 2)
	require.Equal(t, []string{secondNumber, whyWanted}, []string{shown.GetShown()[1].GetEdocNum(), shown.GetShown()[1].GetReason()})

	_, reason := w.mandate(t, a.id, asked.GetId(), firstNumber, whyWanted)
	require.Equal(t, "AUTHORISATION_MISSING", reason, "it was not given")
	_, err = approve(t, w.Recipient(t, person), asked.GetId(), asked.GetDigest())
	require.NoError(t, err)
	got, reason := w.mandate(t, a.id, asked.GetId(), secondNumber, whyWanted)
	require.Empty(t, reason)
	require.Equal(t, []any{person, platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT, asked.GetDigest(), w.Clock.Now(), asked.GetExpiresAt().AsTime()},
		[]any{got.GetPrincipal(), got.GetKind(), hex.EncodeToString(got.GetDigest()), got.GetGivenAt().AsTime(), got.GetExpiresAt().AsTime()})
	for name, tt := range map[string]struct{ agent, id, number, why, want string }{
		"another agent":         {other.id, asked.GetId(), firstNumber, whyWanted, "AUTHORISATION_NOT_FOUND"},
		"no such authorisation": {a.id, unittest.NewID(), firstNumber, whyWanted, "AUTHORISATION_NOT_FOUND"},
		"another document":      {a.id, asked.GetId(), "20260302_NARU000001_0000000000044", whyWanted, "DIGEST_DIFFERS"},
		"another reason":        {a.id, asked.GetId(), firstNumber, "제출용", "DIGEST_DIFFERS"},
	} {
		_, reason := w.mandate(t, tt.agent, tt.id, tt.number, tt.why)
		require.Equal(t, tt.want, reason, name)
	}
	item := w.item(t, "own-1")
	_, err = a.send(t, item, asked)
	require.Equal(t, "DIGEST_DIFFERS", fault.ReasonOf(err), "nothing is sent by it")
	sending := a.signed(t, key, item)
	_, reason = w.mandate(t, a.id, sending.GetId(), firstNumber, whyWanted)
	require.Equal(t, "DIGEST_DIFFERS", reason, "nothing is obtained by an authorisation to send")

	revoked := a.sign(t, a.askCertificates(t, senderAddressText, "r-2", firstNumber), key)
	got, reason = w.mandate(t, a.id, revoked.GetId(), firstNumber, whyWanted)
	require.Empty(t, reason)
	require.Equal(t, []any{w.sender, platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER}, []any{got.GetPrincipal(), got.GetKind()})
	a.revoke(t, revoked)
	_, reason = w.mandate(t, a.id, revoked.GetId(), firstNumber, whyWanted)
	require.Equal(t, "AUTHORISATION_MISSING", reason, "revoked")
	w.Advance(t, 24*time.Hour)
	_, reason = w.mandate(t, a.id, asked.GetId(), firstNumber, whyWanted)
	require.Equal(t, "AUTHORISATION_MISSING", reason, "its time is over")
	w.unseen(t, canary)
	w.audited(t)
}

// Who is suspended obtains nothing, and neither does an agent for it.
func TestMandateOfTheSuspended(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := newSigner(t)
	w.institution(t, 2, key)
	a, suspended := w.agent(t), w.agent(t)
	asked, theirs := a.sign(t, a.askCertificates(t, senderAddressText, "r-1", firstNumber), key),
		suspended.sign(t, suspended.askCertificates(t, senderAddressText, "r-1", firstNumber), key)
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.principal(2, &gatewayv1.PrincipalChanged{Id: suspended.id, Kind: agentKind, Name: agentName, Suspended: true}))
	_, reason := w.mandate(t, suspended.id, theirs.GetId(), firstNumber, whyWanted)
	require.Equal(t, "SENDER_SUSPENDED", reason)
	_, reason = w.mandate(t, a.id, asked.GetId(), firstNumber, whyWanted)
	require.Empty(t, reason)
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.principal(3, &gatewayv1.PrincipalChanged{
		Id: w.sender, Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, Address: senderAddressText, Suspended: true,
	}))
	_, reason = w.mandate(t, a.id, asked.GetId(), firstNumber, whyWanted)
	require.Equal(t, "SENDER_SUSPENDED", reason)
}

// Nobody who may not have an organisation's certificates gives them to an agent; whoever approves may take them back.
func TestMandateOfAnOrganisation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.agent(t)
	organisation := w.member(t, "org@x")
	approver, both := unittest.NewID(), unittest.NewID()
	w.roles.give(approver, "authorisations")
	w.roles.give(both, "authorisations", "certificates")
	asked := a.askCertificates(t, "org@x", "r-1", firstNumber)
	_, err := approve(t, w.ActingFor(t, organisation, approver), asked.GetId(), asked.GetDigest())
	require.Equal(t, "NOT_AUTHORISED", fault.ReasonOf(err))
	_, err = approve(t, w.ActingFor(t, organisation, both), asked.GetId(), asked.GetDigest())
	require.NoError(t, err)
	_, err = intakev1.NewAuthorisationServiceClient(w.ActingFor(t, organisation, approver)).RevokeAuthorisation(t.Context(),
		&intakev1.RevokeAuthorisationRequest{Id: asked.GetId()})
	require.NoError(t, err)
}

// An authorisation is about items or about certificates, and a request id is about one of them.
func TestRequestsOfCertificates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.agent(t)
	w.member(t, "person@x")
	item, of := w.item(t, "own-1"), &intakev1.CertificatesOf{EdocNums: []string{firstNumber}, Reason: whyWanted}
	asked := a.askCertificates(t, "person@x", "r-1", firstNumber)
	require.Equal(t, asked.GetId(), a.askCertificates(t, "person@x", "r-1", firstNumber).GetId())
	for name, tt := range map[string]struct {
		request *intakev1.RequestAuthorisationRequest
		want    string
	}{
		"items under its id":       {&intakev1.RequestAuthorisationRequest{RequestId: "r-1", Items: []*intakev1.SendItem{item}}, "REQUEST_DIFFERS"},
		"another document":         {&intakev1.RequestAuthorisationRequest{RequestId: "r-1", Certificates: &intakev1.CertificatesOf{EdocNums: []string{secondNumber}, Reason: whyWanted}}, "REQUEST_DIFFERS"},
		"another reason":           {&intakev1.RequestAuthorisationRequest{RequestId: "r-1", Certificates: &intakev1.CertificatesOf{EdocNums: []string{firstNumber}, Reason: "제출용"}}, "REQUEST_DIFFERS"},
		"neither":                  {&intakev1.RequestAuthorisationRequest{RequestId: "r-2"}, "INVALID_REQUEST"},
		"both":                     {&intakev1.RequestAuthorisationRequest{RequestId: "r-2", Items: []*intakev1.SendItem{item}, Certificates: of}, "INVALID_REQUEST"},
		"no document":              {&intakev1.RequestAuthorisationRequest{RequestId: "r-2", Certificates: &intakev1.CertificatesOf{Reason: whyWanted}}, "INVALID_REQUEST"},
		"a document twice":         {&intakev1.RequestAuthorisationRequest{RequestId: "r-2", Certificates: &intakev1.CertificatesOf{EdocNums: []string{firstNumber, firstNumber}, Reason: whyWanted}}, "INVALID_REQUEST"},
		"no reason":                {&intakev1.RequestAuthorisationRequest{RequestId: "r-2", Certificates: &intakev1.CertificatesOf{EdocNums: []string{firstNumber}}}, "INVALID_REQUEST"},
		"a number of another form": {&intakev1.RequestAuthorisationRequest{RequestId: "r-2", Certificates: &intakev1.CertificatesOf{EdocNums: []string{"1"}, Reason: whyWanted}}, "INVALID_REQUEST"},
	} {
		tt.request.SenderAddress = "person@x"
		_, err := a.asks.RequestAuthorisation(t.Context(), tt.request)
		require.Equal(t, tt.want, fault.ReasonOf(err), name)
	}
	require.Len(t, unittest.Facts[*intakev1.AuthorisationRequested](t, w.Bench), 1)
}

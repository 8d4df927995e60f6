package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/testkit/await"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// certificate is a certificate request as its principal sees it.
type certificate struct {
	ID, EdocNum, State, CertNum, PdfDigest, Reason, IssuedAt string
	Checks                                                   map[string]string
}

func askCertificate(t *testing.T, c *harness.Caller, edocNum, requestID, reason string) harness.Answer {
	t.Helper()
	return c.Do(t, http.MethodPost, "/v1/documents/"+edocNum+"/certificates", map[string]string{"reason": reason, "requestId": requestID})
}

// requested asks for a certificate; the request must be accepted.
func requested(t *testing.T, c *harness.Caller, edocNum, requestID, reason string) certificate {
	t.Helper()
	var made struct{ Certificate certificate }
	askCertificate(t, c, edocNum, requestID, reason).Into(t, &made)
	require.NotEmpty(t, made.Certificate.ID)
	require.Equal(t, edocNum, made.Certificate.EdocNum)
	return made.Certificate
}

// settled waits until a certificate is issued or has failed.
func settled(t *testing.T, c *harness.Caller, id string) certificate {
	t.Helper()
	var got struct{ Certificate certificate }
	await.Require(t, harness.Patience, func() bool {
		c.Do(t, http.MethodGet, "/v1/certificates/"+id, nil).Into(t, &got)
		return got.Certificate.State != "CERTIFICATE_STATE_REQUESTED"
	})
	return got.Certificate
}

// registered sends a document and waits until it is received and the hub has registered it.
func registered(t *testing.T, i *harness.Institution, recipient map[string]any) *harness.Document {
	t.Helper()
	d := sendTo(t, i, recipient, "RECEIVED")
	i.AwaitStatus(t, d.EdocNum, func(s harness.Status) bool { return s.Registered() })
	return d
}

// requireRefusal checks the status and reason of a refusal.
func requireRefusal(t *testing.T, answer harness.Answer, status int, reason string) {
	t.Helper()
	problem := answer.Problem(t)
	require.Equal(t, status, problem.Status, "%s", answer.Body)
	require.Equal(t, reason, problem.Reason)
}

// refusals counts the refused certificate requests for a document that the relay has recorded as evidence.
func refusals(t *testing.T, edocNum string) int {
	t.Helper()
	count := 0
	for _, fact := range stack.Facts(t, "certificate", &certificatev1.CertificateRefused{}, "") {
		var refused certificatev1.CertificateRefused
		require.NoError(t, proto.Unmarshal(fact.GetPayload(), &refused))
		if refused.GetEdocNum() == edocNum {
			count++
		}
	}
	return count
}

// A certificate is refused until the hub has registered the document; then the same request succeeds.
func TestCertificateBeforeRegistration(t *testing.T) {
	t.Parallel()
	institution, person, office := stack.Institution(t), stack.NewPerson(t), newOperator(t)
	document := sendTo(t, institution, person.ByCI(), "AWAITING_MEMBERSHIP")
	hub := stack.Misbehave(t, scenario.Scenario{Kind: scenario.ItemResult, Match: scenario.Match{EdocNum: document.EdocNum}, Result: 3})
	recipient := stack.LogInPerson(t, person)
	recipient.Join(t)
	institution.AwaitState(t, document.EdocNum, "RECEIVED")
	office.awaitQueued(t, document.EdocNum)
	require.Equal(t, 1, hub.Taken(t))

	// A party is told the real reason at once.
	early := "early-" + document.Hash[:16]
	for n, caller := range []*harness.Caller{institution.Caller, recipient.Caller} {
		requireRefusal(t, askCertificate(t, caller, document.EdocNum, early, "제출용"), http.StatusConflict, "NOT_REGISTERED_YET")
		require.Equal(t, n+1, refusals(t, document.EdocNum), "each refusal is kept")
		var list struct{ Certificates []certificate }
		caller.Do(t, http.MethodGet, "/v1/documents/"+document.EdocNum+"/certificates", nil).Into(t, &list)
		require.Empty(t, list.Certificates)
	}

	office.retry(t, document.EdocNum)
	institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.Registered() && !s.Hub.Queued })
	made := settled(t, institution.Caller, requested(t, institution.Caller, document.EdocNum, early, "제출용").ID)
	require.Equal(t, "CERTIFICATE_STATE_ISSUED", made.State, made.Reason)
}

// Only the parties of a document may request its certificate. A stranger gets the same answer as for a document that does not
// exist, and the attempt is recorded.
func TestCertificateIsForTheParties(t *testing.T) {
	t.Parallel()
	institution, recipient, someone := stack.Institution(t), stack.NewMember(t), stack.NewMember(t)
	stranger, _ := stack.NewInstitution(t)
	document := registered(t, institution, recipient.ByCI())

	theirs := settled(t, recipient.Caller, requested(t, recipient.Caller, document.EdocNum, "mine", "보관용").ID)
	require.Equal(t, "CERTIFICATE_STATE_ISSUED", theirs.State, theirs.Reason)
	download := recipient.Do(t, http.MethodGet, "/v1/certificates/"+theirs.ID+"/content", nil)
	require.Equal(t, http.StatusOK, download.Status)
	requireHubVerifies(t, download.Body, requireOriginal(t, document), document.Bytes)

	before := refusals(t, document.EdocNum)
	for n, caller := range []*harness.Caller{stranger.Caller, someone.Caller} {
		answer := askCertificate(t, caller, document.EdocNum, "r-1", "제출용")
		requireRefusal(t, answer, http.StatusNotFound, "DOCUMENT_NOT_FOUND")
		absent := askCertificate(t, caller, absentNumber(document.EdocNum), "r-2", "제출용")
		requireRefusal(t, absent, http.StatusNotFound, "DOCUMENT_NOT_FOUND")
		require.Equal(t, absent.Problem(t).Detail, answer.Problem(t).Detail)
		require.Equal(t, before+n+1, refusals(t, document.EdocNum), "the refusal is recorded")
		requireRefusal(t, caller.Do(t, http.MethodGet, "/v1/documents/"+document.EdocNum+"/certificates", nil), http.StatusNotFound, "DOCUMENT_NOT_FOUND")
	}
	// A certificate belongs to its applicant. To everybody else, even the other party, it does not exist.
	for _, caller := range []*harness.Caller{stranger.Caller, someone.Caller, institution.Caller} {
		for _, path := range []string{"", "/content"} {
			requireRefusal(t, caller.Do(t, http.MethodGet, "/v1/certificates/"+theirs.ID+path, nil), http.StatusNotFound, "CERTIFICATE_NOT_FOUND")
		}
	}
	// The sender's later certificate appears in its timeline; the recipient's does not.
	own := settled(t, institution.Caller, requested(t, institution.Caller, document.EdocNum, "own", "제출용").ID)
	var timeline string
	await.Require(t, harness.Patience, func() bool {
		timeline = string(institution.Do(t, http.MethodGet, "/v1/documents/"+document.EdocNum+"/timeline", nil).Body)
		return strings.Contains(timeline, own.ID)
	})
	require.NotContains(t, timeline, theirs.ID)
	require.Equal(t, 1, timelineOf(t, institution, document.EdocNum)["naru.certificate.v1.CertificateIssued"])
}

// The same request id returns the same certificate; with other content it is refused.
func TestCertificateRequestIsIdempotent(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	document, second := registered(t, institution, recipient.ByCI()), registered(t, institution, recipient.ByCI())
	requestID := "same-" + document.Hash[:16] // request ids are scoped to the principal, and other tests share it
	first := requested(t, institution.Caller, document.EdocNum, requestID, "법원 제출")
	made := settled(t, institution.Caller, first.ID)
	require.Equal(t, "CERTIFICATE_STATE_ISSUED", made.State, made.Reason)
	again := requested(t, institution.Caller, document.EdocNum, requestID, "법원 제출")
	require.Equal(t, made, again, "the certificate, as far as it is by now")

	requireRefusal(t, askCertificate(t, institution.Caller, document.EdocNum, requestID, "다른 사유"), http.StatusUnprocessableEntity, "REQUEST_ID_REUSED")
	requireRefusal(t, askCertificate(t, institution.Caller, second.EdocNum, requestID, "법원 제출"), http.StatusUnprocessableEntity, "REQUEST_ID_REUSED")
	// The ids of two principals do not collide.
	requested(t, recipient.Caller, document.EdocNum, requestID, "다른 사유")
	other := settled(t, institution.Caller, requested(t, institution.Caller, document.EdocNum, requestID+"-2", "법원 제출").ID)
	require.NotEqual(t, made.ID, other.ID)
	require.NotEqual(t, made.CertNum, other.CertNum)
	var list struct{ Certificates []certificate }
	institution.Do(t, http.MethodGet, "/v1/documents/"+document.EdocNum+"/certificates", nil).Into(t, &list)
	require.Equal(t, []certificate{other, made}, list.Certificates, "newest first, each once")
}

// A certificate to which validation data and a document time stamp were added is handed out as it came.
func TestLongTermCertificate(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	document := registered(t, institution, recipient.ByCI())
	hub := stack.Misbehave(t, scenario.Scenario{Kind: scenario.CertificateLongTerm, Match: scenario.Match{EdocNum: document.EdocNum}})
	made := settled(t, institution.Caller, requested(t, institution.Caller, document.EdocNum, "long-"+document.Hash[:16], "제출용").ID)
	require.Equal(t, 1, hub.Taken(t))
	require.Equal(t, "CERTIFICATE_STATE_ISSUED", made.State, "%v", made)
	for name, outcome := range made.Checks {
		require.Equal(t, "CHECK_OUTCOME_PASSED", outcome, name)
	}
	file := institution.Do(t, http.MethodGet, "/v1/certificates/"+made.ID+"/content", nil)
	require.Contains(t, string(file.Body), "/DocTimeStamp")
}

// A certificate that fails any check is not handed out, whatever the hub says; a new request gets a good one.
func TestBadCertificatesAreNotHandedOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind   scenario.Kind
		failed string
	}{
		{scenario.CertificateForged, "signature"},
		{scenario.CertificateOtherDocument, "hash"},
		{scenario.CertificateExpired, "validity"},
		{scenario.CertificateForeignSigner, "chain"},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			t.Parallel()
			institution, recipient := stack.Institution(t), stack.NewMember(t)
			document := registered(t, institution, recipient.ByCI())
			hub := stack.Misbehave(t, scenario.Scenario{Kind: c.kind, Match: scenario.Match{EdocNum: document.EdocNum}})
			bad := settled(t, institution.Caller, requested(t, institution.Caller, document.EdocNum, "bad-"+document.Hash[:16], "제출용").ID)
			require.Equal(t, 1, hub.Taken(t))
			require.Equal(t, "CERTIFICATE_STATE_FAILED", bad.State)
			require.Equal(t, "CHECK_FAILED", bad.Reason)
			require.Equal(t, "CHECK_OUTCOME_FAILED", bad.Checks[c.failed], "%v", bad.Checks)
			require.Empty(t, bad.CertNum+bad.PdfDigest+bad.IssuedAt, "nothing is told of what did not pass")
			download := institution.Do(t, http.MethodGet, "/v1/certificates/"+bad.ID+"/content", nil)
			requireRefusal(t, download, http.StatusConflict, "NOT_ISSUED")

			good := settled(t, institution.Caller, requested(t, institution.Caller, document.EdocNum, "good-"+document.Hash[:16], "제출용").ID)
			require.Equal(t, "CERTIFICATE_STATE_ISSUED", good.State, good.Reason)
			require.Equal(t, "CERTIFICATE_STATE_FAILED", settled(t, institution.Caller, bad.ID).State, "a failure is final")
			counts := timelineOf(t, institution, document.EdocNum)
			require.Equal(t, 1, counts["naru.certificate.v1.CertificateFailed"], "%v", counts)
		})
	}
}

// A document without circulation is received like any other, but it is never registered at the hub, so there is nothing to
// certify.
func TestDocumentWithoutCirculation(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	document := institution.NewDocument(t, recipient.ByCI())
	document.Item["withoutCirculation"] = true
	institution.Send(t, document)
	institution.AwaitState(t, document.EdocNum, "RECEIVED")
	registered(t, institution, recipient.ByCI()) // a later document is registered by now
	for _, caller := range []*harness.Caller{institution.Caller, recipient.Caller} {
		requireRefusal(t, askCertificate(t, caller, document.EdocNum, "none-"+document.Hash[:16], "제출용"), http.StatusConflict, "WITHOUT_CIRCULATION")
	}
	status := institution.Status(t, document.EdocNum)
	require.Zero(t, status.Hub.RegistrationResult)
	require.False(t, status.Hub.Queued)
	_, held := stack.AtHub(t, document.EdocNum)
	require.False(t, held)
}

// A certificate is asked for until the hub issues it, also after a refusal that may change. It runs alone: the hub misbehaves to
// everybody.
func TestHubIsDownForACertificate(t *testing.T) {
	for _, c := range []struct {
		name string
		how  scenario.Scenario
	}{
		{"down", scenario.Scenario{Kind: scenario.Down}},
		{"garbage", scenario.Scenario{Kind: scenario.GarbageBody}},
		{"answer lost", scenario.Scenario{Kind: scenario.AnswerLost}},
		{"token lost", scenario.Scenario{Kind: scenario.TokenLoss}},
		{"no circulation yet", scenario.Scenario{Kind: scenario.TextPlain, ErrCode: "ERR-01-501"}},
		{"refused", scenario.Scenario{Kind: scenario.FailureOK, HTTPStatus: 400, Charset: "CP949", ErrCode: "ERR-09-001"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			institution, recipient := stack.Institution(t), stack.NewMember(t)
			document := registered(t, institution, recipient.ByCI())
			c.how.Match = scenario.Match{Path: "/api/cert"}
			hub := stack.Misbehave(t, c.how)
			requestID := "r-" + document.Hash[:16]
			await.Require(t, harness.Patience, func() bool {
				return askCertificate(t, institution.Caller, document.EdocNum, requestID, "제출용").Status == http.StatusOK
			})
			made := settled(t, institution.Caller, requested(t, institution.Caller, document.EdocNum, requestID, "제출용").ID)
			require.Equal(t, 1, hub.Taken(t))
			require.Equal(t, "CERTIFICATE_STATE_ISSUED", made.State)
			download := institution.Do(t, http.MethodGet, "/v1/certificates/"+made.ID+"/content", nil)
			require.Equal(t, http.StatusOK, download.Status)
		})
	}
}

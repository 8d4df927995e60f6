package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/pades"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/tsp"
)

// The platform-centred path of guide 5.2.1, and of 5.2.2 up to the two certificates: the sender hands the document over, the
// relay deposits it at the archive, delivers it and shows it.
func TestPlatformCentredPath(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	attachment := harness.PDF()

	// 3) ①
	document := institution.HandedOver(t, recipient.ByCI(), attachment)
	institution.Send(t, document)

	// ② 4)
	status := institution.AwaitState(t, document.EdocNum, "RECEIVED")
	require.Equal(t, status.SentAt, status.ReceivedAt)
	deposits, err := stack.Depositor(t).FindByReference(t.Context(), document.EdocNum)
	require.NoError(t, err)
	require.Len(t, deposits, 1)
	require.Equal(t, document.Hash, deposits[0].Hash)
	document.Certificate, document.ArchiveID = deposits[0].RegistrationCertificate, deposits[0].DocumentID
	var delivered struct{ RegistrationCertificate []byte }
	recipient.Do(t, http.MethodGet, "/v1/documents/"+document.EdocNum+"/registration-certificate", nil).Into(t, &delivered)
	require.Equal(t, document.Certificate, delivered.RegistrationCertificate, "the certificate is delivered with the document")

	// 5)
	viewing := recipient.OpenHere(t, document.EdocNum)
	require.Len(t, viewing.Parts, 2)
	require.Equal(t, "시험 고지서.pdf", viewing.Parts[0].FileName)
	shown := recipient.Part(t, viewing.Viewing, 0, "")
	require.Equal(t, http.StatusOK, shown.Status)
	require.Equal(t, document.Bytes, shown.Body)
	require.Equal(t, "application/pdf", shown.Header.Get("Content-Type"))
	require.Contains(t, shown.Header.Get("Cache-Control"), "no-store")
	require.Equal(t, attachment, recipient.Part(t, viewing.Viewing, 1, "").Body)
	require.Equal(t, "DOCUMENT_STATE_RECEIVED", institution.Status(t, document.EdocNum).State, "fetched is not read")
	require.Equal(t, http.StatusOK, recipient.ConfirmShown(t, viewing.Viewing).Status)

	// ⑤
	institution.AwaitState(t, document.EdocNum, "READ")
	status = institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.Registered() && s.ReadTimeRegistered() })
	requireAtHub(t, document, status)
	requireTimeline(t, institution, document.EdocNum)

	// 5.2.2
	pdf := certificateOf(t, institution, document, "법원 제출")
	var original bytes.Buffer
	issued, err := stack.Depositor(t).Issue(t.Context(), document.ArchiveID, &original)
	require.NoError(t, err)
	require.Equal(t, document.Bytes, original.Bytes())
	require.NotEmpty(t, archivecert.Digest(issued.OriginalCertificate))
	requireHubVerifies(t, pdf, issued.OriginalCertificate, document.Bytes)
	for _, party := range []*harness.Caller{institution.Caller, recipient.Caller} {
		report := stack.VerifyBundle(t, stack.Bundle(t, party, document.EdocNum))
		require.True(t, report.Valid, "%v", report.Failed())
		require.Equal(t, document.EdocNum, report.Bundle.EdocNum)
		require.Len(t, report.Bundle.Parts, 4)
		requireEvidence(t, stack.Evidence(t, party, document.EdocNum), 8)
	}
}

// requireEvidence: every check of the evidence form is made and passes, and only what the verifier did not bring stays open. At
// least so many units and exchanges prove what they recorded: six units, but viewing where nobody read it, and the hub's
// exchanges.
func requireEvidence(t *testing.T, container []byte, proofs int) {
	t.Helper()
	report := stack.VerifyBundle(t, container)
	require.True(t, report.Valid, "%v", report.Failed())
	require.Equal(t, bundle.Evidence, report.Bundle.Form)
	var open []string
	for _, check := range report.Checks {
		if check.Outcome == proof.NotCheckable {
			open = append(open, check.ID)
		}
	}
	require.Equal(t, []string{bundle.CheckPresentedDocument, bundle.CheckPresentedAttachments, bundle.CheckHub}, open)
	roles := map[bundle.Role]int{}
	for _, part := range report.Bundle.Parts {
		roles[part.Role]++
	}
	require.Equal(t, 1, roles[bundle.RoleRegistration])
	require.Equal(t, 1, roles[bundle.RoleTimeline])
	require.GreaterOrEqual(t, roles[bundle.RoleJournalProof], proofs, "intake, archive, delivery, viewing, circulation, certificate, and the hub's exchanges")
	require.NotZero(t, roles[bundle.RoleHubAnswer])
}

// Anybody has a bundle verified at the door, without a token: what is good, and a changed byte.
func TestBundleIsVerifiedAtTheDoor(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	document := institution.HandedOver(t, recipient.ByCI())
	institution.Send(t, document)
	institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.Registered() })
	container := stack.Bundle(t, institution.Caller, document.EdocNum)
	type report struct {
		Valid  bool
		Checks []struct{ ID, Outcome string }
	}
	verify := func(content []byte) (got report) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, stack.Endpoints.REST+"/v1/verifications?documentHash="+document.Hash, bytes.NewReader(content))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/octet-stream")
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		require.Equal(t, http.StatusOK, response.StatusCode)
		require.NoError(t, json.NewDecoder(response.Body).Decode(&got))
		return got
	}
	good := verify(container)
	require.True(t, good.Valid, "%v", good.Checks)
	changed := bytes.Clone(container)
	changed[len(changed)/2] ^= 1
	bad := verify(changed)
	require.False(t, bad.Valid)
	require.Len(t, bad.Checks, len(good.Checks))
	requireSignedReport(t, container)
}

// requireSignedReport asks for the report as a PDF, which this relay signed and the sandbox's authority stamped.
func requireSignedReport(t *testing.T, container []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, stack.Endpoints.REST+"/v1/verifications?signedReport=true", bytes.NewReader(container))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/octet-stream")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode)
	var got struct{ SignedReport []byte }
	require.NoError(t, json.NewDecoder(response.Body).Decode(&got))
	trust, err := bundle.LoadTrust(filepath.Dir(stack.Endpoints.Sandbox.Authority))
	require.NoError(t, err)
	judged, err := pades.Verify(got.SignedReport, pades.Trust{Roots: trust.Assemblers, TimeStamps: tsp.Trust{Roots: trust.TimeStamps.Roots}}, clock.System().Now())
	require.NoError(t, err)
	require.True(t, judged.Valid, "%+v", judged)
}

// Whoever received a document has its bundle after the viewing deadline and after leaving, too: it is their proof.
func TestOwnCopyAfterLeaving(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	document := institution.HandedOver(t, recipient.ByCI(), harness.PDF())
	deadline := clock.System().Now().Add(5 * time.Second)
	document.Item["viewing"] = map[string]any{"deadline": deadline.Format(time.RFC3339Nano)}
	institution.Send(t, document)
	institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.Registered() })
	await.Require(t, harness.Patience, func(context.Context) error {
		if clock.System().Now().Before(deadline) {
			return errors.New("the viewing deadline has not passed")
		}
		return nil
	})
	answer := recipient.Do(t, http.MethodPost, "/v1/inbox/"+document.EdocNum+":view", map[string]any{})
	require.Equal(t, "VIEWING_DEADLINE_PASSED", answer.Problem(t).Reason)
	recipient.Do(t, http.MethodDelete, "/v1/membership", nil).Into(t, &struct{}{})
	again := stack.LogInPerson(t, recipient.Person)
	container := stack.Bundle(t, again.Caller, document.EdocNum)
	report := stack.VerifyBundle(t, container)
	require.True(t, report.Valid, "%v", report.Checks)
	require.Equal(t, document.EdocNum, report.Bundle.EdocNum)
	require.Nil(t, report.Bundle.ReadAt)
}

// A member without any system of its own sends to another: its session is enough, and status and certificate are its own.
func TestMemberSends(t *testing.T) {
	t.Parallel()
	sender, recipient := stack.NewMember(t), stack.NewMember(t)
	document := sender.HandedOver(t, recipient.ByDescription())
	sender.SendDocument(t, document)
	as := harness.Institution{Caller: sender.Caller}
	as.AwaitState(t, document.EdocNum, "RECEIVED")
	viewing := recipient.OpenHere(t, document.EdocNum)
	require.Equal(t, document.Bytes, recipient.Part(t, viewing.Viewing, 0, "?download=true").Body)
	as.AwaitState(t, document.EdocNum, "READ")
	as.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.Registered() && s.ReadTimeRegistered() })
	certificateOf(t, &as, document, "제출용")
	require.Equal(t, "DOCUMENT_NOT_FOUND", recipient.Do(t, http.MethodGet, "/v1/documents/"+document.EdocNum, nil).Problem(t).Reason)
}

// An upload that is cut off goes on; what is not the announced file is refused, and nobody else can go on with it, or send it.
func TestUploads(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	body := harness.PDF()
	u := institution.BeginUpload(t, "a.pdf", body)
	institution.AppendUpload(t, u.ID, 0, body[:10]).Into(t, &u)
	require.EqualValues(t, 10, u.Offset)
	wrong := institution.AppendUpload(t, u.ID, 5, body[5:]).Problem(t)
	require.Equal(t, "OFFSET_DIFFERS", wrong.Reason)
	require.Equal(t, http.StatusConflict, wrong.Status)
	require.Equal(t, "UPLOAD_NOT_FOUND", recipient.AppendUpload(t, u.ID, 10, body[10:]).Problem(t).Reason)
	require.Equal(t, "MORE_THAN_ANNOUNCED", institution.AppendUpload(t, u.ID, 10, append(bytes.Clone(body[10:]), 'x')).Problem(t).Reason)
	institution.Do(t, http.MethodGet, "/v1/uploads/"+u.ID, nil).Into(t, &u)
	institution.AppendUpload(t, u.ID, u.Offset, body[u.Offset:]).Into(t, &u)
	require.Equal(t, "UPLOAD_STATE_READY", u.State)

	other := institution.BeginUpload(t, "b.pdf", body)
	changed := bytes.Clone(body)
	changed[len(changed)-8]++
	institution.AppendUpload(t, other.ID, 0, changed).Into(t, &other)
	require.Equal(t, "UPLOAD_STATE_REFUSED", other.State)
	require.Equal(t, "HASH_DIFFERS", other.Findings[0].Reason)

	theirs := recipient.HandedOver(t, recipient.ByCI())
	require.Equal(t, "CONTENT_NOT_READY", institution.Do(t, http.MethodPost, "/v1/documents", theirs.Item).Problem(t).Reason)
}

// A viewing at the relay is its recipient's alone.
func TestViewingsAreTheRecipientsOwn(t *testing.T) {
	t.Parallel()
	institution, recipient, stranger := stack.Institution(t), stack.NewMember(t), stack.NewMember(t)
	document := institution.HandedOver(t, recipient.ByCI())
	institution.Send(t, document)
	institution.AwaitState(t, document.EdocNum, "RECEIVED")
	token := recipient.ViewingToken(t, document.EdocNum)
	require.Equal(t, "TOKEN_FOREIGN", stranger.Do(t, http.MethodPost, "/v1/viewings", map[string]any{"token": token.Token, "requestId": "r"}).Problem(t).Reason)
	viewing := recipient.OpenHere(t, document.EdocNum)
	require.Equal(t, "VIEWING_UNKNOWN", stranger.Part(t, viewing.Viewing, 0, "").Problem(t).Reason)
	require.Equal(t, "VIEWING_UNKNOWN", stranger.ConfirmShown(t, viewing.Viewing).Problem(t).Reason)
	require.Equal(t, "NOTHING_SHOWN", recipient.ConfirmShown(t, viewing.Viewing).Problem(t).Reason)
	require.Equal(t, "PART_NOT_FOUND", recipient.Part(t, viewing.Viewing, 1, "").Problem(t).Reason)
	require.Equal(t, "DEPOSIT_NOT_FOUND", stranger.Do(t, http.MethodGet, "/v1/documents/"+document.EdocNum+"/registration-certificate", nil).Problem(t).Reason)
}

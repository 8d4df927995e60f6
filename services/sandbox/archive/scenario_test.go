package archive_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/archiveclient"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// Each certificate scenario changes the answer as its name says, and only the answer.
func TestCertificateScenarios(t *testing.T) {
	t.Parallel()
	b := setup(t)
	client := b.client(t, memberID, password)
	for _, tc := range []struct {
		kind   scenario.Kind
		failed []archivecert.Check
	}{
		{scenario.CertificateForged, []archivecert.Check{archivecert.ErrSignature}},
		{scenario.CertificateExpired, []archivecert.Check{archivecert.ErrExpired}},
		{scenario.CertificateForeignSigner, []archivecert.Check{archivecert.ErrChain}},
		{scenario.CertificateOtherDocument, nil},
	} {
		content := []byte("문서 " + string(tc.kind))
		status, body := b.admin(t, http.MethodPut, "/sandbox/scenarios/fault", map[string]any{
			"kind": tc.kind, "times": 2, "match": map[string]string{"key": hashOf(content)},
		})
		require.Equal(t, http.StatusNoContent, status, string(body))
		d, err := client.Submit(t.Context(), submission(content))
		require.NoError(t, err)
		registration, err := b.verifier.Registration(d.RegistrationCertificate, start)
		require.Equal(t, tc.failed, archivecert.FailedChecks(err), tc.kind)
		if tc.failed == nil {
			_, err := registration.Covers(d.Hash, nil)
			require.ErrorIs(t, err, archivecert.ErrHash)
		}
		issued, err := client.Issue(t.Context(), d.DocumentID, io.Discard)
		require.NoError(t, err)
		original, err := b.verifier.Original(issued.OriginalCertificate, start)
		require.Equal(t, tc.failed, archivecert.FailedChecks(err), tc.kind)
		if tc.failed == nil {
			require.ErrorIs(t, original.Covers(d.Hash, nil), archivecert.ErrHash)
		}
		// The scenario is used up after two answers; the stored certificate is genuine.
		again, err := client.Submit(t.Context(), submission(content))
		require.NoError(t, err)
		genuine, err := b.verifier.Registration(again.RegistrationCertificate, start)
		require.NoError(t, err)
		_, err = genuine.Covers(d.Hash, nil)
		require.NoError(t, err)
	}
}

func TestTransportScenarios(t *testing.T) {
	t.Parallel()
	b := setup(t)
	client := b.client(t, memberID, password)
	require.NoError(t, client.Login(t.Context()))
	put := func(s map[string]any) {
		status, body := b.admin(t, http.MethodPut, "/sandbox/scenarios/fault", s)
		require.Equal(t, http.StatusNoContent, status, string(body))
	}
	put(map[string]any{"kind": "down", "httpStatus": 503})
	_, err := client.Submit(t.Context(), submission(text))
	var problem *archiveclient.Problem
	require.ErrorAs(t, err, &problem)
	require.Equal(t, http.StatusServiceUnavailable, problem.Status)

	// The work is done although the answer is lost; a repetition finds it.
	put(map[string]any{"kind": "answer-lost", "match": map[string]string{"method": "POST", "path": "/archive/documents"}})
	_, err = client.Submit(t.Context(), submission(text))
	require.Error(t, err)
	d, err := client.Submit(t.Context(), submission(text))
	require.NoError(t, err)
	require.True(t, d.Duplicate)

	put(map[string]any{"kind": "slow", "delay": "30ms"})
	_, err = client.Document(t.Context(), d.DocumentID)
	require.NoError(t, err)
	put(map[string]any{"kind": "garbage-body"})
	_, err = client.Document(t.Context(), d.DocumentID)
	require.ErrorContains(t, err, "not what was expected")
	status, _ := b.admin(t, http.MethodDelete, "/sandbox/scenarios/fault", nil)
	require.Equal(t, http.StatusNoContent, status)
}

// A certificate of another depositor or of an earlier registration is genuine, and only the depositor can tell.
func TestGenuineAndWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	client := b.client(t, memberID, password)
	b.scenario(t, map[string]any{"kind": "certificate-other-owner"})
	d, err := client.Submit(t.Context(), submission(text))
	require.NoError(t, err)
	registration, err := b.verifier.Registration(d.RegistrationCertificate, start)
	require.NoError(t, err)
	require.NotEqual(t, memberName, registration.Owner)
	b.scenario(t, map[string]any{"kind": "certificate-backdated", "delay": "5m"})
	d, err = client.Document(t.Context(), d.DocumentID)
	require.NoError(t, err)
	registration, err = b.verifier.Registration(d.RegistrationCertificate, start)
	require.NoError(t, err)
	require.Equal(t, start.Add(-5*time.Minute), registration.RegisteredAt)
}

// An archive that recognises nothing registers a repeated submission anew, and finds nothing.
func TestForgetful(t *testing.T) {
	t.Parallel()
	b := setup(t)
	client := b.client(t, memberID, password)
	b.scenario(t, map[string]any{"kind": "forgetful", "forever": true})
	s := submission(text)
	s.Reference = "own-1"
	first, err := client.Submit(t.Context(), s)
	require.NoError(t, err)
	second, err := client.Submit(t.Context(), s)
	require.NoError(t, err)
	require.False(t, second.Duplicate)
	require.NotEqual(t, first.DocumentID, second.DocumentID)
	_, err = client.FindByReference(t.Context(), "own-1")
	require.Equal(t, archiveclient.Unavailable, archiveclient.FailureOf(err))

	b.scenario(t, map[string]any{"kind": "deposit-refused"})
	_, err = client.Submit(t.Context(), s)
	require.Equal(t, archiveclient.Refused, archiveclient.FailureOf(err))
	require.Len(t, b.storedFiles(t), 2)
}

// scenario puts a scenario, in place of the one before.
func (b *bundle) scenario(t *testing.T, s map[string]any) {
	t.Helper()
	status, body := b.admin(t, http.MethodPut, "/sandbox/scenarios/only", s)
	require.Equal(t, http.StatusNoContent, status, string(body))
}

func TestAdmin(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d, err := b.client(t, memberID, password).Submit(t.Context(), submission(text))
	require.NoError(t, err)
	var listed struct {
		Documents []struct {
			archiveclient.Document
			MemberID string `json:"memberId"`
		} `json:"documents"`
	}
	status, body := b.admin(t, http.MethodGet, "/sandbox/archive/documents?memberId="+memberID+"&hash="+hashOf(text), nil)
	require.Equal(t, http.StatusOK, status)
	require.NoError(t, json.Unmarshal(body, &listed))
	require.Len(t, listed.Documents, 1)
	require.Equal(t, memberID, listed.Documents[0].MemberID)
	require.Equal(t, d.RegistrationCertificate, listed.Documents[0].RegistrationCertificate)
	_, body = b.admin(t, http.MethodGet, "/sandbox/archive/documents?memberId=nobody", nil)
	require.JSONEq(t, `{"documents":[]}`, string(body))
	_, body = b.admin(t, http.MethodGet, "/sandbox/archive/members", nil)
	require.JSONEq(t, `{"members":[{"memberId":"gasang-office","name":"가상구청 시험과","createdAt":"2026-03-02T01:02:03.456789Z"}]}`, string(body))

	for _, token := range []string{"", "wrong", b.token(t)} {
		status, _ := b.call(t, http.MethodGet, "/sandbox/archive/documents", token, "", nil)
		require.Equal(t, http.StatusUnauthorized, status)
	}
	require.Equal(t, http.StatusBadRequest, b.putMember(t, "bad id", memberName, password))
	require.Equal(t, http.StatusBadRequest, b.putMember(t, "good", "", password))
	require.Equal(t, http.StatusBadRequest, b.putMember(t, "good", memberName, "short"))
}

package harness

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/testkit/await"
)

// Bundle has the relay assemble the certificate bundle of a document, and returns the container.
func (s *Stack) Bundle(t testing.TB, c *Caller, edocNum string) []byte {
	t.Helper()
	return s.bundleOf(t, c, edocNum, "BUNDLE_FORM_SUBMISSION")
}

// Evidence is a bundle of the evidence form.
func (s *Stack) Evidence(t testing.TB, c *Caller, edocNum string) []byte {
	t.Helper()
	return s.bundleOf(t, c, edocNum, "BUNDLE_FORM_EVIDENCE")
}

func (s *Stack) bundleOf(t testing.TB, c *Caller, edocNum, form string) []byte {
	t.Helper()
	var got struct {
		Bundle struct{ ID, State, WaitsFor, Reason string }
	}
	c.Do(t, http.MethodPost, "/v1/documents/"+edocNum+"/bundles", map[string]string{"reason": "시험용 제출", "requestId": rand.Text(), "form": form}).Into(t, &got)
	await.Require(t, Patience, func(context.Context) error {
		c.Do(t, http.MethodGet, "/v1/bundles/"+got.Bundle.ID, nil).Into(t, &got)
		if got.Bundle.State != "BUNDLE_STATE_ISSUED" {
			return fmt.Errorf("it is %s, waits for %s, %s", got.Bundle.State, got.Bundle.WaitsFor, got.Bundle.Reason)
		}
		return nil
	})
	answer := c.Do(t, http.MethodGet, "/v1/bundles/"+got.Bundle.ID+"/content", nil)
	require.Equal(t, http.StatusOK, answer.Status)
	require.Equal(t, bundle.MediaType, answer.Header.Get("Content-Type"))
	return answer.Body
}

// VerifyBundle verifies a container as anybody can who trusts the sandbox.
func (s *Stack) VerifyBundle(t testing.TB, container []byte) *bundle.Report {
	t.Helper()
	trust, err := bundle.LoadTrust(filepath.Dir(s.Endpoints.Sandbox.Authority))
	require.NoError(t, err)
	report, err := bundle.Verify(t.Context(), bytes.NewReader(container), int64(len(container)), bundle.Options{Trust: trust, At: clock.System().Now()})
	require.NoError(t, err)
	return report
}

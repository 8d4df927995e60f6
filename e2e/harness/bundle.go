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

// BundleReason is why bundles are asked for.
const BundleReason = "시험용 제출"

// Bundle has the relay assemble the certificate bundle of a document, and returns the container.
func (s *Stack) Bundle(t testing.TB, c *Caller, edocNum string) []byte {
	t.Helper()
	return s.Container(t, c, s.AwaitBundle(t, c, c.AskBundle(t, edocNum, rand.Text(), "")))
}

// Evidence is a bundle of the evidence form.
func (s *Stack) Evidence(t testing.TB, c *Caller, edocNum string) []byte {
	t.Helper()
	return s.EvidenceBy(t, c, edocNum, "")
}

// EvidenceBy is Evidence of an agent by an authorisation.
func (s *Stack) EvidenceBy(t testing.TB, c *Caller, edocNum, authorisation string) []byte {
	t.Helper()
	asked := c.Do(t, http.MethodPost, "/v1/documents/"+edocNum+"/bundles",
		map[string]string{"reason": BundleReason, "requestId": rand.Text(), "form": "BUNDLE_FORM_EVIDENCE", "authorisation": authorisation})
	return s.Container(t, c, s.AwaitBundle(t, c, asked))
}

// AskBundle asks for the bundle of a document, as an agent by an authorisation, else by none. The caller judges the answer.
func (c *Caller) AskBundle(t testing.TB, edocNum, requestID, authorisation string) Answer {
	t.Helper()
	asked := map[string]string{"reason": BundleReason, "requestId": requestID}
	if authorisation != "" {
		asked["authorisation"] = authorisation
	}
	return c.Do(t, http.MethodPost, "/v1/documents/"+edocNum+"/bundles", asked)
}

// AwaitBundle waits until a bundle that was asked for is issued, and returns its id.
func (s *Stack) AwaitBundle(t testing.TB, c *Caller, asked Answer) string {
	t.Helper()
	var got struct {
		Bundle struct{ ID, State, WaitsFor, Reason string }
	}
	asked.Into(t, &got)
	await.Require(t, Patience, func(context.Context) error {
		c.Do(t, http.MethodGet, "/v1/bundles/"+got.Bundle.ID, nil).Into(t, &got)
		if got.Bundle.State != "BUNDLE_STATE_ISSUED" {
			return fmt.Errorf("it is %s, waits for %s, %s", got.Bundle.State, got.Bundle.WaitsFor, got.Bundle.Reason)
		}
		return nil
	})
	return got.Bundle.ID
}

// Container downloads a bundle.
func (s *Stack) Container(t testing.TB, c *Caller, id string) []byte {
	t.Helper()
	answer := c.Do(t, http.MethodGet, "/v1/bundles/"+id+"/content", nil)
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

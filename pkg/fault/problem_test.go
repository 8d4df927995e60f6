package fault_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/golden"
)

// Problem documents have a fixed form.
func TestWriteProblem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		err    error
		status int
		retry  string
	}{
		{
			name: "violations", status: 400,
			err: fault.New(fault.Invalid, "intake", reason("REASON_INVALID_REQUEST"), "two fields break a rule", fault.WithViolations(
				fault.Violation{Field: "items[3].documentHash.value", Rule: "string.pattern", Message: "must be 64 hexadecimal digits"},
				fault.Violation{Field: "items[3].title", Message: "must not be empty"})),
		},
		{
			name: "conflict", status: 409,
			err: fault.New(fault.Conflict, "intake", reason("REASON_OWN_KEY_REUSED"), "the key was used for another content",
				fault.WithMetadata("edocNumber", "20260101_Relay00001_0000000000042")),
		},
		{
			name: "exhausted", status: 429, retry: "2",
			err: fault.New(fault.Exhausted, "gateway", reason("REASON_QUOTA"), "the quota is used up", fault.WithRetryAfter(1100*time.Millisecond)),
		},
		{name: "plain", status: 500, err: errors.New("dial tcp 10.0.0.1")},
		{name: "no_unit", status: 404, err: fault.New(fault.NotFound, "", reason("REASON_NO_ROUTE"), "")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			fault.WriteProblem(w, fault.ProblemOf(tt.err, "4bf92f3577b34da6a3ce929d0e0e4736"))
			response := w.Result()
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, tt.status, response.StatusCode)
			require.Equal(t, "application/problem+json", response.Header.Get("Content-Type"))
			require.Equal(t, "no-store", response.Header.Get("Cache-Control"))
			require.Equal(t, tt.retry, response.Header.Get("Retry-After"))
			golden.Equal(t, body, "problem_"+tt.name+".json")
		})
	}
}

// The type is a stable address for the reason; without a reason there is no type.
func TestProblemType(t *testing.T) {
	t.Parallel()
	p := fault.ProblemOf(fault.New(fault.Conflict, "intake", reason("REASON_OWN_KEY_REUSED"), ""), "i")
	require.Equal(t, "https://naru-relay.github.io/errors/intake/own-key-reused", p.Type)
	require.Equal(t, "i", p.Instance)
	require.Equal(t, "about:blank", fault.ProblemOf(errors.New("x"), "").Type)
	require.Equal(t, http.StatusText(http.StatusOK), fault.ProblemOf(nil, "").Title)
}

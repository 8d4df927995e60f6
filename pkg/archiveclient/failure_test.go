package archiveclient_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/archiveclient"
)

// Only an answer about what was submitted is final. What may have taken effect is told apart from what has not.
func TestFailureOf(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]archiveclient.Failure{
		400: archiveclient.Refused, 409: archiveclient.Refused, 413: archiveclient.Refused, 415: archiveclient.Refused, 422: archiveclient.Refused,
		451: archiveclient.Refused, 401: archiveclient.Unauthorised, 403: archiveclient.Unauthorised, 404: archiveclient.Unavailable,
		405: archiveclient.Unavailable, 408: archiveclient.Unavailable, 429: archiveclient.Unavailable, 503: archiveclient.Unavailable,
		302: archiveclient.Unavailable, 500: archiveclient.Unknown, 502: archiveclient.Unknown, 504: archiveclient.Unknown,
	} {
		_, err := liar(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(status)
		}).Submit(t.Context(), submission([]byte("문서")))
		require.Equal(t, want, archiveclient.FailureOf(err), status)
	}
	// What is wrong with the log-in is not the document's fault.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }))
	client, err := archiveclient.New(archiveclient.Options{BaseURL: server.URL, HTTP: server.Client(), MemberID: "m", Password: "secret-of-m"})
	require.NoError(t, err)
	_, err = client.Submit(t.Context(), submission([]byte("문서")))
	require.Equal(t, archiveclient.Unauthorised, archiveclient.FailureOf(err))
	require.NotContains(t, err.Error(), "secret-of-m")
	server.Close()
	_, err = client.Submit(t.Context(), submission([]byte("문서")))
	require.Equal(t, archiveclient.NotReached, archiveclient.FailureOf(err))
	require.Equal(t, "not_reached", archiveclient.NotReached.String())
}

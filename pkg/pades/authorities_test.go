package pades_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/attestation"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/pades"
	"github.com/naru-relay/naru/pkg/tsp"
)

// Time stamps come from an authority that is asked over HTTP; where it gives none, nothing is signed.
func TestAuthorities(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/stamp", func(out http.ResponseWriter, in *http.Request) {
		body, err := io.ReadAll(in.Body)
		if err != nil {
			http.Error(out, "", http.StatusBadRequest)
			return
		}
		request, err := tsp.ParseRequest(body)
		if err != nil {
			http.Error(out, "", http.StatusBadRequest)
			return
		}
		token, err := attestation.IssueTimeStamp(
			attestation.Stamp{Hash: request.Hash, Serial: cmstest.Serial(t), At: at, Nonce: request.Nonce}, w.stamper.Key, w.stamper.Chain)
		if err != nil {
			http.Error(out, "", http.StatusInternalServerError)
			return
		}
		answer, err := tsp.Grant(token)
		if err != nil {
			http.Error(out, "", http.StatusInternalServerError)
			return
		}
		out.Header().Set("Content-Type", tsp.MediaReply)
		_, _ = out.Write(answer)
	})
	mux.HandleFunc("/refuse", func(out http.ResponseWriter, _ *http.Request) {
		answer, _ := tsp.Reject(tsp.TimeNotAvailable)
		out.Header().Set("Content-Type", tsp.MediaReply)
		_, _ = out.Write(answer)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	authority := func(path string) pades.StampFunc {
		client, err := tsp.NewClient(func() time.Time { return at }, tsp.Authority{
			Name: "시험용 시점확인", URL: server.URL + path, HTTP: server.Client(), Trust: tsp.Trust{Roots: w.stamps.Pool()},
		})
		require.NoError(t, err)
		return pades.Authorities(client)
	}
	opts := by(w.seller)
	opts.Stamp = authority("/stamp")
	pdf := extend(t, sign(t, simple(), opts), pades.Extension{Stamp: authority("/stamp")})
	report := w.verify(t, pdf)
	require.True(t, report.Valid, "%+v", report)
	require.Len(t, report.Signatures, 2)

	opts.Stamp = authority("/refuse")
	_, err := pades.Sign(t.Context(), simple(), opts)
	require.ErrorContains(t, err, "timeNotAvailable")
	_, err = pades.Extend(t.Context(), pdf, pades.Extension{Stamp: authority("/refuse")})
	require.ErrorContains(t, err, "timeNotAvailable")
}

// Package tsptest is a time-stamping authority for tests, over a real socket. For tests only.
package tsptest

import (
	"crypto/rand"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/attestation"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/tsp"
)

// Authority stamps with a key of its own.
type Authority struct {
	URL    string
	Signer cmstest.Signer
	// Now is its clock.
	Now func() time.Time
	// Edit changes what is stamped before it is; nil changes nothing.
	Edit func(*attestation.Stamp)
	away atomic.Bool
	// asked counts requests.
	asked atomic.Int64
}

// New starts an authority that ends with the test.
func New(t testing.TB, signer cmstest.Signer, now func() time.Time) *Authority {
	t.Helper()
	a := &Authority{Signer: signer, Now: now}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.serve(t, w, r) }))
	t.Cleanup(server.Close)
	a.URL = server.URL
	return a
}

// Away has it answer nothing but 503, or end that.
func (a *Authority) Away(away bool) { a.away.Store(away) }

// Asked is how many requests came.
func (a *Authority) Asked() int { return int(a.asked.Load()) }

func (a *Authority) serve(t testing.TB, w http.ResponseWriter, r *http.Request) {
	a.asked.Add(1)
	if a.away.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	query, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.Header().Set("Content-Type", tsp.MediaReply)
	request, err := tsp.ParseRequest(query)
	if err != nil {
		answer, err := tsp.Reject(tsp.BadDataFormat)
		require.NoError(t, err)
		_, _ = w.Write(answer)
		return
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	require.NoError(t, err)
	stamp := attestation.Stamp{Hash: request.Hash, Serial: serial, At: a.Now(), Nonce: request.Nonce, Policy: request.Policy}
	if a.Edit != nil {
		a.Edit(&stamp)
	}
	token, err := attestation.IssueTimeStamp(stamp, a.Signer.Key, a.Signer.Chain)
	require.NoError(t, err)
	answer, err := tsp.Grant(token)
	require.NoError(t, err)
	_, _ = w.Write(answer)
}

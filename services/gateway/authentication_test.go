package gateway

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// proofs reads the evidence of one kind about a principal, oldest first.
func (w *world) proofs(t *testing.T, kind, principal string, into any) {
	t.Helper()
	var all string
	require.NoError(t, w.App.QueryRow(t.Context(), `
		select coalesce(json_agg(convert_from(body, 'UTF8')::json order by id), '[]') from evidence_entry where kind = $1 and subject = $2`, kind, principal).Scan(&all))
	require.NoError(t, json.Unmarshal([]byte(all), into))
}

// What a client proved, and what somebody who named it did not, is evidence: a token names the entry of its client's proof, and whoever
// guesses at a client's secret fills no more than its bound.
func TestClientAuthenticationIsEvidence(t *testing.T) {
	t.Parallel()
	w := setup(t)
	principal, sender := w.institution(t, "1234567890", "sender-proofs")
	p, err := w.Env.Authn.Verify(t.Context(), w.token(t, sender))
	require.NoError(t, err)
	var proved []authenticatedBody
	w.proofs(t, kindClientAuthenticated, principal, &proved)
	require.Len(t, proved, 1)
	require.Equal(t, authenticatedBody{Client: sender.ID, Proof: "secret", TokenID: p.TokenID, Scopes: p.Scopes, ExpiresAt: p.ExpiresAt.UTC()}, proved[0])

	guess := func(id string) {
		t.Helper()
		got := w.form(t, url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {strings.Repeat("guess", 8)}})
		require.Equal(t, 401, got.status, "%s", got.body)
	}
	refused := func() (bodies []notAuthenticatedBody) {
		t.Helper()
		w.proofs(t, kindClientNotAuthenticated, principal, &bodies)
		return bodies
	}
	for range refusalBurst + 2 {
		guess(sender.ID)
	}
	guess("c-unknown")
	require.Len(t, refused(), refusalBurst)
	w.Clock.Advance(refusalEvery)
	guess(sender.ID)
	after := refused()
	require.Len(t, after, refusalBurst+1)
	require.Equal(t, notAuthenticatedBody{Client: sender.ID, Why: otherSecret, Unrecorded: 2}, after[refusalBurst])

	var secrets int
	require.NoError(t, w.App.QueryRow(t.Context(), `select count(*) from evidence_entry where position($1::bytea in body) > 0 or position('guess'::bytea in body) > 0`,
		[]byte(sender.Secret)).Scan(&secrets))
	require.Zero(t, secrets)
}

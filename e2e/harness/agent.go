package harness

import (
	"crypto/rand"
	"maps"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// Agent is an agent (송신대행자), who sends for others.
type Agent struct {
	*Caller
	ID string
}

// NewAgent adds one.
func (s *Stack) NewAgent(t testing.TB) *Agent {
	t.Helper()
	var made struct {
		Agent       struct{ ID string }
		Credentials Credentials
	}
	s.Admin(t).Do(t, http.MethodPost, "/v1/admin/agents", map[string]any{"agent": map[string]any{"name": "시험용 대행 " + rand.Text()[:8]}}).Into(t, &made)
	return &Agent{Caller: s.LogIn(t, made.Credentials), ID: made.Agent.ID}
}

// Authorisation is what a sender was asked for, or has given.
type Authorisation struct {
	ID, State, Agent, Sender, Digest, Salt, ExpiresAt string
}

// Authorisation asks a sender, by its address, to let the agent send an item.
func (a *Agent) Authorisation(t testing.TB, sender string, item map[string]any) Authorisation {
	t.Helper()
	asked := maps.Clone(item)
	delete(asked, "authorisation")
	var got struct{ Authorisation Authorisation }
	a.Do(t, http.MethodPost, "/v1/authorisations", map[string]any{"requestId": rand.Text(), "senderAddress": sender, "items": []any{asked}}).Into(t, &got)
	require.NotEmpty(t, got.Authorisation.ID)
	return got.Authorisation
}

// Address is the member's certified address.
func (r *Recipient) Address(t testing.TB) string {
	t.Helper()
	var got struct{ Membership struct{ Address string } }
	r.Do(t, http.MethodGet, "/v1/membership", nil).Into(t, &got)
	require.NotEmpty(t, got.Membership.Address)
	return got.Membership.Address
}

// Mandate asks a party, by its address, to let the agent obtain the certificates of a document for a reason.
func (a *Agent) Mandate(t testing.TB, party, edocNum, reason string) Authorisation {
	t.Helper()
	var got struct{ Authorisation Authorisation }
	a.Do(t, http.MethodPost, "/v1/authorisations", map[string]any{
		"requestId": rand.Text(), "senderAddress": party, "certificates": map[string]any{"edocNums": []string{edocNum}, "reason": reason},
	}).Into(t, &got)
	require.NotEmpty(t, got.Authorisation.ID)
	return got.Authorisation
}

// Approve gives an authorisation in the member's session.
func (r *Recipient) Approve(t testing.TB, of Authorisation) {
	t.Helper()
	require.Equal(t, http.StatusOK, r.Do(t, http.MethodPost, "/v1/authorisations/"+of.ID+":approve", map[string]any{"digest": of.Digest}).Status)
}

package gateway

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/keys/keystest"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// An agent has a name that other units are told, and credentials whose tokens are an agent's.
func TestAgents(t *testing.T) {
	t.Parallel()
	w := setup(t)
	client := gatewayv1.NewPrincipalAdminServiceClient(w.Admin(t))
	var made []*gatewayv1.Agent
	for _, name := range []string{"시험용대행사", "다른대행사", "셋째대행사"} {
		got, err := client.CreateAgent(t.Context(), &gatewayv1.CreateAgentRequest{Agent: &gatewayv1.Agent{Name: name}})
		require.NoError(t, err)
		require.Equal(t, name, got.GetAgent().GetName())
		p, err := w.Env.Authn.Verify(t.Context(), w.token(t, login{got.GetCredentials().GetClientId(), got.GetCredentials().GetClientSecret()}))
		require.NoError(t, err)
		require.Equal(t, platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT, p.Kind)
		require.Equal(t, got.GetAgent().GetId(), p.ID)
		require.ElementsMatch(t, []string{"authorisations", "certificates", "documents.read", "documents.send"}, p.Scopes)
		made = append(made, got.GetAgent())
	}
	facts := unittest.AwaitFacts[*gatewayv1.PrincipalChanged](t, w.Bench, 3)
	require.Equal(t, []string{made[0].GetId(), "시험용대행사"}, []string{facts[0].GetId(), facts[0].GetName()})

	one, err := client.GetAgent(t.Context(), &gatewayv1.GetAgentRequest{Id: made[1].GetId()})
	require.NoError(t, err)
	require.Equal(t, "다른대행사", one.GetAgent().GetName())
	sender, _ := w.institution(t, "1234567815", "sender-agents")
	for _, other := range []string{unittest.NewID(), sender} {
		_, err = client.GetAgent(t.Context(), &gatewayv1.GetAgentRequest{Id: other})
		require.Equal(t, "AGENT_NOT_FOUND", fault.ReasonOf(err))
	}
	first, err := client.ListAgents(t.Context(), &gatewayv1.ListAgentsRequest{PageSize: 2})
	require.NoError(t, err)
	rest, err := client.ListAgents(t.Context(), &gatewayv1.ListAgentsRequest{PageSize: 2, PageToken: first.GetNextPageToken()})
	require.NoError(t, err)
	require.Empty(t, rest.GetNextPageToken())
	var names []string
	for _, a := range append(first.GetAgents(), rest.GetAgents()...) {
		names = append(names, a.GetName())
	}
	require.Equal(t, []string{"셋째대행사", "다른대행사", "시험용대행사"}, names)
	_, err = client.ListAgents(t.Context(), &gatewayv1.ListAgentsRequest{PageToken: "x"})
	require.Equal(t, "PAGE_TOKEN_INVALID", fault.ReasonOf(err))
	_, err = client.CreateAgent(t.Context(), &gatewayv1.CreateAgentRequest{Agent: &gatewayv1.Agent{}})
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	_, err = gatewayv1.NewPrincipalAdminServiceClient(w.As(t, platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT, made[0].GetId())).ListAgents(t.Context(), &gatewayv1.ListAgentsRequest{})
	require.Equal(t, fault.Denied, fault.KindOf(err))
}

func jwkOf(t *testing.T, s keys.Signer) string {
	t.Helper()
	raw, err := authn.KeySet(authn.PublicKey{ID: s.KeyID(), Key: s.Public()})
	require.NoError(t, err)
	var set struct{ Keys []json.RawMessage }
	require.NoError(t, json.Unmarshal(raw, &set))
	return string(set.Keys[0])
}

// The keys of an institution are stated with its address, in place of those before; what is so already is not stated again.
func TestAuthorisationKeys(t *testing.T) {
	t.Parallel()
	w := setup(t)
	client := gatewayv1.NewPrincipalAdminServiceClient(w.Admin(t))
	sender, _ := w.institution(t, "1234567815", "sender-keys")
	one, two := keystest.Signer(t, "authorisation"), keystest.Signer(t, "authorisation")
	replace := func(principal string, jwks ...string) ([]string, error) {
		got, err := client.ReplaceAuthorisationKeys(t.Context(), &gatewayv1.ReplaceAuthorisationKeysRequest{Principal: principal, PublicJwks: jwks})
		return got.GetKeyIds(), err
	}
	for range 2 {
		ids, err := replace(sender, jwkOf(t, one), jwkOf(t, two))
		require.NoError(t, err)
		require.Equal(t, []string{one.KeyID(), two.KeyID()}, ids)
	}
	_, err := replace(sender, jwkOf(t, two))
	require.NoError(t, err)
	_, err = replace(sender)
	require.NoError(t, err)
	facts := unittest.AwaitFacts[*gatewayv1.PrincipalChanged](t, w.Bench, 4)
	require.Len(t, facts, 4)
	var counts []int
	for _, f := range facts {
		require.Equal(t, []string{sender, "sender-keys"}, []string{f.GetId(), f.GetAddress()})
		counts = append(counts, len(f.GetAuthorisationKeys()))
	}
	require.Equal(t, []int{0, 2, 1, 0}, counts)

	_, err = replace(sender, jwkOf(t, one), "{}", jwkOf(t, one))
	require.Equal(t, "INVALID_REQUEST", fault.ReasonOf(err))
	require.Len(t, fault.As(err).Violations, 2)
	require.Equal(t, "publicJwks[1]", fault.As(err).Violations[0].Field)
	require.Equal(t, "publicJwks[2]", fault.As(err).Violations[1].Field)
	agent, err := client.CreateAgent(t.Context(), &gatewayv1.CreateAgentRequest{Agent: &gatewayv1.Agent{Name: "시험용대행사"}})
	require.NoError(t, err)
	for _, other := range []string{unittest.NewID(), agent.GetAgent().GetId()} {
		_, err = replace(other, jwkOf(t, one))
		require.Equal(t, "INSTITUTION_NOT_FOUND", fault.ReasonOf(err))
	}
}

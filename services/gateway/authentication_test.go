package gateway

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/testkit/unittest"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

// Both successful and failed client authentications are stated: a token names the fact of its client's proof, and the number of
// facts about failed attempts is limited.
func TestClientAuthenticationIsStated(t *testing.T) {
	t.Parallel()
	w := setup(t)
	principal, sender := w.institution(t, "1234567891", "sender-proofs")
	p, err := w.Env.Authn.Verify(t.Context(), w.token(t, sender))
	require.NoError(t, err)
	proved := unittest.Facts[*gatewayv1.ClientAuthenticated](t, w.Bench)
	proved = slices.DeleteFunc(proved, func(m *gatewayv1.ClientAuthenticated) bool { return m.GetPrincipal() != principal })
	require.Len(t, proved, 1)
	require.True(t, proto.Equal(&gatewayv1.ClientAuthenticated{
		Client: sender.ID, Principal: principal, Proof: gatewayv1.ClientProof_CLIENT_PROOF_SECRET, Scopes: p.Scopes, ExpiresAt: timestamppb.New(p.ExpiresAt),
	}, proved[0]), "%v", proved[0])
	subjects := w.Stated(t, &gatewayv1.ClientAuthenticated{})
	require.Equal(t, p.TokenID, subjects[len(subjects)-1].GetSubject())

	guess := func(id string) {
		t.Helper()
		got := w.form(t, url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {strings.Repeat("guess", 8)}})
		require.Equal(t, 401, got.status, "%s", got.body)
	}
	refused := func() []*gatewayv1.ClientNotAuthenticated {
		return unittest.Facts[*gatewayv1.ClientNotAuthenticated](t, w.Bench)
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
	require.True(t, proto.Equal(&gatewayv1.ClientNotAuthenticated{Client: after[refusalBurst].GetClient(), Principal: principal, Why: string(otherSecret), Unrecorded: 2}, after[refusalBurst]), "%v", after[refusalBurst])

	for _, kind := range New().States {
		for _, e := range w.Stated(t, kind) {
			require.NotContains(t, string(e.GetPayload()), sender.Secret)
			require.NotContains(t, string(e.GetPayload()), "guess")
		}
	}
}

package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// The token endpoint accepts both ways to send a secret, and answers as RFC 6749 requires.
func TestTokenEndpoint(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, sender := w.institution(t, "1234567891", "sender-token")
	good := func() url.Values {
		return url.Values{"grant_type": {"client_credentials"}, "client_id": {sender.ID}, "client_secret": {sender.Secret}}
	}
	with := func(name string, values ...string) url.Values {
		v := good()
		v[name] = values
		return v
	}
	basic := func(id, secret string) []string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		require.NoError(t, err)
		r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
		return []string{"Authorization", r.Header.Get("Authorization")}
	}
	grantOnly := url.Values{"grant_type": {"client_credentials"}}
	tests := []struct {
		name    string
		form    url.Values
		headers []string
		status  int
		code    string
	}{
		{"secret in the body", good(), nil, 200, ""},
		{"secret by Basic", grantOnly, basic(sender.ID, sender.Secret), 200, ""},
		{"one scope", with("scope", "documents.read"), nil, 200, ""},
		{"a scope of others", with("scope", "documents.read admin"), nil, 400, "invalid_scope"},
		{"another secret", with("client_secret", strings.Repeat("x", 43)), nil, 401, "invalid_client"},
		{"another secret by Basic", grantOnly, basic(sender.ID, "x"), 401, "invalid_client"},
		{"unknown client", with("client_id", "c-unknown"), nil, 401, "invalid_client"},
		{"no client", grantOnly, nil, 401, "invalid_client"},
		{"both ways", good(), basic(sender.ID, sender.Secret), 400, "invalid_request"},
		{"another grant", with("grant_type", "password"), nil, 400, "unsupported_grant_type"},
		{"no grant", with("grant_type"), nil, 400, "invalid_request"},
		{"a parameter twice", with("scope", "a", "b"), nil, 400, "invalid_request"},
		{"JSON", good(), []string{"Content-Type", "application/json"}, 400, "invalid_request"},
		{"a client id of 65 characters", with("client_id", strings.Repeat("c", 65)), nil, 400, "invalid_request"},
		{"a form of 17 KiB", with("scope", strings.Repeat("s", 17<<10)), nil, 413, "invalid_request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := w.form(t, tt.form, tt.headers...)
			require.Equal(t, tt.status, got.status, "%s", got.body)
			require.Equal(t, "no-store", got.header.Get("Cache-Control"))
			body := got.json(t)
			if tt.code != "" {
				require.Equal(t, tt.code, body["error"])
				require.NotContains(t, got.body, sender.Secret)
				return
			}
			require.Equal(t, "Bearer", body["token_type"])
			require.InDelta(t, 900, body["expires_in"], 0)
			p, err := w.Env.Authn.Verify(t.Context(), body["access_token"].(string))
			require.NoError(t, err)
			require.Equal(t, platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, p.Kind)
			require.Equal(t, sender.ID, p.Client)
			require.Equal(t, strings.Join(p.Scopes, " "), body["scope"])
		})
	}
	require.Contains(t, w.form(t, grantOnly, basic(sender.ID, "x")...).header.Get("Www-Authenticate"), "Basic")
	require.Equal(t, 405, w.call(t, http.MethodGet, "/oauth2/token", "", "").status)
	require.NotContains(t, w.Logs.String(), sender.Secret)
}

// A client with a key signs an assertion, which is valid once, for this endpoint, for five minutes.
func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, _ := w.institution(t, "1234567800", "sender-jwt")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	set, err := authn.KeySet(authn.PublicKey{ID: "mine", Key: key.Public()})
	require.NoError(t, err)
	var keys struct{ Keys []json.RawMessage }
	require.NoError(t, json.Unmarshal(set, &keys))
	made, err := gatewayv1.NewPrincipalAdminServiceClient(w.Admin(t)).CreateClient(t.Context(), &gatewayv1.CreateClientRequest{Principal: id, PublicJwk: string(keys.Keys[0])})
	require.NoError(t, err)
	require.Empty(t, made.GetCredentials().GetClientSecret())
	clientID := made.GetClient().GetClientId()

	now := w.Clock.Now()
	assertion := func(change func(map[string]any), by *ecdsa.PrivateKey) string {
		claims := map[string]any{"iss": clientID, "sub": clientID, "aud": publicURL + "/oauth2/token", "exp": now.Add(time.Minute).Unix(), "iat": now.Unix(), "jti": unittest.NewID()}
		if change != nil {
			change(claims)
		}
		payload, err := json.Marshal(claims)
		require.NoError(t, err)
		signed, err := jws.Sign(payload, jws.WithKey(jwa.ES256, by))
		require.NoError(t, err)
		return string(signed)
	}
	post := func(assertion string) answer {
		return w.form(t, url.Values{"grant_type": {"client_credentials"}, "client_assertion_type": {assertionType}, "client_assertion": {assertion}})
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	good := assertion(nil, key)
	require.Equal(t, 200, post(good).status)
	replay := post(good)
	require.Equal(t, 401, replay.status)
	require.Equal(t, "invalid_client", replay.json(t)["error"])
	for name, bad := range map[string]string{
		"another key":        assertion(nil, other),
		"another audience":   assertion(func(c map[string]any) { c["aud"] = "https://elsewhere.example/oauth2/token" }, key),
		"another issuer":     assertion(func(c map[string]any) { c["iss"] = "c-other" }, key),
		"expired":            assertion(func(c map[string]any) { c["exp"] = now.Add(-31 * time.Second).Unix() }, key),
		"good for too long":  assertion(func(c map[string]any) { c["exp"] = now.Add(6 * time.Minute).Unix() }, key),
		"without jti":        assertion(func(c map[string]any) { delete(c, "jti") }, key),
		"without expiry":     assertion(func(c map[string]any) { delete(c, "exp") }, key),
		"not good yet":       assertion(func(c map[string]any) { c["nbf"] = now.Add(time.Minute).Unix() }, key),
		"no JWS":             "abc",
		"another's identity": assertion(func(c map[string]any) { c["iss"], c["sub"] = w.admin.ID, w.admin.ID }, key),
	} {
		got := post(bad)
		require.Equal(t, 401, got.status, "%s: %s", name, got.body)
	}
	require.Equal(t, 200, post(assertion(func(c map[string]any) { c["aud"] = []string{"x", publicURL + "/oauth2/token"} }, key)).status, "a list of audiences")

	// Header parameters that a client's library adds are accepted or refused as RFC 7515 requires.
	headed := func(header map[string]any) string {
		headers := jws.NewHeaders()
		for name, value := range header {
			require.NoError(t, headers.Set(name, value))
		}
		signed, err := jws.Sign([]byte(claimsOf(t, assertion(nil, key))), jws.WithKey(jwa.ES256, key, jws.WithProtectedHeaders(headers)))
		require.NoError(t, err)
		return string(signed)
	}
	own, err := jwk.FromRaw(other.Public())
	require.NoError(t, err)
	for name, header := range map[string]map[string]any{
		"the usual":                     {"typ": "JWT", "kid": "any id/at all"},
		"places of keys, never visited": {"jku": "https://evil.example/keys", "x5u": "https://evil.example/x", "jwk": own},
		"a member nobody knows":         {"typ": "client-authentication+jwt", "later": map[string]any{"a": 1}},
	} {
		require.Equal(t, 200, post(headed(header)).status, name)
	}
	require.Equal(t, 401, post(headed(map[string]any{"crit": []string{"later"}, "later": 1})).status, "a critical extension")
}

// claimsOf returns the payload of a compact JWS.
func claimsOf(t *testing.T, compact string) string {
	t.Helper()
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(compact, ".")[1])
	require.NoError(t, err)
	return string(claims)
}

// Any assertion gives claims or an error, never a panic.
func FuzzVerifyAssertion(f *testing.F) {
	f.Add("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJjIiwiYXVkIjpbIngiXX0.AA")
	f.Add("..")
	f.Fuzz(func(t *testing.T, assertion string) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		_, err = verifyAssertion(assertion, &key.PublicKey, "c", "a", time.Unix(0, 0))
		require.Error(t, err)
	})
}

package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/services/viewing/internal/identity"
	"github.com/naru-relay/naru/services/viewing/internal/identity/identitytest"
)

var (
	noon = time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)
	ci   = strings.Repeat("Zg", 43) + "=="
)

func person() identitytest.Person {
	return identitytest.Person{"ci": ci, "name": "홍가람", "birthdate": "19900102", "phone_number": "+82 10-0000-0009"}
}

type bundle struct {
	provider *identitytest.Provider
	party    *identity.Provider
	clock    *clock.Fake
}

func setup(t *testing.T) *bundle {
	t.Helper()
	c := clock.NewFake(noon)
	p := identitytest.New(t, c)
	party, err := identity.New(identity.Options{
		Issuer: p.Issuer, ClientID: identitytest.ClientID, ClientSecret: identitytest.ClientSecret, MaxAge: 5 * time.Minute, Skew: 30 * time.Second,
		Timeout: 5 * time.Second, Refresh: time.Hour, Clock: c,
	})
	require.NoError(t, err)
	return &bundle{p, party, c}
}

// login goes to the provider and returns with the proof.
func (b *bundle) login(t *testing.T, change func(a *identity.Attempt)) (identity.Proof, error) {
	t.Helper()
	begun, err := b.party.Begin(t.Context(), identitytest.RedirectURI, strings.Repeat("s", 43))
	require.NoError(t, err)
	code, _ := b.provider.Login(t, begun.URL, person())
	nonce := sha256.Sum256([]byte(begun.Nonce))
	a := identity.Attempt{Code: code, RedirectURI: identitytest.RedirectURI, Verifier: begun.Verifier, NonceDigest: nonce[:]}
	if change != nil {
		change(&a)
	}
	return b.party.Complete(t.Context(), a)
}

func TestProof(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.provider.Fail(identitytest.Faults{Claims: func(c map[string]any) { c["auth_time"] = noon.Add(-4 * time.Minute).Unix() }})
	proof, err := b.login(t, nil)
	require.NoError(t, err)
	require.Len(t, proof.Digest, 64)
	proof.Digest = ""
	require.Equal(t, identity.Proof{CI: ci, Name: "홍가람", BirthDate: "19900102", Phone: "01000000009", Issuer: b.provider.Issuer, AuthTime: noon.Add(-4 * time.Minute)}, proof)
	for _, text := range []string{fmt.Sprint(proof), fmt.Sprintf("%+v", proof), fmt.Sprintf("%#v", proof), proof.LogValue().String()} {
		require.NotContains(t, text, "홍가람")
	}
}

// Claims in other forms that OpenID Connect allows are accepted: a birth date with hyphens, a time with a fraction, a decomposed
// name with other spaces.
func TestProofOfOtherForms(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.provider.Fail(identitytest.Faults{Claims: func(c map[string]any) {
		c["auth_time"], c["birthdate"], c["name"] = float64(noon.Unix())-0.5, "1990-01-02", " \u1112\u1169\u11bc\u00a0\u1100\u1161\u1105\u1161\u11b7 "
	}})
	proof, err := b.login(t, nil)
	require.NoError(t, err)
	require.Equal(t, noon.Add(-500*time.Millisecond), proof.AuthTime)
	require.Equal(t, "19900102", proof.BirthDate)
	require.Equal(t, "홍 가람", proof.Name)
}

// The digest is that of the signed assertion as it came.
func TestDigest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	var made string
	b.provider.Fail(identitytest.Faults{Sign: func(payload []byte) string {
		made = identitytest.Sign(key, payload)
		return made
	}})
	_, err = b.login(t, nil)
	var refused *identity.RefusedError
	require.ErrorAs(t, err, &refused)
	sum := sha256.Sum256([]byte(made))
	require.Equal(t, &identity.RefusedError{Why: identity.AssertionInvalid, Digest: hex.EncodeToString(sum[:])}, refused)
}

func TestRefused(t *testing.T) {
	t.Parallel()
	set := func(name string, value any) identitytest.Faults {
		return identitytest.Faults{Claims: func(c map[string]any) { c[name] = value }}
	}
	drop := func(name string) identitytest.Faults {
		return identitytest.Faults{Claims: func(c map[string]any) { delete(c, name) }}
	}
	for _, test := range []struct {
		name    string
		faults  identitytest.Faults
		attempt func(a *identity.Attempt)
		why     identity.Why
	}{
		{name: "an unknown code", attempt: func(a *identity.Attempt) { a.Code = "guessed" }, why: identity.CodeRefused},
		{name: "another verifier", attempt: func(a *identity.Attempt) { a.Verifier = strings.Repeat("v", 43) }, why: identity.CodeRefused},
		{name: "another redirect URI", attempt: func(a *identity.Attempt) { a.RedirectURI += "/" }, why: identity.CodeRefused},
		{name: "no assertion", faults: identitytest.Faults{Sign: func([]byte) string { return "" }}, why: identity.AssertionMissing},
		{name: "not an assertion", faults: identitytest.Faults{Sign: func([]byte) string { return "a.b.c" }}, why: identity.AssertionInvalid},
		{name: "alg none", faults: identitytest.Faults{Sign: func(payload []byte) string {
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
		}}, why: identity.AssertionInvalid},
		{name: "another issuer", faults: set("iss", "https://other.example"), why: identity.AssertionInvalid},
		{name: "another audience", faults: set("aud", "other"), why: identity.AssertionInvalid},
		{name: "several audiences without a party", faults: set("aud", []string{identitytest.ClientID, "other"}), why: identity.AssertionInvalid},
		{name: "made for another party", faults: set("azp", "other"), why: identity.AssertionInvalid},
		{name: "expired", faults: set("exp", noon.Add(-time.Second).Unix()), why: identity.AssertionInvalid},
		{name: "issued ahead", faults: set("iat", noon.Add(time.Minute).Unix()), why: identity.AssertionInvalid},
		{name: "another access token", faults: set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), why: identity.AssertionInvalid},
		{name: "another nonce", faults: set("nonce", "of another login"), why: identity.NonceDiffers},
		{name: "no nonce", faults: drop("nonce"), why: identity.NonceDiffers},
		{name: "no time", faults: drop("auth_time"), why: identity.AuthTimeMissing},
		{name: "too old", faults: set("auth_time", noon.Add(-5*time.Minute-31*time.Second).Unix()), why: identity.AuthTimeOld},
		{name: "still to come", faults: set("auth_time", noon.Add(31*time.Second).Unix()), why: identity.AuthTimeAhead},
		{name: "no CI", faults: drop("ci"), why: identity.ClaimsIncomplete},
		{name: "a short CI", faults: set("ci", "Zg=="), why: identity.ClaimsIncomplete},
		{name: "no name", faults: set("name", " "), why: identity.ClaimsIncomplete},
		{name: "a birth date of another form", faults: set("birthdate", "1990/01/02"), why: identity.ClaimsIncomplete},
		{name: "a birth date without a year", faults: set("birthdate", "0000-01-02"), why: identity.ClaimsIncomplete},
		{name: "a day that is none", faults: set("birthdate", "19900230"), why: identity.ClaimsIncomplete},
		{name: "a name that shows nothing", faults: set("name", "\u3164"), why: identity.ClaimsIncomplete},
		{name: "a name with a sign that turns the direction of writing", faults: set("name", "홍\u202e가람"), why: identity.ClaimsIncomplete},
		{name: "a birth date that is a number", faults: set("birthdate", 19900102), why: identity.ClaimsIncomplete},
		{name: "no phone", faults: drop("phone_number"), why: identity.ClaimsIncomplete},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.provider.Fail(test.faults)
			proof, err := b.login(t, test.attempt)
			var refused *identity.RefusedError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, test.why, refused.Why)
			require.NotErrorIs(t, err, identity.ErrUnavailable)
			require.Empty(t, proof.CI)
			require.NotContains(t, err.Error(), "19900102")
		})
	}
}

func TestUnavailable(t *testing.T) {
	t.Parallel()
	answer := func(path string, status int, body string) identitytest.Faults {
		return identitytest.Faults{Answer: func(w http.ResponseWriter, called string) bool {
			if called == path {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			}
			return called == path
		}}
	}
	for _, test := range []struct {
		name   string
		faults identitytest.Faults
	}{
		{"the token endpoint fails", answer("/token", http.StatusInternalServerError, "홍가람")},
		{"the token endpoint refuses the client", answer("/token", http.StatusUnauthorized, `{"error":"invalid_client","error_description":"홍가람"}`)},
		{"the token endpoint redirects", answer("/token", http.StatusFound, "")},
		{"the token endpoint answers something else", answer("/token", http.StatusOK, "홍가람")},
		{"the keys are gone", answer("/jwks", http.StatusServiceUnavailable, "홍가람")},
		{"the keys are not JSON", answer("/jwks", http.StatusOK, "홍가람")},
		{"the keys are endless", answer("/jwks", http.StatusOK, `"`+strings.Repeat("a", 1<<20)+`"`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.provider.Fail(test.faults)
			_, err := b.login(t, nil)
			require.ErrorIs(t, err, identity.ErrUnavailable)
			require.NotContains(t, err.Error(), "홍가람")
		})
	}
}

// Discovery happens when it is first needed and is repeated when due. If the provider is down, the old document is still used.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const path = "/.well-known/openid-configuration"
	begin := func() error {
		_, err := b.party.Begin(t.Context(), identitytest.RedirectURI, "state")
		return err
	}
	down := identitytest.Faults{Answer: func(w http.ResponseWriter, _ string) bool {
		w.WriteHeader(http.StatusBadGateway)
		return true
	}}
	require.Zero(t, b.provider.Calls(path))
	b.provider.Fail(down)
	require.ErrorIs(t, begin(), identity.ErrUnavailable)
	require.ErrorIs(t, begin(), identity.ErrUnavailable)
	b.provider.Fail(identitytest.Faults{})
	require.NoError(t, begin(), "as soon as it is up again")
	asked := b.provider.Calls(path)
	require.NoError(t, begin())
	require.Equal(t, asked, b.provider.Calls(path))

	b.provider.Fail(down)
	b.clock.Advance(time.Hour)
	require.NoError(t, begin())
	require.NoError(t, begin())
	require.Equal(t, asked+1, b.provider.Calls(path), "not at every call")
	b.clock.Advance(time.Minute)
	b.provider.Fail(identitytest.Faults{})
	require.NoError(t, begin())
	require.Equal(t, asked+2, b.provider.Calls(path))
}

// A login succeeds at once after the provider has changed its signing key.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.login(t, nil)
	require.NoError(t, err)
	b.provider.Rotate(t)
	_, err = b.login(t, nil)
	require.NoError(t, err)
}

func TestDiscoveryRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(d map[string]any)
	}{
		{"another issuer", func(d map[string]any) { d["issuer"] = "https://other.example" }},
		{"only shared secrets", func(d map[string]any) { d["id_token_signing_alg_values_supported"] = []string{"HS256", "none"} }},
		{"an endpoint that is none", func(d map[string]any) { d["token_endpoint"] = "ftp://idp.example" }},
		{"no keys", func(d map[string]any) { delete(d, "jwks_uri") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			document := map[string]any{
				"issuer": b.provider.Issuer, "authorization_endpoint": b.provider.Issuer + "/authorize", "token_endpoint": b.provider.Issuer + "/token",
				"jwks_uri": b.provider.Issuer + "/jwks", "id_token_signing_alg_values_supported": []string{"ES256"},
			}
			test.change(document)
			b.provider.Fail(identitytest.Faults{Answer: func(w http.ResponseWriter, _ string) bool {
				w.Header().Set("Content-Type", "application/json")
				return json.NewEncoder(w).Encode(document) == nil
			}})
			_, err := b.party.Begin(t.Context(), identitytest.RedirectURI, "state")
			require.ErrorIs(t, err, identity.ErrUnavailable)
		})
	}
}

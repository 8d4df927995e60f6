// Package identitytest is an OpenID provider for tests: one client, persons that the test makes up, and every way to go wrong.
package identitytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/jws"
)

// What the provider knows of its client.
const (
	ClientID     = "naru"
	ClientSecret = "secret & of the client"
	RedirectURI  = "https://app.example/back"
	keyID        = "idp-1"
)

// Provider is a running provider.
type Provider struct {
	// Issuer is its URL.
	Issuer string
	clock  clock.Clock

	mu     sync.Mutex
	key    *ecdsa.PrivateKey
	grants map[string]url.Values
	calls  map[string]int
	faults Faults
}

// Faults are what the provider does wrong.
type Faults struct {
	// Claims changes what is asserted.
	Claims func(claims map[string]any)
	// Sign makes the assertion from its claims instead of the provider's key.
	Sign func(payload []byte) string
	// Answer answers a path in the provider's place when it returns true.
	Answer func(w http.ResponseWriter, path string) bool
}

// New starts a provider with a clock.
func New(t testing.TB, c clock.Clock) *Provider {
	t.Helper()
	p := &Provider{clock: c, grants: map[string]url.Values{}, calls: map[string]int{}}
	p.Rotate(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /jwks", p.jwks)
	mux.HandleFunc("POST /token", p.token)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.calls[r.URL.Path]++
		answer := p.faults.Answer
		p.mu.Unlock()
		if answer == nil || !answer(w, r.URL.Path) {
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	p.Issuer = server.URL
	return p
}

// Rotate gives the provider a new signing key.
func (p *Provider) Rotate(t testing.TB) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key = key
}

// Fail sets what goes wrong from now on.
func (p *Provider) Fail(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
}

// Calls tells how often a path was called.
func (p *Provider) Calls(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[path]
}

// Person is who logs in.
type Person map[string]any

// Login does what the browser does at the authorization URL, and returns code and state.
func (p *Provider) Login(t testing.TB, authorizationURL string, person Person) (code, state string) {
	t.Helper()
	u, err := url.Parse(authorizationURL)
	require.NoError(t, err)
	require.Equal(t, p.Issuer+"/authorize", u.Scheme+"://"+u.Host+u.Path)
	q := u.Query()
	require.Equal(t, ClientID, q.Get("client_id"))
	require.Equal(t, "code", q.Get("response_type"))
	require.Equal(t, "S256", q.Get("code_challenge_method"))
	require.Contains(t, q.Get("scope"), "openid")
	require.NotEmpty(t, q.Get("max_age"))
	require.GreaterOrEqual(t, len(q.Get("nonce")), 22)
	require.GreaterOrEqual(t, len(q.Get("state")), 22)
	encoded, err := json.Marshal(person)
	require.NoError(t, err)
	q.Set("person", string(encoded))
	code = base64.RawURLEncoding.EncodeToString([]byte(rand.Text()))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grants[code] = q
	return code, q.Get("state")
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]any{
		"issuer": p.Issuer, "authorization_endpoint": p.Issuer + "/authorize", "token_endpoint": p.Issuer + "/token", "jwks_uri": p.Issuer + "/jwks",
		"id_token_signing_alg_values_supported": []string{"none", "HS256", "ES256"},
	})
}

func (p *Provider) jwks(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	set, err := authn.KeySet(authn.PublicKey{ID: keyID, Key: p.key.Public()})
	if err != nil {
		http.Error(w, "no key", http.StatusInternalServerError)
		return
	}
	write(w, http.StatusOK, json.RawMessage(set))
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, ok := r.BasicAuth()
	secret, err := url.QueryUnescape(secret)
	if !ok || err != nil || id != ClientID || secret != ClientSecret {
		write(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	grant, ok := p.grants[r.FormValue("code")]
	delete(p.grants, r.FormValue("code"))
	challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !ok || grant.Get("redirect_uri") != r.FormValue("redirect_uri") ||
		grant.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(challenge[:]) {
		write(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	now := p.clock.Now()
	claims := map[string]any{}
	if json.Unmarshal([]byte(grant.Get("person")), &claims) != nil {
		http.Error(w, "no person", http.StatusInternalServerError)
		return
	}
	for name, value := range map[string]any{
		"iss": p.Issuer, "sub": "pairwise", "aud": ClientID, "nonce": grant.Get("nonce"),
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "auth_time": now.Unix(),
	} {
		claims[name] = value
	}
	if p.faults.Claims != nil {
		p.faults.Claims(claims)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		http.Error(w, "no claims", http.StatusInternalServerError)
		return
	}
	answer := map[string]any{"access_token": "opens nothing", "token_type": "Bearer"}
	if assertion := p.sign(payload); assertion != "" {
		answer["id_token"] = assertion
	}
	write(w, http.StatusOK, answer)
}

func (p *Provider) sign(payload []byte) string {
	if p.faults.Sign != nil {
		return p.faults.Sign(payload)
	}
	return Sign(p.key, payload)
}

// Sign signs an assertion with a key under the provider's key id; empty when that is not possible.
func Sign(key *ecdsa.PrivateKey, payload []byte) string {
	signed, err := jws.Profile{Type: "JWT", MaxBytes: 8 << 10}.Sign(authn.Key{ID: keyID, Signer: key}, payload)
	if err != nil {
		return ""
	}
	return signed
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		return
	}
}

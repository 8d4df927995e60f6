package authn_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/authn/authntest"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/keys"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

var start = time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC)

// bench is an issuer of the tests, so that they can sign what a Minter never would.
type bench struct {
	clock    *clock.Fake
	key      *ecdsa.PrivateKey
	verifier *authn.Verifier
	fetches  atomic.Int32
	mu       sync.Mutex
	set      []byte
	down     bool
}

func (b *bench) publish(set []byte, down bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.set, b.down = set, down
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func keySet(t testing.TB, keyID string, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	set, err := authn.KeySet(authn.PublicKey{ID: keyID, Purpose: keys.AccessToken, Key: key.Public()})
	require.NoError(t, err)
	return set
}

func setup(t testing.TB) *bench {
	t.Helper()
	b := &bench{clock: clock.NewFake(start), key: newKey(t)}
	b.set = keySet(t, "k1", b.key)
	source := func(context.Context) ([]byte, error) {
		b.fetches.Add(1)
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.down {
			return nil, errors.New("down")
		}
		return b.set, nil
	}
	var err error
	b.verifier, err = authn.NewVerifier(b.clock, authn.Issuer{Unit: "gateway", Keys: source}, authn.Issuer{Unit: "viewing", Keys: source})
	require.NoError(t, err)
	return b
}

func goodClaims() map[string]any {
	return map[string]any{
		"iss": "naru-gateway", "sub": "p-1", "aud": "naru", "iat": start.Unix(), "exp": start.Add(15 * time.Minute).Unix(),
		"jti": "j-1", "kind": "sender", "scope": "documents.send documents.read", "client": "c-1",
	}
}

func (b *bench) sign(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	headers := jws.NewHeaders()
	for name, value := range header {
		require.NoError(t, headers.Set(name, value))
	}
	token, err := jws.Sign(payload, jws.WithKey(jwa.ES256, b.key, jws.WithProtectedHeaders(headers)))
	require.NoError(t, err)
	return string(token)
}

// signText signs claims exactly as written.
func (b *bench) signText(t testing.TB, claims string) string {
	t.Helper()
	headers := jws.NewHeaders()
	require.NoError(t, errors.Join(headers.Set("kid", "k1"), headers.Set("typ", "at+jwt")))
	token, err := jws.Sign([]byte(claims), jws.WithKey(jwa.ES256, b.key, jws.WithProtectedHeaders(headers)))
	require.NoError(t, err)
	return string(token)
}

func goodHeader() map[string]any { return map[string]any{"kid": "k1", "typ": "at+jwt"} }

// A Verifier accepts what a Minter signs, for every kind of principal.
func TestMintAndVerify(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(start.Add(123456 * time.Microsecond))
	authority := authntest.NewAuthority(t, c)
	verifier := authority.Verifier(t)
	for name, want := range map[string]authn.Principal{
		"sender": authntest.Sender("s"), "viewing system": authntest.ViewingSystem("v"), "recipient": authntest.Recipient("r"), "admin": authntest.Admin(),
		"person who acts for an organisation": authntest.ActingFor("o", "r"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := verifier.Verify(t.Context(), authority.Token(t, want))
			require.NoError(t, err)
			require.Equal(t, []any{want.ID, want.Kind, want.Scopes, want.Client, want.Session, want.Actor},
				[]any{got.ID, got.Kind, got.Scopes, got.Client, got.Session, got.Actor})
			require.Equal(t, start, got.IssuedAt)
			require.Equal(t, start.Add(15*time.Minute), got.ExpiresAt)
			require.NotEmpty(t, got.TokenID)
		})
	}
}

// Each of these tokens differs in one thing from an accepted one.
func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	claim := func(name string, value any) func(h, c map[string]any) {
		return func(_, c map[string]any) { c[name] = value }
	}
	header := func(name string, value any) func(h, c map[string]any) {
		return func(h, _ map[string]any) { h[name] = value }
	}
	tests := []struct {
		name   string
		change func(h, c map[string]any)
		reason string
	}{
		{"another typ", header("typ", "naru-receipt+jwt"), "TOKEN_INVALID"},
		{"no typ", func(h, _ map[string]any) { delete(h, "typ") }, "TOKEN_INVALID"},
		{"no kid", func(h, _ map[string]any) { delete(h, "kid") }, "TOKEN_INVALID"},
		{"unknown kid", header("kid", "k2"), "TOKEN_INVALID"},
		{"a critical extension", header("crit", []string{"exp"}), "TOKEN_INVALID"},
		{"a key in the header", header("jku", "https://evil.example/"), "TOKEN_INVALID"},
		{"unknown issuer", claim("iss", "naru-intake"), "TOKEN_INVALID"},
		{"another audience", claim("aud", "elsewhere"), "TOKEN_INVALID"},
		{"a list of audiences", claim("aud", []string{"naru", "elsewhere"}), "TOKEN_INVALID"},
		{"the gateway speaking for a recipient", claim("kind", "recipient"), "TOKEN_INVALID"},
		{"viewing speaking for the operator", func(_, c map[string]any) { c["iss"], c["kind"] = "naru-viewing", "admin" }, "TOKEN_INVALID"},
		{"unknown kind", claim("kind", "owner"), "TOKEN_INVALID"},
		{"no kind", claim("kind", ""), "TOKEN_INVALID"},
		{"no subject", claim("sub", ""), "TOKEN_INVALID"},
		{"no token id", claim("jti", ""), "TOKEN_INVALID"},
		{"no client", claim("client", ""), "TOKEN_INVALID"},
		{"no expiry", claim("exp", 0), "TOKEN_INVALID"},
		{"an actor for a sender", claim("act", map[string]any{"sub": "p-2"}), "TOKEN_INVALID"},
		{"an actor without a name", func(_, c map[string]any) {
			c["iss"], c["kind"], c["scope"], c["act"] = "naru-viewing", "recipient", "certificates", map[string]any{}
		}, "TOKEN_INVALID"},
		{"a life of two hours", claim("exp", start.Add(2*time.Hour).Unix()), "TOKEN_INVALID"},
		{"issued in the future", func(_, c map[string]any) { c["iat"] = start.Add(6 * time.Second).Unix() }, "TOKEN_INVALID"},
		{"expired", func(_, c map[string]any) {
			c["iat"], c["exp"] = start.Add(-time.Minute).Unix(), start.Add(-5*time.Second).Unix()
		}, "TOKEN_EXPIRED"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, c := goodHeader(), goodClaims()
			_, err := b.verifier.Verify(t.Context(), b.sign(t, h, c))
			require.NoError(t, err, "the unchanged one")
			tt.change(h, c)
			_, err = b.verifier.Verify(t.Context(), b.sign(t, h, c))
			require.ErrorIs(t, err, fault.Unauthenticated)
			require.Equal(t, tt.reason, fault.ReasonOf(err))
		})
	}
}

// Tokens that were not signed with ES256 and the published key are refused.
func TestVerifyRefusesForgeries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := b.sign(t, goodHeader(), goodClaims())
	parts := strings.Split(good, ".")
	part := func(v string) string { return base64.RawURLEncoding.EncodeToString([]byte(v)) }
	claims, err := json.Marshal(goodClaims())
	require.NoError(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	headers := jws.NewHeaders()
	require.NoError(t, headers.Set("kid", "k1"))
	require.NoError(t, headers.Set("typ", "at+jwt"))
	byRSA, err := jws.Sign(claims, jws.WithKey(jwa.RS256, rsaKey, jws.WithProtectedHeaders(headers)))
	require.NoError(t, err)
	other := &bench{key: newKey(t)}
	tests := []struct{ name, token string }{
		{"nothing", ""},
		{"no JWS", "abc"},
		{"alg none", part(`{"alg":"none","kid":"k1","typ":"at+jwt"}`) + "." + parts[1] + "."},
		{"HMAC with the public key", part(`{"alg":"HS256","kid":"k1","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2]},
		{"RSA", string(byRSA)},
		{"another key under the same id", other.sign(t, goodHeader(), goodClaims())},
		{"claims of another token", parts[0] + "." + part(string(claims)+" ") + "." + parts[2]},
		{"no signature", parts[0] + "." + parts[1] + "."},
		{"a signature too many", good + "." + parts[2]},
		{"padding", parts[0] + "=." + parts[1] + "." + parts[2]},
		{"a line end in the signature", good[:len(good)-4] + "\n" + good[len(good)-4:]},
		{"a claim twice", b.signText(t, strings.TrimSuffix(string(claims), "}")+`,"sub":"p-2"}`)},
		{"a claim in another case", b.signText(t, strings.Replace(string(claims), `"sub"`, `"SUB"`, 1))},
		{"a claim not in UTF-8", b.signText(t, strings.Replace(string(claims), `"p-1"`, "\"p-\xff\"", 1))},
		{"two JSON values", part(`{"alg":"ES256","kid":"k1","typ":"at+jwt"}{}`) + "." + parts[1] + "." + parts[2]},
		{"too long", good + strings.Repeat("A", 5000)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := b.verifier.Verify(t.Context(), tt.token)
			require.ErrorIs(t, err, fault.Unauthenticated)
			if tt.token != "" {
				require.NotContains(t, err.Error(), tt.token)
			}
		})
	}
}

// A key is valid only for its purpose: a token signed with a published key of another purpose, or of none, is refused. A key set
// that gives one key two purposes is refused as a whole.
func TestVerifyRefusesKeysOfAnotherPurpose(t *testing.T) {
	t.Parallel()
	b := setup(t)
	published := []authn.PublicKey{{ID: "k1", Purpose: keys.AccessToken, Key: b.key.Public()}}
	others := map[string]*bench{keys.ViewingToken: {key: newKey(t)}, keys.Receipt: {key: newKey(t)}, "": {key: newKey(t)}}
	for purpose, other := range others {
		published = append(published, authn.PublicKey{ID: "of-" + purpose, Purpose: purpose, Key: other.key.Public()})
	}
	set, err := authn.KeySet(published...)
	require.NoError(t, err)
	b.publish(set, false)
	_, err = b.verifier.Verify(t.Context(), b.sign(t, goodHeader(), goodClaims()))
	require.NoError(t, err)
	for purpose, other := range others {
		_, err := b.verifier.Verify(t.Context(), other.sign(t, map[string]any{"kid": "of-" + purpose, "typ": "at+jwt"}, goodClaims()))
		require.ErrorIs(t, err, fault.Unauthenticated, purpose)
		require.Equal(t, "TOKEN_INVALID", fault.ReasonOf(err))
	}

	lent, err := authn.KeySet(published[0], authn.PublicKey{ID: "k1", Purpose: keys.ViewingToken, Key: b.key.Public()})
	require.NoError(t, err)
	_, err = authn.ParseKeySet(lent, keys.AccessToken)
	require.ErrorContains(t, err, "a key id occurs twice")
}

// A scope that is not in the kind's table grants nothing.
func TestScopesAreTheKinds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := goodClaims()
	c["scope"] = "documents.send admin"
	p, err := b.verifier.Verify(t.Context(), b.sign(t, goodHeader(), c))
	require.NoError(t, err)
	require.Equal(t, []string{"documents.send"}, p.Scopes)
	require.True(t, p.HasScope("documents.send"))
	require.True(t, p.HasScope(""))
	require.False(t, p.HasScope("admin"))
}

// A cached token still expires on time, even within the minute for which it is cached.
func TestCacheEndsWithTheToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := goodClaims()
	c["exp"] = start.Add(30 * time.Second).Unix()
	token := b.sign(t, goodHeader(), c)
	_, err := b.verifier.Verify(t.Context(), token)
	require.NoError(t, err)
	b.clock.Advance(36 * time.Second)
	_, err = b.verifier.Verify(t.Context(), token)
	require.Equal(t, "TOKEN_EXPIRED", fault.ReasonOf(err))
}

// A withdrawn key is refused once the set is fetched again; a cached token lives for at most a minute.
func TestWithdrawnKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.sign(t, goodHeader(), goodClaims())
	_, err := b.verifier.Verify(t.Context(), token)
	require.NoError(t, err)
	b.publish([]byte(`{"keys":[]}`), false)
	b.clock.Advance(59 * time.Second)
	_, err = b.verifier.Verify(t.Context(), token)
	require.NoError(t, err, "remembered")
	b.clock.Advance(5 * time.Minute)
	_, err = b.verifier.Verify(t.Context(), token)
	require.Equal(t, "TOKEN_INVALID", fault.ReasonOf(err))
}

// A new key is fetched at once, but invented key ids cause at most one fetch in ten seconds.
func TestUnknownKeyFetchesRarely(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.verifier.Verify(t.Context(), b.sign(t, goodHeader(), goodClaims()))
	require.NoError(t, err)
	require.EqualValues(t, 1, b.fetches.Load())

	b.key = newKey(t)
	b.publish(keySet(t, "k2", b.key), false)
	h := goodHeader()
	h["kid"] = "k2"
	rotated := b.sign(t, h, goodClaims())
	_, err = b.verifier.Verify(t.Context(), rotated)
	require.Error(t, err, "the pause")
	b.clock.Advance(10 * time.Second)
	_, err = b.verifier.Verify(t.Context(), rotated)
	require.NoError(t, err)
	require.EqualValues(t, 2, b.fetches.Load())

	h["kid"] = "made up"
	for range 20 {
		_, err = b.verifier.Verify(t.Context(), b.sign(t, h, goodClaims()))
		require.Equal(t, "TOKEN_INVALID", fault.ReasonOf(err))
	}
	require.EqualValues(t, 2, b.fetches.Load())
}

// If no keys are available, tokens are not refused as invalid: the caller is told to try again. Known keys stay valid for an
// hour.
func TestKeySourceDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := func(jti string) string {
		c := goodClaims()
		c["jti"], c["iat"], c["exp"] = jti, b.clock.Now().Unix(), b.clock.Now().Add(time.Minute).Unix()
		return b.sign(t, goodHeader(), c)
	}
	b.publish(nil, true)
	for range 3 {
		_, err := b.verifier.Verify(t.Context(), token("1"))
		require.ErrorIs(t, err, fault.Unavailable)
		require.Equal(t, "KEY_SET_UNAVAILABLE", fault.ReasonOf(err))
	}
	require.EqualValues(t, 1, b.fetches.Load())

	b.publish(keySet(t, "k1", b.key), false)
	b.clock.Advance(10 * time.Second)
	_, err := b.verifier.Verify(t.Context(), token("2"))
	require.NoError(t, err)

	b.publish(nil, true)
	b.clock.Advance(59 * time.Minute)
	_, err = b.verifier.Verify(t.Context(), token("3"))
	require.NoError(t, err)
	b.clock.Advance(2 * time.Minute)
	_, err = b.verifier.Verify(t.Context(), token("4"))
	require.ErrorIs(t, err, fault.Unavailable)
}

// Many callers that wait for the same keys cause one fetch, and all get their answer.
func TestConcurrentFirstTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.sign(t, goodHeader(), goodClaims())
	var wg sync.WaitGroup
	errs := make([]error, 32)
	for i := range errs {
		wg.Go(func() { _, errs[i] = b.verifier.Verify(t.Context(), token) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.EqualValues(t, 1, b.fetches.Load())
}

// The cache is bounded: after many other tokens the first is forgotten and verified again.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	authority := authntest.NewAuthority(t, clock.NewFake(start))
	verifier := authority.Verifier(t)
	authn.FillCache(verifier, 100_000)
	require.LessOrEqual(t, authn.CacheSize(verifier), 20_000)
}

// A Minter does not sign what no Verifier would accept.
func TestMinterRefuses(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(start)
	minter, err := authn.NewMinter("gateway", authn.Key{ID: "k", Signer: newKey(t)}, c)
	require.NoError(t, err)
	good := authn.Grant{Subject: "s", Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, Client: "c", Life: time.Minute}
	_, p, err := minter.Mint(good)
	require.NoError(t, err)
	require.Equal(t, []string{"authorisations", "certificates", "documents.read", "documents.send"}, p.Scopes)
	for name, change := range map[string]func(*authn.Grant){
		"no subject":          func(g *authn.Grant) { g.Subject = "" },
		"no client":           func(g *authn.Grant) { g.Client = "" },
		"a foreign kind":      func(g *authn.Grant) { g.Kind = platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT },
		"a foreign scope":     func(g *authn.Grant) { g.Scopes = []string{"admin"} },
		"no life":             func(g *authn.Grant) { g.Life = 0 },
		"a life over an hour": func(g *authn.Grant) { g.Life = time.Hour + time.Second },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := good
			change(&g)
			_, _, err := minter.Mint(g)
			require.Error(t, err)
		})
	}
	sessions, err := authn.NewMinter("viewing", authn.Key{ID: "k", Signer: newKey(t)}, c)
	require.NoError(t, err)
	acting := authn.Grant{Subject: "o", Actor: "p", Session: "s", Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT, Life: time.Minute}
	_, _, err = sessions.Mint(acting)
	require.Error(t, err, "whoever acts for another has the scopes of its rights, never all because none are named")
	acting.Scopes = []string{"documents.receive"}
	_, p, err = sessions.Mint(acting)
	require.NoError(t, err)
	require.Equal(t, acting.Scopes, p.Scopes)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	for name, make := range map[string]func() error{
		"unknown issuer": func() error {
			_, err := authn.NewMinter("naru-hub", authn.Key{ID: "k", Signer: newKey(t)}, c)
			return err
		},
		"no key id": func() error {
			_, err := authn.NewMinter("viewing", authn.Key{Signer: newKey(t)}, c)
			return err
		},
		"P-384": func() error {
			_, err := authn.NewMinter("viewing", authn.Key{ID: "k", Signer: p384}, c)
			return err
		},
	} {
		require.Error(t, make(), name)
	}
}

func TestParsePublicKey(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	var set struct{ Keys []json.RawMessage }
	require.NoError(t, json.Unmarshal(keySet(t, "k", key), &set))
	public, err := authn.ParsePublicKey(set.Keys[0])
	require.NoError(t, err)
	require.True(t, public.Equal(key.Public()))

	var fields map[string]string
	require.NoError(t, json.Unmarshal(set.Keys[0], &fields))
	for name, change := range map[string]map[string]string{
		"a private key":          {"d": base64.RawURLEncoding.EncodeToString(make([]byte, 31)) + "AQ"},
		"for encryption":         {"use": "enc"},
		"for another algorithm":  {"alg": "ES384"},
		"off the curve":          {"x": fields["y"], "y": fields["x"]},
		"another curve":          {"crv": "P-384"},
		"a symmetric key":        {"kty": "oct", "k": "AAAA"},
		"coordinates of nothing": {"x": "", "y": ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := map[string]string{}
			for k, v := range fields {
				changed[k] = v
			}
			for k, v := range change {
				changed[k] = v
			}
			raw, err := json.Marshal(changed)
			require.NoError(t, err)
			_, err = authn.ParsePublicKey(raw)
			require.Error(t, err)
		})
	}
}

func TestContext(t *testing.T) {
	t.Parallel()
	_, err := authn.Require(t.Context())
	require.ErrorIs(t, err, fault.Unauthenticated)
	require.Empty(t, authn.CallingUnit(t.Context()))
	ctx := authntest.NewContext(t.Context(), authntest.Sender("s"))
	p, err := authn.Require(ctx)
	require.NoError(t, err)
	require.Equal(t, "s", p.ID)
	require.Equal(t, "gateway", authn.CallingUnit(ctx))
	require.Equal(t, "address", authn.CallingUnit(authntest.FromUnit(t.Context(), "address")))
}

// Any bytes are refused without a panic.
func FuzzVerify(f *testing.F) {
	b := setup(f)
	good := b.sign(f, goodHeader(), goodClaims())
	f.Add(good)
	f.Add("..")
	f.Add("eyJhbGciOiJFUzI1NiIsImtpZCI6ImsxIiwidHlwIjoiYXQrand0In0.e30.AA")
	f.Fuzz(func(t *testing.T, token string) {
		_, err := b.verifier.Verify(t.Context(), token)
		if token != good {
			require.Error(t, err)
		}
	})
}

package receipt_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/services/cli/internal/receipt"
)

const claims = `{"edocNum":"20260302_NARU000001_0000000000042","documentHash":{"algorithm":"SHA-256","value":"ab"},` +
	`"registrationCertificateDigest":"cd","acceptedAt":"2026-03-02T01:02:03.000450Z","ownKey":"own-1","sender":"s"}`

func expected() receipt.Expected {
	return receipt.Expected{
		EdocNum: "20260302_NARU000001_0000000000042", OwnKey: "own-1", DocumentHash: "ab", CertificateDigest: "cd",
		AcceptedAt: time.Date(2026, 3, 2, 10, 2, 3, 450000, time.FixedZone("KST", 9*3600)),
	}
}

func newKey(t testing.TB, kid string) jwk.Key {
	t.Helper()
	raw, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	key, err := jwk.FromRaw(raw)
	require.NoError(t, err)
	require.NoError(t, key.Set(jwk.KeyIDKey, kid))
	require.NoError(t, key.Set("naru_purpose", "receipt"))
	return key
}

func keySet(t testing.TB, keys ...jwk.Key) []byte {
	t.Helper()
	set := jwk.NewSet()
	for _, key := range keys {
		public, err := key.PublicKey()
		require.NoError(t, err)
		require.NoError(t, set.AddKey(public))
	}
	raw, err := json.Marshal(set)
	require.NoError(t, err)
	return raw
}

func sign(t testing.TB, key jwk.Key, kid, typ, payload string) string {
	t.Helper()
	var raw ecdsa.PrivateKey // a jwk.Key would put its own key id in
	require.NoError(t, key.Raw(&raw))
	headers := jws.NewHeaders()
	require.NoError(t, headers.Set(jws.KeyIDKey, kid))
	require.NoError(t, headers.Set(jws.TypeKey, typ))
	compact, err := jws.Sign([]byte(payload), jws.WithKey(jwa.ES256, &raw, jws.WithProtectedHeaders(headers)))
	require.NoError(t, err)
	return string(compact)
}

func TestVerify(t *testing.T) {
	t.Parallel()
	old, key := newKey(t, "old"), newKey(t, "now")
	got, err := receipt.Verify(sign(t, key, "now", receipt.Type, claims), keySet(t, old, key))
	require.NoError(t, err)
	require.NoError(t, got.Match(expected()))
	require.Equal(t, "s", got.Sender)
	unknown := expected()
	unknown.CertificateDigest = ""
	require.NoError(t, got.Match(unknown))
}

func TestVerifyRefusals(t *testing.T) {
	t.Parallel()
	key, foreign, token := newKey(t, "now"), newKey(t, "now"), newKey(t, "token")
	require.NoError(t, token.Set("naru_purpose", "access-token"))
	good := sign(t, key, "now", receipt.Type, claims)
	head, rest, _ := strings.Cut(good, ".")
	_, signature, _ := strings.Cut(rest, ".")
	other := sign(t, key, "now", receipt.Type, strings.Replace(claims, "own-1", "own-2", 1))
	_, otherRest, _ := strings.Cut(other, ".")
	otherPayload, _, _ := strings.Cut(otherRest, ".")
	tests := []struct {
		name, compact, want string
		keys                []byte
	}{
		{"signed by somebody else under the same key id", sign(t, foreign, "now", receipt.Type, claims), "signature", nil},
		{"claims of another receipt", head + "." + otherPayload + "." + signature, "signature", nil},
		{"key that is not published", sign(t, key, "gone", receipt.Type, claims), "not published", nil},
		{"key of another purpose", sign(t, token, "token", receipt.Type, claims), "not published for receipts", keySet(t, key, token)},
		{"no key id", sign(t, key, "", receipt.Type, claims), "not published", nil},
		{"an access token", sign(t, key, "now", "at+jwt", claims), "type", nil},
		{"no JWS", "a.b", "not a compact JWS", nil},
		{"too large", strings.Repeat("a", 9<<10), "too large", nil},
		{"no key set", good, "cannot be read", []byte("x")},
		{"no claims", sign(t, key, "now", receipt.Type, "text"), "does not say", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			keys := tt.keys
			if keys == nil {
				keys = keySet(t, key)
			}
			_, err := receipt.Verify(tt.compact, keys)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// A genuine receipt about something else is no receipt; everything that differs is told at once.
func TestMatchTellsEverything(t *testing.T) {
	t.Parallel()
	key := newKey(t, "now")
	got, err := receipt.Verify(sign(t, key, "now", receipt.Type, claims), keySet(t, key))
	require.NoError(t, err)
	err = got.Match(receipt.Expected{EdocNum: "x", OwnKey: "x", DocumentHash: "x", CertificateDigest: "x"})
	for _, what := range []string{"document number", "own key", "document hash", "registration certificate", "accepted time"} {
		require.ErrorContains(t, err, what)
	}
	require.NotContains(t, err.Error(), "algorithm")
}

func FuzzVerify(f *testing.F) {
	key := newKey(f, "now")
	keys := keySet(f, key)
	good := sign(f, key, "now", receipt.Type, claims)
	f.Add(good)
	f.Add("..")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, compact string) {
		if c, err := receipt.Verify(compact, keys); err == nil {
			require.NoError(t, c.Match(expected()), "nothing but the signed claims can pass")
		}
	})
}

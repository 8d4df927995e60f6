package jws_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwa"
	lestrrat "github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/testkit/golden"
)

type claims struct {
	Issuer string `json:"iss,omitempty"`
	N      int64  `json:"n,omitempty"`
}

func profile(outside bool) jws.Profile {
	return jws.Profile{Type: "naru-test+jwt", MaxBytes: 4096, Outside: outside}
}

type vectors struct {
	Keys           json.RawMessage
	Valid, Refused []struct {
		Name, Compact, Key, KeyID, Wrong string
		Outside                          bool
		Claims                           claims
	}
}

func readVectors(t testing.TB) (vectors, map[string]*ecdsa.PublicKey) {
	t.Helper()
	var v vectors
	golden.Vectors(t, &v)
	keys, err := authn.ParseKeySet(v.Keys, "test")
	require.NoError(t, err)
	require.Len(t, keys, 2)
	require.NotEmpty(t, v.Valid)
	require.NotEmpty(t, v.Refused)
	return v, keys
}

func read(compact string, outside bool, key *ecdsa.PublicKey) (jws.Text, claims, error) {
	var c claims
	text, err := profile(outside).Parse(compact, &c)
	if err == nil {
		err = text.Verify(key)
	}
	return text, c, err
}

// The vectors are accepted or refused as stated. Another implementation made them (deploy/dev/vectors.py).
func TestVectors(t *testing.T) {
	t.Parallel()
	v, keys := readVectors(t)
	for _, good := range v.Valid {
		text, c, err := read(good.Compact, good.Outside, keys[good.Key])
		require.NoError(t, err, good.Name)
		require.Equal(t, good.Claims, c, good.Name)
		require.Equal(t, good.KeyID, text.KeyID, good.Name)
	}
	for _, bad := range v.Refused {
		_, _, err := read(bad.Compact, bad.Outside, keys[bad.Key])
		var failure *proof.Failure
		require.ErrorAs(t, err, &failure, bad.Name)
		require.Equal(t, bad.Wrong, failure.Check.Name, bad.Name)
		require.NotContains(t, err.Error(), "evil", bad.Name)
	}
}

func newKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	require.NoError(t, err)
	return key
}

// Our signatures are accepted by us and by another library.
func TestSign(t *testing.T) {
	t.Parallel()
	key := newKey(t, elliptic.P256())
	compact, err := profile(false).Sign(authn.Key{ID: "k-1", Signer: key}, []byte(`{"iss":"나루","n":7}`))
	require.NoError(t, err)
	text, c, err := read(compact, false, &key.PublicKey)
	require.NoError(t, err)
	require.Equal(t, claims{"나루", 7}, c)
	require.Equal(t, "k-1", text.KeyID)
	payload, err := lestrrat.Verify([]byte(compact), lestrrat.WithCompact(), lestrrat.WithKey(jwa.ES256, key.Public()))
	require.NoError(t, err)
	require.JSONEq(t, `{"iss":"나루","n":7}`, string(payload))
}

// Sign does not make what Parse would refuse.
func TestSignRefuses(t *testing.T) {
	t.Parallel()
	key := newKey(t, elliptic.P256())
	for name, keyID := range map[string]string{"no key id": "", "a key id that breaks out": `k","crit":["x`, "a long key id": strings.Repeat("k", 65)} {
		_, err := profile(false).Sign(authn.Key{ID: keyID, Signer: key}, []byte("{}"))
		require.Error(t, err, name)
	}
	_, err := profile(false).Sign(authn.Key{ID: "k", Signer: newKey(t, elliptic.P384())}, []byte("{}"))
	require.Error(t, err, "another curve")
	_, err = profile(false).Sign(authn.Key{ID: "k", Signer: key}, []byte(`{"long":"`+strings.Repeat("x", 4096)+`"}`))
	require.ErrorIs(t, err, jws.ErrSize)
}

// Any text is parsed or refused with a named failure. A parsed text verifies only if its header and payload were signed.
func FuzzParse(f *testing.F) {
	v, keys := readVectors(f)
	signed := map[string]bool{}
	for _, seed := range append(v.Valid, v.Refused...) {
		signed[seed.Compact] = true
		f.Add(seed.Compact, seed.Outside)
	}
	f.Fuzz(func(t *testing.T, compact string, outside bool) {
		var c claims
		text, err := profile(outside).Parse(compact, &c)
		if err != nil {
			var failure *proof.Failure
			require.ErrorAs(t, err, &failure)
			return
		}
		require.NotContains(t, compact, "\n")
		for _, key := range keys {
			// Without the key, an ECDSA signature can be converted into one other signature for the same text.
			if text.Verify(key) == nil && !signed[compact] {
				require.True(t, signedOver(signed, compact), compact)
			}
		}
	})
}

func signedOver(signed map[string]bool, compact string) bool {
	for text := range signed {
		if text[:strings.LastIndexByte(text, '.')] == compact[:strings.LastIndexByte(compact, '.')] {
			return true
		}
	}
	return false
}

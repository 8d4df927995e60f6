package viewingtoken_test

import (
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/keys/keystest"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/testkit/golden"
	"github.com/naru-relay/naru/pkg/viewingtoken"
)

var issued = time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC)

func public(t testing.TB, key keys.Signer) *ecdsa.PublicKey {
	t.Helper()
	k, ok := key.Public().(*ecdsa.PublicKey)
	require.True(t, ok)
	return k
}

func claims() viewingtoken.Claims {
	return viewingtoken.Claims{
		Platform: "naru-01", Address: "k7w2-ferry", EdocNum: "20260302_NARU000001_0000000000042",
		DocumentHash: viewingtoken.Hash{Algorithm: "SHA-256", Value: strings.Repeat("0a", 32)}, Audience: uuid.NewString(), ID: uuid.New(),
		IssuedAt: issued, ExpiresAt: issued.Add(viewingtoken.Life),
	}
}

func TestSignParseVerify(t *testing.T) {
	t.Parallel()
	key, want := keystest.Signer(t, keys.ViewingToken), claims()
	compact, err := viewingtoken.Sign(key, want)
	require.NoError(t, err)
	read, err := viewingtoken.Parse(compact)
	require.NoError(t, err)
	require.Equal(t, want, read.Claims)
	require.Equal(t, key.KeyID(), read.KeyID)
	require.NoError(t, read.Verify(public(t, key)))
	require.ErrorIs(t, read.Verify(public(t, keystest.Signer(t, keys.ViewingToken))), viewingtoken.ErrForged)
}

// The token has exactly the documented claims, under the documented names.
func TestContract(t *testing.T) {
	t.Parallel()
	key, c := keystest.Signer(t, keys.ViewingToken), claims()
	compact, err := viewingtoken.Sign(key, c)
	require.NoError(t, err)
	parts := strings.Split(compact, ".")
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	require.NoError(t, err)
	require.Equal(t, `{"alg":"ES256","kid":"`+key.KeyID()+`","typ":"naru-vt+jwt"}`, string(header))
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	sum := make([]byte, 32)
	for i := range sum {
		sum[i] = 0x0a
	}
	want := fmt.Sprintf(`{"iss":"naru-01","sub":"k7w2-ferry","edn":"20260302_NARU000001_0000000000042","dh":"SHA-256:%s","aud":"%s","jti":"%s","iat":%d,"exp":%d}`,
		base64.RawURLEncoding.EncodeToString(sum), c.Audience, c.ID, 1772413323, 1772413923)
	require.Equal(t, []byte(want), payload) // compared as bytes, because the length matters
}

// The longest values fit: a platform id of 25 characters, an address of 100 Hangul syllables, SHA-512.
func TestLongestFits(t *testing.T) {
	t.Parallel()
	c := claims()
	c.Platform, c.Address = strings.Repeat("P", 25), strings.Repeat("나", 100)
	c.DocumentHash = viewingtoken.Hash{Algorithm: "SHA-512", Value: strings.Repeat("ff", 64)}
	compact, err := viewingtoken.Sign(keystest.Signer(t, keys.ViewingToken), c)
	require.NoError(t, err)
	require.LessOrEqual(t, len(compact), 1024)
	read, err := viewingtoken.Parse(compact)
	require.NoError(t, err)
	require.Equal(t, c, read.Claims)
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	key := keystest.Signer(t, keys.ViewingToken)
	for _, test := range []struct {
		name   string
		change func(c *viewingtoken.Claims)
	}{
		{"an address that is too long", func(c *viewingtoken.Claims) { c.Address = strings.Repeat("a", 101) }},
		{"an address whose bytes do not fit", func(c *viewingtoken.Claims) { c.Address = strings.Repeat("𠀋", 100) }},
		{"no address", func(c *viewingtoken.Claims) { c.Address = "" }},
		{"a hash of another length", func(c *viewingtoken.Claims) { c.DocumentHash.Algorithm = "SHA-512" }},
		{"a life of more than ten minutes", func(c *viewingtoken.Claims) { c.ExpiresAt = c.IssuedAt.Add(viewingtoken.Life + time.Second) }},
		{"no life", func(c *viewingtoken.Claims) { c.ExpiresAt = c.IssuedAt }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := claims()
			test.change(&c)
			_, err := viewingtoken.Sign(key, c)
			require.Error(t, err)
		})
	}
}

// The vectors are accepted or refused as stated. Another implementation made them (deploy/dev/vectors.py).
func TestVectors(t *testing.T) {
	t.Parallel()
	var v struct {
		Keys  json.RawMessage
		Valid []struct {
			Name, Token string
			Claims      struct {
				Iss, Sub, Aud string
				Edn           id.EdocNumber
				DocumentHash  viewingtoken.Hash
				JTI           uuid.UUID
				Iat, Exp      int64
			}
		}
		Refused []struct {
			Name, Token, Wrong string
		}
	}
	golden.Vectors(t, &v)
	published, err := authn.ParseKeySet(v.Keys, keys.ViewingToken)
	require.NoError(t, err)
	require.NotEmpty(t, v.Valid)
	require.NotEmpty(t, v.Refused)
	read := func(compact string) (viewingtoken.Token, error) {
		found, err := viewingtoken.Parse(compact)
		if err == nil {
			err = found.Verify(published[found.KeyID])
		}
		return found, err
	}
	for _, good := range v.Valid {
		found, err := read(good.Token)
		require.NoError(t, err, good.Name)
		c := good.Claims
		require.Equal(t, viewingtoken.Claims{
			Platform: c.Iss, Address: c.Sub, EdocNum: c.Edn, DocumentHash: c.DocumentHash, Audience: c.Aud, ID: c.JTI,
			IssuedAt: time.Unix(c.Iat, 0).UTC(), ExpiresAt: time.Unix(c.Exp, 0).UTC(),
		}, found.Claims, good.Name)
	}
	for _, bad := range v.Refused {
		_, err := read(bad.Token)
		var failure *proof.Failure
		require.ErrorAs(t, err, &failure, bad.Name)
		require.Equal(t, bad.Wrong, failure.Check.Name, bad.Name)
		require.NotContains(t, err.Error(), "ferry", bad.Name)
	}
}

// Whatever is parsed can be written again with the same meaning, and any change of a signed token is detected.
func FuzzParse(f *testing.F) {
	key := keystest.Signer(f, keys.ViewingToken)
	good, err := viewingtoken.Sign(key, claims())
	require.NoError(f, err)
	for _, seed := range []string{good, "", "..", "a.b.c", strings.Replace(good, ".", "..", 1), good[:len(good)-1] + "A", strings.ToUpper(good)} {
		f.Add(seed)
	}
	other := keystest.Signer(f, keys.ViewingToken)
	f.Fuzz(func(t *testing.T, compact string) {
		read, err := viewingtoken.Parse(compact)
		if err != nil {
			require.ErrorIs(t, err, viewingtoken.ErrMalformed)
			return
		}
		if err := read.Verify(public(t, key)); err == nil {
			require.Equal(t, good[:strings.LastIndexByte(good, '.')], compact[:strings.LastIndexByte(compact, '.')], "only what was signed holds")
		}
		again, err := viewingtoken.Sign(other, read.Claims)
		if err != nil {
			require.ErrorIs(t, err, jws.ErrSize)
			return
		}
		reread, err := viewingtoken.Parse(again)
		require.NoError(t, err)
		require.Equal(t, read.Claims, reread.Claims)
	})
}

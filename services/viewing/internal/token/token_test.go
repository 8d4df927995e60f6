package token_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/services/viewing/internal/token"
)

var issued = time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC)

func signer(t testing.TB) keys.Signer {
	t.Helper()
	store, err := keys.Open(t.TempDir(), keys.Options{Create: true})
	require.NoError(t, err)
	key, err := store.Signer(t.Context(), "viewing-token")
	require.NoError(t, err)
	return key
}

func public(t testing.TB, key keys.Signer) *ecdsa.PublicKey {
	t.Helper()
	k, ok := key.Public().(*ecdsa.PublicKey)
	require.True(t, ok)
	return k
}

func claims() token.Claims {
	return token.Claims{
		Platform: "naru-01", Address: "k7w2-ferry", EdocNum: "20260302_NARU000001_0000000000042",
		DocumentHash: token.Hash{Algorithm: "SHA-256", Value: strings.Repeat("0a", 32)}, Audience: uuid.NewString(), ID: uuid.New(),
		IssuedAt: issued, ExpiresAt: issued.Add(token.Life),
	}
}

func TestSignParseVerify(t *testing.T) {
	t.Parallel()
	key, want := signer(t), claims()
	compact, err := token.Sign(key, want)
	require.NoError(t, err)
	read, err := token.Parse(compact)
	require.NoError(t, err)
	require.Equal(t, want, read.Claims)
	require.Equal(t, key.KeyID(), read.KeyID)
	require.NoError(t, read.Verify(public(t, key)))
	require.ErrorIs(t, read.Verify(public(t, signer(t))), token.ErrForged)
}

// The token says what its contract lists, under these names.
func TestContract(t *testing.T) {
	t.Parallel()
	key, c := signer(t), claims()
	compact, err := token.Sign(key, c)
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
	require.True(t, bytes.Equal([]byte(want), payload), "byte by byte, because the length counts: %s", payload)
}

// The longest of everything fits: a platform id of 25, an address of 100 Hangul syllables, SHA-512.
func TestLongestFits(t *testing.T) {
	t.Parallel()
	c := claims()
	c.Platform, c.Address = strings.Repeat("P", 25), strings.Repeat("나", 100)
	c.DocumentHash = token.Hash{Algorithm: "SHA-512", Value: strings.Repeat("ff", 64)}
	compact, err := token.Sign(signer(t), c)
	require.NoError(t, err)
	require.LessOrEqual(t, len(compact), 1024)
	read, err := token.Parse(compact)
	require.NoError(t, err)
	require.Equal(t, c, read.Claims)
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	key := signer(t)
	for _, test := range []struct {
		name   string
		change func(c *token.Claims)
	}{
		{"an address that is too long", func(c *token.Claims) { c.Address = strings.Repeat("a", 101) }},
		{"an address whose bytes do not fit", func(c *token.Claims) { c.Address = strings.Repeat("𠀋", 100) }},
		{"no address", func(c *token.Claims) { c.Address = "" }},
		{"a hash of another length", func(c *token.Claims) { c.DocumentHash.Algorithm = "SHA-512" }},
		{"a life of more than ten minutes", func(c *token.Claims) { c.ExpiresAt = c.IssuedAt.Add(token.Life + time.Second) }},
		{"no life", func(c *token.Claims) { c.ExpiresAt = c.IssuedAt }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := claims()
			test.change(&c)
			_, err := token.Sign(key, c)
			require.Error(t, err)
		})
	}
}

// forge signs any header and payload with a key, as somebody who does not keep to the rules would.
func forge(t testing.TB, key *ecdsa.PrivateKey, header, payload string) string {
	t.Helper()
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	require.NoError(t, err)
	return input + "." + base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	kid, err := keys.KeyID(&key.PublicKey)
	require.NoError(t, err)
	good := fmt.Sprintf(`{"alg":"ES256","kid":%q,"typ":"naru-vt+jwt"}`, kid)
	body := func(change func(m map[string]any)) string {
		m := map[string]any{
			"iss": "naru-01", "sub": "k7w2-ferry", "edn": "20260302_NARU000001_0000000000042",
			"dh":  "SHA-256:" + base64.RawURLEncoding.EncodeToString(make([]byte, 32)),
			"aud": uuid.NewString(), "jti": uuid.NewString(), "iat": 1772413323, "exp": 1772413923,
		}
		if change != nil {
			change(m)
		}
		encoded, err := json.Marshal(m)
		require.NoError(t, err)
		return string(encoded)
	}
	without := func(name string) string { return body(func(m map[string]any) { delete(m, name) }) }
	with := func(name string, value any) string { return body(func(m map[string]any) { m[name] = value }) }

	_, err = token.Parse(forge(t, key, good, body(nil)))
	require.NoError(t, err, "what the others differ from")
	_, err = token.Parse(forge(t, key, good, with("later", "unknown claims are ignored")))
	require.NoError(t, err)

	whole := forge(t, key, good, body(nil))
	for _, test := range []struct{ name, token string }{
		{"empty", ""},
		{"two parts", strings.Join(strings.Split(whole, ".")[:2], ".")},
		{"four parts", whole + "."},
		{"padding", whole + "=="},
		{"white space", " " + whole},
		{"too long", whole + strings.Repeat("A", 1024)},
		{"without signature", strings.Join(strings.Split(whole, ".")[:2], ".") + "."},
		{"alg none", forge(t, key, `{"alg":"none","kid":"`+kid+`","typ":"naru-vt+jwt"}`, body(nil))},
		{"alg HS256", forge(t, key, `{"alg":"HS256","kid":"`+kid+`","typ":"naru-vt+jwt"}`, body(nil))},
		{"another typ", forge(t, key, `{"alg":"ES256","kid":"`+kid+`","typ":"at+jwt"}`, body(nil))},
		{"no kid", forge(t, key, `{"alg":"ES256","typ":"naru-vt+jwt"}`, body(nil))},
		{"a kid of another form", forge(t, key, `{"alg":"ES256","kid":"1","typ":"naru-vt+jwt"}`, body(nil))},
		{"a key of its own in the header", forge(t, key, `{"alg":"ES256","jwk":{},"kid":"`+kid+`","typ":"naru-vt+jwt"}`, body(nil))},
		{"claims that are an array", forge(t, key, good, "[]")},
		{"claims twice", forge(t, key, good, body(nil)+body(nil))},
		{"claims that are not UTF-8", forge(t, key, good, "{\"sub\":\"\xff\"}")},
		{"no iss", forge(t, key, good, without("iss"))},
		{"no sub", forge(t, key, good, without("sub"))},
		{"no edn", forge(t, key, good, without("edn"))},
		{"no dh", forge(t, key, good, without("dh"))},
		{"no aud", forge(t, key, good, without("aud"))},
		{"several aud", forge(t, key, good, with("aud", []string{"a", "b"}))},
		{"no jti", forge(t, key, good, without("jti"))},
		{"no iat", forge(t, key, good, without("iat"))},
		{"no exp", forge(t, key, good, without("exp"))},
		{"an unknown hash", forge(t, key, good, with("dh", "MD5:"+base64.RawURLEncoding.EncodeToString(make([]byte, 16))))},
		{"a hash of another length", forge(t, key, good, with("dh", "SHA-512:"+base64.RawURLEncoding.EncodeToString(make([]byte, 32))))},
		{"a long life", forge(t, key, good, with("exp", 1772413924))},
		{"a time that is text", forge(t, key, good, with("iat", "1772413323"))},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := token.Parse(test.token)
			require.ErrorIs(t, err, token.ErrMalformed)
		})
	}
}

// Whatever is read can be written again and says the same, and no change of a signed token holds.
func FuzzParse(f *testing.F) {
	key := signer(f)
	good, err := token.Sign(key, claims())
	require.NoError(f, err)
	for _, seed := range []string{good, "", "..", "a.b.c", strings.Replace(good, ".", "..", 1), good[:len(good)-1] + "A", strings.ToUpper(good)} {
		f.Add(seed)
	}
	other := signer(f)
	f.Fuzz(func(t *testing.T, compact string) {
		read, err := token.Parse(compact)
		if err != nil {
			require.ErrorIs(t, err, token.ErrMalformed)
			return
		}
		if err := read.Verify(public(t, key)); err == nil {
			require.Equal(t, good[:strings.LastIndexByte(good, '.')], compact[:strings.LastIndexByte(compact, '.')], "only what was signed holds")
		}
		again, err := token.Sign(other, read.Claims)
		if err != nil {
			require.ErrorIs(t, err, token.ErrTooLong)
			return
		}
		reread, err := token.Parse(again)
		require.NoError(t, err)
		require.Equal(t, read.Claims, reread.Claims)
	})
}

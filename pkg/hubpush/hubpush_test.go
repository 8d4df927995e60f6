package hubpush_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/hubpush"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/proof"
)

type key struct {
	crypto.Signer
	id string
}

func (k key) KeyID() string { return k.id }

func newKey(t testing.TB) (key, map[string]*ecdsa.PublicKey) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	id, err := keys.KeyID(&private.PublicKey)
	require.NoError(t, err)
	require.Len(t, id, 43)
	return key{private, id}, map[string]*ecdsa.PublicKey{id: &private.PublicKey}
}

var signedAt = time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)

func claims() hubpush.Claims {
	return hubpush.Claims{
		Audience: "naru-01-test", Nonce: "nonce-0001", ContentType: "multipart/mixed; boundary=x", Digest: hubpush.DigestOf([]byte("body")), IssuedAt: signedAt,
	}
}

func TestSignatureHolds(t *testing.T) {
	t.Parallel()
	signer, keys := newKey(t)
	compact, err := hubpush.Sign(signer, claims())
	require.NoError(t, err)
	for _, now := range []time.Time{signedAt, signedAt.Add(time.Minute), signedAt.Add(-time.Minute)} {
		got, err := hubpush.Verify(compact, keys, "naru-01-test", now, time.Minute)
		require.NoError(t, err)
		require.Equal(t, hubpush.Signature{Claims: claims(), KeyID: signer.id}, got)
		require.NoError(t, got.Covers("multipart/mixed; boundary=x", []byte("body")))
		require.ErrorIs(t, got.Covers("multipart/mixed; boundary=y", []byte("body")), hubpush.ErrBody)
		require.ErrorIs(t, got.Covers("multipart/mixed; boundary=x", []byte("Body")), hubpush.ErrBody)
	}
}

func TestSignatureDoesNotHold(t *testing.T) {
	t.Parallel()
	signer, keys := newKey(t)
	stranger, strangers := newKey(t)
	compact, err := hubpush.Sign(signer, claims())
	require.NoError(t, err)
	impostor, err := hubpush.Sign(key{stranger.Signer, signer.id}, claims())
	require.NoError(t, err)
	for _, tt := range []struct {
		name, compact, audience string
		keys                    map[string]*ecdsa.PublicKey
		now                     time.Time
		want                    proof.Check
	}{
		{"nothing", "", "naru-01-test", keys, signedAt, hubpush.ErrMalformed},
		{"of a stranger", compact, "naru-01-test", strangers, signedAt, hubpush.ErrKey},
		{"of a stranger under the hub's name", impostor, "naru-01-test", keys, signedAt, hubpush.ErrForged},
		{"for another relay", compact, "peer-01-test", keys, signedAt, hubpush.ErrAudience},
		{"too old", compact, "naru-01-test", keys, signedAt.Add(time.Minute + time.Second), hubpush.ErrAge},
		{"too early", compact, "naru-01-test", keys, signedAt.Add(-time.Minute - time.Second), hubpush.ErrAge},
	} {
		_, err := hubpush.Verify(tt.compact, tt.keys, tt.audience, tt.now, time.Minute)
		require.ErrorIs(t, err, tt.want, tt.name)
	}
	for name, change := range map[string]func(c *hubpush.Claims){
		"no audience": func(c *hubpush.Claims) { c.Audience = "" }, "a short nonce": func(c *hubpush.Claims) { c.Nonce = "1234567" },
		"no content type": func(c *hubpush.Claims) { c.ContentType = "" }, "a digest in upper case": func(c *hubpush.Claims) { c.Digest = "AB" + c.Digest[2:] },
	} {
		c := claims()
		change(&c)
		_, err := hubpush.Sign(signer, c)
		require.Error(t, err, name)
	}
}

func FuzzVerify(f *testing.F) {
	signer, keys := newKey(f)
	compact, err := hubpush.Sign(signer, claims())
	require.NoError(f, err)
	f.Add(compact)
	f.Add("e30.e30.")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := hubpush.Verify(text, keys, "naru-01-test", signedAt, time.Minute)
		var failure *proof.Failure
		if (err == nil) != (text == compact) || err != nil && !errors.As(err, &failure) {
			t.Fatalf("only the signed text holds: %v", err)
		}
	})
}

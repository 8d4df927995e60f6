package receipt_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"
	merkleproof "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/receipt"
	"github.com/naru-relay/naru/pkg/testkit/golden"
)

// key is a signing key and its id.
type key struct {
	*ecdsa.PrivateKey
	id string
}

func (k key) KeyID() string { return k.id }

func newKey(t testing.TB, id string) key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key{private, id}
}

func keySet(t testing.TB, keys ...key) []byte {
	t.Helper()
	set := jwk.NewSet()
	for _, k := range keys {
		public, err := jwk.FromRaw(k.Public())
		require.NoError(t, err)
		require.NoError(t, public.Set(jwk.KeyIDKey, k.id))
		require.NoError(t, public.Set("naru_purpose", "receipt"))
		require.NoError(t, set.AddKey(public))
	}
	raw, err := json.Marshal(set)
	require.NoError(t, err)
	return raw
}

func claims(serial int) receipt.Claims {
	return receipt.Claims{
		EdocNum:                       fmt.Sprintf("20260302_NARU000001_%013d", 41+serial),
		DocumentHash:                  receipt.Digest{Algorithm: "SHA-256", Value: strings.Repeat("ab", 32)},
		RegistrationCertificateDigest: strings.Repeat("cd", 32),
		AcceptedAt:                    receipt.Time(acceptedAt),
		OwnKey:                        "own-1", Sender: "018f3c1e-0000-7000-8000-000000000001",
	}
}

var acceptedAt = time.Date(2026, 3, 2, 10, 2, 3, 450000, time.FixedZone("KST", 9*3600))

func sign(t testing.TB, k key, n int) []string {
	t.Helper()
	var all []receipt.Claims
	for i := range n {
		all = append(all, claims(i+1))
	}
	receipts, err := receipt.Sign(k, all...)
	require.NoError(t, err)
	require.Len(t, receipts, n)
	return receipts
}

// Every receipt of a batch verifies alone with the published key, and claims exactly what was stated for its document.
func TestReceiptsOfABatch(t *testing.T) {
	t.Parallel()
	k := newKey(t, "now")
	keys := keySet(t, newKey(t, "old"), k)
	for n := 1; n <= receipt.MaxTogether; n++ {
		for i, text := range sign(t, k, n) {
			got, err := receipt.Verify(text, keys)
			require.NoError(t, err)
			require.Equal(t, claims(i+1), *got)
			require.NotContains(t, text, "=")
			require.Less(t, len(text), 1200)
		}
	}
}

// Another implementation of RFC 6962 computes the same path.
func TestPathOfAnotherImplementation(t *testing.T) {
	t.Parallel()
	k := newKey(t, "now")
	for i, text := range sign(t, k, 21) {
		parts := strings.Split(text, "~")
		payload, err := jws.Verify([]byte(parts[0]), jws.WithKey(jwa.ES256, k.Public()))
		require.NoError(t, err)
		var said struct {
			Root string
			Size uint64
		}
		require.NoError(t, json.Unmarshal(payload, &said))
		decoded := make([][]byte, 3)
		for n, part := range []string{said.Root, parts[1], parts[3]} {
			decoded[n], err = base64.RawURLEncoding.DecodeString(part)
			require.NoError(t, err)
		}
		path := slices.Collect(slices.Chunk(decoded[2], 32))
		require.NoError(t, merkleproof.VerifyInclusion(rfc6962.DefaultHasher, uint64(i), said.Size, rfc6962.DefaultHasher.HashLeaf(decoded[1]), path, decoded[0]))
	}
}

// The form is the documented one, so that others can check a receipt with a JWS library and RFC 6962.
func TestForm(t *testing.T) {
	t.Parallel()
	k := newKey(t, "now")
	parts := strings.Split(sign(t, k, 1)[0], "~")
	require.Len(t, parts, 4)
	leaf, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	golden.Equal(t, leaf, "claims.json")
	require.Equal(t, []string{"0", ""}, parts[2:])
	payload, err := jws.Verify([]byte(parts[0]), jws.WithKey(jwa.ES256, k.Public()))
	require.NoError(t, err)
	var said struct {
		Root string
		Size int
	}
	require.NoError(t, json.Unmarshal(payload, &said))
	require.Equal(t, 1, said.Size)
	require.Len(t, said.Root, 43)
	head, err := base64.RawURLEncoding.DecodeString(strings.Split(parts[0], ".")[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"alg":"ES256","kid":"now","typ":"naru-receipt+jwt"}`, string(head))
}

func TestSignWantsItsBounds(t *testing.T) {
	t.Parallel()
	k := newKey(t, "now")
	_, err := receipt.Sign(k)
	require.Error(t, err)
	_, err = receipt.Sign(k, make([]receipt.Claims, receipt.MaxTogether+1)...)
	require.Error(t, err)
}

// One key can be used by many callers at the same time.
func TestConcurrentSigning(t *testing.T) {
	t.Parallel()
	k := newKey(t, "now")
	keys := keySet(t, k)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 20 {
				receipts, err := receipt.Sign(k, claims(1), claims(2))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := receipt.Verify(receipts[1], keys); err != nil {
					t.Error(err)
				}
			}
		})
	}
	callers.Wait()
}

// The vectors are accepted or refused as stated. Another implementation made them (deploy/dev/vectors.py).
func TestVectors(t *testing.T) {
	t.Parallel()
	var v struct {
		Keys  json.RawMessage
		Valid []struct {
			Name, Receipt string
			Claims        receipt.Claims
		}
		Refused []struct {
			Name, Receipt, Wrong string
		}
	}
	golden.Vectors(t, &v)
	require.NotEmpty(t, v.Valid)
	require.NotEmpty(t, v.Refused)
	for _, good := range v.Valid {
		got, err := receipt.Verify(good.Receipt, v.Keys)
		require.NoError(t, err, good.Name)
		require.Equal(t, good.Claims, *got, good.Name)
	}
	for _, bad := range v.Refused {
		_, err := receipt.Verify(bad.Receipt, v.Keys)
		var failure *proof.Failure
		require.ErrorAs(t, err, &failure, bad.Name)
		require.Equal(t, bad.Wrong, failure.Check.Name, bad.Name)
	}
	_, err := receipt.Verify(v.Valid[0].Receipt, []byte("x"))
	require.ErrorContains(t, err, "not a JSON Web Key Set")
}

func expected() receipt.Expected {
	return receipt.Expected{
		EdocNum: claims(1).EdocNum, OwnKey: "own-1", DocumentHash: strings.Repeat("ab", 32), CertificateDigest: strings.Repeat("cd", 32), AcceptedAt: acceptedAt,
	}
}

// A genuine receipt for something else does not match; all differences are reported at once.
func TestMatch(t *testing.T) {
	t.Parallel()
	got := claims(1)
	require.NoError(t, got.Match(expected()))
	unknown := expected()
	unknown.CertificateDigest = ""
	require.NoError(t, got.Match(unknown))
	err := got.Match(receipt.Expected{EdocNum: "x", OwnKey: "x", DocumentHash: "x", CertificateDigest: "x"})
	require.ErrorIs(t, err, receipt.ErrMismatch)
	for _, what := range []string{"document number", "own key", "document hash", "registration certificate", "accepted time"} {
		require.ErrorContains(t, err, what)
	}
	require.NotContains(t, err.Error(), "algorithm")
}

func FuzzVerify(f *testing.F) {
	k := newKey(f, "now")
	keys := keySet(f, k)
	good := sign(f, k, 3)
	for _, text := range good {
		f.Add(text)
	}
	f.Add("~~~")
	f.Add("eyJhbGciOiJub25lIn0.e30.~e30~0~")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := receipt.Verify(text, keys); err == nil {
			require.Contains(t, []receipt.Claims{claims(1), claims(2), claims(3)}, *c, "nothing but what was signed can pass")
		}
	})
}

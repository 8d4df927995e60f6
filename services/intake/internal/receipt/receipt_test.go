package receipt_test

import (
	"crypto/ecdsa"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/testkit/golden"
	"github.com/naru-relay/naru/services/intake/internal/receipt"
)

func claims() receipt.Claims {
	return receipt.Claims{
		EdocNum:                       "20260302_NARU000001_0000000000042",
		DocumentHash:                  receipt.Digest{Algorithm: "SHA-256", Value: strings.Repeat("ab", 32)},
		RegistrationCertificateDigest: strings.Repeat("cd", 32),
		AcceptedAt:                    receipt.Time(time.Date(2026, 3, 2, 10, 2, 3, 450000, time.FixedZone("KST", 9*3600))),
		OwnKey:                        "own-1", Sender: "018f3c1e-0000-7000-8000-000000000001",
	}
}

func signer(t *testing.T) (*receipt.Signer, keys.Signer) {
	t.Helper()
	store, err := keys.Open(t.TempDir(), keys.Options{Create: true})
	require.NoError(t, err)
	key, err := store.Signer(t.Context(), "receipt")
	require.NoError(t, err)
	s, err := receipt.NewSigner(key)
	require.NoError(t, err)
	return s, key
}

// A receipt verifies with the published key, names it, and says the claims byte for byte as documented.
func TestReceipt(t *testing.T) {
	t.Parallel()
	s, key := signer(t)
	compact, err := s.Sign(claims())
	require.NoError(t, err)

	public, ok := key.Public().(*ecdsa.PublicKey)
	require.True(t, ok)
	payload, err := jws.Verify([]byte(compact), jws.WithKey(jwa.ES256, public))
	require.NoError(t, err)
	golden.Equal(t, payload, "claims.json")

	head, err := base64.RawURLEncoding.DecodeString(strings.Split(compact, ".")[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"alg":"ES256","kid":"`+key.KeyID()+`","typ":"naru-receipt+jwt"}`, string(head))
}

// One signer serves many callers at a time.
func TestConcurrentSigning(t *testing.T) {
	t.Parallel()
	s, key := signer(t)
	public, ok := key.Public().(*ecdsa.PublicKey)
	require.True(t, ok)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 50 {
				compact, err := s.Sign(claims())
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := jws.Verify([]byte(compact), jws.WithKey(jwa.ES256, public)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	callers.Wait()
}

func TestNewSignerWantsAKey(t *testing.T) {
	t.Parallel()
	_, err := receipt.NewSigner(nil)
	require.Error(t, err)
}

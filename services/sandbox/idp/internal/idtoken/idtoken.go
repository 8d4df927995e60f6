// Package idtoken signs OpenID Connect ID tokens with ES256 and publishes the key that verifies them.
package idtoken

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/keys"
)

// profile of ID tokens; this package only writes them.
var profile = jws.Profile{Type: "JWT", MaxBytes: 8 << 10}

// Signer signs ID tokens with one P-256 key.
type Signer struct {
	key  authn.Key
	jwks []byte
}

// New returns a Signer. The key id is the RFC 7638 thumbprint.
func New(key crypto.Signer) (*Signer, error) {
	if key == nil {
		return nil, errors.New("make ID token signer: no key")
	}
	public, ok := key.Public().(*ecdsa.PublicKey)
	if !ok {
		return nil, errors.New("make ID token signer: the key is not P-256")
	}
	keyID, err := keys.KeyID(public)
	if err != nil {
		return nil, fmt.Errorf("make ID token signer: %w", err)
	}
	jwks, err := authn.KeySet(authn.PublicKey{ID: keyID, Key: public})
	if err != nil {
		return nil, fmt.Errorf("make ID token signer: %w", err)
	}
	return &Signer{key: authn.Key{ID: keyID, Signer: key}, jwks: jwks}, nil
}

// JWKS is the public key set (RFC 7517).
func (s *Signer) JWKS() []byte { return s.jwks }

// Sign returns the claims as a compact JWS.
func (s *Signer) Sign(claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode ID token: %w", err)
	}
	return profile.Sign(s.key, payload)
}

// AccessTokenHash is the at_hash claim (OpenID Connect Core 3.1.3.6) for ES256.
func AccessTokenHash(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:sha256.Size/2])
}

// Package idtoken signs OpenID Connect ID tokens with ES256 and publishes the
// key they are verified with.
package idtoken

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// Signer signs ID tokens with one P-256 key.
type Signer struct {
	key  crypto.Signer
	kid  string
	jwks []byte
}

// New makes a Signer; the key id is the RFC 7638 thumbprint.
func New(key crypto.Signer) (*Signer, error) {
	if key == nil {
		return nil, errors.New("make ID token signer: no key")
	}
	public, ok := key.Public().(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, errors.New("make ID token signer: the key is not P-256")
	}
	k, err := jwk.FromRaw(public)
	if err != nil {
		return nil, fmt.Errorf("make ID token signer: %w", err)
	}
	thumbprint, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("make ID token signer: %w", err)
	}
	s := &Signer{key: key, kid: base64.RawURLEncoding.EncodeToString(thumbprint)}
	for name, value := range map[string]any{jwk.KeyIDKey: s.kid, jwk.AlgorithmKey: jwa.ES256, jwk.KeyUsageKey: jwk.ForSignature} {
		if err := k.Set(name, value); err != nil {
			return nil, fmt.Errorf("make ID token signer: %w", err)
		}
	}
	set := jwk.NewSet()
	if err := set.AddKey(k); err != nil {
		return nil, fmt.Errorf("make ID token signer: %w", err)
	}
	if s.jwks, err = json.Marshal(set); err != nil {
		return nil, fmt.Errorf("make ID token signer: %w", err)
	}
	return s, nil
}

// JWKS is the public key set (RFC 7517).
func (s *Signer) JWKS() []byte { return s.jwks }

// Sign makes a compact JWS of the claims.
func (s *Signer) Sign(claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode ID token: %w", err)
	}
	headers := jws.NewHeaders()
	for name, value := range map[string]any{jws.KeyIDKey: s.kid, jws.TypeKey: "JWT"} {
		if err := headers.Set(name, value); err != nil {
			return "", fmt.Errorf("sign ID token: %w", err)
		}
	}
	token, err := jws.Sign(payload, jws.WithKey(jwa.ES256, s.key, jws.WithProtectedHeaders(headers)))
	if err != nil {
		return "", fmt.Errorf("sign ID token: %w", err)
	}
	return string(token), nil
}

// AccessTokenHash is the at_hash claim (OpenID Connect Core 3.1.3.6) for ES256.
func AccessTokenHash(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:sha256.Size/2])
}

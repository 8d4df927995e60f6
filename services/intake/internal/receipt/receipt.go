// Package receipt signs acceptance receipts: a compact JWS (RFC 7515), ES256, with header {alg, kid, typ: naru-receipt+jwt}. The relay
// publishes the keys at /.well-known/naru/intake/jwks.json and keeps them published as long as receipts may be shown.
package receipt

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/naru-relay/naru/pkg/keys"
)

// Type is the typ of receipts, so that no other JWS of the relay passes for one.
const Type = "naru-receipt+jwt"

const timeLayout = "2006-01-02T15:04:05.000000Z"

// Claims are what a receipt says, in the order of their encoding.
type Claims struct {
	EdocNum                       string `json:"edocNum"`
	DocumentHash                  Digest `json:"documentHash"`
	RegistrationCertificateDigest string `json:"registrationCertificateDigest"`
	// AcceptedAt is RFC 3339 UTC with six fractional digits, see Time.
	AcceptedAt string `json:"acceptedAt"`
	OwnKey     string `json:"ownKey"`
	// Sender is the principal id.
	Sender string `json:"sender"`
}

// Digest is a hash with its algorithm, as in the API.
type Digest struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"value"`
}

// Time writes a time as receipts have it.
func Time(t time.Time) string { return t.UTC().Format(timeLayout) }

// Signer signs receipts; safe for concurrent use.
type Signer struct {
	key keys.Signer
}

// NewSigner makes a signer with a P-256 key.
func NewSigner(key keys.Signer) (*Signer, error) {
	if key == nil {
		return nil, errors.New("make receipt signer: no key")
	}
	return &Signer{key: key}, nil
}

// Sign gives the compact form of the receipt.
func (s *Signer) Sign(c Claims) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("sign receipt of %s: %w", c.EdocNum, err)
	}
	headers := jws.NewHeaders() // of this call alone: signing writes into them
	if err := errors.Join(headers.Set(jws.KeyIDKey, s.key.KeyID()), headers.Set(jws.TypeKey, Type)); err != nil {
		return "", fmt.Errorf("sign receipt of %s: %w", c.EdocNum, err)
	}
	signed, err := jws.Sign(payload, jws.WithKey(jwa.ES256, s.key, jws.WithProtectedHeaders(headers)))
	if err != nil {
		return "", fmt.Errorf("sign receipt of %s: %w", c.EdocNum, err)
	}
	return string(signed), nil
}

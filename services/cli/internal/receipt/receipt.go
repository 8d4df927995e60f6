// Package receipt checks the acceptance receipts of a relay: a compact JWS (RFC 7515), ES256, typ naru-receipt+jwt, whose keys the
// relay publishes at /.well-known/naru/intake/jwks.json with the purpose "receipt".
package receipt

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/keys"
)

const (
	// KeySetPath is where the relay publishes the keys.
	KeySetPath = "/.well-known/naru/intake/jwks.json"
	// Type is the typ of a receipt, so that no other JWS of the relay passes for one.
	Type = "naru-receipt+jwt"

	timeLayout = "2006-01-02T15:04:05.000000Z"
	maxBytes   = 8 << 10
)

// Claims are what a receipt says.
type Claims struct {
	EdocNum      string `json:"edocNum"`
	DocumentHash struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"value"`
	} `json:"documentHash"`
	// RegistrationCertificateDigest is the SHA-256 of the certificate, hexadecimal.
	RegistrationCertificateDigest string `json:"registrationCertificateDigest"`
	// AcceptedAt is RFC 3339 UTC with six fractional digits.
	AcceptedAt string `json:"acceptedAt"`
	OwnKey     string `json:"ownKey"`
	Sender     string `json:"sender"`
}

// Expected is what the sender knows by itself, or was told beside the receipt.
type Expected struct {
	EdocNum, OwnKey string
	// DocumentHash is SHA-256, hexadecimal; CertificateDigest likewise, empty when it is not known.
	DocumentHash, CertificateDigest string
	AcceptedAt                      time.Time
}

// Verify checks the signature against the published key set and reads the claims.
func Verify(compact string, keySet []byte) (*Claims, error) {
	if len(compact) > maxBytes {
		return nil, errors.New("receipt is too large")
	}
	message, err := jws.Parse([]byte(compact), jws.WithCompact())
	if err != nil || len(message.Signatures()) != 1 {
		return nil, errors.New("receipt is not a compact JWS")
	}
	header := message.Signatures()[0].ProtectedHeaders()
	if header.Algorithm() != jwa.ES256 || header.Type() != Type {
		return nil, errors.New("receipt has another algorithm or type")
	}
	published, err := authn.ParseKeySet(keySet, keys.Receipt)
	if err != nil {
		return nil, errors.New("published keys cannot be read")
	}
	key := published[header.KeyID()]
	if key == nil {
		return nil, errors.New("receipt is signed with a key that is not published for receipts")
	}
	payload, err := jws.Verify([]byte(compact), jws.WithKey(jwa.ES256, key))
	if err != nil {
		return nil, errors.New("signature of the receipt is wrong")
	}
	var claims Claims
	// A newer relay may say more.
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, errors.New("receipt does not say what receipts say")
	}
	return &claims, nil
}

// Match tells every claim that is not as expected.
func (c *Claims) Match(want Expected) error {
	var problems []error
	differ := func(name, got, expected string) {
		if got != expected {
			problems = append(problems, fmt.Errorf("receipt states another %s", name))
		}
	}
	differ("document number", c.EdocNum, want.EdocNum)
	differ("own key", c.OwnKey, want.OwnKey)
	differ("hash algorithm", c.DocumentHash.Algorithm, "SHA-256")
	differ("document hash", c.DocumentHash.Value, want.DocumentHash)
	if want.CertificateDigest != "" {
		differ("registration certificate", c.RegistrationCertificateDigest, want.CertificateDigest)
	}
	differ("accepted time", c.AcceptedAt, want.AcceptedAt.UTC().Format(timeLayout))
	return errors.Join(problems...)
}

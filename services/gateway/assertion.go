package gateway

import (
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/jws"
)

const (
	// assertionLife is the longest a client assertion may be good for.
	assertionLife = 5 * time.Minute
	// assertionLeeway is how far a client's clock may differ.
	assertionLeeway = 30 * time.Second
	maxJTI          = 128
)

// audience is a JSON string or a list of them (RFC 7519 §4.1.3).
type audience []string

// UnmarshalJSON reads either form.
func (a *audience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

// assertionClaims are the claims of a client assertion (RFC 7523 §3).
type assertionClaims struct {
	Issuer    string          `json:"iss"`
	Subject   string          `json:"sub"`
	Audience  audience        `json:"aud"`
	ExpiresAt jws.NumericDate `json:"exp"`
	IssuedAt  jws.NumericDate `json:"iat"`
	NotBefore jws.NumericDate `json:"nbf"`
	ID        string          `json:"jti"`
}

// expires is the time until which the assertion must be remembered.
func (c assertionClaims) expires() time.Time {
	return c.ExpiresAt.Add(assertionLeeway)
}

// assertions are signed by clients' own libraries; the request is bounded, and the RPC bounds them to 4,096 bytes.
var assertions = jws.Profile{Outside: true, MaxBytes: maxFormBytes}

// verifyAssertion checks a client assertion of at most five minutes. Errors say what is wrong and repeat no value.
func verifyAssertion(assertion string, public *ecdsa.PublicKey, clientID, wanted string, now time.Time) (assertionClaims, error) {
	var claims assertionClaims
	text, err := assertions.Parse(assertion, &claims)
	if err != nil {
		return assertionClaims{}, err
	}
	if err := text.Verify(public); err != nil {
		return assertionClaims{}, err
	}
	expires := claims.ExpiresAt
	switch {
	case claims.Issuer != clientID || claims.Subject != clientID:
		return assertionClaims{}, errors.New("the assertion is about another client")
	case !slices.Contains(claims.Audience, wanted):
		return assertionClaims{}, errors.New("the assertion is for another audience")
	case claims.ID == "" || len(claims.ID) > maxJTI || strings.ContainsRune(claims.ID, 0):
		return assertionClaims{}, errors.New("the assertion has no usable jti")
	case !now.Before(expires.Add(assertionLeeway)):
		return assertionClaims{}, errors.New("the assertion has expired")
	case expires.After(now.Add(assertionLife + assertionLeeway)):
		return assertionClaims{}, errors.New("the assertion is good for too long")
	case claims.IssuedAt.After(now.Add(assertionLeeway)), claims.NotBefore.After(now.Add(assertionLeeway)):
		return assertionClaims{}, errors.New("the assertion is not good yet")
	}
	return claims, nil
}

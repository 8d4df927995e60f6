// Package hubpush is how the distribution hub signs what it pushes to a relay. It is ours: the guide says that the hub pushes
// certificates (4.1.2), and no public source shows how.
//
// A push is POST /hub/v1/certificates with a body of the shape of a certificate's answer (hub-interface 5.1): multipart/mixed of
// {"certNum", "edocNum", "eaddr"} and the PDF. Its header hub-signature is a compact JWS (pkg/jws) with the typ naru-hub-push+jwt
// over
//
//	aud     the relay's platform id
//	iat     when it was signed, seconds since 1970
//	jti     a nonce, 8-64 characters of A-Z a-z 0-9 - _
//	cty     the Content-Type of the request, which says where its parts end
//	digest  SHA-256 of the body, lower-case hex
//
// The key is P-256, named by its RFC 7638 thumbprint (keys.KeyID). Whoever verifies compares aud, bounds the age by iat, and the
// body by digest; a push that comes twice is harmless, because certificates have numbers.
package hubpush

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/proof"
)

const (
	// Path of a push of a certificate.
	Path = "/hub/v1/certificates"
	// Header holds the signature.
	Header = "hub-signature"
	// Type is the typ of the signature.
	Type = "naru-hub-push+jwt"
	// MaxBytes of a signature.
	MaxBytes = 2048
)

var (
	profile    = jws.Profile{Type: Type, MaxBytes: MaxBytes}
	nonceForm  = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)
	digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// What can be wrong with a signature, in the order it is looked at. No failure repeats what was read.
var (
	// ErrMalformed: not a signature of a push at all.
	ErrMalformed = proof.Check{Of: "push", Name: "malformed"}
	// ErrKey: the key that it names is not one of the hub's.
	ErrKey = proof.Check{Of: "push", Name: "key"}
	// ErrForged: not signed with that key.
	ErrForged = proof.Check{Of: "push", Name: "forged"}
	// ErrAudience: for another relay.
	ErrAudience = proof.Check{Of: "push", Name: "audience"}
	// ErrAge: signed too long ago, or not yet.
	ErrAge = proof.Check{Of: "push", Name: "age"}
	// ErrBody: over another body or content type.
	ErrBody = proof.Check{Of: "push", Name: "body"}
)

func failed(check proof.Check, detail string) error {
	return &proof.Failure{Check: check, Detail: detail}
}

// Claims are what the hub signs.
type Claims struct {
	Audience, Nonce, ContentType, Digest string
	// IssuedAt is in whole seconds.
	IssuedAt time.Time
}

type wire struct {
	Audience    string `json:"aud"`
	IssuedAt    int64  `json:"iat"`
	Nonce       string `json:"jti"`
	ContentType string `json:"cty"`
	Digest      string `json:"digest"`
}

// DigestOf is the digest of a body.
func DigestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// Sign signs a push.
func Sign(key jws.Key, c Claims) (string, error) {
	w := wire{c.Audience, c.IssuedAt.Unix(), c.Nonce, c.ContentType, c.Digest}
	if !w.whole() {
		return "", errors.New("sign push: a claim is missing or malformed")
	}
	claims, err := proof.Encode(w)
	if err != nil {
		return "", fmt.Errorf("sign push: %w", err)
	}
	return profile.Sign(key, claims)
}

func (w wire) whole() bool {
	return w.Audience != "" && w.IssuedAt > 0 && nonceForm.MatchString(w.Nonce) && w.ContentType != "" && digestForm.MatchString(w.Digest)
}

// Signature is a signature that holds, whose body is still to be compared.
type Signature struct {
	Claims
	// KeyID is that of the key it was signed with.
	KeyID string
}

// Verify checks that a text is signed by one of the hub's keys, by their ids, for this relay, and at most age before or after
// now. The body is not looked at, so that nothing of a stranger's has to be read. Every error is a *proof.Failure.
func Verify(compact string, keys map[string]*ecdsa.PublicKey, audience string, now time.Time, age time.Duration) (Signature, error) {
	var w wire
	text, err := profile.Parse(compact, &w)
	if err != nil {
		return Signature{}, &proof.Failure{Check: ErrMalformed, Detail: "not a JWS of its kind", Cause: err}
	}
	if !w.whole() {
		return Signature{}, failed(ErrMalformed, "a claim is missing or malformed")
	}
	key := keys[text.KeyID]
	if key == nil {
		return Signature{}, failed(ErrKey, "the key is not one of the hub's")
	}
	if err := text.Verify(key); err != nil {
		return Signature{}, &proof.Failure{Check: ErrForged, Detail: "the signature does not hold", Cause: err}
	}
	issued := time.Unix(w.IssuedAt, 0).UTC()
	switch {
	case w.Audience != audience:
		return Signature{}, failed(ErrAudience, "it is for another relay")
	case now.Sub(issued) > age || issued.Sub(now) > age:
		return Signature{}, failed(ErrAge, "it was signed too long ago, or not yet")
	}
	return Signature{Claims: Claims{w.Audience, w.Nonce, w.ContentType, w.Digest, issued}, KeyID: text.KeyID}, nil
}

// Covers reports whether the signature is over this body under this content type: nil, or a *proof.Failure of ErrBody.
func (s Signature) Covers(contentType string, body []byte) error {
	if s.ContentType != contentType || s.Digest != DigestOf(body) {
		return failed(ErrBody, "it is over another body")
	}
	return nil
}

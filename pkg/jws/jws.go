// Package jws reads and makes the signed texts of a relay: compact JWS (RFC 7515) with ES256 (RFC 7518 §3.4) over one JSON
// object, in one spelling.
//
//	base64url(header) . base64url(claims) . base64url(signature)
//
// Every kind of text has a typ of its own, so none passes for another, and a header of exactly these bytes:
//
//	{"alg":"ES256","kid":"<1-64 characters of A-Z a-z 0-9 - _>","typ":"<typ>"}
//
// Texts of outside signers (client assertions) may have any header that names ES256 and no critical extensions; what else it
// holds is ignored, keys and places of keys above all. In both:
//
//   - base64url is without padding, line ends and stray bits, so that one signature has one text and its digest is evidence;
//   - the claims are UTF-8 and one JSON object, in which no object says a name twice; names count as they are written ("ISS" is
//     not "iss"); claims that the reader does not know are ignored (RFC 7519 §4);
//   - the signature is the 64 bytes of r and s.
//
// testdata/vectors.json has texts to read and texts to refuse, each with the check that refuses it.
package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

const signatureBytes = 64

// Profile is one kind of text.
type Profile struct {
	// Type is its typ.
	Type string
	// MaxBytes bounds what is looked at.
	MaxBytes int
	// Outside: other software writes the header; Type is not checked.
	Outside bool
}

// Text is a text that was read but not verified.
type Text struct {
	// KeyID names the key for Verify. It is empty for outside signers, whose key follows from who they are.
	KeyID string

	input     string
	signature []byte
}

var keyIDForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Parse reads a text into claims, a pointer to a struct with json tags; they count only after Verify. Every error is a
// *proof.Failure.
func (p Profile) Parse(compact string, claims any) (Text, error) {
	if len(compact) > p.MaxBytes {
		return Text{}, failed(ErrSize, "too long")
	}
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return Text{}, failed(ErrForm, "not three parts")
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = DecodePart(part); err != nil {
			return Text{}, failed(ErrForm, "a part is not base64url")
		}
	}
	keyID, err := p.keyID(decoded[0])
	if err != nil {
		return Text{}, err
	}
	if Decode(decoded[1], claims) != nil {
		return Text{}, failed(ErrClaims, "not the JSON object expected")
	}
	if len(decoded[2]) != signatureBytes {
		return Text{}, failed(ErrForm, "the signature is not the 64 bytes of ES256")
	}
	return Text{KeyID: keyID, input: parts[0] + "." + parts[1], signature: decoded[2]}, nil
}

// keyID reads the header.
func (p Profile) keyID(header []byte) (string, error) {
	if p.Outside {
		var algorithm string
		said, err := members(header)
		if _, critical := said["crit"]; err != nil || critical || json.Unmarshal(said["alg"], &algorithm) != nil || algorithm != jwa.ES256.String() {
			return "", failed(ErrHeader, "alg is not ES256, or there are critical extensions")
		}
		return "", nil
	}
	before, after := p.around()
	keyID, starts := strings.CutPrefix(string(header), before)
	keyID, ends := strings.CutSuffix(keyID, after)
	if !starts || !ends || !keyIDForm.MatchString(keyID) {
		return "", failed(ErrHeader, "the header is another")
	}
	return keyID, nil
}

// around is the header before and after its key id.
func (p Profile) around() (before, after string) {
	return `{"alg":"ES256","kid":"`, `","typ":"` + p.Type + `"}`
}

// Key signs: P-256, with the id it is published under.
type Key interface {
	crypto.Signer
	KeyID() string
}

// Sign makes a text of claims, one JSON object.
func (p Profile) Sign(key Key, claims []byte) (string, error) {
	if public, ok := key.Public().(*ecdsa.PublicKey); !ok || public.Curve != elliptic.P256() || !keyIDForm.MatchString(key.KeyID()) {
		return "", errors.New("sign JWS: the key is not P-256 with an id")
	}
	before, after := p.around()
	input := encodePart([]byte(before+key.KeyID()+after)) + "." + encodePart(claims)
	signer, err := jws.NewSigner(jwa.ES256)
	if err != nil {
		return "", fmt.Errorf("sign JWS: %w", err)
	}
	signature, err := signer.Sign([]byte(input), key)
	if err != nil {
		return "", fmt.Errorf("sign JWS: %w", err)
	}
	compact := input + "." + encodePart(signature)
	if len(compact) > p.MaxBytes {
		return "", failed(ErrSize, "too long")
	}
	return compact, nil
}

// Verify checks that the text was signed with the key: nil, or a *proof.Failure of ErrSignature.
func (t Text) Verify(key *ecdsa.PublicKey) error {
	verifier, err := jws.NewVerifier(jwa.ES256)
	if err != nil || verifier.Verify([]byte(t.input), t.signature, key) != nil {
		return failed(ErrSignature, "the signature does not hold")
	}
	return nil
}

// DecodePart reads base64url in its one spelling; Strict alone would pass over line ends.
func DecodePart(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("not base64url")
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}

func encodePart(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// Package token makes and reads viewing tokens (열람인증토큰, guide 5.1.1 ❹): compact JWS (RFC 7515), ES256, at most 1,024 characters.
//
// The header is exactly {"alg":"ES256","kid":"<43 characters>","typ":"naru-vt+jwt"}. The claims are
//
//	iss  platform id of the relay that issued it (중계자플랫폼ID)
//	sub  the recipient's certified address at that relay (never a CI: the token travels in a URL)
//	edn  edoc number, 33 characters
//	dh   hash of the document: algorithm, a colon, the hash in base64url without padding
//	aud  principal id of the viewing system it is for
//	jti  id of the token, a UUID
//	iat  when it was issued, whole seconds since 1970
//	exp  when it ends; at most 600 seconds after iat
//
// Names are short and the hash is not in hex because everything together has to fit for the longest address (100 characters, three
// bytes each), SHA-512 and the longest platform id. The format is part of the contract between relays: claims may be added and MUST
// be ignored by who does not know them; nothing else changes under this typ.
package token

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/keys"
)

const (
	// Type is the typ of viewing tokens, so that no other JWS of the relay passes for one.
	Type = "naru-vt+jwt"
	// MaxLength in characters; the specification of relays bounds URLs, and viewing systems bound the parameter.
	MaxLength = 1024
	// Life is the longest life of a token.
	Life = 10 * time.Minute

	signatureBytes = 64
	maxPlatform    = 25
	maxAddress     = 100
	maxAudience    = 64

	headerHead = `{"alg":"ES256","kid":"`
	headerTail = `","typ":"` + Type + `"}`
)

var (
	// ErrMalformed: not a viewing token at all.
	ErrMalformed = errors.New("not a viewing token")
	// ErrForged: it has the form of one and its signature does not hold.
	ErrForged = errors.New("the signature of the viewing token does not hold")
	// ErrTooLong: the claims do not fit into MaxLength.
	ErrTooLong = errors.New("the viewing token would be too long")
)

// Hash is a hash with its algorithm: SHA-256, SHA-384 or SHA-512, and lower-case hex.
type Hash struct {
	Algorithm, Value string
}

// Claims are what a token says.
type Claims struct {
	Platform, Address string
	EdocNum           id.EdocNumber
	DocumentHash      Hash
	// Audience is the viewing system.
	Audience string
	ID       uuid.UUID
	// IssuedAt and ExpiresAt are whole seconds.
	IssuedAt, ExpiresAt time.Time
}

type wire struct {
	Issuer       string `json:"iss"`
	Subject      string `json:"sub"`
	EdocNum      string `json:"edn"`
	DocumentHash string `json:"dh"`
	Audience     string `json:"aud"`
	ID           string `json:"jti"`
	IssuedAt     int64  `json:"iat"`
	ExpiresAt    int64  `json:"exp"`
}

// Sign makes a token. Its errors never repeat a claim.
func Sign(key keys.Signer, c Claims) (string, error) {
	payload, err := c.encode()
	if err != nil {
		return "", fmt.Errorf("sign viewing token: %w", err)
	}
	headers := jws.NewHeaders()
	if err := errors.Join(headers.Set(jws.KeyIDKey, key.KeyID()), headers.Set(jws.TypeKey, Type)); err != nil {
		return "", fmt.Errorf("sign viewing token: %w", err)
	}
	signed, err := jws.Sign(payload, jws.WithKey(jwa.ES256, key, jws.WithProtectedHeaders(headers)))
	if err != nil {
		return "", fmt.Errorf("sign viewing token: %w", err)
	}
	if len(signed) > MaxLength {
		return "", fmt.Errorf("sign viewing token: %w", ErrTooLong)
	}
	return string(signed), nil
}

func (c Claims) encode() ([]byte, error) {
	sum, err := hex.DecodeString(c.DocumentHash.Value)
	if err != nil {
		return nil, errors.New("the document hash is not hex")
	}
	w := wire{
		Issuer: c.Platform, Subject: c.Address, EdocNum: c.EdocNum.String(),
		DocumentHash: c.DocumentHash.Algorithm + ":" + base64.RawURLEncoding.EncodeToString(sum),
		Audience:     c.Audience, ID: c.ID.String(), IssuedAt: c.IssuedAt.Unix(), ExpiresAt: c.ExpiresAt.Unix(),
	}
	// What this package would not read it does not write.
	if _, err := w.claims(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // an escaped character is six times as long
	if err := encoder.Encode(w); err != nil {
		return nil, fmt.Errorf("encode claims: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Token is a token that was read and not believed yet.
type Token struct {
	// KeyID says which key to Verify with.
	KeyID string
	// Claims count only after Verify.
	Claims Claims

	compact string
}

var keyIDForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// Parse reads a token strictly: one spelling, the header of this package and no other. Its errors are ErrMalformed and never repeat
// what was read.
func Parse(compact string) (Token, error) {
	if len(compact) > MaxLength {
		return Token{}, malformed("too long")
	}
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return Token{}, malformed("not three parts")
	}
	if signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2]); err != nil || len(signature) != signatureBytes {
		return Token{}, malformed("the signature is not the 64 bytes of ES256")
	}
	header, err := base64.RawURLEncoding.Strict().DecodeString(parts[0])
	if err != nil {
		return Token{}, malformed("the header is not base64url")
	}
	keyID, isHeader := strings.CutPrefix(string(header), headerHead)
	keyID, hasTail := strings.CutSuffix(keyID, headerTail)
	if !isHeader || !hasTail || !keyIDForm.MatchString(keyID) {
		return Token{}, malformed("the header is another")
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil {
		return Token{}, malformed("the claims are not base64url")
	}
	claims, err := decode(payload)
	if err != nil {
		return Token{}, err
	}
	return Token{KeyID: keyID, Claims: claims, compact: compact}, nil
}

func decode(payload []byte) (Claims, error) {
	if !utf8.Valid(payload) {
		return Claims{}, malformed("the claims are not UTF-8")
	}
	var w wire
	decoder := json.NewDecoder(bytes.NewReader(payload))
	if decoder.Decode(&w) != nil {
		return Claims{}, malformed("the claims are not the JSON object expected")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Claims{}, malformed("the claims are followed by something")
	}
	return w.claims()
}

func (w wire) claims() (Claims, error) {
	number, err := id.ParseEdocNumber(w.EdocNum)
	if err != nil {
		return Claims{}, malformed("edn")
	}
	tokenID, err := uuid.Parse(w.ID)
	if err != nil || tokenID.String() != w.ID {
		return Claims{}, malformed("jti")
	}
	hash, ok := readHash(w.DocumentHash)
	switch length := utf8.RuneCountInString(w.Subject); {
	case !ok:
		return Claims{}, malformed("dh")
	case w.Issuer == "" || len(w.Issuer) > maxPlatform:
		return Claims{}, malformed("iss")
	case length == 0 || length > maxAddress || !utf8.ValidString(w.Subject):
		return Claims{}, malformed("sub")
	case w.Audience == "" || len(w.Audience) > maxAudience:
		return Claims{}, malformed("aud")
	case w.IssuedAt <= 0 || w.ExpiresAt <= w.IssuedAt || w.ExpiresAt-w.IssuedAt > int64(Life/time.Second):
		return Claims{}, malformed("iat and exp")
	}
	return Claims{
		Platform: w.Issuer, Address: w.Subject, EdocNum: number, DocumentHash: hash, Audience: w.Audience, ID: tokenID,
		IssuedAt: time.Unix(w.IssuedAt, 0).UTC(), ExpiresAt: time.Unix(w.ExpiresAt, 0).UTC(),
	}, nil
}

func readHash(s string) (Hash, bool) {
	algorithm, value, _ := strings.Cut(s, ":")
	sum, err := base64.RawURLEncoding.Strict().DecodeString(value)
	length := map[string]int{"SHA-256": 32, "SHA-384": 48, "SHA-512": 64}[algorithm]
	if err != nil || length == 0 || len(sum) != length {
		return Hash{}, false
	}
	return Hash{Algorithm: algorithm, Value: hex.EncodeToString(sum)}, true
}

// Verify tells whether the token was signed with the key: nil or ErrForged.
func (t Token) Verify(key *ecdsa.PublicKey) error {
	if _, err := jws.Verify([]byte(t.compact), jws.WithCompact(), jws.WithKey(jwa.ES256, key)); err != nil {
		return ErrForged
	}
	return nil
}

func malformed(where string) error { return fmt.Errorf("%w: %s", ErrMalformed, where) }

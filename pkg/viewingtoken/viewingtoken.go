// Package viewingtoken makes and reads viewing tokens (열람인증토큰, guide 5.1.1 ❹): who may see which document. A relay gives one to a
// recipient, whose browser carries it in the query of the viewing URL, and the viewing system has the relay verify it.
//
// A token is a compact JWS (RFC 7515), ES256, of at most 1,024 characters, strict as package jws has it: its header is exactly
// these bytes,
//
//	{"alg":"ES256","kid":"<43 characters>","typ":"naru-vt+jwt"}
//
// kid being the RFC 7638 thumbprint of a key that the issuing relay publishes at /.well-known/naru/viewing/jwks.json with
// naru_purpose "viewing-token"; its claims are one JSON object with
//
//	iss  platform id of the relay that issued it (중계자플랫폼ID), 1-25 bytes
//	sub  the recipient's certified address at that relay, 1-100 characters (never a CI: the token travels in a URL)
//	edn  edoc number, YYYYMMDD_<code 10>_<serial 13>
//	dh   hash of the document: SHA-256, SHA-384 or SHA-512, a colon, the hash in base64url without padding
//	aud  principal id of the viewing system it is for, 1-64 bytes; no list
//	jti  id of the token, a UUID in lower case
//	iat  when it was issued, whole seconds since 1970
//	exp  when it ends; 1 to 600 seconds after iat
//
// all of them required. To read one: take it apart; find the key by kid; verify; check that iss is the relay whose key it is,
// that aud is the caller, and that exp is in the future. Only the issuer knows whether it was used before.
//
// Names are short and the hash is not in hex because everything together has to fit for the longest address (100 characters,
// three bytes each), SHA-512 and the longest platform id. The format is part of the contract between relays: claims may be added
// and MUST be ignored by who does not know them; nothing else changes under this typ. testdata/vectors.json has tokens to read
// and to refuse.
package viewingtoken

import (
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/proof"
)

const (
	// Type is the typ of viewing tokens, so that no other JWS of the relay can be taken for one.
	Type = "naru-vt+jwt"
	// MaxLength in characters; the specification of relays bounds URLs, and viewing systems bound the parameter.
	MaxLength = 1024
	// URLParameter is the parameter of the viewing URL's query that takes the token; the URL itself must not have it.
	URLParameter = "token"
	// Life is the longest life of a token.
	Life = 10 * time.Minute

	keyIDLength = 43
	maxPlatform = 25
	maxAddress  = 100
	maxAudience = 64
)

var profile = jws.Profile{Type: Type, MaxBytes: MaxLength}

// What can be wrong with a token. No failure repeats the token's content.
var (
	// ErrMalformed: not a viewing token at all.
	ErrMalformed = proof.Check{Of: "viewing token", Name: "malformed"}
	// ErrForged: it has the form of a token, but its signature is wrong.
	ErrForged = proof.Check{Of: "viewing token", Name: "forged"}
)

func malformed(where string) error { return &proof.Failure{Check: ErrMalformed, Detail: where} }

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

// Sign makes a token. Its errors never repeat a claim; jws.ErrSize means that the claims do not fit into MaxLength.
func Sign(key jws.Key, c Claims) (string, error) {
	claims, err := c.encode()
	if err != nil {
		return "", fmt.Errorf("sign viewing token: %w", err)
	}
	return profile.Sign(key, claims)
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
	// It refuses to write what Parse would not read.
	if _, err := w.claims(); err != nil {
		return nil, err
	}
	return proof.Encode(w) // an escaped character would be six times as long
}

// Token is a token that was read but not verified.
type Token struct {
	// KeyID says which key to Verify with.
	KeyID string
	// Claims count only after Verify.
	Claims Claims

	text jws.Text
}

// Parse reads a token strictly. Its errors are ErrMalformed.
func Parse(compact string) (Token, error) {
	var w wire
	text, err := profile.Parse(compact, &w)
	if err != nil {
		return Token{}, &proof.Failure{Check: ErrMalformed, Detail: "not a JWS of its kind", Cause: err}
	}
	if len(text.KeyID) != keyIDLength {
		return Token{}, malformed("kid")
	}
	claims, err := w.claims()
	if err != nil {
		return Token{}, err
	}
	return Token{KeyID: text.KeyID, Claims: claims, text: text}, nil
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
	sum, err := jws.DecodePart(value)
	length := map[string]int{"SHA-256": 32, "SHA-384": 48, "SHA-512": 64}[algorithm]
	if err != nil || length == 0 || len(sum) != length {
		return Hash{}, false
	}
	return Hash{Algorithm: algorithm, Value: hex.EncodeToString(sum)}, true
}

// Verify reports whether the token was signed with the key: nil or ErrForged.
func (t Token) Verify(key *ecdsa.PublicKey) error {
	if err := t.text.Verify(key); err != nil {
		return &proof.Failure{Check: ErrForged, Detail: "the signature does not hold", Cause: err}
	}
	return nil
}

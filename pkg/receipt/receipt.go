// Package receipt makes and checks acceptance receipts: what a relay signs for each document it accepts (발송요청 접수증).
//
// A receipt is four parts with "~" between them:
//
//	signature ~ claims ~ index ~ path
//
// The signature is a compact JWS (RFC 7515, ES256), strict as package jws has it, with the header
// {"alg":"ES256","kid":"…","typ":"naru-receipt+jwt"}, over {"root", "size"}: the root of a Merkle tree over the claims of at most
// 32 documents that were accepted together (RFC 6962 §2.1, SHA-256, base64url), and how many they are. The claims are this
// document's, JSON in base64url; they are leaf number index, counted from 0; the path leads from them to the root: its hashes,
// one after the other, in base64url. A document accepted alone has size 1, index 0 and an empty path, and is checked by the same
// steps:
//
//  1. find the key named kid in the relay's key set, /.well-known/naru/intake/jwks.json; its naru_purpose has to be
//     "receipt"; verify the JWS with it; alg and typ are as above;
//  2. decode claims, index and path; check with RFC 6962 that the claims' bytes are leaf index of the tree of that root and size;
//  3. compare the claims with what was sent.
//
// So one signature serves a batch, and a receipt reveals nothing about the other documents except their number.
// testdata/vectors.json has receipts to accept and to refuse, each with the check that refuses it.
package receipt

import (
	"errors"
	"time"

	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/proof"
)

const (
	// Type is the typ of a receipt's signature, so that no other JWS of the relay can be taken for one.
	Type = "naru-receipt+jwt"
	// KeySetPath is where a relay publishes its keys, for as long as receipts may be shown.
	KeySetPath = "/.well-known/naru/intake/jwks.json"
	// MaxTogether is the most documents under one signature: a path has at most five hashes.
	MaxTogether = 32
	// MaxBytes of a receipt.
	MaxBytes = 8 << 10

	separator = "~"
)

var profile = jws.Profile{Type: Type, MaxBytes: MaxBytes}

// Claims are what a receipt says, in the order of their encoding.
type Claims struct {
	EdocNum      string `json:"edocNum"`
	DocumentHash Digest `json:"documentHash"`
	// RegistrationCertificateDigest is the SHA-256 of the certificate, hexadecimal.
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

// Time writes a time in the form of receipts.
func Time(t time.Time) string { return proof.Time(t) }

// Accepted is AcceptedAt as a time; false if it is not in the form of receipts.
func (c *Claims) Accepted() (time.Time, bool) {
	at, err := proof.ParseTime(c.AcceptedAt)
	return at, err == nil
}

// statement is what is signed.
type statement struct {
	// Root in base64url.
	Root string `json:"root"`
	Size int64  `json:"size"`
}

// Expected is what the sender knows itself, or was told beside the receipt.
type Expected struct {
	EdocNum, OwnKey string
	// DocumentHash is SHA-256, hexadecimal; CertificateDigest likewise, empty when it is not known.
	DocumentHash, CertificateDigest string
	AcceptedAt                      time.Time
}

// Match returns every claim that is not as expected: a *proof.Failure of ErrMismatch for each.
func (c *Claims) Match(want Expected) error {
	var problems []error
	differ := func(name, got, expected string) {
		if got != expected {
			problems = append(problems, failed(ErrMismatch, "it states another "+name))
		}
	}
	differ("document number", c.EdocNum, want.EdocNum)
	differ("own key", c.OwnKey, want.OwnKey)
	differ("hash algorithm", c.DocumentHash.Algorithm, "SHA-256")
	differ("document hash", c.DocumentHash.Value, want.DocumentHash)
	if want.CertificateDigest != "" {
		differ("registration certificate", c.RegistrationCertificateDigest, want.CertificateDigest)
	}
	differ("accepted time", c.AcceptedAt, Time(want.AcceptedAt))
	return errors.Join(problems...)
}

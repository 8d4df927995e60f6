// Package authorisation is the format of a sender's authorisation: what an agent (송신대행자) may send for it, or of which documents
// it may obtain certificates for it, and how an institution signs that.
//
// An authorisation is about a list of items (intake.v1.SendItem), or of documents, and has an id. The relay answers a request
// for one with id, salt and digest; whoever signs or approves computes the digest itself from the items it knows.
//
// # Digest
//
// A list of values is encoded as each value's length, four bytes, and its bytes. Numbers in lengths and values are big-endian;
// a number is eight bytes; a text is UTF-8; a time is a number, microseconds since 1970 UTC; what an item does not have is empty,
// and a message that it does not have has empty fields. The digest of an item is the SHA-256 of the list
//
//	"naru.authorisation.item.v1"
//	ownKey
//	recipient: "platform_address", platformId, address, subAddress
//	        or "ci", ci
//	        or "person", name, birthDate, phone
//	        or "business_number", businessNumber
//	title, documentType (number), category (number), withoutCirculation (number, 0 or 1)
//	documentHash: algorithm, value
//	count of attachmentHashes (number), and of each: algorithm, value
//	viewing: url, viewingSystem (lower case), deadline (time)
//	sendDeadline (time)
//	registration certificate: its SHA-256, 32 bytes, whether the item holds it or names its digest
//	senderSubAddress, repeats, batch
//	contact: number, 1 where there is one, else 0; phone, email
//	content (lower case), count of attachmentContents (number), and each (lower case)
//
// The digest of a document whose certificates are to be obtained is the SHA-256 of the list
//
//	"naru.authorisation.certificate.v1", number of the document, why they are needed
//
// Texts count in the form that the relay brings them into: Unicode NFC, one kind of space, numbers of persons and businesses in
// their digits. The digest of the authorisation is the SHA-256 of the list
//
//	"naru.authorisation.v1", salt (32 bytes), count of items (number), and the digest of each (32 bytes), in their order
//
// and the same of documents in place of items.
//
// The salt keeps whoever sees the digest from trying out recipients. An item with content names an upload, which never changes;
// it should state documentHash, too, so that who signs need not trust the upload's id.
//
// # Signature
//
// An institution signs a compact JWS (RFC 7515), ES256, of at most 2,048 characters, strict as package jws has it: its header is
// exactly these bytes,
//
//	{"alg":"ES256","kid":"<43 characters>","typ":"naru-authorisation+jwt"}
//
// kid being the RFC 7638 thumbprint of a key that the relay has registered for the institution; its claims are one JSON object
//
//	authorisation  id of the authorisation, a UUID in lower case
//	digest         its digest, 64 characters of lower-case hex
//	agent          principal id of the agent, a UUID in lower case
//	sender         principal id of the institution, a UUID in lower case
//	exp            until when it counts, whole seconds since 1970; the authorisation ends then, if not sooner
//
// all of them required. testdata/vectors.json has digests, texts to accept, and texts to refuse with the check that refuses them.
package authorisation

import (
	"crypto/ecdsa"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/proof"
)

const (
	// Type is the typ of a signed authorisation, so that no other JWS of the institution can be taken for one.
	Type = "naru-authorisation+jwt"
	// MaxBytes of a signed authorisation.
	MaxBytes = 2048

	keyIDLength = 43
)

var (
	profile    = jws.Profile{Type: Type, MaxBytes: MaxBytes}
	digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// What can be wrong with a signed authorisation, in the order it is looked at. No failure repeats what was read.
var (
	// ErrMalformed: not a signed authorisation at all.
	ErrMalformed = proof.Check{Of: "authorisation", Name: "malformed"}
	// ErrKey: the key that it names is not one of the sender's.
	ErrKey = proof.Check{Of: "authorisation", Name: "key"}
	// ErrForged: not signed with that key.
	ErrForged = proof.Check{Of: "authorisation", Name: "forged"}
	// ErrMismatch: it is about another authorisation, another agent or another sender.
	ErrMismatch = proof.Check{Of: "authorisation", Name: "mismatch"}
	// ErrDigest: it is about other items.
	ErrDigest = proof.Check{Of: "authorisation", Name: "digest"}
	// ErrExpired: its time is over.
	ErrExpired = proof.Check{Of: "authorisation", Name: "expired"}
)

func failed(check proof.Check, detail string) error {
	return &proof.Failure{Check: check, Detail: detail}
}

// Claims are what an institution signs.
type Claims struct {
	// Authorisation, Agent and Sender are UUIDs in lower case.
	Authorisation, Agent, Sender string
	// Digest is lower-case hex.
	Digest string
	// ExpiresAt is whole seconds.
	ExpiresAt time.Time
}

type wire struct {
	Authorisation string `json:"authorisation"`
	Digest        string `json:"digest"`
	Agent         string `json:"agent"`
	Sender        string `json:"sender"`
	ExpiresAt     int64  `json:"exp"`
}

// Sign signs an authorisation with a key of the institution.
func Sign(key jws.Key, c Claims) (string, error) {
	w := wire{Authorisation: c.Authorisation, Digest: c.Digest, Agent: c.Agent, Sender: c.Sender, ExpiresAt: c.ExpiresAt.Unix()}
	// It refuses to write what Verify would not read.
	if _, err := w.claims(); err != nil {
		return "", fmt.Errorf("sign authorisation: %w", err)
	}
	claims, err := proof.Encode(w)
	if err != nil {
		return "", fmt.Errorf("sign authorisation: %w", err)
	}
	return profile.Sign(key, claims)
}

// Signed is a signed authorisation that holds.
type Signed struct {
	// KeyID is that of the key it was signed with.
	KeyID string
	// ExpiresAt is until when it counts.
	ExpiresAt time.Time
}

// Verify checks that a text is signed with one of the sender's keys, by their ids, and says what is wanted at this time; the time
// in wanted does not count. Every error is a *proof.Failure.
func Verify(compact string, keys map[string]*ecdsa.PublicKey, wanted Claims, now time.Time) (Signed, error) {
	var w wire
	text, err := profile.Parse(compact, &w)
	if err != nil {
		return Signed{}, &proof.Failure{Check: ErrMalformed, Detail: "not a JWS of its kind", Cause: err}
	}
	if len(text.KeyID) != keyIDLength {
		return Signed{}, failed(ErrMalformed, "kid")
	}
	said, err := w.claims()
	if err != nil {
		return Signed{}, err
	}
	key := keys[text.KeyID]
	if key == nil {
		return Signed{}, failed(ErrKey, "the key is not registered for the sender")
	}
	if err := text.Verify(key); err != nil {
		return Signed{}, &proof.Failure{Check: ErrForged, Detail: "the signature does not hold", Cause: err}
	}
	switch {
	case said.Authorisation != wanted.Authorisation, said.Agent != wanted.Agent, said.Sender != wanted.Sender:
		return Signed{}, failed(ErrMismatch, "it is about another authorisation, agent or sender")
	case said.Digest != wanted.Digest:
		return Signed{}, failed(ErrDigest, "it is about other items")
	case !now.Before(said.ExpiresAt):
		return Signed{}, failed(ErrExpired, "its time is over")
	}
	return Signed{KeyID: text.KeyID, ExpiresAt: said.ExpiresAt}, nil
}

func (w wire) claims() (Claims, error) {
	for _, text := range []string{w.Authorisation, w.Agent, w.Sender} {
		if id, err := uuid.Parse(text); err != nil || id.String() != text {
			return Claims{}, failed(ErrMalformed, "an id")
		}
	}
	switch {
	case !digestForm.MatchString(w.Digest):
		return Claims{}, failed(ErrMalformed, "digest")
	case w.ExpiresAt <= 0 || w.ExpiresAt > maxTime:
		return Claims{}, failed(ErrMalformed, "exp")
	}
	return Claims{
		Authorisation: w.Authorisation, Agent: w.Agent, Sender: w.Sender, Digest: w.Digest, ExpiresAt: time.Unix(w.ExpiresAt, 0).UTC(),
	}, nil
}

// maxTime is the last second of the year 9999, beyond which a time has no usual form.
const maxTime = 253402300799

package viewingkit

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Hash algorithms. Relays that write SHA_256 mean SHA-256; a hash keeps the spelling in which it came, and is reported back in
// it.
const (
	SHA256 = "SHA-256"
	SHA384 = "SHA-384"
	SHA512 = "SHA-512"
)

// spelled is the spelling of the constants.
func spelled(algorithm string) string { return strings.ReplaceAll(algorithm, "_", "-") }

// Hash is a digest of a document with its algorithm.
type Hash struct {
	// Algorithm is SHA256, SHA384 or SHA512.
	Algorithm string `json:"algorithm"`
	// Value is the digest in hexadecimal; case does not matter.
	Value string `json:"value"`
}

// HashOf digests content; Value is in lower case.
func HashOf(algorithm string, content []byte) (Hash, error) {
	var sum []byte
	switch spelled(algorithm) {
	case SHA256:
		d := sha256.Sum256(content)
		sum = d[:]
	case SHA384:
		d := sha512.Sum384(content)
		sum = d[:]
	case SHA512:
		d := sha512.Sum512(content)
		sum = d[:]
	default:
		return Hash{}, errors.New("hash document: unknown algorithm")
	}
	return Hash{Algorithm: algorithm, Value: hex.EncodeToString(sum)}, nil
}

// Equal compares algorithm and digest. A malformed hash equals no hash, not even itself.
func (h Hash) Equal(other Hash) bool {
	a, errA := hex.DecodeString(h.Value)
	b, errB := hex.DecodeString(other.Value)
	return errA == nil && errB == nil && len(a) > 0 &&
		spelled(h.Algorithm) == spelled(other.Algorithm) && subtle.ConstantTimeCompare(a, b) == 1
}

// Document is what a viewing system stored when the sender handed it over (guide 5.1.1 ❷, 열람 전자문서 저장).
type Document struct {
	// ID is the store's own name for the document, part of the viewing URL: 1 to 128 of A-Z a-z 0-9 . _ -
	ID string
	// EdocNum is the relay's number, when the sender stored it after sending; empty if not. When set it must be the one the token
	// is about.
	EdocNum string
	// Recipient is who may see it, in the identifier kind used when sending.
	Recipient Recipient
	// CertificateDigest is the SHA-256 of the registration certificate in hexadecimal, when the sender stored it; empty if not.
	CertificateDigest string
	// ContentType and FileName are sent to the browser; FileName may be empty.
	ContentType string
	FileName    string
}

// ErrNoDocument is returned by a Store that does not hold the document.
var ErrNoDocument = errors.New("viewingkit: no such document")

// Store holds documents with the identity of their recipient.
type Store interface {
	// Find returns what is known about a document, or ErrNoDocument.
	Find(ctx context.Context, id string) (Document, error)
	// Content returns all bytes of a document. The Viewer hashes and sends this slice; the Store MUST NOT change it afterwards.
	Content(ctx context.Context, id string) ([]byte, error)
}

// idLimit bounds document ids in URLs and records.
const idLimit = 128

// ValidID reports whether s can be a document id.
func ValidID(s string) bool {
	if s == "" || len(s) > idLimit {
		return false
	}
	for _, c := range []byte(s) {
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
		if !ok {
			return false
		}
	}
	return true
}

// shownAs compares content with the hash that another party stated.
func shownAs(stated Hash, content []byte) (Hash, error) {
	shown, err := HashOf(stated.Algorithm, content)
	if err != nil {
		return Hash{}, err
	}
	if !shown.Equal(stated) {
		return shown, fmt.Errorf("hash document: %w", errOtherHash)
	}
	return shown, nil
}

var errOtherHash = errors.New("hashes differ")

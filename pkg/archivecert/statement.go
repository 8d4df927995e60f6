package archivecert

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/naru-relay/naru/pkg/limits"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/text"
)

const (
	// Format is the name of the content format.
	Format = "naru-sandbox-archive/1"
	// MediaType is the media type of a certificate (RFC 7193).
	MediaType = "application/cms"
	// HashAlgorithm is the only hash algorithm of the format.
	HashAlgorithm = limits.HashAlgorithm
	// MaxBytes bounds an encoded certificate.
	MaxBytes = limits.RegistrationCertificateBytes
	// MaxAttachments bounds the attachment hashes of one registration.
	MaxAttachments = limits.Attachments
)

// Kind of a certificate.
type Kind string

// The kinds.
const (
	KindRegistration Kind = "registration"
	KindOriginal     Kind = "original"
)

// Statement is what both kinds of certificate say.
type Statement struct {
	// CertificateNumber and DocumentID: 1 to 64 of A-Z a-z 0-9 . _ -
	CertificateNumber, DocumentID string
	// Issuer (the archive; common name of its signing certificate) and Owner (the depositor): 1 to 100 characters.
	Issuer, Owner string
	// OnBehalfOf is for whom the owner deposited it, 1 to 100 characters; empty where the owner deposited for itself.
	OnBehalfOf string
	// Hash of the document and, in the depositor's order, of 0 to 10 attachments: SHA-256, lower-case hexadecimal.
	Hash             string
	AttachmentHashes []string
	// RegisteredAt ≤ ValidFrom (moment of issue) < ValidUntil; UTC, microseconds.
	RegisteredAt, ValidFrom, ValidUntil time.Time
}

// Covers reports whether the statement is about exactly this document and these attachments, in this order (hexadecimal, either
// case). The error is ErrHash.
func (s *Statement) Covers(hash string, attachments []string) error {
	if !strings.EqualFold(s.Hash, hash) {
		return &Failure{Check: ErrHash, Detail: "document hash differs"}
	}
	if !slices.EqualFunc(s.AttachmentHashes, attachments, strings.EqualFold) {
		return &Failure{Check: ErrHash, Detail: "attachment hashes differ"}
	}
	return nil
}

// wire is the JSON form; the order of its fields is the order of the encoding.
type wire struct {
	Format                        string   `json:"format"`
	Kind                          Kind     `json:"kind"`
	CertificateNumber             string   `json:"certificateNumber"`
	Issuer                        string   `json:"issuer"`
	Owner                         string   `json:"owner"`
	OnBehalfOf                    string   `json:"onBehalfOf,omitempty"`
	DocumentID                    string   `json:"documentId"`
	HashAlgorithm                 string   `json:"hashAlgorithm"`
	Hash                          string   `json:"hash"`
	AttachmentHashes              []string `json:"attachmentHashes,omitempty"`
	RegisteredAt                  string   `json:"registeredAt"`
	ValidFrom                     string   `json:"validFrom"`
	ValidUntil                    string   `json:"validUntil"`
	RegistrationCertificateDigest string   `json:"registrationCertificateDigest,omitempty"`
}

// newWire checks a statement and puts it into its wire form.
func newWire(kind Kind, s Statement, registrationDigest string) (*wire, error) {
	w := &wire{
		Format: Format, Kind: kind, CertificateNumber: s.CertificateNumber, Issuer: s.Issuer, Owner: s.Owner, OnBehalfOf: s.OnBehalfOf,
		DocumentID: s.DocumentID, HashAlgorithm: HashAlgorithm, Hash: strings.ToLower(s.Hash),
		RegisteredAt: proof.Time(s.RegisteredAt), ValidFrom: proof.Time(s.ValidFrom),
		ValidUntil:                    proof.Time(s.ValidUntil),
		RegistrationCertificateDigest: strings.ToLower(registrationDigest),
	}
	for _, hash := range s.AttachmentHashes {
		w.AttachmentHashes = append(w.AttachmentHashes, strings.ToLower(hash))
	}
	if _, err := w.statement(); err != nil {
		return nil, err
	}
	return w, nil
}

// decode reads the one encoding a value has.
func decode(content []byte) (*wire, *Failure) {
	var w wire
	if err := proof.Decode(content, &w); err != nil {
		return nil, malformed(err.Error())
	}
	if w.Format != Format {
		return nil, malformed("content format is unknown")
	}
	return &w, nil
}

// statement checks every field; hashes are normalised.
func (w *wire) statement() (*Statement, error) {
	s := &Statement{CertificateNumber: w.CertificateNumber, DocumentID: w.DocumentID, Issuer: w.Issuer, Owner: w.Owner, OnBehalfOf: w.OnBehalfOf}
	if !identifier(s.CertificateNumber) || !identifier(s.DocumentID) {
		return nil, malformed("certificate number or document id")
	}
	if !name(s.Issuer) || !name(s.Owner) || s.OnBehalfOf != "" && !name(s.OnBehalfOf) {
		return nil, malformed("issuer, owner or on behalf of whom")
	}
	if w.HashAlgorithm != HashAlgorithm {
		return nil, malformed("hash algorithm")
	}
	if len(w.AttachmentHashes) > MaxAttachments {
		return nil, malformed("too many attachment hashes")
	}
	var ok bool
	if s.Hash, ok = proof.Hash(w.Hash); !ok {
		return nil, malformed("document hash")
	}
	for _, given := range w.AttachmentHashes {
		hash, ok := proof.Hash(given)
		if !ok {
			return nil, malformed("attachment hash")
		}
		s.AttachmentHashes = append(s.AttachmentHashes, hash)
	}
	for _, field := range []struct {
		written string
		into    *time.Time
	}{{w.RegisteredAt, &s.RegisteredAt}, {w.ValidFrom, &s.ValidFrom}, {w.ValidUntil, &s.ValidUntil}} {
		at, err := proof.ParseTime(field.written)
		if err != nil {
			return nil, malformed("time")
		}
		*field.into = at
	}
	if s.RegisteredAt.After(s.ValidFrom) || !s.ValidFrom.Before(s.ValidUntil) {
		return nil, malformed("times are out of order")
	}
	return s, nil
}

const identifierAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

func identifier(given string) bool {
	return len(given) >= 1 && len(given) <= 64 && strings.Trim(given, identifierAlphabet) == ""
}

// name reports whether a text can name somebody: a line of 1 to 100 characters.
func name(given string) bool {
	line, ok := text.Line(given)
	n := utf8.RuneCountInString(line)
	return ok && n >= 1 && n <= limits.CertifiedName
}

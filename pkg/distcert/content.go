package distcert

import (
	"errors"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/limits"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/text"
)

const (
	// ContentFormat is the name of the attachment's format.
	ContentFormat = "naru-sandbox-distribution/1"
	// AttachmentName is the name of the attachment that holds the content.
	AttachmentName = "circulation.json"
	// HashAlgorithm is the only hash algorithm of the format.
	HashAlgorithm = limits.HashAlgorithm

	maxContentBytes = 32 << 10
	maxAttachments  = limits.Attachments
	timeLayout      = "2006-01-02T15:04:05+09:00"
)

// Party is the sender or the recipient.
type Party struct {
	// Address is the certified address, 1 to 100 characters; SubAddress may be empty.
	Address, SubAddress string
	// PlatformID of the party's relay, 1 to 25 characters.
	PlatformID string
	// Name of the party, up to 100 characters; may be empty.
	Name string
}

// Content is what a distribution certificate states: the groups of Decree article 2-5 ②.
type Content struct {
	// CertNum is the certificate number, YYYY-MMDD-NNNN-NNNN.
	CertNum string
	// EdocNum is the document's number, 33 characters.
	EdocNum string
	// Title of the document, 1 to 100 characters.
	Title             string
	Sender, Recipient Party
	// SentAt ≤ ReceivedAt ≤ ReadAt, whole seconds; ReadAt is zero when the document was not viewed.
	SentAt, ReceivedAt, ReadAt time.Time
	// Hash of the document and of 0 to 10 attachments: SHA-256, lower-case hexadecimal.
	Hash             string
	AttachmentHashes []string
	// Applicant is the certified address of the party that asked for the certificate, 1 to 100 characters.
	Applicant string
	// Reason given by the applicant, up to 200 characters; may be empty.
	Reason string
	// IssuedAt < ValidUntil, whole seconds.
	IssuedAt, ValidUntil time.Time
}

type wireParty struct {
	Address    string `json:"address"`
	SubAddress string `json:"subAddress,omitempty"`
	PlatformID string `json:"platformId"`
	Name       string `json:"name,omitempty"`
}

// wire is the JSON form; the order of its fields is the order of the encoding. Times are KST in whole seconds.
type wire struct {
	Format           string    `json:"format"`
	CertNum          string    `json:"certNum"`
	EdocNum          string    `json:"edocNum"`
	Title            string    `json:"title"`
	Sender           wireParty `json:"sender"`
	Recipient        wireParty `json:"recipient"`
	SentAt           string    `json:"sentAt"`
	ReceivedAt       string    `json:"receivedAt"`
	ReadAt           *string   `json:"readAt"`
	HashAlgorithm    string    `json:"hashAlgorithm"`
	Hash             string    `json:"hash"`
	AttachmentHashes []string  `json:"attachmentHashes,omitempty"`
	Applicant        string    `json:"applicant"`
	Reason           string    `json:"reason,omitempty"`
	IssuedAt         string    `json:"issuedAt"`
	ValidUntil       string    `json:"validUntil"`
}

// Canonical checks every field and returns the content as a reader will see it: hashes in lower case, times truncated to KST
// seconds.
func (c Content) Canonical() (*Content, error) {
	canonical, err := c.wire().content()
	if err != nil {
		return nil, fmt.Errorf("content of a distribution certificate: %w", err)
	}
	return canonical, nil
}

// Encode writes the one JSON encoding of the content.
func (c Content) Encode() ([]byte, error) {
	canonical, err := c.Canonical()
	if err != nil {
		return nil, err
	}
	return proof.Encode(canonical.wire())
}

// DecodeContent reads what Encode writes, and nothing else.
func DecodeContent(encoded []byte) (*Content, error) {
	if len(encoded) > maxContentBytes {
		return nil, errors.New("content is too large")
	}
	var w wire
	if err := proof.Decode(encoded, &w); err != nil {
		return nil, err
	}
	if w.Format != ContentFormat {
		return nil, errors.New("content format is unknown")
	}
	return w.content()
}

func (c Content) wire() *wire {
	w := &wire{
		Format: ContentFormat, CertNum: c.CertNum, EdocNum: c.EdocNum, Title: c.Title,
		Sender: wireParty(c.Sender), Recipient: wireParty(c.Recipient),
		SentAt: formatTime(c.SentAt), ReceivedAt: formatTime(c.ReceivedAt),
		HashAlgorithm: HashAlgorithm, Hash: c.Hash, AttachmentHashes: c.AttachmentHashes,
		Applicant: c.Applicant, Reason: c.Reason, IssuedAt: formatTime(c.IssuedAt), ValidUntil: formatTime(c.ValidUntil),
	}
	if !c.ReadAt.IsZero() {
		read := formatTime(c.ReadAt)
		w.ReadAt = &read
	}
	return w
}

func (w *wire) content() (*Content, error) {
	c := &Content{
		CertNum: w.CertNum, EdocNum: w.EdocNum, Title: w.Title, Sender: Party(w.Sender), Recipient: Party(w.Recipient),
		Applicant: w.Applicant, Reason: w.Reason,
	}
	if err := c.checkTexts(); err != nil {
		return nil, err
	}
	if w.HashAlgorithm != HashAlgorithm || len(w.AttachmentHashes) > maxAttachments {
		return nil, errors.New("hash algorithm or number of attachments")
	}
	var ok bool
	if c.Hash, ok = proof.Hash(w.Hash); !ok {
		return nil, errHash
	}
	for _, given := range w.AttachmentHashes {
		hash, ok := proof.Hash(given)
		if !ok {
			return nil, errHash
		}
		c.AttachmentHashes = append(c.AttachmentHashes, hash)
	}
	return c, c.takeTimes(w)
}

func (c *Content) takeTimes(w *wire) error {
	fields := []struct {
		text string
		into *time.Time
	}{{w.SentAt, &c.SentAt}, {w.ReceivedAt, &c.ReceivedAt}, {w.IssuedAt, &c.IssuedAt}, {w.ValidUntil, &c.ValidUntil}}
	if w.ReadAt != nil {
		fields = append(fields, struct {
			text string
			into *time.Time
		}{*w.ReadAt, &c.ReadAt})
	}
	for _, field := range fields {
		at, err := time.ParseInLocation(timeLayout, field.text, id.KST)
		if err != nil || formatTime(at) != field.text {
			return errors.New("time is not in KST seconds")
		}
		*field.into = at.UTC()
	}
	if c.ReceivedAt.Before(c.SentAt) || (!c.ReadAt.IsZero() && c.ReadAt.Before(c.ReceivedAt)) || !c.IssuedAt.Before(c.ValidUntil) {
		return errors.New("times are out of order")
	}
	return nil
}

var certNumPattern = regexp.MustCompile(`^\d{4}-\d{4}-\d{4}-\d{4}$`)

func (c *Content) checkTexts() error {
	if !certNumPattern.MatchString(c.CertNum) {
		return errors.New("certificate number")
	}
	if _, err := time.Parse("2006-0102", c.CertNum[:9]); err != nil {
		return errors.New("date in the certificate number")
	}
	if _, err := id.ParseEdocNumber(c.EdocNum); err != nil {
		return errors.New("document number")
	}
	for _, field := range []struct {
		name, text string
		min, max   int
	}{
		{"title", c.Title, 1, limits.Title},
		{"sender address", c.Sender.Address, 1, limits.Address},
		{"sender sub-address", c.Sender.SubAddress, 0, limits.SubAddress},
		{"sender platform", c.Sender.PlatformID, 1, limits.PlatformID},
		{"sender name", c.Sender.Name, 0, limits.CertifiedName},
		{"recipient address", c.Recipient.Address, 1, limits.Address},
		{"recipient sub-address", c.Recipient.SubAddress, 0, limits.SubAddress},
		{"recipient platform", c.Recipient.PlatformID, 1, limits.PlatformID},
		{"recipient name", c.Recipient.Name, 0, limits.CertifiedName},
		{"applicant", c.Applicant, 1, limits.Address},
		{"reason", c.Reason, 0, limits.Reason},
	} {
		line, ok := text.Line(field.text)
		if n := utf8.RuneCountInString(line); !ok || n < field.min || n > field.max {
			return fmt.Errorf("%s is missing, too long or no line of text", field.name)
		}
	}
	return nil
}

var errHash = errors.New("hash is not SHA-256 in hexadecimal")

// formatTime truncates, never rounds, to KST seconds.
func formatTime(at time.Time) string { return at.Truncate(time.Second).In(id.KST).Format(timeLayout) }

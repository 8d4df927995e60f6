package viewingkit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Outcomes of a check.
const (
	// OutcomeShow: everything agreed, the document was about to be shown.
	OutcomeShow = "SHOW"
	// OutcomeRefused: something did not agree; nothing was shown.
	OutcomeRefused = "REFUSED"
	// OutcomeUnverified: the relay could not be asked; nothing was shown.
	OutcomeUnverified = "UNVERIFIED"
	// OutcomeInterrupted follows OutcomeShow when the body was not fully written.
	OutcomeInterrupted = "INTERRUPTED"
)

// Check is the log's record of one request to view. It holds no personal data and no token.
type Check struct {
	At         time.Time `json:"at"`
	Outcome    string    `json:"outcome"`
	Reason     string    `json:"reason,omitempty"`
	RequestID  string    `json:"requestId"`
	DocumentID string    `json:"documentId,omitempty"`
	EdocNum    string    `json:"edocNum,omitempty"`
	// VerificationID and VerifiedAt are the relay's.
	VerificationID string     `json:"verificationId,omitempty"`
	VerifiedAt     *time.Time `json:"verifiedAt,omitempty"`
	// RecipientKind is the kind compared, RecipientSame whether it agreed.
	RecipientKind string `json:"recipientKind,omitempty"`
	RecipientSame bool   `json:"recipientSame"`
	// The three hashes as far as they were known: of the registration certificate, as sent, and of the bytes about to be shown.
	RegisteredHash    *Hash  `json:"registeredHash,omitempty"`
	SentHash          *Hash  `json:"sentHash,omitempty"`
	ShownHash         *Hash  `json:"shownHash,omitempty"`
	CertificateDigest string `json:"certificateDigest,omitempty"`
}

// Entry is one record of the log: digest = SHA-256(previous digest || record), where the record is canonical JSON (RFC 8785:
// sorted keys, no white space). The first entry follows 32 zero bytes.
type Entry struct {
	Seq    int64           `json:"seq"`
	Prev   string          `json:"prev"`
	Digest string          `json:"digest"`
	Record json.RawMessage `json:"record"`
}

// Log keeps checks so that a later change can be detected. Append MUST be durable when it returns, and give every entry the
// digest of the one before.
type Log interface {
	Append(ctx context.Context, check Check) (Entry, error)
}

// Head is the end of a chain.
type Head struct {
	Seq    int64
	Digest string
}

// EmptyHead is the head of a log without entries.
func EmptyHead() Head { return Head{Digest: hex.EncodeToString(make([]byte, sha256.Size))} }

// Follow makes the entry that comes after head.
func (h Head) Follow(check Check) (Entry, error) {
	record, err := canonical(check)
	if err != nil {
		return Entry{}, err
	}
	digest, err := chain(h.Digest, record)
	if err != nil {
		return Entry{}, err
	}
	return Entry{Seq: h.Seq + 1, Prev: h.Digest, Digest: digest, Record: record}, nil
}

// Head is the head of a log that ends with e.
func (e Entry) Head() Head { return Head{Seq: e.Seq, Digest: e.Digest} }

// Check reads the record back.
func (e Entry) Check() (Check, error) {
	var c Check
	if err := json.Unmarshal(e.Record, &c); err != nil {
		return Check{}, fmt.Errorf("read log record %d: %w", e.Seq, err)
	}
	return c, nil
}

// ErrChainBroken is wrapped by the error of VerifyChain.
var ErrChainBroken = errors.New("viewingkit: the log was changed")

// VerifyChain reads a whole log in order and returns its head, or an error that wraps ErrChainBroken and names the first entry
// that does not fit. A chain cannot show that its end was cut off; compare the head with the digests that were reported to the
// relay.
func VerifyChain(entries iter.Seq2[Entry, error]) (Head, error) {
	head := EmptyHead()
	for e, err := range entries {
		if err != nil {
			return head, fmt.Errorf("verify log after entry %d: %w", head.Seq, err)
		}
		if e.Seq != head.Seq+1 || e.Prev != head.Digest {
			return head, fmt.Errorf("verify log: entry after %d: %w", head.Seq, ErrChainBroken)
		}
		digest, err := chain(e.Prev, e.Record)
		if err != nil || digest != e.Digest {
			return head, fmt.Errorf("verify log: entry %d: %w", e.Seq, ErrChainBroken)
		}
		head = e.Head()
	}
	return head, nil
}

func chain(prev string, record []byte) (string, error) {
	p, err := hex.DecodeString(prev)
	if err != nil || len(p) != sha256.Size {
		return "", fmt.Errorf("chain log record: %w", ErrChainBroken)
	}
	h := sha256.New()
	_, _ = h.Write(p)
	_, _ = h.Write(record)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// canonical writes a check as RFC 8785 wants it. All strings are ASCII without control characters (see sanitised), all other
// values booleans, so that sorting keys and leaving out white space is all there is to do.
func canonical(check Check) ([]byte, error) {
	check = check.sanitised()
	plain, err := json.Marshal(check)
	if err != nil {
		return nil, fmt.Errorf("encode log record: %w", err)
	}
	var sorted map[string]any // maps are written in key order
	if err := json.Unmarshal(plain, &sorted); err != nil {
		return nil, fmt.Errorf("encode log record: %w", err)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(sorted); err != nil {
		return nil, fmt.Errorf("encode log record: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// maxLogged bounds each text of a record.
const maxLogged = 256

// sanitised keeps what outsiders can choose, the document id of a URL and what a relay answers, to short printable ASCII.
func (c Check) sanitised() Check {
	c.At = c.At.UTC().Truncate(time.Microsecond)
	if c.VerifiedAt != nil {
		at := c.VerifiedAt.UTC().Truncate(time.Microsecond)
		c.VerifiedAt = &at
	}
	for _, s := range []*string{&c.Outcome, &c.Reason, &c.RequestID, &c.DocumentID, &c.EdocNum, &c.VerificationID, &c.RecipientKind, &c.CertificateDigest} {
		*s = printable(*s)
	}
	for _, h := range []**Hash{&c.RegisteredHash, &c.SentHash, &c.ShownHash} {
		if *h != nil {
			*h = &Hash{Algorithm: printable((*h).Algorithm), Value: printable((*h).Value)}
		}
	}
	return c
}

func printable(s string) string {
	out := make([]byte, 0, min(len(s), maxLogged))
	for _, c := range []byte(s) {
		if len(out) == maxLogged {
			break
		}
		if c < 0x20 || c > 0x7e {
			c = '?'
		}
		out = append(out, c)
	}
	return string(out)
}

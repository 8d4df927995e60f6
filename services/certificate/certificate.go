package certificate

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/distcert"
)

// state of a certificate, as stored.
type state int16

const (
	requested state = 1
	issued    state = 2
	failed    state = 3
)

// document is what other units know about a document when its certificate is requested; zero if they know nothing.
type document struct {
	sender, recipient               string
	senderAddress, recipientAddress string
	hashAlgorithm, hash             string
	// attachments are sorted, each as <algorithm>:<hex>.
	attachments                      []string
	sentAt, receivedAt, registeredAt time.Time
	// circulation: its sender wanted it to be registered at the hub. ended: it will never be received.
	// givenUp: the hub will never have its record.
	circulation, ended, givenUp bool
}

// certifiable reports whether everything the certificate is compared with is known and the hub has the circulation record.
func (d document) certifiable() bool {
	return d.hash != "" && !d.sentAt.IsZero() && !d.receivedAt.IsZero() && !d.registeredAt.IsZero() && d.senderAddress != "" && d.recipientAddress != ""
}

// The two rights to a certificate.
const (
	entitledSender    = "sender"
	entitledRecipient = "recipient"
)

// right is the caller's right to the document's certificate; empty for none.
func (d document) right(principal string, isSender bool) string {
	switch {
	case principal == "":
		return ""
	case isSender && principal == d.sender:
		return entitledSender
	case !isSender && principal == d.recipient:
		return entitledRecipient
	default:
		return ""
	}
}

// request is what a caller asked for.
type request struct {
	id              uuid.UUID
	edocNum         string
	principal, kind string
	requestID       string
	reason          []byte // sealed
	digest          []byte
	requestedAt     time.Time
}

// order is an accepted request: the right, and what the certificate is compared with.
type order struct {
	request
	document
	ordinal     int
	entitlement string
	acceptedAt  time.Time
}

// applicant is the certified address the certificate is for.
func (o order) applicant() string {
	if o.entitlement == entitledRecipient {
		return o.recipientAddress
	}
	return o.senderAddress
}

// contentDigest covers what a repeated request must repeat. The id is a salt: a short reason could be guessed from a plain
// digest.
func contentDigest(id uuid.UUID, edocNum, reason string) []byte {
	h := sha256.New()
	h.Write([]byte("naru.certificate.request.v1\x00"))
	h.Write(id[:])
	h.Write([]byte(edocNum))
	h.Write([]byte{0})
	h.Write([]byte(reason))
	return h.Sum(nil)
}

// checks are those of the proto, and the file's form.
type checks struct {
	format, signature, chain, identity, validity, hash, edocNum, certNum, parties, attachments, sentAt, receivedAt, readAt bool
}

func (c checks) passed() bool { return len(c.failed()) == 0 }

// names lists the checks that passed, for the record of an attempt.
func (c checks) names() []string { return c.that(true) }

func (c checks) failed() []string { return c.that(false) }

func (c checks) that(passed bool) []string {
	list := []string{}
	for _, check := range []struct {
		name   string
		passed bool
	}{
		{"format", c.format},
		{"signature", c.signature},
		{"chain", c.chain},
		{"identity", c.identity},
		{"validity", c.validity},
		{"hash", c.hash},
		{"edoc_num", c.edocNum},
		{"cert_num", c.certNum},
		{"parties", c.parties},
		{"attachments", c.attachments},
		{"sent_at", c.sentAt},
		{"received_at", c.receivedAt},
		{"read_at", c.readAt},
	} {
		if check.passed == passed {
			list = append(list, check.name)
		}
	}
	return list
}

// reading is what circulation knows about a document's read time.
type reading struct {
	// at is the read time; zero while it is not known.
	at time.Time
	// registered: the hub had the read time before it was asked for the certificate, so the certificate must state it.
	registered bool
}

// expected is what a certificate must state; certNum is the number the hub gave.
type expected struct {
	order
	reading
	certNum string
}

// compare completes the verification of a file with its statements: which document, between whom, when, for whom, under which
// number. Addresses are compared without regard to case (hub-interface 3.1); the hub's times are truncated to whole seconds.
func compare(c *distcert.Certificate, verified distcert.Checks, d expected) checks {
	result := checks{
		format: verified.Format, signature: verified.Signature, chain: verified.Chain, identity: verified.Identity, validity: verified.Validity,
	}
	if c == nil {
		return result
	}
	result.hash = c.Algorithm == d.hashAlgorithm && strings.EqualFold(c.Hash, d.hash)
	result.edocNum = c.EdocNum == d.edocNum
	result.certNum = c.CertNum == d.certNum
	result.parties = strings.EqualFold(c.Sender.Address, d.senderAddress) && strings.EqualFold(c.Recipient.Address, d.recipientAddress) &&
		strings.EqualFold(c.Applicant, d.applicant())
	result.attachments = slices.Equal(attachmentsOf(c), d.attachments)
	result.sentAt = sameSecond(c.SentAt, d.sentAt)
	result.receivedAt = sameSecond(c.ReceivedAt, d.receivedAt)
	if result.readAt = !d.registered; !c.ReadAt.IsZero() {
		result.readAt = sameSecond(c.ReadAt, d.at)
	}
	return result
}

func attachmentsOf(c *distcert.Certificate) []string {
	stated := make([]string, len(c.AttachmentHashes))
	for i, hash := range c.AttachmentHashes {
		stated[i] = attachment(c.Algorithm, hash)
	}
	slices.Sort(stated)
	return stated
}

// attachment is an attachment's hash as it is kept and compared.
func attachment(algorithm, hash string) string { return algorithm + ":" + strings.ToLower(hash) }

// sameSecond compares a time in the certificate with ours as the hub got it. Seconds are the same in KST and UTC.
func sameSecond(stated, ours time.Time) bool {
	return !ours.IsZero() && stated.Equal(ours.Truncate(time.Second))
}

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

// document is what this unit knows of a document; empty where the fact has not come.
type document struct {
	edocNum                             string
	sender, recipient                   string
	senderAddress, senderPlatform       string
	recipientAddress, recipientPlatform string
	hashAlgorithm, hash                 string
	// attachments are sorted, each as <algorithm>:<hex>; nil where they are not known.
	attachments                      []string
	sentAt, receivedAt, registeredAt time.Time
	readAt, readRegisteredAt         time.Time
}

// merge fills what d lacks with what other knows.
func (d *document) merge(other document) {
	for _, field := range []struct {
		mine  *string
		other string
	}{
		{&d.sender, other.sender},
		{&d.recipient, other.recipient},
		{&d.senderAddress, other.senderAddress},
		{&d.senderPlatform, other.senderPlatform},
		{&d.recipientAddress, other.recipientAddress},
		{&d.recipientPlatform, other.recipientPlatform},
		{&d.hashAlgorithm, other.hashAlgorithm},
		{&d.hash, other.hash},
	} {
		if *field.mine == "" {
			*field.mine = field.other
		}
	}
	if d.attachments == nil {
		d.attachments = other.attachments
	}
	for _, field := range []struct {
		mine  *time.Time
		other time.Time
	}{
		{&d.sentAt, other.sentAt},
		{&d.receivedAt, other.receivedAt},
		{&d.registeredAt, other.registeredAt},
		{&d.readAt, other.readAt},
		{&d.readRegisteredAt, other.readRegisteredAt},
	} {
		if field.mine.IsZero() || !field.other.IsZero() && field.other.Before(*field.mine) {
			*field.mine = field.other
		}
	}
}

// certifiable tells whether everything a certificate is compared with is known and the hub holds the circulation.
func (d document) certifiable() bool {
	return d.hash != "" && !d.sentAt.IsZero() && !d.receivedAt.IsZero() && !d.registeredAt.IsZero() && d.senderAddress != "" && d.recipientAddress != ""
}

// The two rights to a certificate.
const (
	entitledSender    = "sender"
	entitledRecipient = "recipient"
)

// entitlement is the caller's right to the document's certificate, with the certified address it applies under; empty for none.
func (d document) entitlement(principal string, isSender bool) (right, address string) {
	switch {
	case principal == "":
		return "", ""
	case isSender && principal == d.sender:
		return entitledSender, d.senderAddress
	case !isSender && principal == d.recipient:
		return entitledRecipient, d.recipientAddress
	default:
		return "", ""
	}
}

// request is an accepted request.
type request struct {
	id          uuid.UUID
	edocNum     string
	ordinal     int
	principal   string
	entitlement string
	requestID   string
	sender      string
	address     string
	reason      []byte // sealed
	digest      []byte
	requestedAt time.Time
}

// contentDigest is over what a repeated request must repeat. The id salts it: a short reason could be guessed from a bare digest.
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

// names lists what passed, for the record of an attempt.
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

// expected is what a certificate has to state.
type expected struct {
	document
	// applicant is the address it was asked for, certNum the number it came under.
	applicant, certNum string
	// read: the hub had the read time before it was asked, so that the certificate states one.
	read bool
}

// compare completes the verification of a file with what it states: which document, between whom, when, for whom, under which number.
// Latin letters of an address do not differ by case (hub-interface 3.1); the hub has times in whole seconds, truncated.
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
		strings.EqualFold(c.Applicant, d.applicant)
	result.attachments = d.attachments != nil && slices.Equal(attachmentsOf(c), d.attachments)
	result.sentAt = sameSecond(c.SentAt, d.sentAt)
	result.receivedAt = sameSecond(c.ReceivedAt, d.receivedAt)
	if result.readAt = !d.read; !c.ReadAt.IsZero() {
		result.readAt = sameSecond(c.ReadAt, d.readAt)
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

// sameSecond: what the certificate states is our time as the hub got it. Seconds of KST are those of UTC.
func sameSecond(stated, ours time.Time) bool {
	return !ours.IsZero() && stated.Equal(ours.Truncate(time.Second))
}

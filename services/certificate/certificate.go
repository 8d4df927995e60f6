package certificate

import (
	"crypto/sha256"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/bundle"
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
	// What a bundle needs besides.
	bundled bundled
}

// bundled is what a bundle of a document is made of.
type bundled struct {
	senderPlatform, recipientPlatform string
	// documentContent and attachmentContents are uploads of the content unit; empty for a document that its sender keeps.
	documentContent                      string
	attachmentContents, attachmentHashes []string
	// registrationDigest is of the registration certificate that this relay has from the archive; empty while it is not asked
	// for.
	registrationDigest string
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
	case !isSender && principal == d.recipient:
		return entitledRecipient
	case principal == d.sender:
		return entitledSender
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
	// authorisation is the id of the one that an agent named; empty for none.
	authorisation string
}

// order is an accepted request: the right, and what the certificate is compared with.
type order struct {
	request
	document
	ordinal     int
	entitlement string
	// mandate is that of an agent; nil: a party asked itself.
	mandate    *mandate
	acceptedAt time.Time
	// form of the bundle that the certificate is for; empty for a certificate alone.
	form bundle.Form
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
func contentDigest(id uuid.UUID, w wanted) []byte {
	h := sha256.New()
	h.Write([]byte("naru.certificate.request.v1\x00"))
	h.Write(id[:])
	for _, field := range []string{w.edocNum, w.authorisation, string(w.form), w.reason} {
		h.Write([]byte(field))
		h.Write([]byte{0})
	}
	return h.Sum(nil)
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
	// behind is how far the hub's clock may be behind ours.
	behind time.Duration
}

package intake

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/clock"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Fields of an item as JSON writes them.
const (
	fieldSendDeadline      = "sendDeadline"
	fieldViewingDeadline   = "viewing.deadline"
	fieldViewingURL        = "viewing.url"
	fieldViewingSystem     = "viewing.viewingSystem"
	fieldCertificate       = "registrationCertificate"
	fieldCertificateDigest = "registrationCertificateDigest"
	fieldRepeats           = "repeats"
	fieldHash              = "documentHash"
	fieldAttachmentHashes  = "attachmentHashes"
	fieldContent           = "content"
	fieldViewing           = "viewing"
	// with the place in the list after it
	fieldAttachmentContents = "attachmentContents"
)

// Advice about an accepted item.
const (
	warningTitle    = "TITLE_OVER_40"
	warningDeadline = "VIEWING_ENDS_BEFORE_SEND_DEADLINE"
	// with the check after it
	warningNotCheckable = "CERTIFICATE_NOT_CHECKABLE_"
	// Some relays cut titles at 40 characters.
	titleAdvised = 40
)

// deadlines are the times until which an item may be put in the inbox and be viewed.
type deadlines struct{ send, viewing time.Time }

// deadlinesOf takes the item's deadlines, or the defaults after acceptance, and returns what is wrong with them.
func deadlinesOf(item *intakev1.SendItem, accepted time.Time, limits Limits) (deadlines, []finding) {
	var found []finding
	judge := func(field string, given *timestamppb.Timestamp, standard, most time.Duration) time.Time {
		if given == nil {
			return accepted.Add(standard)
		}
		deadline := clock.Canonical(given.AsTime())
		switch {
		case !deadline.After(accepted):
			found = append(found, invalidDeadline(field, "deadline.past", "the deadline has passed"))
		case deadline.After(accepted.Add(most)):
			found = append(found, invalidDeadline(field, "deadline.too_far", "the deadline is too far ahead"))
		}
		return deadline
	}
	d := deadlines{
		send:    judge(fieldSendDeadline, item.GetSendDeadline(), limits.SendDeadline.Std(), limits.SendDeadlineMax.Std()),
		viewing: judge(fieldViewingDeadline, item.GetViewing().GetDeadline(), limits.ViewingDeadline.Std(), limits.ViewingDeadlineMax.Std()),
	}
	return d, found
}

// contactOf is how the recipient is invited if it is a member nowhere: as the item says, else at the phone by which it names a
// person.
func contactOf(item *intakev1.SendItem) *platformv1.Contact {
	if item.GetContact() != nil {
		return item.GetContact()
	}
	if phone := item.GetRecipient().GetPerson().GetPhone(); phone != "" {
		return &platformv1.Contact{Phone: phone}
	}
	return nil
}

func warningsOf(item *intakev1.SendItem, d deadlines, notCheckable []string) []string {
	var warnings []string
	if utf8.RuneCountInString(item.GetTitle()) > titleAdvised {
		warnings = append(warnings, warningTitle)
	}
	if d.viewing.Before(d.send) {
		warnings = append(warnings, warningDeadline)
	}
	for _, check := range notCheckable {
		warnings = append(warnings, warningNotCheckable+strings.ToUpper(check))
	}
	return warnings
}

// certificateDigest is the digest the item names or that of the bytes it gives.
func certificateDigest(item *intakev1.SendItem) [sha256.Size]byte {
	if given := item.GetRegistrationCertificate(); len(given) > 0 {
		return sha256.Sum256(given)
	}
	var digest [sha256.Size]byte
	_, _ = hex.Decode(digest[:], []byte(item.GetRegistrationCertificateDigest())) // the item's rules want 64 hexadecimal digits
	return digest
}

// hasher is a keyed hash over a list of parts.
type hasher interface {
	Sum(parts ...[]byte) []byte
}

// fingerprintOf is the keyed hash of an item's content: two items are the same exactly when all their fields are. The certificate
// counts by its digest, so its bytes and the digest of an upload are the same content. The hash is keyed because all possible
// identifiers of recipients could be tried. Its input is written here and not by protobuf, whose encoding may change within ten
// years.
func fingerprintOf(h hasher, tenant string, item *intakev1.SendItem, digest [sha256.Size]byte) []byte {
	c := canonical{parts: [][]byte{[]byte("naru.intake.item.v1")}}
	c.text(tenant, item.GetOwnKey())
	c.recipient(item.GetRecipient())
	c.text(item.GetTitle())
	c.number(int64(item.GetDocumentType()), int64(item.GetCategory()))
	c.flag(item.GetWithoutCirculation())
	c.digest(item.GetDocumentHash())
	c.number(int64(len(item.GetAttachmentHashes())))
	for _, hash := range item.GetAttachmentHashes() {
		c.digest(hash)
	}
	c.text(item.GetViewing().GetUrl(), strings.ToLower(item.GetViewing().GetViewingSystem()))
	c.time(item.GetViewing().GetDeadline())
	c.time(item.GetSendDeadline())
	c.parts = append(c.parts, digest[:])
	c.text(item.GetSenderSubAddress(), item.GetRepeats())
	// Uploads count by their ids: what an id stands for never changes, also when its bytes are gone.
	c.text(strings.ToLower(item.GetContent()))
	c.number(int64(len(item.GetAttachmentContents())))
	for _, upload := range item.GetAttachmentContents() {
		c.text(strings.ToLower(upload))
	}
	// What came to items later counts under a name of its own, and only where it is given: the fingerprints of before stay true.
	if contact := item.GetContact(); contact != nil {
		c.text("contact", contact.GetPhone(), contact.GetEmail())
	}
	return h.Sum(c.parts...)
}

// canonical collects parts; the hash separates them by their lengths.
type canonical struct{ parts [][]byte }

func (c *canonical) text(values ...string) {
	for _, v := range values {
		c.parts = append(c.parts, []byte(v))
	}
}

func (c *canonical) number(values ...int64) {
	for _, v := range values {
		c.parts = append(c.parts, binary.BigEndian.AppendUint64(nil, uint64(v))) //nolint:gosec // two's complement is the encoding
	}
}

func (c *canonical) flag(v bool) {
	if v {
		c.number(1)
		return
	}
	c.number(0)
}

// time keeps microseconds. A missing time is another content than the default written out.
func (c *canonical) time(t *timestamppb.Timestamp) {
	if t == nil {
		c.parts = append(c.parts, nil)
		return
	}
	c.number(t.AsTime().UnixMicro())
}

func (c *canonical) digest(d *platformv1.Digest) { c.text(d.GetAlgorithm(), d.GetValue()) }

func (c *canonical) recipient(r *platformv1.RecipientIdentifier) {
	switch {
	case r.GetPlatformAddress() != nil:
		a := r.GetPlatformAddress()
		c.text("platform_address", a.GetPlatformId(), a.GetAddress(), a.GetSubAddress())
	case r.Ci != nil:
		c.text("ci", r.GetCi())
	case r.GetPerson() != nil:
		p := r.GetPerson()
		c.text("person", p.GetName(), p.GetBirthDate(), p.GetPhone())
	default:
		c.text("business_number", r.GetBusinessNumber())
	}
}

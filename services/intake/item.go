package intake

import (
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authorisation"
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

// hasher is a keyed hash over a list of parts.
type hasher interface {
	Sum(parts ...[]byte) []byte
}

// fingerprintOf is the keyed hash of an item: two of a tenant are the same exactly when their digests are, in which the
// certificate counts by its digest, and uploads by their ids: what an id stands for never changes, also when its bytes are gone.
// The hash is keyed because all possible identifiers of recipients could be tried.
func fingerprintOf(h hasher, tenant string, item authorisation.Digest) []byte {
	return h.Sum([]byte("naru.intake.item.v1"), []byte(tenant), item[:])
}

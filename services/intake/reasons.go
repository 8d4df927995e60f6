package intake

import (
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/fault"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

const (
	domain = "intake"
	// overloadedRetry is when a refused caller may try again; a full queue is emptied within that time.
	overloadedRetry = time.Second
)

// finding is one reason against an item.
type finding struct {
	kind    fault.Kind
	reason  intakev1.Reason
	message string
	// where is the violation shown for it; its field is empty where no field is to blame.
	where fault.Violation
}

// refusalOf reports all findings at once; the first determines kind, reason and message.
func refusalOf(findings []finding) *fault.Error {
	first := findings[0]
	var violations []fault.Violation
	for _, f := range findings {
		if f.where.Field != "" {
			violations = append(violations, f.where)
		}
	}
	return fault.New(first.kind, domain, first.reason, first.message, fault.WithViolations(violations...))
}

func invalidItem(violations ...fault.Violation) *fault.Error {
	return fault.New(fault.Invalid, domain, intakev1.Reason_REASON_INVALID_ITEM, "the item breaks rules", fault.WithViolations(violations...))
}

// below moves the paths of a refusal from the item to the item's place in the request: title becomes items[3].title.
func below(place string, refusal *fault.Error) *fault.Error {
	placed := *refusal // one error may be the answer of several items
	placed.Violations = make([]fault.Violation, len(refusal.Violations))
	for i, v := range refusal.Violations {
		if v.Field == "" {
			v.Field = place
		} else {
			v.Field = place + "." + v.Field
		}
		placed.Violations[i] = v
	}
	return &placed
}

// at makes a finding of a field.
func at(field, rule string, reason intakev1.Reason, message string) finding {
	return finding{kind: fault.Invalid, reason: reason, message: message, where: fault.Violation{Field: field, Rule: rule, Message: message}}
}

// invalidDeadline is a finding of a deadline that no rule of the message can judge, because it depends on the time.
func invalidDeadline(field, rule, message string) finding {
	return at(field, rule, intakev1.Reason_REASON_INVALID_ITEM, message)
}

func viewingSystemForeign() finding {
	return at(fieldViewingSystem, "viewing.system.foreign", intakev1.Reason_REASON_VIEWING_SYSTEM_FOREIGN, "no such viewing system serves this sender")
}

func repeatedDocumentInvalid() finding {
	return at(fieldRepeats, "repeats.own", intakev1.Reason_REASON_REPEATED_DOCUMENT_INVALID, "the repeated document is not one of this sender")
}

func ownKeyConflict(existing string) *fault.Error {
	return fault.New(fault.Conflict, domain, intakev1.Reason_REASON_OWN_KEY_CONFLICT,
		"the own key was used for another content", fault.WithMetadata(existingKey, existing))
}

// existingKey is the metadata key for the number that an own key already has.
const existingKey = "existingEdocNum"

func addressNotRegistered() finding {
	return finding{
		kind: fault.Conflict, reason: intakev1.Reason_REASON_SENDER_ADDRESS_NOT_REGISTERED,
		message: "the sender has no certified address that is registered at the hub",
	}
}

// noSender has no reason of its own: access rules admit senders only, and the gateway makes their ids.
func noSender(cause error) *fault.Error {
	return fault.New(fault.Denied, domain, nil, "the caller is no sender", fault.Wrap(cause))
}

func senderSuspended() *fault.Error {
	return fault.New(fault.Denied, domain, intakev1.Reason_REASON_SENDER_SUSPENDED, "the sender is suspended")
}

func documentNotFound() *fault.Error {
	return fault.New(fault.NotFound, domain, intakev1.Reason_REASON_DOCUMENT_NOT_FOUND, "there is no such document")
}

func certificateNotKept() *fault.Error {
	return fault.New(fault.NotFound, domain, intakev1.Reason_REASON_CERTIFICATE_NOT_UPLOADED, "no certificate with this digest is kept")
}

func overloaded(cause error) *fault.Error {
	return fault.New(fault.Exhausted, domain, intakev1.Reason_REASON_OVERLOADED, "too many items wait; send again later",
		fault.WithRetryAfter(overloadedRetry), fault.Wrap(cause))
}

func stopping(cause error) *fault.Error {
	return fault.New(fault.Unavailable, domain, nil, "the relay is being stopped; send again", fault.WithRetryAfter(overloadedRetry), fault.Wrap(cause))
}

func clockUntrusted(cause error) *fault.Error {
	return fault.New(fault.Unavailable, domain, intakev1.Reason_REASON_CLOCK_UNTRUSTED,
		"the relay's clock is not good enough to accept documents", fault.Wrap(cause))
}

func batchTooLarge() *fault.Error {
	return fault.New(fault.Invalid, domain, intakev1.Reason_REASON_BATCH_TOO_LARGE, "the batch is larger than 16 MiB")
}

// certificateFinding says in intake's reasons why a certificate was not accepted. The field is where the item gave it.
func certificateFinding(field string, err error) finding {
	failed := archivecert.FailedChecks(err)
	reason, message := intakev1.Reason_REASON_CERTIFICATE_MALFORMED, "the registration certificate is not of the form that is configured for its archive"
	if len(failed) > 0 {
		switch failed[0] {
		case archivecert.ErrSignature:
			reason, message = intakev1.Reason_REASON_CERTIFICATE_FORGED, "content or signature of the registration certificate was changed"
		case archivecert.ErrChain, archivecert.ErrForeign, archivecert.ErrPolicy:
			reason, message = intakev1.Reason_REASON_CERTIFICATE_FOREIGN, "the registration certificate is not of an archive this relay accepts"
		case archivecert.ErrRevoked:
			reason, message = intakev1.Reason_REASON_CERTIFICATE_REVOKED, "the signer of the registration certificate was revoked, or is distrusted, since before now"
		case archivecert.ErrExpired:
			reason, message = intakev1.Reason_REASON_CERTIFICATE_EXPIRED, "the registration certificate or its signer is not valid now"
		case archivecert.ErrHash:
			reason, message = intakev1.Reason_REASON_CERTIFICATE_HASH_DIFFERS, "the registration certificate is about another document or other attachments"
		case archivecert.ErrNotCheckable:
			reason, message = intakev1.Reason_REASON_CERTIFICATE_NOT_CHECKABLE,
				"the registration certificate does not say its owner, its attachments or its validity, and this relay does not accept that of its archive"
		case archivecert.ErrFormat, archivecert.ErrKind:
		}
	}
	return at(field, ruleOf(reason), reason, message)
}

func notUploaded() finding {
	return at(fieldCertificateDigest, ruleOf(intakev1.Reason_REASON_CERTIFICATE_NOT_UPLOADED), intakev1.Reason_REASON_CERTIFICATE_NOT_UPLOADED,
		"this sender has uploaded no certificate with this digest")
}

func ownerDiffers(field string) finding {
	return at(field, ruleOf(intakev1.Reason_REASON_CERTIFICATE_OWNER_DIFFERS), intakev1.Reason_REASON_CERTIFICATE_OWNER_DIFFERS,
		"the registration certificate names another owner than the sender; the operator records the sender's archive memberships when it is onboarded")
}

// ruleOf names the rule of a violation after its reason, e.g. certificate.forged.
func ruleOf(reason intakev1.Reason) string {
	return strings.Replace(strings.ToLower(strings.TrimPrefix(reason.String(), "REASON_")), "_", ".", 1)
}

package viewing

import (
	"time"

	"github.com/naru-relay/naru/pkg/fault"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

const domain = "viewing"

// retrySoon is when a call that met a temporary problem may be repeated.
const retrySoon = time.Second

// readAtInvalid: a Timestamp can hold what is no time.
func readAtInvalid() error {
	return fault.New(fault.Invalid, domain, viewingv1.Reason_REASON_INVALID_REQUEST, "the request breaks rules",
		fault.WithViolations(fault.Violation{Field: "readAt", Rule: "timestamp.valid", Message: "must be a time"}))
}

func redirectNotAllowed() error {
	return fault.New(fault.Invalid, domain, viewingv1.Reason_REASON_REDIRECT_NOT_ALLOWED, "redirectUri is none of this relay's",
		fault.WithViolations(fault.Violation{Field: "redirectUri", Rule: "redirect.allowed", Message: "must be one of the relay's configured URLs"}))
}

func sessionUnknown() error {
	return fault.New(fault.NotFound, domain, viewingv1.Reason_REASON_SESSION_UNKNOWN, "the state is unknown, used or too old; start again")
}

func identityRefused(cause error) error {
	return fault.New(fault.Denied, domain, viewingv1.Reason_REASON_IDENTITY_REFUSED, "the identity is not proved; start again", fault.Wrap(cause))
}

func providerUnavailable(cause error) error {
	return fault.New(fault.Unavailable, domain, viewingv1.Reason_REASON_IDENTITY_PROVIDER_UNAVAILABLE,
		"the identity provider does not answer; start again later", fault.WithRetryAfter(retrySoon), fault.Wrap(cause))
}

func notAuthorised() error {
	return fault.New(fault.Denied, domain, viewingv1.Reason_REASON_NOT_AUTHORISED, "the person may not act for this organisation")
}

func pageTokenInvalid() error {
	return fault.New(fault.Invalid, domain, viewingv1.Reason_REASON_PAGE_TOKEN_INVALID, "pageToken is not one this relay gave")
}

func documentNotFound() error {
	return fault.New(fault.NotFound, domain, viewingv1.Reason_REASON_DOCUMENT_NOT_FOUND, "there is no such document")
}

func deadlinePassed() error {
	return fault.New(fault.Conflict, domain, viewingv1.Reason_REASON_VIEWING_DEADLINE_PASSED, "the viewing deadline has passed")
}

func documentCancelled() error {
	return fault.New(fault.Conflict, domain, viewingv1.Reason_REASON_DOCUMENT_CANCELLED, "the document was cancelled")
}

func tooManyTokens(after time.Duration) error {
	return fault.New(fault.Exhausted, domain, viewingv1.Reason_REASON_TOO_MANY_TOKENS, "the document had too many viewing tokens lately",
		fault.WithRetryAfter(max(after, retrySoon)))
}

func verificationUnknownFault() error {
	return fault.New(fault.NotFound, domain, viewingv1.Reason_REASON_VERIFICATION_UNKNOWN, "there is no such verification of this document")
}

func viewedElsewhere() error {
	return fault.New(fault.Conflict, domain, viewingv1.Reason_REASON_VIEWED_ELSEWHERE, "the sender's viewing system shows this document")
}

// contentUnavailable: a file cannot be had now, or is lost, which is told to the operator alone.
func contentUnavailable(cause error) error {
	return fault.New(fault.Unavailable, domain, viewingv1.Reason_REASON_CONTENT_UNAVAILABLE, "the document cannot be shown now",
		fault.WithRetryAfter(retrySoon), fault.Wrap(cause))
}

func contentDiffers() error {
	return fault.New(fault.Corrupt, domain, viewingv1.Reason_REASON_CONTENT_DIFFERS, "what is kept is not the document that was sent; it is not shown")
}

// viewingUnknown is also the answer for somebody else's viewing, and for one that has ended.
func viewingUnknown() error {
	return fault.New(fault.NotFound, domain, viewingv1.Reason_REASON_VIEWING_UNKNOWN, "there is no such viewing, or it has ended; open the document again")
}

func partNotFound() error {
	return fault.New(fault.NotFound, domain, viewingv1.Reason_REASON_PART_NOT_FOUND, "the document has no such part")
}

func nothingShown() error {
	return fault.New(fault.Conflict, domain, viewingv1.Reason_REASON_NOTHING_SHOWN, "nothing of the document was read in this viewing")
}

func offsetBeyond() error {
	return fault.New(fault.Invalid, domain, viewingv1.Reason_REASON_INVALID_REQUEST, "the offset is beyond the end of the file",
		fault.WithViolations(fault.Violation{Field: "offset", Rule: "offset.beyond", Message: "must be at most the size of the file"}))
}

// unavailable is a temporary problem of the relay.
func unavailable(message string, cause error) error {
	return fault.New(fault.Unavailable, domain, nil, message, fault.WithRetryAfter(retrySoon), fault.Wrap(cause))
}

// neighbourFault hides another unit's fault: the caller learns only whether to try again.
func neighbourFault(message string, err error) error {
	if fault.KindOf(err) == fault.Unavailable {
		return unavailable(message, err)
	}
	return fault.New(fault.Internal, domain, nil, "", fault.Wrap(err))
}

// refusal is the fault that answers a refused check or report; nil for the other outcomes.
func (o outcome) refusal() error {
	say := func(k fault.Kind, r viewingv1.Reason, message string) error { return fault.New(k, domain, r, message) }
	switch o {
	case malformed:
		return say(fault.Invalid, viewingv1.Reason_REASON_TOKEN_MALFORMED, "the token is not a viewing token")
	case forged:
		return say(fault.Denied, viewingv1.Reason_REASON_TOKEN_FORGED, "the token is not one of this relay")
	case expired:
		return say(fault.Conflict, viewingv1.Reason_REASON_TOKEN_EXPIRED, "the token has expired")
	case foreign:
		return say(fault.Denied, viewingv1.Reason_REASON_TOKEN_FOREIGN, "the token is not for this viewing system")
	case replayed:
		return say(fault.Conflict, viewingv1.Reason_REASON_TOKEN_REPLAYED, "the token was used before")
	case unauthorised:
		return notAuthorised()
	case verificationUnknown:
		return verificationUnknownFault()
	case outOfWindow:
		return say(fault.Invalid, viewingv1.Reason_REASON_READ_TIME_OUT_OF_WINDOW, "readAt is not between the verification and now")
	case shownHashDiffers:
		return say(fault.Conflict, viewingv1.Reason_REASON_SHOWN_HASH_DIFFERS, "what was shown is not the document that was sent")
	case readTimeNotKept:
		return say(fault.Conflict, viewingv1.Reason_REASON_READ_TIME_NOT_KEPT, "documents of this kind have no read time")
	case accepted, repeated, differs:
		return nil
	default:
		return nil
	}
}

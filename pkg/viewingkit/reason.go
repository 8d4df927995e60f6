package viewingkit

import (
	"time"

	"github.com/naru-relay/naru/pkg/fault"
)

// domain of the problem documents a Viewer answers.
const domain = "viewingkit"

// Reason says why nothing was shown.
type Reason string

// Reasons of refusal.
const (
	// ReasonTokenMissing: no token, more than one, or one too long to be one.
	ReasonTokenMissing Reason = "TOKEN_MISSING"
	// ReasonNobodyAsks: the request itself says that it only looks ahead.
	ReasonNobodyAsks Reason = "NOBODY_ASKS"
	// ReasonTokenRefused: the relay says that the token is not good.
	ReasonTokenRefused Reason = "TOKEN_REFUSED"
	// ReasonRelayUnavailable: the relay could not be asked.
	ReasonRelayUnavailable Reason = "RELAY_UNAVAILABLE"
	// ReasonDocumentUnknown: the token is good, the document is not here.
	ReasonDocumentUnknown Reason = "DOCUMENT_UNKNOWN"
	// ReasonOtherDocument: the token is about another document.
	ReasonOtherDocument Reason = "OTHER_DOCUMENT"
	// ReasonOtherRecipient: the token is another person's.
	ReasonOtherRecipient Reason = "OTHER_RECIPIENT"
	// ReasonOtherCertificate: the registration certificate is not the stored one.
	ReasonOtherCertificate Reason = "OTHER_CERTIFICATE"
	// ReasonHashMismatch: registered, sent and shown are not the same document.
	ReasonHashMismatch Reason = "HASH_MISMATCH"
	// ReasonStoreUnavailable: the document could not be read.
	ReasonStoreUnavailable Reason = "STORE_UNAVAILABLE"
	// ReasonLogUnavailable: the check could not be recorded.
	ReasonLogUnavailable Reason = "LOG_UNAVAILABLE"
)

// String implements fault.Reason.
func (r Reason) String() string { return string(r) }

const retryAfter = 5 * time.Second

// problem is the public form of a refusal: static words, nothing of the request.
func (r Reason) problem(cause error) *fault.Error {
	say := func(k fault.Kind, message string, more ...fault.Option) *fault.Error {
		return fault.New(k, domain, r, message, append(more, fault.Wrap(cause))...)
	}
	switch r {
	case ReasonTokenMissing:
		return say(fault.Unauthenticated, "a viewing token is required")
	case ReasonNobodyAsks:
		return say(fault.Denied, "the document is shown to whoever asks for it, not ahead of that")
	case ReasonTokenRefused:
		return say(fault.Denied, "the viewing token is not valid or was used before")
	case ReasonDocumentUnknown:
		return say(fault.NotFound, "there is no such document")
	case ReasonOtherDocument:
		return say(fault.Denied, "the viewing token is about another document")
	case ReasonOtherRecipient:
		return say(fault.Denied, "the document is for another recipient")
	case ReasonOtherCertificate, ReasonHashMismatch:
		return say(fault.Corrupt, "the document is not the one that was registered and sent")
	case ReasonRelayUnavailable:
		return say(fault.Unavailable, "the viewing token could not be verified now", fault.WithRetryAfter(retryAfter))
	case ReasonStoreUnavailable, ReasonLogUnavailable:
		return say(fault.Unavailable, "the document cannot be shown now", fault.WithRetryAfter(retryAfter))
	default:
		return say(fault.Internal, "the document cannot be shown")
	}
}

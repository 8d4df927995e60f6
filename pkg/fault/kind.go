package fault

import (
	"net/http"

	"google.golang.org/grpc/codes"
)

// Kind says what a caller can do about an error. The set is closed; it is itself an error so that errors.Is(err, fault.NotFound)
// works on any error that wraps a fault.
type Kind int

// The kinds, with the verdict a consumer of events gives an event whose handling ended so (package inbox acts on it).
const (
	// Invalid: the request breaks a rule whatever the state. Verdict: park.
	Invalid Kind = iota + 1
	// Unauthenticated: the caller did not prove who it is. Verdict: park.
	Unauthenticated
	// Denied: the caller is known and may not do this. Verdict: park.
	Denied
	// NotFound: the thing named is not here, or is not the caller's to see. Verdict: retry, then park.
	NotFound
	// Exists: the thing to be made is already there. Verdict: acknowledge.
	Exists
	// Conflict: the state of the thing does not allow this. Verdict: defer if the missing half may still come, else park.
	Conflict
	// Reused: a key that makes a call repeatable came back with another content. Verdict: park.
	Reused
	// Stale: somebody else changed the thing first. Verdict: retry.
	Stale
	// Exhausted: a quota or a queue is full. Verdict: retry after RetryAfter.
	Exhausted
	// Unavailable: a neighbour or a resource does not answer now. Verdict: retry.
	Unavailable
	// Corrupt: a hash, a signature or a chain is wrong. Verdict: park and page somebody.
	Corrupt
	// Internal: a defect of this software; every plain error counts as one. Verdict: retry.
	Internal
)

// statusClientClosedRequest is the usual status when the caller has cancelled; nobody reads it.
const statusClientClosedRequest = 499

// row is one line of the table of kinds.
type row struct {
	name    string
	code    codes.Code
	http    int
	title   string
	generic string
}

// row looks a kind up; what is not in the table is Internal.
func (k Kind) row() row {
	switch k {
	case Invalid:
		return row{"invalid", codes.InvalidArgument, http.StatusBadRequest, "Invalid request", "the request is not valid"}
	case Unauthenticated:
		return row{"unauthenticated", codes.Unauthenticated, http.StatusUnauthorized, "Not authenticated", "the caller is not authenticated"}
	case Denied:
		return row{"denied", codes.PermissionDenied, http.StatusForbidden, "Not permitted", "the caller may not do this"}
	case NotFound:
		return row{"not_found", codes.NotFound, http.StatusNotFound, "Not found", "there is no such thing"}
	case Exists:
		return row{"exists", codes.AlreadyExists, http.StatusConflict, "Already exists", "it exists already"}
	case Conflict:
		return row{"conflict", codes.FailedPrecondition, http.StatusConflict, "Conflict", "the present state does not allow this"}
	case Reused:
		return row{"reused", codes.FailedPrecondition, http.StatusUnprocessableEntity, "Key reused", "the key was used for another content"}
	case Stale:
		return row{"stale", codes.Aborted, http.StatusConflict, "Changed meanwhile", "it was changed meanwhile"}
	case Exhausted:
		return row{"exhausted", codes.ResourceExhausted, http.StatusTooManyRequests, "Too many requests", "a limit is reached"}
	case Unavailable:
		return row{"unavailable", codes.Unavailable, http.StatusServiceUnavailable, "Unavailable", "the service is not available now"}
	case Corrupt:
		return row{"corrupt", codes.DataLoss, http.StatusInternalServerError, "Integrity broken", "stored data did not pass its integrity check"}
	case Internal:
		return internalRow()
	default:
		return internalRow()
	}
}

func internalRow() row {
	return row{"internal", codes.Internal, http.StatusInternalServerError, "Internal error", "an internal error occurred"}
}

// Error makes a Kind usable as the target of errors.Is.
func (k Kind) Error() string { return k.row().name }

// String is the kind's name in logs and metrics.
func (k Kind) String() string { return k.row().name }

// Code is the gRPC code the kind travels as.
func (k Kind) Code() codes.Code { return k.row().code }

// HTTPStatus is the HTTP status the kind is answered with.
func (k Kind) HTTPStatus() int { return k.row().http }

// kindOfCode restores the kind from a code; metadata distinguishes Reused from Conflict.
func kindOfCode(c codes.Code) Kind {
	switch c {
	case codes.InvalidArgument, codes.OutOfRange:
		return Invalid
	case codes.Unauthenticated:
		return Unauthenticated
	case codes.PermissionDenied:
		return Denied
	case codes.NotFound:
		return NotFound
	case codes.AlreadyExists:
		return Exists
	case codes.FailedPrecondition:
		return Conflict
	case codes.Aborted:
		return Stale
	case codes.ResourceExhausted:
		return Exhausted
	case codes.Unavailable, codes.Canceled, codes.DeadlineExceeded:
		return Unavailable
	case codes.DataLoss:
		return Corrupt
	case codes.OK, codes.Unknown, codes.Unimplemented, codes.Internal:
		return Internal
	default:
		return Internal
	}
}

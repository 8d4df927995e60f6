// Package fault is the error model of Naru: one type that says what a caller can do (Kind), why exactly (Reason), and what is
// public (Message, Violations, Metadata), while the cause stays in the log.
//
// A fault crosses gRPC as google.rpc.Status with ErrorInfo, BadRequest and RetryInfo details (ToStatus, FromStatus) and REST
// as an RFC 9457 problem document (ProblemOf). Any other error counts as Internal: its text never leaves the process. A
// context that ended counts as Unavailable without a reason and keeps its own gRPC code (Canceled, DeadlineExceeded) and
// HTTP status (499, 504).
//
// Messages, violations and metadata are public. They MUST NOT hold personal data, secrets or the refused value itself.
package fault

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// MaxViolations bounds what one fault reports: details travel in gRPC trailers, which clients in other languages limit. If
// there were more, the metadata key violations_total is their number.
const MaxViolations = 100

const violationsTotalKey = "violations_total"

// What is told of an Unavailable fault that tells neither reason nor time.
const (
	reasonUnavailable Word = "UNAVAILABLE"
	comeAgain              = time.Second
)

// Reason is the machine code of an error: a value of a service's proto enum Reason. On the wire its name loses the REASON_
// prefix.
type Reason interface {
	String() string
}

// Word is a reason that is in no unit's enum: one of the platform's own.
type Word string

// String is the reason as it travels.
func (w Word) String() string { return string(w) }

// InvalidRequest is the one reason that every unit has: the request breaks rules of its message.
const InvalidRequest Word = "INVALID_REQUEST"

// Violation is one broken rule of a request.
type Violation struct {
	// Field is the path as it is written in JSON, e.g. items[3].documentHash.value.
	Field string
	// Rule is the machine name of the rule, e.g. string.max_len.
	Rule string
	// Message says what the rule wants. It never repeats the value.
	Message string
}

// Error is a fault. It is made by New and not changed afterwards.
type Error struct {
	Kind Kind
	// Domain is the unit that judged, e.g. intake; empty when no unit did.
	Domain string
	// Reason is the wire form of the reason, e.g. OWN_KEY_REUSED; empty when none is given.
	Reason     string
	Message    string
	Violations []Violation
	// Metadata are machine-readable particulars, e.g. the number a key was used for.
	Metadata map[string]string
	// RetryAfter is when a repeat makes sense; 0 if unknown.
	RetryAfter time.Duration

	cause error
}

// Option adds to a fault being made.
type Option func(*Error)

// Wrap keeps the cause for the log and for errors.Is; no caller sees it.
func Wrap(cause error) Option { return func(e *Error) { e.cause = cause } }

// WithViolations reports broken rules, the first MaxViolations of them.
func WithViolations(violations ...Violation) Option {
	return func(e *Error) {
		e.Violations = slices.Clone(violations[:min(len(violations), MaxViolations)])
		if len(violations) > MaxViolations {
			e.setMetadata(violationsTotalKey, strconv.Itoa(len(violations)))
		}
	}
}

// WithMetadata adds one particular. The key http_status is reserved for the wire form.
func WithMetadata(key, value string) Option {
	return func(e *Error) { e.setMetadata(key, value) }
}

// WithRetryAfter sets when the caller may try again.
func WithRetryAfter(d time.Duration) Option { return func(e *Error) { e.RetryAfter = d } }

// New makes a fault of the unit named domain. The reason may be nil; an empty message means the generic one of the kind.
func New(k Kind, domain string, r Reason, message string, opts ...Option) *Error {
	e := &Error{Kind: k, Domain: domain, Reason: NameOf(r), Message: message}
	if message == "" {
		e.Message = k.row().generic
	}
	for _, opt := range opts {
		opt(e)
	}
	return e
}

func (e *Error) setMetadata(key, value string) {
	if e.Metadata == nil {
		e.Metadata = make(map[string]string)
	}
	e.Metadata[key] = value
}

// NameOf is a reason as it travels: without the REASON_ prefix, and empty where there is none.
func NameOf(r Reason) string {
	if r == nil {
		return ""
	}
	name := strings.TrimPrefix(r.String(), "REASON_")
	if name == "UNSPECIFIED" {
		return ""
	}
	return name
}

// Error is the text for the log: kind, domain, reason, public message and cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.String())
	for _, part := range []string{e.Domain, e.Reason} {
		if part != "" {
			b.WriteString(" " + part)
		}
	}
	b.WriteString(": " + e.Message)
	for _, v := range e.Violations {
		b.WriteString("; " + v.Field + " (" + v.Rule + ")")
	}
	if e.cause != nil {
		b.WriteString(": " + e.cause.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is makes errors.Is(err, fault.NotFound) true for a fault of that kind anywhere in err's chain; KindOf returns the kind of the
// outermost fault.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// GRPCStatus lets a gRPC server answer correctly even where no interceptor maps errors.
func (e *Error) GRPCStatus() *status.Status { return ToStatus(e) }

// As finds the outermost fault in err. Other errors become one without a reason and with a generic message that keeps err as
// its cause: a status of gRPC gets the kind of its code, an ended context Unavailable, everything else Internal. As(nil) is
// nil.
func As(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var carrier interface{ GRPCStatus() *status.Status }
	if errors.As(err, &carrier) {
		if restored := fromStatus(carrier.GRPCStatus()); restored != nil {
			restored.cause = errors.Join(restored.cause, err)
			return restored
		}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return unclassified(Unavailable, err)
	default:
		return unclassified(Internal, err)
	}
}

func unclassified(k Kind, cause error) *Error {
	e := &Error{Kind: k, cause: cause}
	e.Message = e.row().generic
	return e
}

// KindOf returns the kind of the outermost fault in err: Internal for a plain error, 0 for nil.
func KindOf(err error) Kind {
	if e := As(err); e != nil {
		return e.Kind
	}
	return 0
}

// ReasonOf returns the reason of the outermost fault in err; empty if there is none.
func ReasonOf(err error) string {
	if e := As(err); e != nil {
		return e.Reason
	}
	return ""
}

// row is that of the kind, except that a context that ended, unless a unit judged it, keeps its own answer.
func (e *Error) row() row {
	if e.Kind != Unavailable || e.Domain != "" || e.Reason != "" || e.cause == nil {
		return e.Kind.row()
	}
	switch {
	case errors.Is(e.cause, context.DeadlineExceeded):
		return row{"unavailable", codes.DeadlineExceeded, 504, "Time ran out", "the time given for the call ran out"}
	case errors.Is(e.cause, context.Canceled):
		return row{"unavailable", codes.Canceled, statusClientClosedRequest, "Cancelled", "the caller cancelled the call"}
	default:
		return e.Kind.row()
	}
}

// public is the part of a fault that callers may see: of an Internal fault only domain and reason. What is Unavailable has a
// reason and a time to come again there.
func (e *Error) public() *Error {
	if e.Kind == Internal || e.Kind.row().code == codes.Internal {
		return &Error{Kind: Internal, Domain: e.Domain, Reason: e.Reason, Message: internalRow().generic, RetryAfter: e.RetryAfter}
	}
	p := *e
	if e.row().http == http.StatusServiceUnavailable {
		// Nobody is left without knowing what this is and when to come again.
		p.Reason, p.RetryAfter = cmp.Or(p.Reason, reasonUnavailable.String()), cmp.Or(p.RetryAfter, comeAgain)
	}
	p.Violations = slices.Clone(e.Violations)
	p.Metadata = maps.Clone(e.Metadata)
	return &p
}

package fault

import (
	"context"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	// domainRoot is the end of every ErrorInfo.domain of this relay: <unit>.naru.
	domainRoot = "naru"
	// httpStatusKey in ErrorInfo.metadata distinguishes Reused from Conflict, which share a gRPC code.
	httpStatusKey = "http_status"
)

// ToStatus gives the form in which err crosses gRPC. The text of a plain or Internal error never does. ToStatus(nil) is OK.
func ToStatus(err error) *status.Status {
	e := As(err)
	if e == nil {
		return status.New(codes.OK, "")
	}
	e = e.public()
	bare := status.New(e.row().code, valid(e.Message))
	detailed, err := bare.WithDetails(e.details()...)
	if err != nil {
		return bare
	}
	return detailed
}

func (e *Error) details() []protoadapt.MessageV1 {
	info := &errdetails.ErrorInfo{Reason: valid(e.Reason), Domain: domainRoot}
	if e.Domain != "" {
		info.Domain = valid(e.Domain) + "." + domainRoot
	}
	for key, value := range e.Metadata {
		if key != httpStatusKey {
			setMetadata(info, valid(key), valid(value))
		}
	}
	if e.Kind == Reused {
		setMetadata(info, httpStatusKey, strconv.Itoa(e.Kind.HTTPStatus()))
	}
	details := []protoadapt.MessageV1{info}
	if len(e.Violations) > 0 {
		bad := &errdetails.BadRequest{}
		for _, v := range e.Violations {
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{
				Field: valid(v.Field), Reason: valid(v.Rule), Description: valid(v.Message),
			})
		}
		details = append(details, bad)
	}
	if e.RetryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(e.RetryAfter)})
	}
	return details
}

func setMetadata(info *errdetails.ErrorInfo, key, value string) {
	if info.Metadata == nil {
		info.Metadata = make(map[string]string)
	}
	info.Metadata[key] = value
}

// FromStatus restores the fault that a status of this relay carries. Of a foreign status (no ErrorInfo of the naru domain) only
// the kind of its code and its retry delay stay; its text is kept as the cause. FromStatus of OK or nil is nil. A status with our
// domain is trusted as written by another unit, so the unit that calls a peer relay MUST judge its answer and never pass it on.
func FromStatus(s *status.Status) error {
	if e := fromStatus(s); e != nil {
		return e
	}
	return nil
}

func fromStatus(s *status.Status) *Error {
	if s.Code() == codes.OK {
		return nil
	}
	e := &Error{Kind: kindOfCode(s.Code())}
	var info *errdetails.ErrorInfo
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			if unit, ours := unitOf(d.GetDomain()); ours && info == nil {
				info, e.Domain = d, unit
			}
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				e.Violations = append(e.Violations, Violation{Field: v.GetField(), Rule: v.GetReason(), Message: v.GetDescription()})
			}
		case *errdetails.RetryInfo:
			e.RetryAfter = d.GetRetryDelay().AsDuration()
		}
	}
	e.cause = causeOfCode(s)
	if info == nil {
		foreign := unclassified(e.Kind, e.cause)
		foreign.RetryAfter = e.RetryAfter
		return foreign
	}
	e.Reason, e.Message = info.GetReason(), s.Message()
	for key, value := range info.GetMetadata() {
		if key != httpStatusKey {
			e.setMetadata(key, value)
		} else if e.Kind == Conflict && value == strconv.Itoa(Reused.HTTPStatus()) {
			e.Kind = Reused
		}
	}
	return e
}

func unitOf(domain string) (unit string, ours bool) {
	if domain == domainRoot {
		return "", true
	}
	return strings.CutSuffix(domain, "."+domainRoot)
}

// causeOfCode keeps what a code says beyond its kind: that a context ended at the other side, or the text of a foreign status.
func causeOfCode(s *status.Status) error {
	switch s.Code() { //nolint:exhaustive // only two codes stand for an ended context
	case codes.Canceled:
		return context.Canceled
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded
	default:
		return remoteError{code: s.Code(), message: s.Message()}
	}
}

// remoteError is a status received from elsewhere, kept for the log.
type remoteError struct {
	code    codes.Code
	message string
}

func (r remoteError) Error() string { return "remote answered " + r.code.String() + ": " + r.message }

// valid replaces bytes that protobuf strings may not hold.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

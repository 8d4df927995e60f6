package gateway

import (
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/fault"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

// domain is the domain of this unit's faults.
const domain = "gateway"

func invalidClient(cause error) error {
	return fault.New(fault.Unauthenticated, domain, gatewayv1.Reason_REASON_INVALID_CLIENT, "the client is not authenticated", fault.Wrap(cause))
}

func invalidScope() error {
	return fault.New(fault.Invalid, domain, gatewayv1.Reason_REASON_INVALID_SCOPE, "a scope is not one the client holds")
}

func invalidField(field, rule, message string) error {
	return invalidRequest(fault.Violation{Field: field, Rule: rule, Message: message})
}

func invalidRequest(violations ...fault.Violation) error {
	return fault.New(fault.Invalid, domain, gatewayv1.Reason_REASON_INVALID_REQUEST, "the request breaks rules", fault.WithViolations(violations...))
}

// undecodable is the fault for a gRPC message that the RPC cannot have: cut off, not UTF-8, or of another type.
func undecodable() error {
	return fault.New(fault.Invalid, domain, gatewayv1.Reason_REASON_INVALID_REQUEST, "the message cannot be decoded")
}

func institutionNotFound() error {
	return fault.New(fault.NotFound, domain, gatewayv1.Reason_REASON_INSTITUTION_NOT_FOUND, "there is no such institution")
}

func viewingSystemNotFound() error {
	return fault.New(fault.NotFound, domain, gatewayv1.Reason_REASON_VIEWING_SYSTEM_NOT_FOUND, "there is no such viewing system")
}

func agentNotFound() error {
	return fault.New(fault.NotFound, domain, gatewayv1.Reason_REASON_AGENT_NOT_FOUND, "there is no such agent")
}

func pageTokenInvalid() error {
	return fault.New(fault.Invalid, domain, gatewayv1.Reason_REASON_PAGE_TOKEN_INVALID, "the page token is not one of this list")
}

func principalNotFound() error {
	return fault.New(fault.NotFound, domain, gatewayv1.Reason_REASON_PRINCIPAL_NOT_FOUND, "there is no such principal")
}

func clientNotFound() error {
	return fault.New(fault.NotFound, domain, gatewayv1.Reason_REASON_CLIENT_NOT_FOUND, "there is no such client")
}

func tooManyClients() error {
	return fault.New(fault.Conflict, domain, gatewayv1.Reason_REASON_TOO_MANY_CLIENTS, "the principal has ten clients that are not revoked")
}

func rateLimited(after time.Duration) error {
	return fault.New(fault.Exhausted, domain, gatewayv1.Reason_REASON_RATE_LIMITED, "the quota is used up", fault.WithRetryAfter(after))
}

func unitNotNamed() error {
	return fault.New(fault.Invalid, domain, gatewayv1.Reason_REASON_INVALID_REQUEST, "the metadata "+unitHeader+" must name the unit")
}

func tooLarge(limit int) error {
	return fault.New(fault.Invalid, domain, gatewayv1.Reason_REASON_BODY_TOO_LARGE, fmt.Sprintf("the message has more than %d bytes", limit))
}

func overloaded(after time.Duration) error {
	return fault.New(fault.Unavailable, domain, gatewayv1.Reason_REASON_OVERLOADED, "there is no room for the request now", fault.WithRetryAfter(max(after, time.Second)))
}

// compressed refuses what would be longer in memory than it is on the way.
func compressed() error {
	return fault.New(fault.Invalid, domain, gatewayv1.Reason_REASON_UNSUPPORTED_MEDIA_TYPE, "messages must not be compressed")
}

func notWhole(cause error) error {
	return fault.New(fault.Invalid, domain, gatewayv1.Reason_REASON_INVALID_REQUEST, "the message did not arrive whole", fault.Wrap(cause))
}

func notAuthorised() error {
	return fault.New(fault.Denied, domain, gatewayv1.Reason_REASON_NOT_AUTHORISED, "the person may not act for this organisation")
}

func lastOperator() error {
	return fault.New(fault.Conflict, domain, gatewayv1.Reason_REASON_LAST_OPERATOR, "these are the last credentials of an operator; make others first")
}

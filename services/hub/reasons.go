package hub

import (
	"errors"

	"github.com/naru-relay/naru/pkg/fault"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

const domain = "hub"

// metaErrCode is the metadata key of the hub's own error code.
const metaErrCode = "errCode"

// unavailable keeps only the text of its cause. If the hub's refusal of a token stayed in the error chain, it would be taken for
// a refusal of the call.
func unavailable(cause error) error {
	return fault.New(fault.Unavailable, domain, hubv1.Reason_REASON_HUB_UNAVAILABLE,
		"the outcome of the call to the distribution hub is unknown; the same may be sent again", fault.Wrap(errors.New(cause.Error())))
}

// tryLater has the same kind and reason: the caller does the same, whether or not it is known that the hub did nothing.
func tryLater(code string, cause error) error {
	return fault.New(fault.Unavailable, domain, hubv1.Reason_REASON_HUB_UNAVAILABLE,
		"the distribution hub asks to try again later; the same may be sent again", fault.WithMetadata(metaErrCode, code), fault.Wrap(cause))
}

func refused(code string, cause error) error {
	return fault.New(fault.Conflict, domain, hubv1.Reason_REASON_HUB_REFUSED,
		"the distribution hub refused", fault.WithMetadata(metaErrCode, code), fault.Wrap(cause))
}

func noCirculation(code string, cause error) error {
	return fault.New(fault.Conflict, domain, hubv1.Reason_REASON_NO_CIRCULATION,
		"the distribution hub holds no circulation for it", fault.WithMetadata(metaErrCode, code), fault.Wrap(cause))
}

// addressUnknown keeps the hub's code out of the metadata: the reason says it, and which code it is depends on the settings.
func addressUnknown(cause error) error {
	return fault.New(fault.Conflict, domain, hubv1.Reason_REASON_ADDRESS_UNKNOWN, "the distribution hub knows no such address", fault.Wrap(cause))
}

func pushNotFound() error {
	return fault.New(fault.NotFound, domain, hubv1.Reason_REASON_PUSH_NOT_FOUND, "there is no such push")
}

func exchangeNotFound() error {
	return fault.New(fault.NotFound, domain, hubv1.Reason_REASON_EXCHANGE_NOT_FOUND, "there is no such exchange with the hub, and no such push")
}

func factsNotWitnessed(cause error) error {
	return fault.New(fault.Unavailable, domain, hubv1.Reason_REASON_FACTS_NOT_WITNESSED, cause.Error(), fault.Wrap(cause))
}

func addressTaken() error {
	return fault.New(fault.Conflict, domain, hubv1.Reason_REASON_ADDRESS_TAKEN, "the address belongs to somebody else")
}

func invalid(field, rule, message string) error {
	return fault.New(fault.Invalid, domain, hubv1.Reason_REASON_INVALID_REQUEST, "",
		fault.WithViolations(fault.Violation{Field: field, Rule: rule, Message: message}))
}

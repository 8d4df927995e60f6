package address

import (
	"errors"

	"github.com/naru-relay/naru/pkg/fault"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// domain of this unit's faults.
const domain = "address"

func errNotAMember() error {
	return fault.New(fault.NotFound, domain, addressv1.Reason_REASON_NOT_A_MEMBER, "the caller is not a member of this relay")
}

func errAddressTaken() error {
	return fault.New(fault.Exists, domain, addressv1.Reason_REASON_ADDRESS_TAKEN, "the address is taken")
}

// errOtherAddress: one institution has one address for its life.
func errOtherAddress() error {
	return fault.New(fault.Exists, domain, addressv1.Reason_REASON_ADDRESS_TAKEN, "the institution has another address already")
}

func errAddressUnknown() error {
	return fault.New(fault.NotFound, domain, addressv1.Reason_REASON_ADDRESS_UNKNOWN, "the address is not one of this relay")
}

func errHubUnavailable(cause error) error {
	return fault.New(fault.Unavailable, domain, addressv1.Reason_REASON_HUB_UNAVAILABLE, "the distribution hub does not answer", fault.Wrap(cause))
}

func errInvalid(field, rule, message string) error {
	return fault.New(fault.Invalid, domain, addressv1.Reason_REASON_INVALID_REQUEST, "the request breaks a rule",
		fault.WithViolations(fault.Violation{Field: field, Rule: rule, Message: message}))
}

// refusedForGood tells whether the hub answered that sending the same again will not mend it.
func refusedForGood(err error) bool {
	return errors.Is(err, fault.Invalid) || errors.Is(err, fault.Conflict) || errors.Is(err, fault.Exists)
}

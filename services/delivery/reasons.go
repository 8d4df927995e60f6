package delivery

import (
	"github.com/naru-relay/naru/pkg/fault"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

const domain = "delivery"

// itemNotFound is also the answer for somebody else's document: nobody learns that it exists.
func itemNotFound() error {
	return fault.New(fault.NotFound, domain, deliveryv1.Reason_REASON_ITEM_NOT_FOUND, "there is no such document in this inbox")
}

func pageTokenInvalid() error {
	return fault.New(fault.Invalid, domain, deliveryv1.Reason_REASON_PAGE_TOKEN_INVALID, "pageToken is not one this relay gave")
}

// addressWithdrawn is no fault but what DeliveryFailed tells: why a delivery failed.
func addressWithdrawn() string { return fault.NameOf(deliveryv1.Reason_REASON_ADDRESS_WITHDRAWN) }

// invitationNotFound is the answer to every code that is not that of an invitation: nobody learns how near it was.
func invitationNotFound() error {
	return fault.New(fault.NotFound, domain, deliveryv1.Reason_REASON_INVITATION_NOT_FOUND, "this relay has given no such invitation")
}

// noticeNotFound is the answer to every code that is not that of a notice of the document.
func noticeNotFound() error {
	return fault.New(fault.NotFound, domain, deliveryv1.Reason_REASON_NOTICE_NOT_FOUND, "this relay has given no such notice")
}

// Why a delivery failed whose recipient was to be invited.
func noSuchPerson() string      { return fault.NameOf(deliveryv1.Reason_REASON_NO_SUCH_PERSON) }
func invitationRefused() string { return fault.NameOf(deliveryv1.Reason_REASON_INVITATION_REFUSED) }
func invitationFailed() string  { return fault.NameOf(deliveryv1.Reason_REASON_INVITATION_FAILED) }

func clockUntrusted(cause error) error {
	return fault.New(fault.Unavailable, domain, nil, "the clock may not be believed", fault.Wrap(cause))
}

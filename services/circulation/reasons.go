package circulation

import (
	"github.com/naru-relay/naru/pkg/fault"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
)

const domain = "circulation"

// recordNotFound is also the answer for somebody else's document: nobody learns that it exists.
func recordNotFound() error {
	return fault.New(fault.NotFound, domain, circulationv1.Reason_REASON_RECORD_NOT_FOUND, "there is no circulation record of this document")
}

func notQueued() error {
	return fault.New(fault.Conflict, domain, circulationv1.Reason_REASON_NOT_QUEUED, "nothing of this record waits for a person")
}

func notAlreadyRegistered() error {
	return fault.New(fault.Conflict, domain, circulationv1.Reason_REASON_NOT_ALREADY_REGISTERED,
		"nothing of this record waits because the hub has it already")
}

func pageTokenInvalid() error {
	return fault.New(fault.Invalid, domain, circulationv1.Reason_REASON_PAGE_TOKEN_INVALID, "pageToken is not one this relay gave")
}

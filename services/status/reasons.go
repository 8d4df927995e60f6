package status

import (
	"fmt"

	"github.com/naru-relay/naru/pkg/fault"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

const domain = "status"

// documentNotFound is also the answer for somebody else's document: nobody learns that it exists.
func documentNotFound() error {
	return fault.New(fault.NotFound, domain, statusv1.Reason_REASON_DOCUMENT_NOT_FOUND, "there is no such document")
}

// intakeUnavailable: it is not known now whether the document exists.
func intakeUnavailable(cause error) error {
	return fault.New(fault.Unavailable, domain, nil, "", fault.Wrap(cause))
}

// callerMalformed: the gateway makes principal ids, so another form is a defect of ours.
func callerMalformed(cause error) error {
	return fault.New(fault.Internal, domain, nil, "", fault.Wrap(fmt.Errorf("read the caller's id: %w", cause)))
}

func pageTokenInvalid() error {
	return fault.New(fault.Invalid, domain, statusv1.Reason_REASON_PAGE_TOKEN_INVALID, "pageToken is not one this relay gave for this query")
}

package status

import (
	"github.com/naru-relay/naru/pkg/fault"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

const domain = "status"

// documentNotFound is also the answer for somebody else's document: nobody learns that it exists.
func documentNotFound() error {
	return fault.New(fault.NotFound, domain, statusv1.Reason_REASON_DOCUMENT_NOT_FOUND, "there is no such document")
}

func pageTokenInvalid() error {
	return fault.New(fault.Invalid, domain, statusv1.Reason_REASON_PAGE_TOKEN_INVALID, "pageToken is not one this relay gave for this query")
}

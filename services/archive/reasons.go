package archive

import (
	"time"

	"github.com/naru-relay/naru/pkg/fault"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
)

const domain = "archive"

// depositNotFound is also the answer for somebody else's document: nobody learns that it exists.
func depositNotFound() error {
	return fault.New(fault.NotFound, domain, archivev1.Reason_REASON_DEPOSIT_NOT_FOUND, "there is no deposit of such a document of yours")
}

func pageTokenInvalid() error {
	return fault.New(fault.Invalid, domain, archivev1.Reason_REASON_PAGE_TOKEN_INVALID, "pageToken is not one this relay gave")
}

// archiveUnavailable: the archive gives nothing now.
func archiveUnavailable(cause error) error {
	return fault.New(fault.Unavailable, domain, archivev1.Reason_REASON_ARCHIVE_UNAVAILABLE, "the archive does not issue the document now",
		fault.WithRetryAfter(time.Second), fault.Wrap(cause))
}

// issueRefused: the archive does not issue what it registered.
func issueRefused(cause error) error {
	return fault.New(fault.Conflict, domain, archivev1.Reason_REASON_ISSUE_REFUSED, "the archive refuses to issue the document", fault.Wrap(cause))
}

// Why a deposit failed, as DepositFailed tells it.

func becauseRefused() string     { return fault.NameOf(archivev1.Reason_REASON_DEPOSIT_REFUSED) }
func becauseContentLost() string { return fault.NameOf(archivev1.Reason_REASON_CONTENT_LOST) }
func becauseGivenUp() string     { return fault.NameOf(archivev1.Reason_REASON_DEPOSIT_GIVEN_UP) }

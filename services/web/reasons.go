package web

import (
	"time"

	"github.com/naru-relay/naru/pkg/fault"
)

const domain = "web"

// The reasons of these pages; people get the sentences of package locale.
const (
	reasonFormExpired  fault.Word = "FORM_EXPIRED"
	reasonNoSuchRoute  fault.Word = "NO_SUCH_ROUTE"
	reasonRateLimited  fault.Word = "RATE_LIMITED"
	reasonBodyTooLarge fault.Word = "BODY_TOO_LARGE"
	reasonOverloaded   fault.Word = "OVERLOADED"
	reasonNoSuchDraft  fault.Word = "DRAFT_NOT_FOUND"
	reasonManyDrafts   fault.Word = "TOO_MANY_DRAFTS"
	reasonManyFiles    fault.Word = "TOO_MANY_FILES"
	reasonDraftBusy    fault.Word = "DRAFT_BUSY"
	reasonDraftBegun   fault.Word = "DRAFT_BEGUN"
)

// formExpired is also for a request that another site made: neither gets to know which.
func formExpired() error {
	return fault.New(fault.Denied, domain, reasonFormExpired, "the form's token is not the session's, or the request comes from elsewhere")
}

func noSuchPage() error {
	return fault.New(fault.NotFound, domain, reasonNoSuchRoute, "there is no such page")
}

func rateLimited(wait time.Duration) error {
	return fault.New(fault.Exhausted, domain, reasonRateLimited, "too many requests of this network address", fault.WithRetryAfter(wait))
}

func bodyTooLarge() error {
	return fault.New(fault.Invalid, domain, reasonBodyTooLarge, "the body is too large")
}

func overloaded() error {
	return fault.New(fault.Unavailable, domain, reasonOverloaded, "too many files arrive at once")
}

func invalidForm(message string) error {
	return fault.New(fault.Invalid, domain, fault.InvalidRequest, message)
}

func noSuchDraft() error {
	return fault.New(fault.NotFound, domain, reasonNoSuchDraft, "there is no such draft, or it is somebody else's")
}

func tooManyDrafts() error {
	return fault.New(fault.Exhausted, domain, reasonManyDrafts, "the person prepares too much at once")
}

func tooManyFiles() error {
	return fault.New(fault.Exhausted, domain, reasonManyFiles, "the draft has too many files")
}

func draftBusy() error {
	return fault.New(fault.Conflict, domain, reasonDraftBusy, "the draft is being changed elsewhere")
}

func draftBegun() error {
	return fault.New(fault.Conflict, domain, reasonDraftBegun, "the draft is being sent, and does not change any more")
}

package intake

import (
	"github.com/naru-relay/naru/pkg/authorisation"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/proof"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

const fieldAuthorisation = "authorisation"

func senderUnknown() *fault.Error {
	return fault.New(fault.NotFound, domain, intakev1.Reason_REASON_SENDER_UNKNOWN, "nobody sends from this address of this relay")
}

// authorisationNotFound is also the answer about somebody else's.
func authorisationNotFound() *fault.Error {
	return fault.New(fault.NotFound, domain, intakev1.Reason_REASON_AUTHORISATION_NOT_FOUND, "there is no such authorisation")
}

func authorisationDecided() *fault.Error {
	return fault.New(fault.Conflict, domain, intakev1.Reason_REASON_AUTHORISATION_DECIDED, "the authorisation was declined or revoked, or its time is over")
}

func digestDiffers() *fault.Error {
	return fault.New(fault.Conflict, domain, intakev1.Reason_REASON_DIGEST_DIFFERS, "the digest is not that of the authorisation")
}

func requestDiffers() *fault.Error {
	return fault.New(fault.Conflict, domain, intakev1.Reason_REASON_REQUEST_DIFFERS, "the request id was used for other items or another sender")
}

func tooManyAuthorisations() *fault.Error {
	return fault.New(fault.Conflict, domain, intakev1.Reason_REASON_TOO_MANY_AUTHORISATIONS, "too many authorisations wait for their senders")
}

func pageTokenInvalid() *fault.Error {
	return fault.New(fault.Invalid, domain, intakev1.Reason_REASON_PAGE_TOKEN_INVALID, "the page token is not one of this list")
}

// refusedSignature says which check a signature failed.
func refusedSignature(err error) *fault.Error {
	rule := authorisation.ErrMalformed.Name
	if failed := proof.Failed(err, authorisation.ErrMalformed, authorisation.ErrKey, authorisation.ErrForged, authorisation.ErrMismatch,
		authorisation.ErrExpired); len(failed) > 0 {
		rule = failed[0].Name
	}
	return fault.New(fault.Invalid, domain, intakev1.Reason_REASON_SIGNATURE_INVALID, "it is not signed by a registered key of the sender for this authorisation",
		fault.WithViolations(fault.Violation{Field: "jws", Rule: fieldAuthorisation + "." + rule, Message: "does not pass the check"}), fault.Wrap(err))
}

func mandateNotInForce() *fault.Error {
	return fault.New(fault.Denied, domain, intakev1.Reason_REASON_AUTHORISATION_MISSING, "the authorisation was not given, or has ended")
}

// Findings of an item that an agent sends.

func authorisationUnnamed() finding {
	return authorisationFinding(fault.Denied, intakev1.Reason_REASON_AUTHORISATION_MISSING, "an agent names the sender's authorisation")
}

func authorisationUnknown() finding {
	return authorisationFinding(fault.Invalid, intakev1.Reason_REASON_AUTHORISATION_NOT_FOUND, "this agent has no such authorisation")
}

func authorisationWaits() finding {
	return authorisationFinding(fault.Denied, intakev1.Reason_REASON_AUTHORISATION_MISSING, "the sender has not given the authorisation")
}

func authorisationOver() finding {
	return authorisationFinding(fault.Denied, intakev1.Reason_REASON_AUTHORISATION_MISSING, "the authorisation has ended")
}

func itemDiffers() finding {
	return authorisationFinding(fault.Invalid, intakev1.Reason_REASON_DIGEST_DIFFERS, "the item is not one that the sender has authorised")
}

func authorisationFinding(kind fault.Kind, reason intakev1.Reason, message string) finding {
	return finding{kind: kind, reason: reason, message: message, where: fault.Violation{Field: fieldAuthorisation, Rule: ruleOf(reason), Message: message}}
}

// onlyAgents is broken by whoever sends for itself and names an authorisation.
func onlyAgents() fault.Violation {
	return fault.Violation{Field: fieldAuthorisation, Rule: "authorisation.agent", Message: "must be left out by whoever sends for itself"}
}

// agentSuspended has the reason of senders.
func agentSuspended() *fault.Error {
	return fault.New(fault.Denied, domain, intakev1.Reason_REASON_SENDER_SUSPENDED, "the agent is suspended")
}

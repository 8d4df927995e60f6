package address

import (
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

func errAddressUnknown() error {
	return fault.New(fault.NotFound, domain, addressv1.Reason_REASON_ADDRESS_UNKNOWN, "the address is not one of this relay")
}

func errInstitutionDiffers() error {
	return fault.New(fault.Conflict, domain, addressv1.Reason_REASON_INSTITUTION_DIFFERS, "an institution with this business number and address has another name or type")
}

func errInstitutionNotFound() error {
	return fault.New(fault.NotFound, domain, addressv1.Reason_REASON_INSTITUTION_NOT_FOUND, "there is no such institution")
}

func errAddressNotRefused() error {
	return fault.New(fault.Conflict, domain, addressv1.Reason_REASON_ADDRESS_NOT_REFUSED, "the institution's address is not refused, so nothing is submitted again")
}

func errNameChangeNotFound() error {
	return fault.New(fault.NotFound, domain, addressv1.Reason_REASON_NAME_CHANGE_NOT_FOUND, "there is no such change of which the hub does not know")
}

func errAddressNotRegistered() error {
	return fault.New(fault.Conflict, domain, addressv1.Reason_REASON_ADDRESS_NOT_REGISTERED, "the address is not registered at the hub, so nothing of it changes there")
}

func errRequestIDReused() *fault.Error {
	return fault.New(fault.Reused, domain, addressv1.Reason_REASON_REQUEST_ID_REUSED, "the request id was used for another request")
}

func errPageToken() error {
	return fault.New(fault.Invalid, domain, addressv1.Reason_REASON_PAGE_TOKEN_INVALID, "pageToken is not one this relay gave")
}

func errHubUnavailable(cause error) error {
	return fault.New(fault.Unavailable, domain, addressv1.Reason_REASON_HUB_UNAVAILABLE, "the distribution hub does not answer", fault.Wrap(cause))
}

func errIdentityNotFound() error {
	return fault.New(fault.NotFound, domain, addressv1.Reason_REASON_IDENTITY_NOT_FOUND, "there is no such identity")
}

func errIdentitiesDiffer() error {
	return fault.New(fault.Conflict, domain, addressv1.Reason_REASON_IDENTITIES_DIFFER,
		"the two are not listed as alike, or one of them is merged with a third")
}

func errIdentityIsMember() error {
	return fault.New(fault.Conflict, domain, addressv1.Reason_REASON_IDENTITY_IS_MEMBER, "the identity that would be merged has been a member itself")
}

func errApplicationNotFound() error {
	return fault.New(fault.NotFound, domain, addressv1.Reason_REASON_APPLICATION_NOT_FOUND, "there is no such application")
}

func errApplicationWaits() *fault.Error {
	return fault.New(fault.Conflict, domain, addressv1.Reason_REASON_APPLICATION_WAITS, "an earlier application for this business number is not decided yet")
}

func errApplicationConfirmed() error {
	return fault.New(fault.Conflict, domain, addressv1.Reason_REASON_APPLICATION_CONFIRMED, "the application was confirmed")
}

func errApplicationRefused() error {
	return fault.New(fault.Conflict, domain, addressv1.Reason_REASON_APPLICATION_REFUSED, "the application was refused; another one may be made")
}

func errTooManyApplications() error {
	return fault.New(fault.Conflict, domain, addressv1.Reason_REASON_TOO_MANY_APPLICATIONS, "too many applications of the caller are not decided yet")
}

func errNotForOrganisations() error {
	return fault.New(fault.Conflict, domain, addressv1.Reason_REASON_NOT_FOR_ORGANISATIONS, "this is for a person's own session, not for an organisation's")
}

func errNotAnOrganisation() error {
	return fault.New(fault.Conflict, domain, addressv1.Reason_REASON_NOT_AN_ORGANISATION, "this is for an organisation's session")
}

func errNotAuthorised() error {
	return fault.New(fault.Denied, domain, addressv1.Reason_REASON_NOT_AUTHORISED, "the person may not do this for the organisation")
}

func errOrganisationNotFound() error {
	return fault.New(fault.NotFound, domain, addressv1.Reason_REASON_ORGANISATION_NOT_FOUND, "there is no such organisation")
}

func errAuthorityNotFound() error {
	return fault.New(fault.NotFound, domain, addressv1.Reason_REASON_AUTHORITY_NOT_FOUND, "there is no such authority")
}

func errLastRepresentative() error {
	return fault.New(fault.Conflict, domain, addressv1.Reason_REASON_LAST_REPRESENTATIVE, "the organisation is a member and has no other representative")
}

func errRepresentativeHasAllRights() error {
	return fault.New(fault.Conflict, domain, addressv1.Reason_REASON_REPRESENTATIVE_HAS_ALL_RIGHTS, "a representative has every right")
}

func errTooManyPersons() error {
	return fault.New(fault.Conflict, domain, addressv1.Reason_REASON_TOO_MANY_PERSONS, "too many persons may act for the organisation")
}

func errPapersGone() error {
	return fault.New(fault.Conflict, domain, addressv1.Reason_REASON_PAPERS_GONE,
		"the documents that the hub requires are not kept any more; they have to be submitted again")
}

func errInvalid(field, rule, message string) error {
	return fault.New(fault.Invalid, domain, addressv1.Reason_REASON_INVALID_REQUEST, "the request breaks a rule",
		fault.WithViolations(fault.Violation{Field: field, Rule: rule, Message: message}))
}

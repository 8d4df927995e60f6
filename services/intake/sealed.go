package intake

import "github.com/naru-relay/naru/pkg/sealed"

// What intake seals.
const (
	sealedTitle sealed.Purpose = "intake.title"
	// sealedDescription is how the sender described the recipient: CI, or name with birth date and phone, or business number.
	sealedDescription sealed.Purpose = "intake.recipient_description"
	// sealedIdentifier is the sender's own identifier of the recipient, told to the viewing system with a verified token.
	sealedIdentifier sealed.Purpose = "intake.viewing_identifier"
	// sealedContact is how a recipient who is a member nowhere can be invited.
	sealedContact sealed.Purpose = "intake.contact"
	// sealedCertificate is a registration certificate as it is kept; the subject is its digest in hexadecimal.
	sealedCertificate sealed.Purpose = "intake.registration_certificate"
	// sealedItems is what a sender is shown of the items that its agent wants to send; the subject is the authorisation.
	sealedItems sealed.Purpose = "intake.authorisation_items"
)

// sealedMemberships is of which archives a sender is a member, under which names; address seals it.
const sealedMemberships sealed.Purpose = "address.archive_memberships"

const (
	// sendDeadlineMost and viewingDeadlineMost bound the deadlines that may be configured, counted from acceptance.
	sendDeadlineMost    = 90 * day
	viewingDeadlineMost = 400 * day

	// authorisationLifeMost bounds the life of authorisations that may be configured.
	authorisationLifeMost = 7 * day
	// itemsKept is how long after the end of an authorisation its sender can still see what it was about.
	itemsKept = 8 * day

	// afterDeadline is how long a key is kept after the last deadline of its month, for questions about the document.
	afterDeadline = 60 * day
)

// seals says who may open what intake seals, and for how long.
func seals() []sealed.Rule {
	return []sealed.Rule{
		{Purpose: sealedTitle, Readers: []string{"circulation", "delivery"}},
		{Purpose: sealedDescription, Readers: []string{"address"}, Life: sendDeadlineMost + afterDeadline},
		{Purpose: sealedIdentifier, Readers: []string{"viewing"}, Life: viewingDeadlineMost + afterDeadline},
		{Purpose: sealedContact, Readers: []string{"delivery"}, Life: sendDeadlineMost + afterDeadline},
		{Purpose: sealedCertificate, Readers: []string{domain}},
		{Purpose: sealedItems, Readers: []string{domain}, Life: authorisationLifeMost + itemsKept},
	}
}

func opens() []sealed.Purpose { return []sealed.Purpose{sealedMemberships} }

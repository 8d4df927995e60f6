package address

import "github.com/naru-relay/naru/pkg/sealed"

// What address seals, and opens again.
const (
	// sealedMember is who a person is, as proved, and the name of who may act for an organisation.
	sealedMember sealed.Purpose = "address.member"
	// sealedInstitution is what an operator entered about an institution or a person gave about an organisation, with the
	// papers; a sole trader's are personal data.
	sealedInstitution sealed.Purpose = "address.institution"
	// sealedMemberships is of which archives an institution is a member, under which names; intake judges certificates by it.
	sealedMemberships sealed.Purpose = "address.archive_memberships"
)

// Blind indexes by which documents find members. Those that end in _2 are a second column for a rotation of keys: write both,
// fill the new column, read the new one, drop the old one.
const (
	blindCI sealed.Purpose = "address.blind_ci"
	// blindPerson is over name, birth date and phone as one composite.
	blindPerson    sealed.Purpose = "address.blind_person"
	blindBusiness  sealed.Purpose = "address.blind_business"
	blindCI2       sealed.Purpose = "address.blind_ci_2"
	blindPerson2   sealed.Purpose = "address.blind_person_2"
	blindBusiness2 sealed.Purpose = "address.blind_business_2"
)

// sealedDescription is how a sender described its recipient, which intake seals for this unit.
const sealedDescription sealed.Purpose = "intake.recipient_description"

func seals() []sealed.Rule {
	rules := []sealed.Rule{
		{Purpose: sealedMember, Readers: []string{domain}},
		{Purpose: sealedInstitution, Readers: []string{domain}},
		{Purpose: sealedMemberships, Readers: []string{domain, "intake"}},
	}
	for _, p := range []sealed.Purpose{blindCI, blindPerson, blindBusiness, blindCI2, blindPerson2, blindBusiness2} {
		rules = append(rules, sealed.Rule{Purpose: p, Index: true})
	}
	return rules
}

func opens() []sealed.Purpose { return []sealed.Purpose{sealedDescription} }

package sealed

import (
	"slices"
	"time"
)

// Purpose says what a value is and thereby which units deal with it.
type Purpose string

// Purposes of sealed values.
const (
	// RecipientDescription is how the sender described the recipient (CI, or name with birth date and phone, or registration
	// number).
	RecipientDescription Purpose = "recipient_description"
	// Title of a document.
	Title Purpose = "title"
	// ViewingIdentifier is the sender's own identifier of the recipient, told to the viewing system with a verified token.
	ViewingIdentifier Purpose = "viewing_identifier"
	// Member is what a member gave when joining.
	Member Purpose = "member"
	// Institution is what an operator entered about a sending institution, its papers included; a sole trader's are personal
	// data.
	Institution Purpose = "institution"
	// Exchange is a raw exchange with the distribution hub.
	Exchange Purpose = "exchange"
	// HubToken is the platform's access token at the distribution hub.
	HubToken Purpose = "hub_token"
	// CirculationItem is what a circulation record's call to the hub holds.
	CirculationItem Purpose = "circulation_item"
	// AcceptanceReason is why an operator accepted the hub's answer about a circulation record.
	AcceptanceReason Purpose = "acceptance_reason"
	// Applicant is who asked for a certificate.
	Applicant Purpose = "applicant"
	// CertificateFile is a certificate as received from its issuer.
	CertificateFile Purpose = "certificate_file"
)

// Purposes of blind indexes. A purpose that ends in _2 is the second column during a rotation: write both, fill the new column,
// read the new one, drop the old one.
const (
	// BlindCI is over a CI.
	BlindCI Purpose = "blind_ci"
	// BlindPerson is over name, birth date and phone as one composite.
	BlindPerson Purpose = "blind_person"
	// BlindBusiness is over a business registration number.
	BlindBusiness Purpose = "blind_business"
	// BlindCI2, BlindPerson2 and BlindBusiness2 take over when the keys of the first are rotated.
	BlindCI2       Purpose = "blind_ci_2"
	BlindPerson2   Purpose = "blind_person_2"
	BlindBusiness2 Purpose = "blind_business_2"
)

// rule is one line of the table of purposes.
type rule struct {
	purpose Purpose
	// maker is the unit that makes and keeps the keys; only it seals.
	maker string
	// readers are the units that may open values.
	readers []string
	// index is true for a blind index, false for a sealed value.
	index bool
	// life is how long after their month its keys are kept; 0 means as long as what they protect.
	life time.Duration
}

// Keys that are needed only while a document is under way are destroyed when no document of their month can be under way any
// more. The journal keeps recipients' descriptions for ten years, but then nobody can open them.
const (
	// SendDeadlineMost and ViewingDeadlineMost bound the deadlines that may be configured, counted from acceptance.
	SendDeadlineMost    = 90 * 24 * time.Hour
	ViewingDeadlineMost = 400 * 24 * time.Hour

	// afterDeadline is the time a key is kept after the last deadline, for questions about the document.
	afterDeadline = 60 * 24 * time.Hour
)

// rules is the complete table of who may do what.
func rules() []rule {
	return []rule{
		{purpose: RecipientDescription, maker: "intake", readers: []string{"address"}, life: SendDeadlineMost + afterDeadline},
		{purpose: Title, maker: "intake", readers: []string{"circulation", "delivery", "forwarding", "viewing"}},
		{purpose: ViewingIdentifier, maker: "intake", readers: []string{"viewing"}, life: ViewingDeadlineMost + afterDeadline},
		{purpose: Member, maker: "address", readers: []string{"address"}},
		{purpose: Institution, maker: "address", readers: []string{"address"}},
		{purpose: Exchange, maker: "hub", readers: []string{"hub"}},
		{purpose: HubToken, maker: "hub", readers: []string{"hub"}},
		{purpose: CirculationItem, maker: "circulation", readers: []string{"hub"}},
		{purpose: AcceptanceReason, maker: "circulation", readers: []string{"circulation"}},
		{purpose: Applicant, maker: "certificate", readers: []string{"certificate"}},
		{purpose: CertificateFile, maker: "certificate", readers: []string{"certificate"}},
		{purpose: BlindCI, maker: "address", index: true},
		{purpose: BlindPerson, maker: "address", index: true},
		{purpose: BlindBusiness, maker: "address", index: true},
		{purpose: BlindCI2, maker: "address", index: true},
		{purpose: BlindPerson2, maker: "address", index: true},
		{purpose: BlindBusiness2, maker: "address", index: true},
	}
}

// Purposes lists all purposes.
func Purposes() []Purpose {
	var all []Purpose
	for _, r := range rules() {
		all = append(all, r.purpose)
	}
	return all
}

// rule looks p up; the zero rule, which allows nothing, for an unknown purpose.
func (p Purpose) rule() rule {
	for _, r := range rules() {
		if r.purpose == p {
			return r
		}
	}
	return rule{}
}

// Maker is the unit that makes p's keys and seals with them; empty for an unknown purpose.
func (p Purpose) Maker() string { return p.rule().maker }

// Readers are the units that may open values of p; none for an index, which cannot be opened.
func (p Purpose) Readers() []string { return slices.Clone(p.rule().readers) }

// Index reports whether p is a blind index.
func (p Purpose) Index() bool { return p.rule().index }

func (r rule) readBy(unit string) bool { return slices.Contains(r.readers, unit) }

// endOf is when a key made in a month is destroyed; zero for one that is kept.
func (r rule) endOf(month time.Time) time.Time {
	if r.life == 0 {
		return time.Time{}
	}
	return month.AddDate(0, 1, 0).Add(r.life)
}

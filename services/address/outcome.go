package address

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// States of a member and of an address, as stored.
const (
	memberRegistering = "registering"
	memberActive      = "active"
	memberWithdrawn   = "withdrawn"

	addressRegistering = "registering"
	addressRegistered  = "registered"
	addressRefused     = "refused"
	addressWithdrawn   = "withdrawn"
)

// Where an outcome comes from.
const (
	sourceOwn     = "own"
	sourceRequest = "request"
	sourceHub     = "hub"
	// sourceDeadline: there was no outcome before the send deadline.
	sourceDeadline = "deadline"
)

// candidate is an identity or institution of this relay that a description matches, with what decides whether it can receive.
type candidate struct {
	// recipient of an identity, principal of an institution; one of them is uuid.Nil.
	recipient, principal  uuid.UUID
	memberState           string
	consented, designated bool
	// choices counts the member's changes of consent and refusals.
	choices               int32
	address, addressState string
	validFrom             time.Time
	// memberAddress is the member's present address: nobody is found by a former address.
	memberAddress string
}

// joined reports whether the candidate is a member with a present address. Somebody whose identity was proved and who never
// joined receives nothing here, so it makes nobody ambiguous either.
func (c candidate) joined() bool {
	current := c.address != "" && c.address == c.memberAddress
	return current && c.memberState != "" && c.memberState != memberWithdrawn && c.addressState != addressRefused
}

// outcome of a search.
type outcome struct {
	resolution addressv1.Resolution
	// recipient is set whenever a member of this relay was found, even if others must not learn it.
	recipient uuid.UUID
	// Set for RESOLUTION_OWN and RESOLUTION_PEER; validFrom and choices for the former.
	platform, address string
	validFrom         time.Time
	choices           int32
	source, exchange  string
}

// documentState is the state of the open document after this outcome.
func (o outcome) documentState() string {
	switch o.resolution {
	case addressv1.Resolution_RESOLUTION_OWN:
		return documentOwn
	case addressv1.Resolution_RESOLUTION_REFUSED:
		return documentRefused
	case addressv1.Resolution_RESOLUTION_AMBIGUOUS:
		return documentAmbiguous
	case addressv1.Resolution_RESOLUTION_UNKNOWN:
		return documentExpired
	default:
		return documentOpen
	}
}

// finding is the result of a search in this relay's own data.
type finding int

const (
	// findingOutcome: there is an outcome.
	findingOutcome finding = iota
	// findingNobody: no member here; the hub has to be asked.
	findingNobody
	// findingPending: a member whose address is being registered at the hub. The document waits: the hub asked now could wrongly
	// answer "nowhere", and after the confirmation the document is looked at again.
	findingPending
)

// decide decides from this relay's own data. An organisation that has joined comes before an institution with its business
// number. refused reports whether the recipient refuses the document's sender.
func (m matcher) decide(kind matchKind, found []candidate, refused func(recipient uuid.UUID) bool) (outcome, finding) {
	var people, institutions []candidate
	for _, c := range found {
		switch {
		case c.recipient == uuid.Nil:
			institutions = append(institutions, c)
		case c.joined():
			people = append(people, c)
		}
	}
	if len(people) > 1 {
		return outcome{resolution: addressv1.Resolution_RESOLUTION_AMBIGUOUS, source: sourceOwn}, findingOutcome
	}
	if len(people) == 1 {
		if o, f := m.decideMember(people[0], refused); f != findingNobody {
			return o, f
		}
	}
	// An institution can send from its address here, but has designated no inbox; that is for an organisation to do.
	if slices.ContainsFunc(institutions, func(c candidate) bool { return c.addressState == addressRegistered }) {
		return outcome{resolution: addressv1.Resolution_RESOLUTION_OWN_WITHOUT_CONSENT, source: sourceOwn}, findingOutcome
	}
	if kind == matchAddress {
		// Platform and address in the request fix the relay: no other relay is asked.
		return outcome{resolution: addressv1.Resolution_RESOLUTION_NONE, source: sourceOwn}, findingOutcome
	}
	return outcome{}, findingNobody
}

func (m matcher) decideMember(c candidate, refused func(recipient uuid.UUID) bool) (outcome, finding) {
	if !c.joined() {
		return outcome{}, findingNobody
	}
	if c.memberState != memberActive || c.addressState != addressRegistered {
		return outcome{}, findingPending
	}
	o := outcome{recipient: c.recipient, source: sourceOwn}
	switch {
	case refused(c.recipient):
		o.resolution = addressv1.Resolution_RESOLUTION_REFUSED
	case c.consented && c.designated:
		o.resolution = addressv1.Resolution_RESOLUTION_OWN
		o.platform, o.address, o.validFrom, o.choices = m.platform, c.address, c.validFrom, c.choices
	default:
		o.resolution = addressv1.Resolution_RESOLUTION_OWN_WITHOUT_CONSENT
	}
	return o, findingOutcome
}

// hubAnswer is where the hub says somebody is a member.
type hubAnswer struct {
	addresses []*platformv1.PlatformAddress
	exchange  string
}

// ownAddresses are the addresses of this platform in the answer, folded.
func (m matcher) ownAddresses(a hubAnswer) []string {
	var own []string
	for _, found := range a.addresses {
		if strings.EqualFold(found.GetPlatformId(), m.platform) {
			own = append(own, foldAddress(found.GetAddress()))
		}
	}
	return own
}

// decideHub decides from the hub's answer; own is what this relay knows about its own addresses in it. The caller has found
// nobody by decide before.
func (m matcher) decideHub(kind matchKind, answer hubAnswer, own []candidate, refused func(recipient uuid.UUID) bool) (outcome, finding) {
	distinct := distinctAddresses(answer.addresses)
	if kind == matchPerson && len(distinct) > 1 {
		// Two persons may share name, birth date and phone, so nothing is guessed.
		return outcome{resolution: addressv1.Resolution_RESOLUTION_AMBIGUOUS, source: sourceHub, exchange: answer.exchange}, findingOutcome
	}
	own = slices.Clone(own)
	slices.SortFunc(own, func(a, b candidate) int { return strings.Compare(a.address, b.address) })
	pending := false
	for _, c := range own {
		o, f := m.decide(matchForeign, []candidate{c}, refused)
		if f == findingOutcome {
			o.source, o.exchange = sourceHub, answer.exchange
			return o, f
		}
		pending = pending || f == findingPending
	}
	if pending {
		return outcome{}, findingPending
	}
	for _, found := range distinct {
		if !strings.EqualFold(found.GetPlatformId(), m.platform) {
			return outcome{
				resolution: addressv1.Resolution_RESOLUTION_PEER, platform: found.GetPlatformId(), address: found.GetAddress(),
				source: sourceHub, exchange: answer.exchange,
			}, findingOutcome
		}
	}
	return outcome{resolution: addressv1.Resolution_RESOLUTION_NONE, source: sourceHub, exchange: answer.exchange}, findingOutcome
}

// distinctAddresses are the addresses sorted by platform id and address, without repetitions in another case.
func distinctAddresses(found []*platformv1.PlatformAddress) []*platformv1.PlatformAddress {
	distinct := slices.Clone(found)
	order := func(a, b *platformv1.PlatformAddress) int {
		return cmp.Or(
			strings.Compare(strings.ToLower(a.GetPlatformId()), strings.ToLower(b.GetPlatformId())),
			strings.Compare(foldAddress(a.GetAddress()), foldAddress(b.GetAddress())))
	}
	slices.SortStableFunc(distinct, order)
	return slices.CompactFunc(distinct, func(a, b *platformv1.PlatformAddress) bool { return order(a, b) == 0 })
}

package address

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// actor names this unit where nobody else acted.
const actor = "unit:address"

// ofDocument makes a fact about a document.
func ofDocument(d document, ordinal int32, causation string, at time.Time, message proto.Message) journal.Fact {
	return journal.Fact{
		Subject: d.edoc, Ordinal: uint32(ordinal), Sender: d.sender, Actor: actor, OccurredAt: at, //nolint:gosec // counts from 1
		Causation: causation, Traceparent: d.traceparent, Message: message,
	}
}

// tell states the latest outcomes of documents. If they do not name the recipient, it also states, for this unit alone, who the
// recipient is. A document's causation is the frame that brought it, unless a caller's request led to the outcome.
func (s *service) tell(ctx context.Context, tx *journal.Tx, docs []document, asked bool, at time.Time) error {
	events := make([]journal.Fact, len(docs))
	for i, d := range docs {
		causation := d.causation.String()
		if asked {
			causation, d.traceparent = "", ""
		}
		message := resolved(d, at)
		events[i] = ofDocument(d, d.ordinal, causation, at, message)
		s.metrics.resolution(ctx, d.latest)
		if d.latest.recipient == uuid.Nil || message.GetFacts().GetRecipient() != "" {
			continue
		}
		if err := tx.Record(ctx, ofDocument(d, d.ordinal, causation, at, &addressv1.RecipientWithheld{Recipient: d.latest.recipient.String()})); err != nil {
			return err
		}
	}
	return journal.StateByLane(ctx, tx, events, func(i int) platformv1.Lane { return docs[i].lane })
}

// resolved makes the event's message: recipient and address for a consenting member here, only the address for a peer's member,
// and neither for all other outcomes. With the recipient it is known who registers the circulation record: the recipient's relay.
func resolved(d document, at time.Time) *addressv1.RecipientResolved {
	facts, _ := proto.Clone(d.facts).(*platformv1.DocumentFacts)
	sub := facts.GetTo().GetSubAddress()
	facts.To, facts.Recipient, facts.Registrar = nil, "", ""
	switch d.latest.resolution {
	case addressv1.Resolution_RESOLUTION_OWN:
		facts.Recipient = d.latest.recipient.String()
		facts.To = &platformv1.Party{
			PlatformId: d.latest.platform, Address: d.latest.address, SubAddress: sub, ValidFrom: timestamppb.New(d.latest.validFrom),
		}
	case addressv1.Resolution_RESOLUTION_PEER:
		facts.To = &platformv1.Party{PlatformId: d.latest.platform, Address: d.latest.address, SubAddress: sub}
	default:
	}
	if d.latest.resolution != addressv1.Resolution_RESOLUTION_NONE {
		facts.SealedContact = nil // nobody is to be invited
	}
	if facts.GetCirculation() {
		facts.Registrar = facts.GetTo().GetPlatformId()
	}
	return &addressv1.RecipientResolved{
		Facts: facts, Resolution: d.latest.resolution, ResolvedAt: timestamppb.New(at), Source: d.latest.source, Exchange: d.latest.exchange,
		Choices: uint32(d.latest.choices), //nolint:gosec // a count
	}
}

// stateCancelled states that documents were cancelled while their recipients were sought; asked are the events that led to it.
func stateCancelled(ctx context.Context, tx *journal.Tx, stopped []document, asked []inbox.Event[*intakev1.CancelRequested], at time.Time) error {
	facts := make([]journal.Fact, len(stopped))
	for i, d := range stopped {
		facts[i] = asked[i].Answer(actor, at, &addressv1.DocumentCancelled{EdocNum: d.edoc, Sender: d.sender, Lane: d.lane, CancelledAt: timestamppb.New(at)})
	}
	return journal.StateByLane(ctx, tx, facts, func(i int) platformv1.Lane { return stopped[i].lane })
}

// recordSearchEnded states, for this unit alone, that a document with an outcome is not looked at any more.
func recordSearchEnded(ctx context.Context, tx *journal.Tx, d document, at time.Time) error {
	return tx.Record(ctx, ofDocument(d, d.ordinal, "", at, &addressv1.SearchEnded{}))
}

// recordQuotaExceeded states, for this unit alone, that a sender's fruitless searches of a day went beyond the quota.
func recordQuotaExceeded(ctx context.Context, tx *journal.Tx, sender string, quota int64, at time.Time) error {
	return tx.Record(ctx, journal.Fact{Subject: sender, Ordinal: dayNumber(at), Sender: sender, Actor: actor, OccurredAt: at,
		Message: &addressv1.SearchQuotaExceeded{Day: dayOf(at), Quota: quota}})
}

// state states a fact about a recipient or an address. Changes of memberships always travel in the express lane.
func state(ctx context.Context, tx *journal.Tx, subject string, ordinal int32, who string, at time.Time, message proto.Message) error {
	return tx.State(ctx, platformv1.Lane_LANE_EXPRESS, journal.Fact{
		Subject: subject, Ordinal: uint32(ordinal), Actor: who, OccurredAt: at, Message: message, //nolint:gosec // counts from 1
	})
}

// record states a fact that stays here, about a recipient or an address.
func record(ctx context.Context, tx *journal.Tx, subject string, ordinal int32, who string, at time.Time, message proto.Message) error {
	return tx.Record(ctx, journal.Fact{Subject: subject, Ordinal: uint32(ordinal), Actor: who, OccurredAt: at, Message: message}) //nolint:gosec // counts from 1
}

// recordProved completes the proof of an identity with the version it proves, and records it.
func recordProved(ctx context.Context, tx *journal.Tx, proved identity, proof *addressv1.IdentityProved, at time.Time) error {
	proof.IdentityVersion = proved.version
	return record(ctx, tx, id.New().String(), 1, proved.recipient.String(), at, proof)
}

// recordAsked states that a member asks for its address: in a session, with consent and designation, or again without them.
func recordAsked(ctx context.Context, tx *journal.Tx, m member, who caller, at time.Time) error {
	message := &addressv1.MembershipAsked{Recipient: m.recipient.String(), Address: m.address, ValidFrom: timestamppb.New(m.joinedAt), Session: who.session}
	if who.session != "" {
		message.TermsVersion = m.termsVersion
	}
	return record(ctx, tx, id.New().String(), 1, who.actedBy(), at, message)
}

// stateJoined states that a member's address is registered at the hub.
func stateJoined(ctx context.Context, tx *journal.Tx, m member, at time.Time) error {
	return state(ctx, tx, m.recipient.String(), m.generation, m.recipient.String(), at, &addressv1.MemberJoined{
		Recipient: m.recipient.String(), Address: m.address, JoinedAt: timestamppb.New(m.joinedAt),
	})
}

// stateConsentChanged states a member's consent as it is now; without terms it was taken back.
func stateConsentChanged(ctx context.Context, tx *journal.Tx, m member, who caller, at time.Time) error {
	return state(ctx, tx, m.recipient.String(), m.choices, who.actedBy(), at, &addressv1.ConsentChanged{
		Recipient: m.recipient.String(), Consent: m.termsVersion != "", TermsVersion: m.termsVersion, ChangedAt: timestamppb.New(at), Session: who.session,
	})
}

func stateRefusalChanged(ctx context.Context, tx *journal.Tx, m member, sender string, refused bool, who caller, at time.Time) error {
	return state(ctx, tx, m.recipient.String(), m.choices, who.actedBy(), at,
		&addressv1.RefusalChanged{Sender: sender, Refused: refused, Session: who.session})
}

func recordWithdrew(ctx context.Context, tx *journal.Tx, m member, who caller, at time.Time) error {
	return record(ctx, tx, m.recipient.String(), m.generation, who.actedBy(), at,
		&addressv1.MemberWithdrew{Address: m.address, Session: who.session})
}

// stateMembershipsRecorded states the memberships that the row has with this transaction.
func stateMembershipsRecorded(ctx context.Context, tx *journal.Tx, i institution, operator string, at time.Time) error {
	return state(ctx, tx, i.principal.String(), i.recorded, operator, at, &addressv1.ArchiveMembershipsRecorded{
		Principal: i.principal.String(), SealedMemberships: i.memberships,
	})
}

func recordMerged(ctx context.Context, tx *journal.Tx, merged, into uuid.UUID, reason, operator string, at time.Time) error {
	return record(ctx, tx, merged.String(), 1, operator, at, &addressv1.IdentitiesMerged{Into: into.String(), Reason: reason})
}

// recordSubmitted states what an operator submitted about an institution.
func (g submission) recordSubmitted(ctx context.Context, tx *journal.Tx, operator string, validFrom, at time.Time) error {
	i := g.institution
	return record(ctx, tx, i.principal.String(), i.submission, operator, at, &addressv1.InstitutionSubmitted{
		RequestId: g.requestID, SealedInstitution: i.sealed, Type: addressv1.OrganisationType(i.kind), Address: i.address, ValidFrom: timestamppb.New(validFrom),
		BusinessDocumentDigest: g.businessDigest, RegistrationDocumentDigest: g.registrationDigest,
	})
}

// recordAtHub states what the hub said about an address.
func recordAtHub(ctx context.Context, tx *journal.Tx, address string, made step, said addressv1.HubStep, reason string, at time.Time) error {
	return record(ctx, tx, id.New().String(), 1, actor, at,
		&addressv1.AddressAtHub{Address: address, Step: said, Exchange: made.exchange, Reason: reason, AlreadyRegistered: made.already})
}

func recordRefusedRetried(ctx context.Context, tx *journal.Tx, address, operator string, at time.Time) error {
	return record(ctx, tx, id.New().String(), 1, operator, at, &addressv1.RefusedAddressRetried{Address: address})
}

func recordRefusedGivenUp(ctx context.Context, tx *journal.Tx, address, reason, operator string, at time.Time) error {
	return record(ctx, tx, id.New().String(), 1, operator, at, &addressv1.RefusedAddressGivenUp{Address: address, Reason: reason})
}

// recordNameAsked states a change of a name or type.
func recordNameAsked(ctx context.Context, tx *journal.Tx, c nameChange, r registration, asked *addressv1.NameChangeAsked) error {
	asked.Address, asked.Recipient, asked.Principal, asked.SealedNames = c.address, ownerText(r.recipient), ownerText(r.principal), c.sealed
	asked.Type, asked.RequestId, asked.Basis = addressv1.OrganisationType(c.kind), c.requestID, c.basis
	return record(ctx, tx, c.id.String(), 1, c.askedBy, c.askedAt, asked)
}

// recordNameAnswered states what came of a change.
func recordNameAnswered(ctx context.Context, tx *journal.Tx, c nameChange, exchange string, at time.Time) error {
	return record(ctx, tx, c.id.String(), c.answers, actor, at, &addressv1.NameChangeAnswered{State: c.state, Refusal: c.refusal, Exchange: exchange})
}

func recordNameRetried(ctx context.Context, tx *journal.Tx, c nameChange, by string, at time.Time) error {
	return record(ctx, tx, id.New().String(), 1, by, at, &addressv1.NameChangeRetried{Change: c.id.String()})
}

func recordNameGivenUp(ctx context.Context, tx *journal.Tx, c nameChange, reason, operator string, at time.Time) error {
	return record(ctx, tx, id.New().String(), 1, operator, at, &addressv1.NameChangeGivenUp{Change: c.id.String(), Reason: reason})
}

// stateAddressRegistered states to the other units that an address is valid; once for each address.
func (s *service) stateAddressRegistered(ctx context.Context, tx *journal.Tx, r registration, made step, at time.Time) error {
	m := &addressv1.AddressRegistered{
		Address: r.address, PlatformId: s.matcher.platform, ValidFrom: timestamppb.New(r.validFrom), Exchange: made.exchange, AlreadyRegistered: made.already,
	}
	if r.ofMember() {
		m.Recipient = r.recipient.String()
	} else {
		m.Principal = r.principal.String()
	}
	return state(ctx, tx, r.address, 1, actor, at, m)
}

// stateAddressWithdrawn states to the other units that a member's address has ended.
func stateAddressWithdrawn(ctx context.Context, tx *journal.Tx, m member, who caller, at time.Time) error {
	return state(ctx, tx, m.address, 1, who.actedBy(), at, &addressv1.AddressWithdrawn{
		Address: m.address, ValidUntil: timestamppb.New(at), Recipient: m.recipient.String(),
	})
}

// recordOrganisationAsked states what a person asked for an organisation.
func recordOrganisationAsked(ctx context.Context, tx *journal.Tx, a application, businessDigest, registrationDigest []byte) error {
	return record(ctx, tx, a.id.String(), 1, a.person.String(), a.askedAt, &addressv1.OrganisationAsked{
		SealedOrganisation: a.sealed, Type: addressv1.OrganisationType(a.kind), BusinessDocumentDigest: businessDigest, RegistrationDocumentDigest: registrationDigest,
		TermsVersion: a.terms, Session: a.session, RequestId: a.requestID, Person: a.person.String(),
	})
}

// recordOrganisationAnswered states what an operator decided about an application.
func recordOrganisationAnswered(ctx context.Context, tx *journal.Tx, a application) error {
	message := &addressv1.OrganisationAnswered{State: a.state, Reason: a.reason}
	if a.organisation != uuid.Nil {
		message.Organisation = a.organisation.String()
	}
	return record(ctx, tx, a.id.String(), 1, a.decidedBy, *a.decidedAt, message)
}

// recordGranted states an authority.
func recordGranted(ctx context.Context, tx *journal.Tx, a authority, session string) error {
	message := &addressv1.AuthorityGranted{Organisation: a.organisation.String(), Role: a.role, Rights: a.rights, SealedName: a.sealed, Session: session}
	if a.person != uuid.Nil {
		message.Person = a.person.String()
	}
	return record(ctx, tx, a.id.String(), 1, a.grantedBy, a.grantedAt, message)
}

// recordRights states what an authority gives from now on.
func recordRights(ctx context.Context, tx *journal.Tx, a authority, who caller, at time.Time) error {
	return record(ctx, tx, a.id.String(), 1+a.changes, who.actedBy(), at, &addressv1.AuthorityRightsChanged{Rights: a.rights, Session: who.session})
}

// recordTaken states who the named person is.
func recordTaken(ctx context.Context, tx *journal.Tx, a authority, at time.Time) error {
	return record(ctx, tx, a.id.String(), 1, a.person.String(), at, &addressv1.AuthorityTaken{Person: a.person.String()})
}

// recordEnded states the end of an authority.
func recordEnded(ctx context.Context, tx *journal.Tx, a authority, session string) error {
	return record(ctx, tx, a.id.String(), 1, a.endedBy, *a.endedAt, &addressv1.AuthorityEnded{Reason: a.reason, Session: session})
}

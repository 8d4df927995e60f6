package address

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/journal"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// actor names this unit where nobody else acted.
const actor = "unit:address"

// ofMember reports whether the address is a member's; otherwise it is an institution's.
func (r registration) ofMember() bool { return r.recipient != uuid.Nil }

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
// and neither for all other outcomes.
func resolved(d document, at time.Time) *addressv1.RecipientResolved {
	facts, _ := proto.Clone(d.facts).(*platformv1.DocumentFacts)
	sub := facts.GetTo().GetSubAddress()
	facts.To, facts.Recipient = nil, ""
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
	return &addressv1.RecipientResolved{
		Facts: facts, Resolution: d.latest.resolution, ResolvedAt: timestamppb.New(at), Source: d.latest.source, Exchange: d.latest.exchange,
	}
}

// state states a fact about a recipient or an address. Changes of memberships always travel in the express lane.
func (s *service) state(ctx context.Context, tx *journal.Tx, subject string, ordinal int32, who string, at time.Time, message proto.Message) error {
	return tx.State(ctx, platformv1.Lane_LANE_EXPRESS, journal.Fact{
		Subject: subject, Ordinal: uint32(ordinal), Actor: who, OccurredAt: at, Message: message, //nolint:gosec // counts from 1
	})
}

// record states a fact that stays here, about a recipient or an address.
func record(ctx context.Context, tx *journal.Tx, subject string, ordinal int32, who string, at time.Time, message proto.Message) error {
	return tx.Record(ctx, journal.Fact{Subject: subject, Ordinal: uint32(ordinal), Actor: who, OccurredAt: at, Message: message}) //nolint:gosec // counts from 1
}

func (s *service) addressRegistered(r registration, made step) *addressv1.AddressRegistered {
	m := &addressv1.AddressRegistered{
		Address: r.address, PlatformId: s.matcher.platform, ValidFrom: timestamppb.New(r.validFrom), Exchange: made.exchange, AlreadyRegistered: made.already,
	}
	if r.ofMember() {
		m.Recipient = r.recipient.String()
	} else {
		m.Principal = r.principal.String()
	}
	return m
}

// membershipOf is what a member sees of its membership.
func membershipOf(m member) *addressv1.Membership {
	states := map[string]addressv1.MemberState{
		memberRegistering: addressv1.MemberState_MEMBER_STATE_REGISTERING,
		memberActive:      addressv1.MemberState_MEMBER_STATE_ACTIVE,
		memberWithdrawn:   addressv1.MemberState_MEMBER_STATE_WITHDRAWN,
	}
	shown := &addressv1.Membership{
		Address: m.address, State: states[m.state], JoinedAt: timestamppb.New(m.joinedAt), TermsVersion: m.termsVersion,
		InboxDesignated: m.designatedAt != nil,
	}
	if m.consentedAt != nil {
		shown.ConsentedAt = timestamppb.New(*m.consentedAt)
	}
	return shown
}

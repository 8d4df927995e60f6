package address

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/evidence"
	"github.com/naru-relay/naru/pkg/journal"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// ofMember tells whether the address is a member's; else it is an institution's.
func (r registration) ofMember() bool { return r.recipient != uuid.Nil }

// ofDocument starts an event about a document.
func ofDocument(d document, ordinal uint32, causation string, at time.Time, message proto.Message) journal.Fact {
	return journal.Fact{
		Subject: d.edoc, Ordinal: ordinal, Sender: d.sender, Actor: actor, OccurredAt: at,
		Causation: causation, Traceparent: d.traceparent, Message: message,
	}
}

// tell states the latest outcomes of documents: for ever in resolution and evidence, and to the other units. A document's causation is
// the frame that brought it, except where a caller's request led to the outcome.
func (s *Service) tell(ctx context.Context, tx *journal.Tx, docs []document, asked bool, at time.Time) error {
	if len(docs) == 0 {
		return nil
	}
	if err := insertResolutions(ctx, tx, docs, at); err != nil {
		return err
	}
	entries := make([]evidence.Entry, len(docs))
	events := make([]journal.Fact, len(docs))
	for i, d := range docs {
		var err error
		if entries[i], err = documentEntry(kindResolved, d, at, resolutionOf(d)); err != nil {
			return err
		}
		causation := d.causation.String()
		if asked {
			causation, d.traceparent = "", ""
		}
		events[i] = ofDocument(d, uint32(d.ordinal), causation, at, resolved(d, at)) //nolint:gosec // counts from 1
		s.metrics.resolution(ctx, d.latest)
	}
	if err := evidence.Append(ctx, tx, entries...); err != nil {
		return err
	}
	return journal.StateByLane(ctx, tx, events, func(i int) platformv1.Lane { return docs[i].lane })
}

func resolutionOf(d document) resolutionBody {
	b := resolutionBody{
		Resolution: d.latest.resolution.String(), Ordinal: d.ordinal, PlatformID: d.latest.platform, Address: d.latest.address,
		Source: d.latest.source, Exchange: d.latest.exchange,
	}
	if d.latest.recipient != uuid.Nil {
		b.Recipient = d.latest.recipient.String()
	}
	return b
}

// resolved makes the event's message: recipient and address for an own consented member, the address alone for a peer's, and nothing
// of either for everything else.
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
	return &addressv1.RecipientResolved{Facts: facts, Resolution: d.latest.resolution, ResolvedAt: timestamppb.New(at)}
}

// emit states a fact about a recipient or an address. Memberships are nobody's bulk.
func (s *Service) emit(ctx context.Context, tx *journal.Tx, subject string, ordinal int32, who string, at time.Time, message proto.Message) error {
	return tx.State(ctx, platformv1.Lane_LANE_EXPRESS, journal.Fact{
		Subject: subject, Ordinal: uint32(ordinal), Actor: who, OccurredAt: at, Message: message, //nolint:gosec // counts from 1
	})
}

func (s *Service) addressRegistered(r registration) *addressv1.AddressRegistered {
	m := &addressv1.AddressRegistered{Address: r.address, PlatformId: s.matcher.platform, ValidFrom: timestamppb.New(r.validFrom)}
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

package bundle

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/logproof"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// told is what facts say of what the bundle itself does not name, to be held to each other.
type told struct {
	// senders and recipients are ids of the relay.
	senders, recipients []string
	issued              []*viewingv1.ViewingTokenIssued
	verified            []*viewingv1.ViewingTokenVerified
	read                *viewingv1.DocumentRead
}

// consistent: one sender, one recipient, and the document was read by a token that was given and used.
func (t *told) consistent() bool {
	same := func(ids []string) bool {
		ids = slices.DeleteFunc(ids, func(id string) bool { return id == "" }) // not every fact names one
		return len(slices.Compact(slices.Sorted(slices.Values(ids)))) <= 1
	}
	return same(t.senders) && same(t.recipients) && (t.read == nil || t.readByToken())
}

func (t *told) readByToken() bool {
	return slices.ContainsFunc(t.verified, func(used *viewingv1.ViewingTokenVerified) bool {
		return used.GetVerification() == t.read.GetVerification() && slices.ContainsFunc(t.issued, func(given *viewingv1.ViewingTokenIssued) bool {
			return given.GetJti() == used.GetJti() && given.GetTokenDigest() == used.GetTokenDigest()
		})
	})
}

// agrees holds one fact to what the bundle states.
func (v *verification) agrees(fact logproof.Proved, said *told) bool {
	payload, c, number := fact.Event.GetPayload(), v.statement.Circulation, v.statement.EdocNum
	at, shown := fact.Event.GetOccurredAt().AsTime(), hashAlgorithm+":"+v.hashOf(v.statement.One(RoleDocument))
	switch fact.Kind {
	case kindAccepted:
		m := &intakev1.DocumentAccepted{}
		return proto.Unmarshal(payload, m) == nil && v.about(m.GetFacts(), said) && v.between(m.GetFacts().GetFrom(), c.Sender)
	case kindDeposited:
		m := &archivev1.DocumentDeposited{}
		registration := v.hashOf(v.statement.One(RoleRegistration))
		return proto.Unmarshal(payload, m) == nil && v.about(m.GetFacts(), said) && m.GetFacts().GetRegistrationCertificateDigest() == registration
	case kindReceived:
		m := &deliveryv1.DocumentReceived{}
		return proto.Unmarshal(payload, m) == nil && v.about(m.GetFacts(), said) && v.between(m.GetFacts().GetFrom(), c.Sender) && v.between(m.GetFacts().GetTo(), c.Recipient) &&
			m.GetFacts().GetSentAt().AsTime().Equal(c.SentAt) && m.GetFacts().GetReceivedAt().AsTime().Equal(c.ReceivedAt) && at.Equal(c.ReceivedAt)
	case kindTokenIssued:
		m := &viewingv1.ViewingTokenIssued{}
		ok := proto.Unmarshal(payload, m) == nil
		said.issued, said.senders, said.recipients = append(said.issued, m), append(said.senders, m.GetSender()), append(said.recipients, m.GetRecipient())
		return ok && m.GetEdocNum() == number && m.GetDocumentHash() == shown && m.GetAddress() == c.Recipient.Address
	case kindTokenVerified:
		m := &viewingv1.ViewingTokenVerified{}
		ok := proto.Unmarshal(payload, m) == nil
		said.verified, said.senders = append(said.verified, m), append(said.senders, m.GetSender())
		return ok && m.GetEdocNum() == number && m.GetDocumentHash() == shown
	case kindRead:
		m := &viewingv1.DocumentRead{}
		ok := proto.Unmarshal(payload, m) == nil
		said.read, said.senders, said.recipients = m, append(said.senders, m.GetSender()), append(said.recipients, m.GetRecipient())
		// The read time is the viewing system's, the fact happened when it was reported.
		return ok && m.GetEdocNum() == number && m.GetShownHash() == shown && m.GetReportedAt().AsTime().Equal(at) &&
			(c.ReadAt.IsZero() || sameSecond(m.GetReadAt().AsTime(), c.ReadAt))
	case kindRegistered:
		m := &circulationv1.CirculationRegistered{}
		ok := proto.Unmarshal(payload, m) == nil
		said.senders, said.recipients = append(said.senders, m.GetSender()), append(said.recipients, m.GetRecipient())
		return ok && m.GetEdocNum() == number && v.between(m.GetFrom(), c.Sender) && v.between(m.GetTo(), c.Recipient)
	case kindReadRegistered:
		m := &circulationv1.ReadTimeRegistered{}
		ok := proto.Unmarshal(payload, m) == nil
		said.senders = append(said.senders, m.GetSender())
		return ok && m.GetEdocNum() == number
	case kindRequested:
		m := &certificatev1.CertificateRequested{}
		return proto.Unmarshal(payload, m) == nil && m.GetEdocNum() == number
	case kindRequestAccepted:
		m := &certificatev1.CertificateAccepted{}
		return proto.Unmarshal(payload, m) == nil && v.acceptedRequest(m)
	case kindAttempted:
		m := &certificatev1.CertificateAttempted{}
		return proto.Unmarshal(payload, m) == nil && m.GetEdocNum() == number && m.GetCertNum() == v.statement.CertNum && v.isDistribution(m.GetPdfDigest())
	}
	return false
}

// about reports whether facts are about the document and the attachments.
func (v *verification) about(f *platformv1.DocumentFacts, said *told) bool {
	said.senders, said.recipients = append(said.senders, f.GetSender()), append(said.recipients, f.GetRecipient())
	hashes := []*platformv1.Digest{f.GetDocumentHash()}
	var attachments []string
	for _, hash := range f.GetAttachmentHashes() {
		hashes, attachments = append(hashes, hash), append(attachments, hash.GetValue())
	}
	return f.GetEdocNum() == v.statement.EdocNum && f.GetDocumentHash().GetValue() == v.hashOf(v.statement.One(RoleDocument)) && slices.Equal(attachments, v.attachments()) &&
		!slices.ContainsFunc(hashes, func(d *platformv1.Digest) bool { return d.GetAlgorithm() != hashAlgorithm })
}

func (v *verification) between(p *platformv1.Party, stated Party) bool {
	return p.GetAddress() == stated.Address && p.GetPlatformId() == stated.PlatformID
}

// acceptedRequest reports whether the request was accepted for this document, and for the applicant as who it is.
func (v *verification) acceptedRequest(m *certificatev1.CertificateAccepted) bool {
	c := v.statement.Circulation
	entitled := map[certificatev1.Entitlement]string{
		certificatev1.Entitlement_ENTITLEMENT_SENDER: c.Sender.Address, certificatev1.Entitlement_ENTITLEMENT_RECIPIENT: c.Recipient.Address,
	}[m.GetEntitlement()]
	var attachments []string
	for _, hash := range v.attachments() {
		attachments = append(attachments, hashAlgorithm+":"+hash)
	}
	same := func(stated *timestamppb.Timestamp, at time.Time) bool { return stated.AsTime().Equal(at) }
	return m.GetEdocNum() == v.statement.EdocNum && strings.EqualFold(entitled, v.statement.Applicant) &&
		m.GetFrom() == c.Sender.Address && m.GetTo() == c.Recipient.Address && same(m.GetSentAt(), c.SentAt) && same(m.GetReceivedAt(), c.ReceivedAt) &&
		m.GetDocumentHash().GetAlgorithm() == hashAlgorithm && m.GetDocumentHash().GetValue() == v.hashOf(v.statement.One(RoleDocument)) &&
		slices.Equal(slices.Sorted(slices.Values(m.GetAttachments())), slices.Sorted(slices.Values(attachments)))
}

package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/logproof"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// Kinds of facts that a verification reads.
var (
	kindAccepted  = frame.KindOf(&intakev1.DocumentAccepted{})
	kindDeposited = frame.KindOf(&archivev1.DocumentDeposited{})
	kindReceived  = frame.KindOf(&deliveryv1.DocumentReceived{})
	kindRead      = frame.KindOf(&viewingv1.DocumentRead{})
	kindAnswered  = frame.KindOf(&hubv1.ExchangeAnswered{})
	kindPushed    = frame.KindOf(&hubv1.HubPushReceived{})
	unitOfHub     = kindAnswered.Unit()
)

// checkEvidence judges what only the evidence form holds beside the registration certificate.
func (v *verification) checkEvidence() {
	if v.statement.Form != Evidence {
		for _, id := range []string{CheckTimeline, CheckJournal, CheckFacts, CheckAnswers} {
			v.notCheckable(id, "this form of bundle does not hold it")
		}
		return
	}
	steps := v.checkTimeline()
	if v.opts.Trust.Logs == nil {
		for _, id := range []string{CheckJournal, CheckFacts, CheckAnswers} {
			v.notCheckable(id, "no keys of a relay's logs are trusted")
		}
		return
	}
	trusted, err := v.opts.Trust.Logs()
	if err != nil {
		v.fail(CheckJournal, "", "the keys of the relay's logs cannot be read")
		return
	}
	facts, ok := v.checkProofs(trusted)
	if !ok {
		return
	}
	if steps != nil {
		v.checkFacts(steps, facts)
	}
	v.checkAnswers(facts)
}

// checkTimeline holds the timeline to the circulation record.
func (v *verification) checkTimeline() []Step {
	part := v.statement.One(RoleTimeline)
	steps, err := decodeTimeline(v.read(part, maxTimeline), v.statement.EdocNum)
	if err != nil {
		v.fail(CheckTimeline, part.Path, err.Error())
		return nil
	}
	v.report.summary().Timeline = steps
	c := v.statement.Circulation
	has := func(kind frame.Kind, at time.Time) bool {
		return slices.ContainsFunc(steps, func(s Step) bool { return s.Kind == string(kind) && sameSecond(s.At, at) })
	}
	accepted := slices.ContainsFunc(steps, func(s Step) bool { return s.Kind == string(kindAccepted) && !s.At.After(c.SentAt) })
	v.hold(CheckTimeline, part.Path, accepted && has(kindReceived, c.ReceivedAt) && (c.ReadAt.IsZero() || has(kindRead, c.ReadAt)))
	return steps
}

// checkFacts holds the relay's facts to the timeline, to the circulation record and to the parts.
func (v *verification) checkFacts(steps []Step, facts []logproof.Proved) {
	var stated []Step
	for _, fact := range facts {
		switch subject := fact.Event.GetSubject(); {
		case subject == v.statement.EdocNum:
		case subject == v.statement.Serial, fact.Unit == unitOfHub:
			continue // about the request for this bundle; about exchanges, which checkAnswers judges
		default:
			v.fail(CheckFacts, "", "a fact is about something else")
			continue
		}
		stated = append(stated, stepOf(fact.Kind, fact.RecordedAt, fact.Event))
		if !v.agrees(fact) {
			v.fail(CheckFacts, "", "a fact states something else than the bundle: "+string(fact.Kind))
		}
	}
	slices.SortFunc(stated, inOrder)
	for _, kind := range []frame.Kind{kindAccepted, kindDeposited, kindReceived} {
		if !slices.ContainsFunc(stated, func(s Step) bool { return s.Kind == string(kind) }) {
			v.fail(CheckFacts, "", "a fact is missing: "+string(kind))
		}
	}
	if !slices.EqualFunc(steps, stated, func(a, b Step) bool { return inOrder(a, b) == 0 }) {
		v.fail(CheckFacts, v.statement.One(RoleTimeline).Path, "the timeline has other steps than were proved")
	}
	v.pass(CheckFacts)
}

// agrees holds one fact to what the bundle states.
func (v *verification) agrees(fact logproof.Proved) bool {
	payload, c := fact.Event.GetPayload(), v.statement.Circulation
	at := fact.Event.GetOccurredAt().AsTime()
	switch fact.Kind {
	case kindAccepted:
		m := &intakev1.DocumentAccepted{}
		return proto.Unmarshal(payload, m) == nil && v.about(m.GetFacts()) && v.between(m.GetFacts().GetFrom(), c.Sender)
	case kindDeposited:
		m := &archivev1.DocumentDeposited{}
		registration := v.hashOf(v.statement.One(RoleRegistration))
		return proto.Unmarshal(payload, m) == nil && v.about(m.GetFacts()) && m.GetFacts().GetRegistrationCertificateDigest() == registration
	case kindReceived:
		m := &deliveryv1.DocumentReceived{}
		return proto.Unmarshal(payload, m) == nil && v.about(m.GetFacts()) && v.between(m.GetFacts().GetFrom(), c.Sender) && v.between(m.GetFacts().GetTo(), c.Recipient) &&
			m.GetFacts().GetSentAt().AsTime().Equal(c.SentAt) && m.GetFacts().GetReceivedAt().AsTime().Equal(c.ReceivedAt) && at.Equal(c.ReceivedAt)
	case kindRead:
		m := &viewingv1.DocumentRead{}
		return proto.Unmarshal(payload, m) == nil && m.GetEdocNum() == v.statement.EdocNum && m.GetReadAt().AsTime().Equal(at) &&
			m.GetShownHash() == hashAlgorithm+":"+v.hashOf(v.statement.One(RoleDocument))
	}
	return true
}

// about reports whether facts are about the document and the attachments.
func (v *verification) about(f *platformv1.DocumentFacts) bool {
	var attachments []string
	for _, hash := range f.GetAttachmentHashes() {
		attachments = append(attachments, hash.GetValue())
	}
	return f.GetEdocNum() == v.statement.EdocNum && f.GetDocumentHash().GetValue() == v.hashOf(v.statement.One(RoleDocument)) && slices.Equal(attachments, v.attachments())
}

func (v *verification) between(p *platformv1.Party, stated Party) bool {
	return p.GetAddress() == stated.Address && p.GetPlatformId() == stated.PlatformID
}

// checkAnswers holds the hub's answers to what the relay recorded of its exchanges. These are those that led to this bundle:
// named by the registration of circulation record or read time, or by the request for the certificate.
func (v *verification) checkAnswers(facts []logproof.Proved) {
	exchanges, recorded := v.exchanges(facts), map[[sha256.Size]byte]bool{}
	for _, fact := range facts {
		var digest []byte
		switch fact.Kind {
		case kindAnswered:
			m := &hubv1.ExchangeAnswered{}
			if proto.Unmarshal(fact.Event.GetPayload(), m) == nil {
				digest = m.GetResponseDigest()
			}
		case kindPushed:
			m := &hubv1.HubPushReceived{}
			if proto.Unmarshal(fact.Event.GetPayload(), m) == nil {
				digest = m.GetRequestDigest()
			}
		default:
			continue
		}
		if !exchanges[fact.Event.GetSubject()] {
			v.fail(CheckAnswers, "", "an exchange with the hub is about something else")
		}
		if len(digest) == sha256.Size {
			recorded[[sha256.Size]byte(digest)] = true
		}
	}
	for _, part := range v.statement.Of(RoleHubAnswer) {
		if !recorded[v.measures[part.Path].SHA256] {
			v.fail(CheckAnswers, part.Path, "the relay recorded no such answer")
		}
	}
	v.pass(CheckAnswers)
}

// exchanges with the hub that the facts about the document, and about the request for this bundle, name.
func (v *verification) exchanges(facts []logproof.Proved) map[string]bool {
	named := map[string]bool{}
	for _, fact := range facts {
		payload, subject := fact.Event.GetPayload(), fact.Event.GetSubject()
		switch {
		case fact.Kind == frame.KindOf(&circulationv1.CirculationRegistered{}) && subject == v.statement.EdocNum:
			m := &circulationv1.CirculationRegistered{}
			if proto.Unmarshal(payload, m) == nil {
				named[m.GetExchange()] = true
			}
		case fact.Kind == frame.KindOf(&circulationv1.ReadTimeRegistered{}) && subject == v.statement.EdocNum:
			m := &circulationv1.ReadTimeRegistered{}
			if proto.Unmarshal(payload, m) == nil {
				named[m.GetExchange()] = true
			}
		case fact.Kind == frame.KindOf(&certificatev1.CertificateAttempted{}) && subject == v.statement.Serial:
			m := &certificatev1.CertificateAttempted{}
			if proto.Unmarshal(payload, m) == nil && v.isDistribution(m.GetPdfDigest()) {
				named[m.GetExchange()] = true
			}
		}
	}
	return named
}

func (v *verification) isDistribution(digest string) bool {
	raw, err := hex.DecodeString(digest)
	measured := v.measures[DistributionPath].SHA256
	return err == nil && bytes.Equal(raw, measured[:])
}

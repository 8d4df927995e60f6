package bundle

import (
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/logproof"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// Kinds of facts that a bundle holds; it holds no others.
var (
	kindAccepted        = frame.KindOf(&intakev1.DocumentAccepted{})
	kindDeposited       = frame.KindOf(&archivev1.DocumentDeposited{})
	kindReceived        = frame.KindOf(&deliveryv1.DocumentReceived{})
	kindTokenIssued     = frame.KindOf(&viewingv1.ViewingTokenIssued{})
	kindTokenVerified   = frame.KindOf(&viewingv1.ViewingTokenVerified{})
	kindRead            = frame.KindOf(&viewingv1.DocumentRead{})
	kindRegistered      = frame.KindOf(&circulationv1.CirculationRegistered{})
	kindReadRegistered  = frame.KindOf(&circulationv1.ReadTimeRegistered{})
	kindRequested       = frame.KindOf(&certificatev1.CertificateRequested{})
	kindRequestAccepted = frame.KindOf(&certificatev1.CertificateAccepted{})
	kindAttempted       = frame.KindOf(&certificatev1.CertificateAttempted{})
	kindAnswered        = frame.KindOf(&hubv1.ExchangeAnswered{})
	kindPushed          = frame.KindOf(&hubv1.HubPushReceived{})
)

// subject is what facts of a kind are about.
type subject int

const (
	ofNothing subject = iota
	// ofDocument: the document, by its number. These are the steps of the timeline.
	ofDocument
	// ofRequest: the request for this bundle, by the bundle's serial.
	ofRequest
	// ofExchange: an exchange with the hub, or a push of it; checkAnswers judges of which.
	ofExchange
)

func subjectOf(kind frame.Kind) subject {
	switch kind {
	case kindAccepted, kindDeposited, kindReceived, kindTokenIssued, kindTokenVerified, kindRead, kindRegistered, kindReadRegistered:
		return ofDocument
	case kindRequested, kindRequestAccepted, kindAttempted:
		return ofRequest
	case kindAnswered, kindPushed:
		return ofExchange
	default:
		return ofNothing
	}
}

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
	has := func(kind frame.Kind, fits func(time.Time) bool) bool {
		return slices.ContainsFunc(steps, func(s Step) bool { return s.Kind == string(kind) && fits(s.At) })
	}
	accepted := has(kindAccepted, func(at time.Time) bool { return !at.After(c.SentAt) })
	received := has(kindReceived, func(at time.Time) bool { return sameSecond(at, c.ReceivedAt) })
	// A reading happens when it is reported; the viewing system may have shown the document before that, by its own clock.
	read := c.ReadAt.IsZero() || has(kindRead, func(at time.Time) bool { return !c.ReadAt.After(at.Add(clocksDiffer)) })
	v.hold(CheckTimeline, part.Path, accepted && received && read)
	return steps
}

// checkFacts holds the relay's facts to the timeline, to the circulation record, to the parts, and to each other.
func (v *verification) checkFacts(steps []Step, facts []logproof.Proved) {
	var stated []Step
	count, said := map[frame.Kind]int{}, &told{}
	for _, fact := range facts {
		about, of := subjectOf(fact.Kind), fact.Event.GetSubject()
		switch {
		case about == ofExchange:
			continue
		case about == ofDocument && of == v.statement.EdocNum:
			stated = append(stated, stepOf(fact.Kind, fact.RecordedAt, fact.Event))
		case about == ofRequest && of == v.statement.Serial:
		default:
			v.fail(CheckFacts, "", "a fact is about something else")
			continue
		}
		count[fact.Kind]++
		if !v.agrees(fact, said) {
			v.fail(CheckFacts, "", "a fact states something else than the bundle: "+string(fact.Kind))
		}
	}
	for _, kind := range []frame.Kind{kindAccepted, kindDeposited, kindReceived, kindRequested, kindRequestAccepted, kindAttempted} {
		if count[kind] == 0 {
			v.fail(CheckFacts, "", "a fact is missing: "+string(kind))
		}
	}
	for _, kind := range []frame.Kind{kindAccepted, kindReceived, kindRead, kindRequested, kindRequestAccepted, kindAttempted} {
		if count[kind] > 1 {
			v.fail(CheckFacts, "", "a fact is there twice that happens once: "+string(kind))
		}
	}
	if count[kindRead] == 0 && !v.statement.Circulation.ReadAt.IsZero() {
		v.fail(CheckFacts, "", "a fact is missing: "+string(kindRead))
	}
	if !said.consistent() {
		v.fail(CheckFacts, "", "the facts name different senders, recipients, or viewing tokens")
	}
	slices.SortFunc(stated, inOrder)
	if !slices.EqualFunc(steps, stated, func(a, b Step) bool { return inOrder(a, b) == 0 }) {
		v.fail(CheckFacts, v.statement.One(RoleTimeline).Path, "the timeline has other steps than were proved")
	}
	v.pass(CheckFacts)
}

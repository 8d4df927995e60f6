package delivery

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// consumers: each kind that locks deliveries has its own consumer, so a transaction handles one kind. If a transaction locked
// rows in order for one kind and then again from the start for another, two such transactions would deadlock.
func (s *service) consumers() []inbox.Consumer {
	return []inbox.Consumer{
		{Purpose: "resolved", From: "address", Handlers: []inbox.Handler{
			inbox.On(onAddressWithdrawn), inbox.On(onConsentChanged), inbox.On(onRefusalChanged), inbox.OnPrepared(s.reach, s.onRecipientResolved),
		}},
		{Purpose: "deposited", From: "archive", Handlers: []inbox.Handler{inbox.On(s.onDocumentDeposited)}},
		{Purpose: "not-deposited", From: "archive", Handlers: []inbox.Handler{inbox.On(s.onDepositFailed)}},
		{Purpose: "search-cancelled", From: "address", Handlers: []inbox.Handler{inbox.On(s.onCancelledByAddress)}},
		{Purpose: "cancelled", From: "intake", Handlers: []inbox.Handler{inbox.On(s.onCancelRequested)}},
		{Purpose: "read", From: "viewing", Handlers: []inbox.Handler{inbox.On(s.onDocumentRead)}},
	}
}

type resolvedEvent = inbox.Event[*addressv1.RecipientResolved]

// onRecipientResolved delivers, waits or closes. The state of each row decides whether it changes, so a repeated event changes
// nothing.
func (s *service) onRecipientResolved(ctx context.Context, tx *journal.Tx, events []resolvedEvent, reached []reachable) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	documents := make([]document, 0, len(events))
	var earliest time.Time
	for i, e := range events {
		facts := e.Message.GetFacts()
		d := document{number: e.Subject, lane: e.Lane, sender: e.Sender, facts: facts, resolvedAt: e.Message.GetResolvedAt().AsTime(), ordinal: e.Ordinal,
			event: i, frame: e.FrameID}
		switch outcomeOf(e.Message.GetResolution()) {
		case deliver:
			d.state, d.foundAtOnce = deliverAs(facts), e.Ordinal <= 1
			d.choices = e.Message.GetChoices()
			if at := notBefore(facts, d.resolvedAt); at.After(earliest) {
				earliest = at
			}
		case wait:
			d.state, d.nowhere = Waiting, e.Message.GetResolution() == addressv1.Resolution_RESOLUTION_NONE
		case closeIt:
			d.state = Closed
		case expire:
			// Address states this at or after the deadline, so the deadline has passed here, too.
			d.state = Expired
			if d.resolvedAt.After(earliest) {
				earliest = d.resolvedAt
			}
		case unknown:
			verdicts[i] = inbox.Defer("resolution_unknown")
			continue
		}
		documents = append(documents, d)
	}
	now, err := s.clockAt(ctx, earliest)
	if err != nil {
		return nil, err
	}
	documents = merged(documents)
	if err := s.decide(ctx, tx, now, documents, answering(events, now)); err != nil {
		return nil, err
	}
	return verdicts, s.seek(ctx, tx, now, documents, reached, answering(events, now))
}

// onDocumentDeposited delivers what was handed over, once the archive keeps it.
func (s *service) onDocumentDeposited(ctx context.Context, tx *journal.Tx, events []inbox.Event[*archivev1.DocumentDeposited]) ([]inbox.Verdict, error) {
	documents := make([]document, len(events))
	var earliest time.Time
	for i, e := range events {
		m := e.Message
		documents[i] = document{
			number: e.Subject, state: Delivered, lane: e.Lane, sender: e.Sender, facts: m.GetFacts(), resolvedAt: m.GetResolvedAt().AsTime(),
			ordinal: e.Ordinal, choices: m.GetChoices(), event: i, frame: e.FrameID,
		}
		for _, at := range []time.Time{notBefore(m.GetFacts(), documents[i].resolvedAt), m.GetDepositedAt().AsTime()} {
			if at.After(earliest) {
				earliest = at
			}
		}
	}
	now, err := s.clockAt(ctx, earliest)
	if err != nil {
		return nil, err
	}
	return nil, s.decide(ctx, tx, now, merged(documents), answering(events, now))
}

// onDepositFailed ends documents that the archive will never keep.
func (s *service) onDepositFailed(ctx context.Context, tx *journal.Tx, events []inbox.Event[*archivev1.DepositFailed]) ([]inbox.Verdict, error) {
	documents := make([]document, len(events))
	var latest time.Time
	for i, e := range events {
		documents[i] = document{
			number: e.Subject, state: Failed, lane: e.Lane, sender: e.Sender, facts: e.Message.GetFacts(), reason: e.Message.GetReason(),
			ordinal: e.Ordinal, event: i, frame: e.FrameID,
		}
		if e.OccurredAt.After(latest) {
			latest = e.OccurredAt
		}
	}
	now, err := s.clockAt(ctx, latest)
	if err != nil {
		return nil, err
	}
	return nil, s.decide(ctx, tx, now, merged(documents), answering(events, now))
}

// clockAt reads the clock, not earlier than the given moment. If the clock is not trusted, nothing is stamped and the events are
// given back.
func (s *service) clockAt(ctx context.Context, earliest time.Time) (time.Time, error) {
	if err := s.watch.Ready(); err != nil {
		return time.Time{}, clockUntrusted(err)
	}
	return clock.NotBefore(ctx, s.clock, earliest)
}

// decide writes what happens to the documents and states it.
func (s *service) decide(ctx context.Context, tx *journal.Tx, now time.Time, documents []document, of answerTo) error {
	since, err := readChanges(ctx, tx, documents, now)
	if err != nil {
		return err
	}
	for i := range documents {
		documents[i].decide(now, since)
	}
	changed, err := advance(ctx, tx, documents, now)
	if err != nil {
		return err
	}
	s.announce(tx, changed[Delivered], now)
	return s.state(ctx, tx, now, changed, of)
}

// onCancelRequested decides a cancel for a document that is here: cancelled, too late, or noted for the next resolution.
func (s *service) onCancelRequested(ctx context.Context, tx *journal.Tx, events []inbox.Event[*intakev1.CancelRequested]) ([]inbox.Verdict, error) {
	requests := make([]document, len(events))
	var latest time.Time
	for i, e := range events {
		requests[i] = document{number: e.Subject, state: Waiting, lane: e.Lane, sender: e.Sender, event: i, frame: e.FrameID}
		if e.OccurredAt.After(latest) {
			latest = e.OccurredAt
		}
	}
	now, err := s.clockAt(ctx, latest)
	if err != nil {
		return nil, err
	}
	changed, err := requestCancel(ctx, tx, merged(requests), now)
	if err != nil {
		return nil, err
	}
	if err := s.state(ctx, tx, now, map[State][]document{Cancelled: changed[Cancelled]}, answering(events, now)); err != nil {
		return nil, err
	}
	if err := leave(ctx, tx, now, append(changed[Cancelling], changed[Cancelled]...)); err != nil {
		return nil, err
	}
	return nil, stateCancelRefused(ctx, tx, now, changed[Delivered], answering(events, now))
}

// onCancelledByAddress closes documents that address cancelled while it was still seeking the recipient.
func (s *service) onCancelledByAddress(ctx context.Context, tx *journal.Tx, events []inbox.Event[*addressv1.DocumentCancelled]) ([]inbox.Verdict, error) {
	cancelled := make([]document, len(events))
	for i, e := range events {
		cancelled[i] = document{number: e.Subject, state: Waiting, lane: e.Lane, sender: e.Sender, frame: e.FrameID}
	}
	now := s.clock.Now()
	if err := closeCancelled(ctx, tx, merged(cancelled), now); err != nil {
		return nil, err
	}
	return nil, leave(ctx, tx, now, cancelled)
}

// onAddressWithdrawn remembers addresses that have ended.
func onAddressWithdrawn(ctx context.Context, tx *journal.Tx, events []inbox.Event[*addressv1.AddressWithdrawn]) ([]inbox.Verdict, error) {
	ended := map[string]moved{}
	for _, e := range events {
		ended[e.Message.GetAddress()] = moved{at: e.Message.GetValidUntil().AsTime(), frame: e.FrameID}
	}
	return nil, insertWithdrawn(ctx, tx, ended)
}

// onConsentChanged remembers that members gave or took back consent. What it means for a document is address's to decide.
func onConsentChanged(ctx context.Context, tx *journal.Tx, events []inbox.Event[*addressv1.ConsentChanged]) ([]inbox.Verdict, error) {
	return nil, keepChoices(ctx, tx, events)
}

// onRefusalChanged does the same for refusals.
func onRefusalChanged(ctx context.Context, tx *journal.Tx, events []inbox.Event[*addressv1.RefusalChanged]) ([]inbox.Verdict, error) {
	return nil, keepChoices(ctx, tx, events)
}

func keepChoices[M proto.Message](ctx context.Context, tx *journal.Tx, events []inbox.Event[M]) error {
	newest := map[string]choice{}
	for _, e := range events {
		if e.Ordinal > newest[e.Subject].choices {
			newest[e.Subject] = choice{choices: e.Ordinal, frame: e.FrameID}
		}
	}
	return upsertChoices(ctx, tx, newest)
}

// onDocumentRead shows the read time in the inbox. A document that was read needs no notice any more.
func (s *service) onDocumentRead(ctx context.Context, tx *journal.Tx, events []inbox.Event[*viewingv1.DocumentRead]) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	read := map[string]moved{}
	for _, e := range events {
		read[e.Subject] = moved{at: e.Message.GetReadAt().AsTime(), frame: e.FrameID}
	}
	known, err := markRead(ctx, tx, read)
	if err != nil {
		return nil, err
	}
	for i, e := range events {
		if !known[e.Subject] {
			verdicts[i] = inbox.Defer("not_delivered_here")
		}
	}
	return verdicts, nil
}

package address

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// purposeDocuments names the consumer of intake's facts.
const purposeDocuments = "documents"

func (s *service) consumers() []inbox.Consumer {
	return []inbox.Consumer{
		{
			Purpose: purposeDocuments, From: "intake",
			Handlers: []inbox.Handler{inbox.OnPrepared(s.understand, s.onDocumentAccepted), inbox.On(s.onCancelRequested)},
		},
		{Purpose: "outdated", From: "delivery", Handlers: []inbox.Handler{inbox.On(s.onResolutionOutdated)}},
	}
}

// onDocumentAccepted starts the search for the recipients. One statement finds all members of this relay at once; the others are
// left to the search at the hub.
func (s *service) onDocumentAccepted(
	ctx context.Context, tx *journal.Tx, events []acceptedEvent, descriptions []description,
) ([]inbox.Verdict, error) {
	docs, verdicts, latest := documentsOf(events, descriptions)
	if len(docs) == 0 {
		return verdicts, nil
	}
	at, err := clock.NotBefore(ctx, s.clock, latest)
	if err != nil {
		return nil, err
	}
	sortDocuments(docs)
	keys := pg.Column(docs, func(d document) []byte { return d.match.key })
	lockMatches(tx, false, keys...)
	decisions, err := s.decideOwn(ctx, tx, docs)
	if err != nil {
		return nil, err
	}
	held, err := s.withheld(ctx, tx, docs, decisions, true, at)
	if err != nil {
		return nil, err
	}
	for i := range docs {
		docs[i].first(decisions[i], held[docs[i].edoc])
	}
	fresh, err := insertDocuments(ctx, tx, docs, at)
	if err != nil {
		return nil, err
	}
	return verdicts, s.begin(ctx, tx, docs, decisions, fresh, at)
}

// first gives a new document the state that follows from its first decision.
func (d *document) first(decided decision, held bool) {
	d.state, d.withheld = documentOpen, held
	if decided.finding == findingOutcome && !held {
		d.ordinal, d.latest, d.state = 1, decided.outcome, decided.documentState()
	}
}

// begin states the outcomes of the documents that are new, and sets when those that stay open are looked at again.
func (s *service) begin(ctx context.Context, tx *journal.Tx, docs []document, decisions []decision, fresh map[string]bool, at time.Time) error {
	var told []document
	var dues []due
	var numbers []string
	for i, d := range docs {
		if !fresh[d.edoc] {
			continue
		}
		numbers = append(numbers, d.edoc)
		if d.ordinal > 0 {
			told = append(told, d)
		}
		switch {
		case d.state != documentOpen:
		case decisions[i].finding == findingNobody:
			dues = append(dues, due{edoc: d.edoc, sender: d.sender})
		default:
			dues = append(dues, due{edoc: d.edoc, sender: d.sender, in: s.rest(d, at)})
		}
	}
	if err := setDueDocuments(ctx, tx, dues); err != nil {
		return err
	}
	if len(dues) > 0 {
		tx.OnCommit(s.wakeUp)
	}
	if err := s.tell(ctx, tx, told, false, at); err != nil {
		return err
	}
	// A CancelRequested may have come first.
	inbox.Wake(tx, numbers...)
	return nil
}

// rest is how long a waiting document is left alone: until its deadline, but not longer than the recheck interval.
func (s *service) rest(d document, now time.Time) time.Duration {
	if wait := d.sendDeadline.Sub(now); wait > 0 {
		return min(wait, s.config.Recheck.Std())
	}
	return s.config.Lookup.FirstBackoff.Std()
}

type acceptedEvent = inbox.Event[*intakev1.DocumentAccepted]

// description is what a sender's description of its recipient says.
type description struct {
	match match
	// subAddress the sender gave.
	subAddress *platformv1.Party
	// fixed is the outcome, if the description names another relay.
	fixed outcome
	// verdict, if not Done: the description cannot be used for a search.
	verdict inbox.Verdict
}

// understand opens an event's description and makes it comparable. It runs before the transaction, because it may have to fetch
// keys.
func (s *service) understand(ctx context.Context, e acceptedEvent) (description, error) {
	if !wellFormed(e.Message.GetFacts(), e.Subject) {
		return description{verdict: inbox.Park("facts_malformed")}, nil
	}
	described, err := s.describe(ctx, e.Subject, e.Message.GetSealedRecipient())
	if errors.Is(err, errUnreadable) {
		return description{verdict: inbox.Park("recipient_unreadable")}, nil
	}
	if err != nil {
		return description{}, err
	}
	found, err := s.matcher.of(ctx, described)
	if errors.Is(err, errNoDescription) {
		return description{verdict: inbox.Park("recipient_malformed")}, nil
	}
	if err != nil {
		return description{}, fmt.Errorf("match recipient of %s: %w", e.Subject, err)
	}
	d := description{match: found}
	if given := described.GetPlatformAddress(); given != nil {
		d.subAddress = &platformv1.Party{SubAddress: given.GetSubAddress()}
		if found.kind == matchForeign {
			d.fixed = outcome{resolution: addressv1.Resolution_RESOLUTION_PEER, platform: given.GetPlatformId(), address: given.GetAddress(), source: sourceRequest}
		}
	}
	return d, nil
}

func wellFormed(facts *platformv1.DocumentFacts, subject string) bool {
	_, err := id.ParseEdocNumber(facts.GetEdocNum())
	return err == nil && facts.GetEdocNum() == subject && facts.GetSender() != "" && facts.GetSendDeadline() != nil
}

// documentsOf are the documents of the events. Events that can never be understood are parked; a number that comes twice is taken
// once.
func documentsOf(events []acceptedEvent, descriptions []description) (docs []document, verdicts []inbox.Verdict, latest time.Time) {
	verdicts = make([]inbox.Verdict, len(events))
	seen := make(map[string]bool, len(events))
	for i, e := range events {
		said := descriptions[i]
		verdicts[i] = said.verdict
		switch {
		case said.verdict != inbox.Done:
			continue
		case seen[e.Subject]:
			verdicts[i] = inbox.Ignore
			continue
		}
		seen[e.Subject] = true
		facts := e.Message.GetFacts()
		facts.Recipient, facts.To = "", said.subAddress
		docs = append(docs, document{
			edoc: e.Subject, sender: facts.GetSender(), lane: e.Lane, match: said.match, sealedRecipient: e.Message.GetSealedRecipient(),
			facts: facts, sendDeadline: facts.GetSendDeadline().AsTime(), causation: e.FrameID, traceparent: e.Traceparent, latest: said.fixed,
		})
		if e.OccurredAt.After(latest) {
			latest = e.OccurredAt
		}
	}
	return docs, verdicts, latest
}

// errUnreadable is returned for a sealed description that can never be opened.
var errUnreadable = errors.New("recipient description cannot be read")

// describe opens a sender's description of its recipient.
func (s *service) describe(ctx context.Context, edoc string, value []byte) (*platformv1.RecipientIdentifier, error) {
	described := &platformv1.RecipientIdentifier{}
	err := sealed.OpenMessage(ctx, s.box, sealedDescription, edoc, value, described)
	if errors.Is(err, fault.Corrupt) {
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open recipient of %s: %w", edoc, err)
	}
	return described, nil
}

// onCancelRequested stops documents whose recipient is still sought. Delivery decides about a document whose recipient was found,
// and a document whose search is over needs no stopping.
func (s *service) onCancelRequested(ctx context.Context, tx *journal.Tx, events []inbox.Event[*intakev1.CancelRequested]) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	var numbers []string
	var latest time.Time
	for _, e := range events {
		numbers = append(numbers, e.Subject)
		if e.OccurredAt.After(latest) {
			latest = e.OccurredAt
		}
	}
	at, err := clock.NotBefore(ctx, s.clock, latest)
	if err != nil {
		return nil, err
	}
	docs, err := lockDocuments(ctx, tx, numbers)
	if err != nil {
		return nil, err
	}
	known := make(map[string]*document, len(docs))
	for i := range docs {
		known[docs[i].edoc] = &docs[i]
	}
	var stopped []document
	var asked []inbox.Event[*intakev1.CancelRequested]
	for i, e := range events {
		d := known[e.Subject]
		switch {
		case d == nil:
			verdicts[i] = inbox.Defer("document_unknown")
		case d.state != documentOpen:
			verdicts[i] = inbox.Ignore
		default:
			d.state = documentCancelled
			stopped, asked = append(stopped, *d), append(asked, e)
		}
	}
	if err := s.stop(ctx, tx, stopped, at); err != nil {
		return nil, err
	}
	return verdicts, stateCancelled(ctx, tx, stopped, asked, at)
}

// stop ends the search for documents.
func (s *service) stop(ctx context.Context, tx *journal.Tx, stopped []document, at time.Time) error {
	if len(stopped) == 0 {
		return nil
	}
	if err := updateDocuments(ctx, tx, stopped, at); err != nil {
		return err
	}
	return dropDueDocuments(ctx, tx, pg.Column(stopped, document.number))
}

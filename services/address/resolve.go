package address

import (
	"context"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// decision is the result of this relay's own data for one document.
type decision struct {
	outcome
	finding finding
}

// decideOwn decides documents from this relay's own data, by two statements for all of them. The caller holds the locks of their
// keys.
func (s *service) decideOwn(ctx context.Context, db pg.DBTX, docs []document) ([]decision, error) {
	var asked []wanted
	place := map[string]int{}
	for _, d := range docs {
		name := matchName(d.match.kind, d.match.key)
		if _, known := place[name]; !known && d.match.kind != matchForeign {
			place[name] = len(asked)
			asked = append(asked, wanted{kind: d.match.kind, key: d.match.key})
		}
	}
	found, err := findCandidates(ctx, db, asked)
	if err != nil {
		return nil, err
	}
	refused, err := readRefusalsOf(ctx, db, found, docs)
	if err != nil {
		return nil, err
	}
	decisions := make([]decision, len(docs))
	for i, d := range docs {
		if d.match.kind == matchForeign {
			// Platform and address in the request fix the relay; nothing here changes that.
			decisions[i] = decision{outcome: d.latest, finding: findingOutcome}
			continue
		}
		decisions[i].outcome, decisions[i].finding = s.matcher.decide(d.match.kind, found[place[matchName(d.match.kind, d.match.key)]],
			func(recipient uuid.UUID) bool { return refused.of(recipient, d.sender) })
	}
	return decisions, nil
}

func matchName(kind matchKind, key []byte) string { return string(rune('0'+kind)) + string(key) }

func readRefusalsOf(ctx context.Context, db pg.DBTX, found map[int][]candidate, docs []document) (refusals, error) {
	var recipients []uuid.UUID
	for _, candidates := range found {
		for _, c := range candidates {
			if c.recipient != uuid.Nil && c.memberState == memberActive {
				recipients = append(recipients, c.recipient)
			}
		}
	}
	return readRefusals(ctx, db, recipients, pg.Column(docs, func(d document) string { return d.sender }))
}

// audience holds the keys by which documents find one recipient (person or organisation) or institution.
type audience struct {
	recipient     uuid.UUID
	keys, seconds [][]byte
	// papers is whose papers the hub wants about it; uuid.Nil for a person.
	papers uuid.UUID
}

// audienceOf is the identity's audience, including an own address if there is one.
func audienceOf(i identity, address string) audience {
	a := audience{recipient: i.recipient, papers: i.application}
	for _, m := range []match{i.ci, i.named, i.business} {
		a.add(m)
	}
	if address != "" {
		a.keys = append(a.keys, addressKey(address))
	}
	return a
}

func (a *audience) add(m match) {
	if m.key == nil {
		return
	}
	a.keys = append(a.keys, m.key)
	if m.second != nil {
		a.seconds = append(a.seconds, m.second)
	}
}

// maxAtOnce bounds how many waiting documents a change of a membership resolves in its own transaction. The others are made due.
const maxAtOnce = 500

// resolveAgain looks again at the open documents of an audience after a change that affects them. Before the change the caller
// has taken the audience's locks exclusively.
func (s *service) resolveAgain(ctx context.Context, tx *journal.Tx, a audience) error {
	docs, err := lockMatching(ctx, tx, a.keys, a.seconds, s.clock.Now(), maxAtOnce)
	if err != nil {
		return err
	}
	decisions, err := s.decideOwn(ctx, tx, docs)
	if err != nil {
		return err
	}
	at := s.clock.Now()
	held, err := s.withheld(ctx, tx, docs, decisions, false, at)
	if err != nil {
		return err
	}
	var told, changed []document
	var ended []string
	left := len(docs) == maxAtOnce
	for i, d := range docs {
		switch {
		case decisions[i].finding == findingNobody:
			left = true // the hub has to be asked again
		case held[d.edoc]:
			d.withheld = true
			changed = append(changed, d)
		case decisions[i].finding == findingOutcome && d.changedBy(decisions[i].outcome):
			d.take(decisions[i].outcome)
			told = append(told, d)
			if d.state != documentOpen {
				ended = append(ended, d.edoc)
			}
		}
	}
	if changed = append(changed, told...); len(changed) > 0 {
		if err := updateDocuments(ctx, tx, changed, at); err != nil {
			return err
		}
	}
	if err := s.tell(ctx, tx, told, true, at); err != nil {
		return err
	}
	if err := dropDueDocuments(ctx, tx, ended); err != nil {
		return err
	}
	return s.nudge(ctx, tx, a, left)
}

// nudge makes due what resolveAgain left over, and the documents for which the hub found this recipient by other data than ours.
func (s *service) nudge(ctx context.Context, tx *journal.Tx, a audience, left bool) error {
	if left {
		return nudgeDocuments(ctx, tx, a.keys, a.seconds, a.recipient)
	}
	if a.recipient == uuid.Nil {
		return nil
	}
	return nudgeDocuments(ctx, tx, nil, nil, a.recipient)
}

// take makes o the document's latest outcome.
func (d *document) take(o outcome) {
	d.ordinal++
	d.latest, d.withheld = o, false
	d.state = o.documentState()
}

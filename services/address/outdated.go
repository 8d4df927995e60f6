package address

import (
	"context"
	"maps"
	"slices"

	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// onResolutionOutdated looks again for recipients who changed consent or refusals between the resolution and the delivery. An
// outcome that another has followed meanwhile is answered already.
func (s *service) onResolutionOutdated(ctx context.Context, tx *journal.Tx, events []inbox.Event[*deliveryv1.ResolutionOutdated]) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	given := make(map[string]inbox.Event[*deliveryv1.ResolutionOutdated], len(events))
	for i, e := range events {
		if !wellFormed(e.Message.GetFacts(), e.Subject) {
			verdicts[i] = inbox.Park("facts_malformed")
			continue
		}
		if e.Ordinal > given[e.Subject].Ordinal {
			given[e.Subject] = e
		}
	}
	docs, err := lockDocuments(ctx, tx, slices.Sorted(maps.Keys(given)))
	if err != nil {
		return nil, err
	}
	var opened []document
	var dues []due
	for _, d := range docs {
		e := given[d.edoc]
		if d.state != documentOwn || uint32(d.ordinal) != e.Ordinal { //nolint:gosec // counts from 1
			continue
		}
		d.facts = e.Message.GetFacts()
		d.facts.Recipient, d.facts.To = "", &platformv1.Party{SubAddress: d.facts.GetTo().GetSubAddress()}
		opened, dues = append(opened, d), append(dues, due{edoc: d.edoc, sender: d.sender})
	}
	if len(opened) == 0 {
		return verdicts, nil
	}
	if err := reopen(ctx, tx, opened, s.clock.Now()); err != nil {
		return nil, err
	}
	tx.OnCommit(s.wakeUp)
	return verdicts, setDueDocuments(ctx, tx, dues)
}

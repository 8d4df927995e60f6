package address

import (
	"context"
	"log/slog"
	"time"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// fruitless reports whether the outcome says why a document cannot be delivered here. A sender of many documents could learn from
// such outcomes who is a member where (Act 18-6).
func (o outcome) fruitless() bool {
	switch o.resolution {
	case addressv1.Resolution_RESOLUTION_NONE, addressv1.Resolution_RESOLUTION_OWN_WITHOUT_CONSENT, addressv1.Resolution_RESOLUTION_REFUSED,
		addressv1.Resolution_RESOLUTION_AMBIGUOUS, addressv1.Resolution_RESOLUTION_PEER:
		return true
	default:
		return false
	}
}

// dayOf is the day (KST) by which searches are counted.
func dayOf(at time.Time) string { return at.In(id.KST).Format(dayLayout) }

// dayNumber is the same day as a number, e.g. 20261129.
func dayNumber(at time.Time) uint32 {
	year, month, day := at.In(id.KST).Date()
	return uint32(year*10000 + int(month)*100 + day) //nolint:gosec // eight digits
}

// withheld counts decisions for their senders, and returns by number whose outcome is never stated: a fruitless first outcome
// beyond the sender's daily quota. Such a document stays open until its deadline; it is counted once, and stays withheld on later
// days. accepted means that the documents come for the first time and also count as searched. The caller has locked the
// documents' rows, or is about to insert them.
func (s *service) withheld(ctx context.Context, tx *journal.Tx, docs []document, decisions []decision, accepted bool, at time.Time) (map[string]bool, error) {
	var tallies []tally
	bare := make([]bool, len(docs))
	for i, d := range docs {
		bare[i] = decisions[i].finding == findingOutcome && decisions[i].fruitless() && d.ordinal == 0
		if counted := bare[i] && !d.withheld; accepted || counted {
			tallies = append(tallies, tally{edoc: d.edoc, sender: d.sender, searched: accepted, fruitless: counted})
		}
	}
	left, err := s.countSearches(ctx, tx, tallies, at)
	if err != nil {
		return nil, err
	}
	held := map[string]bool{}
	for i, d := range docs {
		if !bare[i] {
			continue
		}
		beyond := d.withheld
		if !d.withheld {
			left[d.sender]--
			beyond = left[d.sender] < 0
		}
		if beyond {
			held[d.edoc] = true
		}
	}
	return held, nil
}

// countSearches adds tallies and returns how many fruitless outcomes of each sender may be stated under its quota. It states when
// a sender exceeds its quota for the first time on a day.
func (s *service) countSearches(ctx context.Context, tx *journal.Tx, tallies []tally, at time.Time) (map[string]int64, error) {
	if len(tallies) == 0 {
		return nil, nil //nolint:nilnil // nobody's quota is touched
	}
	days, err := addTallies(ctx, tx, dayOf(at), tallies)
	if err != nil {
		return nil, err
	}
	quota := int64(s.config.Harvesting.FruitlessPerDay)
	left := make(map[string]int64, len(days))
	for _, d := range days {
		before := d.fruitless - d.added
		left[d.sender] = max(quota-before, 0)
		if d.fruitless <= quota || before > quota {
			continue
		}
		if err := recordQuotaExceeded(ctx, tx, d.sender, quota, at); err != nil {
			return nil, err
		}
		tx.OnCommit(func() {
			s.log.LogAttrs(context.WithoutCancel(ctx), slog.LevelWarn, "a sender's fruitless searches exceed the quota of the day", slog.String("sender", d.sender))
		})
	}
	return left, nil
}

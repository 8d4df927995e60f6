package address

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const callSearch = "search_recipient"

// task claims due rows and does each; what names the work in the log.
func (s *service) task(name, what string, c work.Calls, wake work.Bell,
	claimed func(ctx context.Context, db pg.DBTX, lease work.Lease) ([]claim, error), do func(ctx context.Context, mine claim) error,
) (lifecycle.Task, error) {
	return work.Loop[claim]{
		Name: name, Workers: c.Workers, Interval: c.Interval.Std(), Timeout: c.Timeout.Std(), Wake: wake, Log: s.log,
		Claim: func(ctx context.Context, limit int) ([]claim, error) {
			return claimed(ctx, s.db, c.Claimed(s.owner, limit))
		},
		Do: func(ctx context.Context, mine claim) { s.report(ctx, what, mine.key, do(ctx, mine)) },
	}.Task()
}

// report logs what went wrong with claimed work. Its row falls due again when the lease ends.
func (s *service) report(ctx context.Context, what, subject string, err error) {
	switch {
	case err == nil, ctx.Err() != nil:
	case errors.Is(err, work.ErrLost):
		s.log.LogAttrs(ctx, slog.LevelDebug, "work was taken over", slog.String("what", what), slog.String("subject", subject))
	default:
		s.log.LogAttrs(ctx, slog.LevelError, "work did not succeed", slog.String("what", what), slog.String("subject", subject), slog.Any("error", err))
	}
}

// lookUp decides one due document: from own data if they suffice, otherwise with the hub's answer.
func (s *service) lookUp(ctx context.Context, mine claim) error {
	needsHub, d, err := s.settleDecision(ctx, mine, nil, false)
	if err != nil || !needsHub {
		return err
	}
	answer, err := s.search(ctx, mine, d)
	if err == nil {
		_, _, err = s.settleDecision(ctx, mine, &answer, false)
		return err
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return s.postpone(ctx, mine, d, err)
	}
	settling, cancel := work.Settling(ctx)
	defer cancel()
	if over, overErr := s.over(settling, d); overErr != nil || !over {
		return s.postpone(ctx, mine, d, errors.Join(err, overErr))
	}
	s.log.LogAttrs(settling, slog.LevelWarn, "the hub was not searched before the send deadline", slog.String("edoc_num", mine.key),
		slog.String("outcome", outcomeOf(err)))
	_, _, err = s.settleDecision(settling, mine, nil, true)
	return err
}

// over reports whether a document's send deadline has passed by both clocks. The database is asked for its own only where the
// unit's says so.
func (s *service) over(ctx context.Context, d document) (bool, error) {
	if s.clock.Now().Before(d.sendDeadline) {
		return false, nil
	}
	expiry, err := s.expiry(ctx)
	return err == nil && !expiry.Before(d.sendDeadline), err
}

// settleDecision decides a document under the lock of its key and writes the claim's result. Without an answer of the hub it may
// find that it needs one. Then it writes nothing, unless this was the last look.
func (s *service) settleDecision(ctx context.Context, mine claim, answer *hubAnswer, last bool) (needsHub bool, d document, err error) {
	d, known, err := readDocument(ctx, s.db, mine.key)
	if err != nil {
		return false, d, err
	}
	late, err := s.over(ctx, d)
	if err != nil {
		return false, d, err
	}
	keys := [][]byte{d.match.key}
	if answer != nil {
		for _, own := range s.matcher.ownAddresses(*answer) {
			keys = append(keys, addressKey(own))
		}
	}
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		needsHub = false
		lockMatches(tx, false, keys...)
		if d, known, err = lockDocument(ctx, tx, mine.key); err != nil {
			return err
		}
		if !known || d.state != documentOpen {
			return dueDocuments.finish(ctx, tx, s.owner, mine)
		}
		now := s.clock.Now()
		// A document ends at its deadline only after an outcome was stated: then delivery knows of it and ends it for the sender.
		if d.ordinal > 0 && late {
			if err := recordSearchEnded(ctx, tx, d, now); err != nil {
				return err
			}
			return s.expire(ctx, tx, mine, d, now)
		}
		decided, err := s.decideWith(ctx, tx, d, answer)
		switch {
		case err != nil:
			return err
		case late && (decided.finding == findingPending || decided.finding == findingNobody && last):
			return s.giveUp(ctx, tx, mine, d, now)
		case decided.finding == findingNobody:
			needsHub = true
			return nil
		default:
			return s.settleOutcome(ctx, tx, mine, d, decided, late, now)
		}
	})
	return needsHub, d, err
}

// decideWith decides from own data and, if needed, the hub's answer.
func (s *service) decideWith(ctx context.Context, db pg.DBTX, d document, answer *hubAnswer) (decision, error) {
	decisions, err := s.decideOwn(ctx, db, []document{d})
	if err != nil || decisions[0].finding != findingNobody || answer == nil {
		return first(decisions), err
	}
	var asked []wanted
	for _, own := range s.matcher.ownAddresses(*answer) {
		asked = append(asked, wanted{kind: matchAddress, key: addressKey(own)})
	}
	found, err := findCandidates(ctx, db, asked)
	if err != nil {
		return decision{}, err
	}
	refused, err := readRefusalsOf(ctx, db, found, []document{d})
	if err != nil {
		return decision{}, err
	}
	var own []candidate
	for n := range asked {
		own = append(own, found[n]...)
	}
	if len(own) < len(asked) {
		s.metrics.unknownOwn.Add(ctx, 1)
		s.log.LogAttrs(ctx, slog.LevelWarn, "the hub names an address of this platform that is not one", slog.String("edoc_num", d.edoc), slog.String("exchange", answer.exchange))
	}
	var decided decision
	decided.outcome, decided.finding = s.matcher.decideHub(d.match.kind, *answer, own,
		func(recipient uuid.UUID) bool { return refused.of(recipient, d.sender) })
	return decided, nil
}

func first(decisions []decision) decision {
	if len(decisions) == 0 {
		return decision{}
	}
	return decisions[0]
}

// settleOutcome writes the decision: the outcome, if it is new and may be stated, and when the document is looked at again.
func (s *service) settleOutcome(ctx context.Context, tx *journal.Tx, mine claim, d document, decided decision, late bool, now time.Time) error {
	held, err := s.withheld(ctx, tx, []document{d}, []decision{decided}, false, now)
	if err != nil {
		return err
	}
	switch {
	case held[d.edoc] && late:
		return s.giveUp(ctx, tx, mine, d, now)
	case held[d.edoc] && !d.withheld:
		d.withheld = true
		if err := updateDocuments(ctx, tx, []document{d}, now); err != nil {
			return err
		}
	case held[d.edoc]:
	case decided.finding == findingOutcome && d.changedBy(decided.outcome):
		d.take(decided.outcome)
		if err := updateDocuments(ctx, tx, []document{d}, now); err != nil {
			return err
		}
		if err := s.tell(ctx, tx, []document{d}, false, now); err != nil {
			return err
		}
	}
	if d.state != documentOpen {
		return dueDocuments.finish(ctx, tx, s.owner, mine)
	}
	return dueDocuments.settle(ctx, tx, s.owner, mine, s.rest(d, now), 0)
}

// giveUp ends a document at its deadline about whose recipient the hub has said nothing, or the sender is not told. Its only
// outcome is "unknown".
func (s *service) giveUp(ctx context.Context, tx *journal.Tx, mine claim, d document, now time.Time) error {
	d.take(outcome{resolution: addressv1.Resolution_RESOLUTION_UNKNOWN, source: sourceDeadline})
	if err := s.tell(ctx, tx, []document{d}, false, now); err != nil {
		return err
	}
	return s.expire(ctx, tx, mine, d, now)
}

// expire ends a document whose deadline has passed. Delivery tells the sender.
func (s *service) expire(ctx context.Context, tx *journal.Tx, mine claim, d document, now time.Time) error {
	if err := dueDocuments.finish(ctx, tx, s.owner, mine); err != nil {
		return err
	}
	d.state = documentExpired
	return s.stop(ctx, tx, []document{d}, now)
}

// search asks the hub where the recipient is a member, or uses an earlier answer that is still fresh.
func (s *service) search(ctx context.Context, mine claim, d document) (hubAnswer, error) {
	answer, fresh, err := readCache(ctx, s.db, d.match, s.clock.Now())
	if err != nil || fresh {
		s.metrics.lookup(ctx, "cached")
		return answer, err
	}
	described, err := s.describeAgain(ctx, d)
	if err != nil {
		return hubAnswer{}, err
	}
	started := s.clock.Now()
	found, err := s.hub.SearchRecipient(ctx, &hubv1.SearchRecipientRequest{Recipient: described})
	made := attempt{
		subject: d.edoc, call: callSearch, number: mine.attempt, outcome: outcomeOf(err), exchange: found.GetExchange(),
		startedAt: started, endedAt: s.clock.Now(),
	}
	s.metrics.lookup(ctx, made.outcome)
	if keepErr := insertAttempt(context.WithoutCancel(ctx), s.db, made); keepErr != nil && err == nil {
		err = keepErr
	}
	if err != nil {
		return hubAnswer{}, err
	}
	answer = hubAnswer{addresses: found.GetAddresses(), exchange: found.GetExchange()}
	if ttl := s.config.CacheTTL.Std(); ttl > 0 {
		err = writeCache(ctx, s.db, d.match, answer, s.clock.Now().Add(ttl))
	}
	return answer, err
}

// describeAgain is the sender's description of a due document's recipient. Intake has that of a document that was opened again.
func (s *service) describeAgain(ctx context.Context, d document) (*platformv1.RecipientIdentifier, error) {
	value := d.sealedRecipient
	if value == nil {
		kept, err := s.intake.GetSealedRecipient(ctx, &intakev1.GetSealedRecipientRequest{EdocNum: d.edoc})
		if err != nil {
			return nil, fmt.Errorf("ask intake for the recipient of %s: %w", d.edoc, err)
		}
		value = kept.GetSealedRecipient()
	}
	return s.describe(ctx, d.edoc, value)
}

// outcomeOf names how a call ended: ok, the machine reason, or the kind of the fault. It never uses the fault's text.
func outcomeOf(err error) string {
	if err == nil {
		return "ok"
	}
	if reason := fault.ReasonOf(err); reason != "" {
		return reason
	}
	return fault.KindOf(err).String()
}

// postpone puts a document back after a search without an answer, at most until its deadline. It stays open; nothing is guessed.
func (s *service) postpone(ctx context.Context, mine claim, d document, cause error) error {
	failures := mine.failures + 1
	wait := s.config.Lookup.Delay(int(failures))
	if left := d.sendDeadline.Sub(s.clock.Now()); left > 0 {
		wait = min(wait, left)
	}
	s.log.LogAttrs(ctx, slog.LevelWarn, "the hub was not searched", slog.String("edoc_num", mine.key),
		slog.String("outcome", outcomeOf(cause)), slog.Duration("again_in", wait))
	ctx, cancel := work.Settling(ctx)
	defer cancel()
	return dueDocuments.settle(ctx, s.db, s.owner, mine, wait, failures)
}

// purgeTask drops answers of the hub that are too old to be used, and old days' counts.
func (s *service) purgeTask() lifecycle.Task {
	return lifecycle.Every("lookup-cache", time.Minute, func(ctx context.Context) {
		if err := purgeDays(ctx, s.db, dayOf(s.clock.Now().AddDate(0, 0, -keptDays))); err != nil && ctx.Err() == nil {
			s.log.LogAttrs(ctx, slog.LevelWarn, "old counts of searches were not dropped", slog.Any("error", err))
		}
		if err := purgeCache(ctx, s.db, s.clock.Now()); err != nil && ctx.Err() == nil {
			s.log.LogAttrs(ctx, slog.LevelWarn, "old answers were not dropped", slog.Any("error", err))
		}
	})
}

package delivery

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/work"
)

const (
	noticeLease    = time.Minute
	noticeInterval = 500 * time.Millisecond
	givenTimeout   = 10 * time.Second
	// roundTime is how long a round may run before its result is stored.
	roundTime = noticeLease - 2*givenTimeout
	// maxRound bounds the documents of an arrival, and so of a round.
	maxRound = 100
)

// round is one call of notices.
type round struct {
	id      uuid.UUID
	numbers []string
	owner   string
	attempt int
	// reminder: it tells once more of documents that were not read.
	reminder bool
}

// body is what the operator's messaging gets: for whom something arrived, and from whom. It never holds title or content.
type body struct {
	Type    string   `json:"type"`
	Notices []notice `json:"notices"`
}

// notice tells one recipient about everything that arrived since the last round.
type notice struct {
	Recipient string    `json:"recipient"`
	To        string    `json:"to"`
	Documents []arrived `json:"documents"`
}

type arrived struct {
	EdocNum    string    `json:"edocNum"`
	From       string    `json:"from"`
	ReceivedAt time.Time `json:"receivedAt"`
	// Code confirms the notice on this relay's page, Confirm is that page with it, if the page is configured.
	Code    string `json:"code"`
	Confirm string `json:"confirm,omitempty"`
}

// ofRecipients groups documents by recipient; they are sorted by recipient.
func ofRecipients(documents []document) [][]document {
	var cut [][]document
	for i, d := range documents {
		if i == 0 || documents[i-1].facts.GetRecipient() != d.facts.GetRecipient() {
			cut = append(cut, nil)
		}
		cut[len(cut)-1] = append(cut[len(cut)-1], d)
	}
	return cut
}

func (s *service) bodyOf(r round, byRecipient [][]document) body {
	b := body{Type: "documents.arrived"}
	if r.reminder {
		b.Type = "documents.reminder"
	}
	for _, documents := range byRecipient {
		n := notice{Recipient: documents[0].facts.GetRecipient(), To: documents[0].facts.GetTo().GetAddress()}
		for _, d := range documents {
			told := arrived{
				EdocNum: d.number, From: d.facts.GetFrom().GetAddress(), ReceivedAt: d.facts.GetReceivedAt().AsTime(), Code: spoken(s.noticeCode(d.number)),
			}
			if page := s.config.Notice.Confirm; page != "" {
				told.Confirm = page + d.number + "." + told.Code
			}
			n.Documents = append(n.Documents, told)
		}
		b.Notices = append(b.Notices, n)
	}
	return b
}

// announce stores which documents have arrived for the next round, if notices are configured: one row for each hundred documents
// of a transaction.
func (s *service) announce(tx *journal.Tx, delivered []document, now time.Time) {
	if s.hook == nil {
		return
	}
	for some := range slices.Chunk(delivered, maxRound) {
		insertArrival(tx, numbersOf(some), now)
	}
	if before := s.config.Notice.RemindBefore.Std(); before > 0 {
		insertReminders(tx, delivered, before, now)
	}
}

// noticeTask gives notices in rounds: one call, one transaction and one frame for many documents.
func (s *service) noticeTask() (lifecycle.Task, error) {
	return work.Loop[round]{
		Name: "notices", Workers: s.config.Notice.Workers, Interval: noticeInterval, Timeout: roundTime, Log: s.log,
		Claim: s.claimRounds, Do: s.giveRound,
	}.Task()
}

// giveRound makes one attempt and stores its result.
func (s *service) giveRound(ctx context.Context, r round) {
	told, err := untold(ctx, s.db, r.numbers)
	if err == nil && len(told) == 0 {
		err = endRound(ctx, s.db, r)
	} else if err == nil {
		byRecipient := ofRecipients(told)
		if err = s.hook.post(ctx, r.id, s.bodyOf(r, byRecipient)); err != nil && ctx.Err() != nil {
			return // the round's time is over or the process stops; after the lease the round is given again
		}
		err = s.settle(ctx, r, told, byRecipient, err)
	}
	if err != nil && !errors.Is(err, work.ErrLost) && ctx.Err() == nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "notices were not given", slog.String("round", r.id.String()), slog.Int("documents", len(r.numbers)),
			slog.Int("attempt", r.attempt), slog.Any("error", err))
	}
}

// settle stores the outcome of an attempt. failure says why nobody was told, or why it is unknown whether somebody was; in the
// second case the lease ends and the round is given again under the same id.
func (s *service) settle(ctx context.Context, r round, told []document, byRecipient [][]document, failure error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), givenTimeout)
	defer cancel()
	if failure == nil {
		return s.settleGiven(ctx, r, told, byRecipient)
	}
	reason, wait := reasonOf(failure), waitOf(failure)
	if wait > 0 {
		if err := s.pause(ctx, wait, reason); err != nil {
			return errors.Join(failure, err) // the round is given again after its lease
		}
	}
	switch {
	case len(byRecipient) > 1 && refusesContent(failure):
		return errors.Join(failure, s.journal.InTx(ctx, func(tx *journal.Tx) error { return splitRound(ctx, tx, r, byRecipient, reason) }))
	case isGone(failure), r.attempt >= s.config.Notice.Attempts:
		return errors.Join(failure, s.giveUp(ctx, r, told, byRecipient, reason))
	default:
		return errors.Join(failure, putOff(ctx, s.db, r, reason, max(wait, work.Backoff{}.Delay(r.attempt, rand.Float64()))))
	}
}

// settleGiven removes a round that was given and states it.
func (s *service) settleGiven(ctx context.Context, r round, told []document, byRecipient [][]document) error {
	return s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if err := endRound(ctx, tx, r); err != nil {
			return err
		}
		return r.stateGiven(ctx, tx, s.clock.Now(), told, byRecipient)
	})
}

// giveUp ends a round that was tried often enough, or whose URL is gone. It states that the recipients were not told.
func (s *service) giveUp(ctx context.Context, r round, told []document, byRecipient [][]document, reason string) error {
	return s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if err := markGivenUp(ctx, tx, r, told, reason); err != nil {
			return err
		}
		return r.recordGivenUp(ctx, tx, actor, s.clock.Now(), byRecipient, reason)
	})
}

// pause leaves the hook alone, in every replica, for as long as it asked. What arrives meanwhile waits, and uses up no attempt.
func (s *service) pause(ctx context.Context, wait time.Duration, reason string) error {
	s.log.LogAttrs(ctx, slog.LevelError, "the notice URL asked not to be called; nobody is told until then", slog.String("reason", reason),
		slog.Duration("wait", wait))
	return keepPause(ctx, s.db, s.hook.name(), wait, reason)
}

package address

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/work"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

// Names of the calls to the hub about names.
const (
	callChangePerson       = "change_person_name"
	callChangeOrganisation = "change_organisation"
)

// tellName tells the hub of the open change of an address's owner. A change waits until the address is registered: the hub
// refuses to change what it does not know.
func (s *service) tellName(ctx context.Context, mine claim) error {
	c, known, err := openNameChange(ctx, s.db, mine.key)
	if err != nil {
		return err
	}
	if !known || c.givenUpAt != nil {
		return s.settleName(ctx, mine, func(*journal.Tx, time.Time) error { return nil })
	}
	r, known, err := readAddress(ctx, s.db, mine.key)
	if err != nil || !known {
		return errors.Join(err, missing(known || err != nil, "address of a change"))
	}
	if r.state != addressRegistered {
		return dueNames.settle(ctx, s.db, s.owner, mine, s.config.Registration.MaxBackoff.Std(), mine.failures)
	}
	started := s.clock.Now()
	call, exchange, err := s.callOfName(ctx, c)
	// A result is written even if the call used up the item's time.
	ctx, cancel := work.Settling(ctx)
	defer cancel()
	s.metrics.registration(ctx, call, outcomeOf(err))
	keepErr := insertAttempt(ctx, s.db, attempt{
		subject: c.id.String(), call: call, number: mine.attempt, outcome: outcomeOf(err), exchange: exchange, startedAt: started, endedAt: s.clock.Now(),
	})
	switch {
	case err == nil && keepErr == nil:
		return s.settleName(ctx, mine, func(tx *journal.Tx, now time.Time) error { return acceptName(ctx, tx, c, exchange, now) })
	case err != nil && refused(err):
		return errors.Join(keepErr, s.settleNameRefusal(ctx, mine, c, err))
	default:
		failures := mine.failures + 1
		wait := s.config.Registration.Delay(int(failures))
		s.log.LogAttrs(ctx, slog.LevelWarn, "the hub was not told of a name", slog.String("change", c.id.String()),
			slog.String("outcome", outcomeOf(errors.Join(err, keepErr))), slog.Duration("again_in", wait))
		return dueNames.settle(ctx, s.db, s.owner, mine, wait, failures)
	}
}

// callOfName makes the call. Each attempt tells the same time of the change.
func (s *service) callOfName(ctx context.Context, c nameChange) (call, exchange string, err error) {
	call = callChangeOrganisation
	if c.ofPerson() {
		call = callChangePerson
	}
	n, err := s.openNames(ctx, c)
	if err != nil {
		return call, "", err
	}
	if c.ofPerson() {
		answer, err := s.hub.ChangePersonName(ctx, &hubv1.ChangePersonNameRequest{Address: c.address, Name: n.Name, ChangedAt: timestamppb.New(c.askedAt)})
		return call, answer.GetExchange(), err
	}
	request := &hubv1.ChangeOrganisationRequest{
		Address: c.address, Name: n.Name, Type: addressv1.OrganisationType(c.kind), ChangedAt: timestamppb.New(c.askedAt),
	}
	if c.named {
		if request.BusinessDocument, request.RegistrationDocument, err = s.openPapers(ctx, c.papers()); err != nil {
			return call, "", err
		}
	}
	answer, err := s.hub.ChangeOrganisation(ctx, request)
	return call, answer.GetExchange(), err
}

// settleName writes what came of a call and ends the claim, unless another change has become the open one meanwhile: then that
// one is next.
func (s *service) settleName(ctx context.Context, mine claim, act func(tx *journal.Tx, now time.Time) error) error {
	return s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if _, _, err := lockAddress(ctx, tx, mine.key); err != nil {
			return err
		}
		if err := act(tx, s.clock.Now()); err != nil {
			return err
		}
		next, known, err := openNameChange(ctx, tx, mine.key)
		if err != nil {
			return err
		}
		if known && next.givenUpAt == nil {
			return dueNames.settle(ctx, tx, s.owner, mine, 0, 0)
		}
		return dueNames.finish(ctx, tx, s.owner, mine)
	})
}

// acceptName writes that the hub has a change, also one that was replaced during the call.
func acceptName(ctx context.Context, tx *journal.Tx, seen nameChange, exchange string, now time.Time) error {
	c, _, err := lockNameChange(ctx, tx, seen.id)
	if err != nil {
		return err
	}
	return c.answer(ctx, tx, nameAccepted, "", exchange, now)
}

// nameForNow reports whether the hub may answer otherwise to the same: for a code of its own, or while it does not know the
// address.
func nameForNow(err error) bool {
	return forNow(err) || fault.ReasonOf(err) == fault.NameOf(hubv1.Reason_REASON_ADDRESS_UNKNOWN)
}

// settleNameRefusal writes that the hub refuses a change, and whether it is told again by itself.
func (s *service) settleNameRefusal(ctx context.Context, mine claim, seen nameChange, cause error) error {
	expiry, err := s.expiry(ctx)
	if err != nil {
		return err
	}
	return s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if _, _, err := lockAddress(ctx, tx, mine.key); err != nil {
			return err
		}
		c, _, err := lockNameChange(ctx, tx, seen.id)
		if err != nil {
			return err
		}
		if !c.open() {
			return dueNames.settle(ctx, tx, s.owner, mine, 0, 0)
		}
		now, before := s.clock.Now(), c
		if c.refusedAt, err = refusedSince(ctx, tx, c.refusedAt, now); err != nil {
			return err
		}
		if refusal := refusalOf(cause); refusal != before.refusal || c.refusedAt != before.refusedAt {
			if err := c.answer(ctx, tx, nameRefused, refusal, "", now); err != nil {
				return err
			}
		}
		again := nameForNow(cause) && expiry.Before(c.refusedAt.Add(s.config.RefusalPatience.Std()))
		return s.tellAgain(ctx, tx, mine, c, again)
	})
}

// tellAgain settles the claim of a refused change: again after a pause, or not any more.
func (s *service) tellAgain(ctx context.Context, tx *journal.Tx, mine claim, c nameChange, again bool) error {
	told := []slog.Attr{slog.String("change", c.id.String()), slog.String("refusal", c.refusal)}
	if !again || c.givenUpAt != nil {
		s.log.LogAttrs(ctx, slog.LevelError, "the hub refuses a name; an operator has to act", told...)
		return dueNames.finish(ctx, tx, s.owner, mine)
	}
	failures := mine.failures + 1
	pauses := work.Backoff{First: s.config.Registration.FirstBackoff.Std(), Max: s.config.RefusalMaxBackoff.Std()}
	wait := pauses.Delay(int(failures), rand.Float64()) //nolint:gosec // jitter needs no secrecy
	s.log.LogAttrs(ctx, slog.LevelWarn, "the hub refuses a name", append(told, slog.Duration("again_in", wait))...)
	return dueNames.settle(ctx, tx, s.owner, mine, wait, failures)
}

package address

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

// metaErrCode is the key under which the hub unit tells the hub's own code.
const metaErrCode = "errCode"

// missingAtHub is the refusal of an address that the hub had registered and has lost.
const missingAtHub = "MISSING_AT_HUB"

// refused reports whether the hub, or the hub unit, answered no.
func refused(err error) bool {
	return errors.Is(err, fault.Invalid) || errors.Is(err, fault.Conflict) || errors.Is(err, fault.Exists)
}

// forNow reports whether the hub may answer otherwise to the same. A code of the hub may be about its own state; who owns an
// address, and what the hub unit cannot send, stays.
func forNow(err error) bool {
	return fault.ReasonOf(err) == fault.NameOf(hubv1.Reason_REASON_HUB_REFUSED)
}

// refusalOf is why an address was refused, as RefusedAddress.refusal tells it.
func refusalOf(err error) string {
	reason := cmp.Or(fault.ReasonOf(err), "REFUSED")
	if code := fault.As(err).Metadata[metaErrCode]; code != "" {
		reason += ":" + code
	}
	return reason
}

// settleRefusal writes that the hub refuses an address, and whether it is asked again by itself. Documents that waited for the
// address are sought at the hub.
func (s *service) settleRefusal(ctx context.Context, mine claim, seen registration, cause error) error {
	expiry, err := s.expiry(ctx)
	if err != nil {
		return err
	}
	return s.journal.InTx(ctx, func(tx *journal.Tx) error {
		a, r, err := s.lockOwner(ctx, tx, seen)
		if err != nil {
			return err
		}
		if !r.sought() {
			return dueAddresses.settle(ctx, tx, s.owner, mine, 0, 0)
		}
		now, before := s.clock.Now(), r
		if r.refusedAt, err = refusedSince(ctx, tx, r.refusedAt, now); err != nil {
			return err
		}
		r.state, r.refusal = addressRefused, refusalOf(cause)
		if err := s.askAgain(ctx, tx, mine, r, forNow(cause) && expiry.Before(r.refusedAt.Add(s.config.RefusalPatience.Std()))); err != nil {
			return err
		}
		if r.refusal != before.refusal || r.refusedAt != before.refusedAt {
			if err := s.keepStep(ctx, tx, r, step{}, addressv1.HubStep_HUB_STEP_REFUSED, r.refusal, now); err != nil {
				return err
			}
		}
		if before.state == addressRefused {
			return nil
		}
		return s.resolveAgain(ctx, tx, a)
	})
}

// refusedSince is since when the hub refuses: as before, or now by the later of both clocks. A clock that was ahead, and is set
// right, must not prolong the patience.
func refusedSince(ctx context.Context, tx *journal.Tx, before *time.Time, now time.Time) (*time.Time, error) {
	present, err := pg.Value[time.Time](ctx, tx, "read the later of both clocks", `select greatest(now(), $1::timestamptz)`, now)
	if err != nil {
		return nil, err
	}
	if before == nil || present.Before(*before) {
		return &present, nil
	}
	return before, nil
}

// askAgain settles the claim of a refused address: again after a pause, or not any more.
func (s *service) askAgain(ctx context.Context, tx *journal.Tx, mine claim, r registration, again bool) error {
	told := []slog.Attr{slog.String("address", r.address), slog.String("refusal", r.refusal)}
	if !again || r.givenUpAt != nil {
		s.log.LogAttrs(ctx, slog.LevelError, "the hub refuses an address; an operator has to act", told...)
		return dueAddresses.finish(ctx, tx, s.owner, mine)
	}
	failures := mine.failures + 1
	pauses := work.Backoff{First: s.config.Registration.FirstBackoff.Std(), Max: s.config.RefusalMaxBackoff.Std()}
	wait := pauses.Delay(int(failures), rand.Float64()) //nolint:gosec // jitter needs no secrecy
	s.log.LogAttrs(ctx, slog.LevelWarn, "the hub refuses an address", append(told, slog.Duration("again_in", wait))...)
	return dueAddresses.settle(ctx, tx, s.owner, mine, wait, failures)
}

// retryRefused has the hub asked at once about an address that it refused, and again for the whole patience.
func (s *service) retryRefused(ctx context.Context, address, operator string) error {
	err := s.changeRefused(ctx, address, func(tx *journal.Tx, r registration, now time.Time) error {
		sendable, err := mayBeRegistered(ctx, tx, r)
		switch {
		case err != nil:
			return err
		case !sendable:
			return errPapersGone()
		}
		r.refusedAt, r.givenUpAt = &now, nil
		if err := updateAddress(ctx, tx, r, "", now); err != nil {
			return err
		}
		if err := startOverAddress(ctx, tx, r.address); err != nil {
			return err
		}
		return recordRefusedRetried(ctx, tx, r.address, operator, now)
	})
	if err == nil {
		s.wakeUp()
	}
	return err
}

// giveUpRefused ends asking the hub about an address that it refused. A call under way may still register it; it is the last.
func (s *service) giveUpRefused(ctx context.Context, address, reason, operator string) error {
	return s.changeRefused(ctx, address, func(tx *journal.Tx, r registration, now time.Time) error {
		if r.givenUpAt != nil {
			return nil
		}
		r.givenUpAt = &now
		if err := updateAddress(ctx, tx, r, "", now); err != nil {
			return err
		}
		if err := dropUnclaimedAddress(ctx, tx, r.address); err != nil {
			return err
		}
		return recordRefusedGivenUp(ctx, tx, r.address, reason, operator, now)
	})
}

func (s *service) changeRefused(ctx context.Context, address string, act func(tx *journal.Tx, r registration, now time.Time) error) error {
	return s.journal.InTx(ctx, func(tx *journal.Tx) error {
		r, known, err := lockAddress(ctx, tx, foldAddress(address))
		switch {
		case err != nil:
			return err
		case !known || r.state != addressRefused:
			return errAddressNotRefused()
		}
		return act(tx, r, s.clock.Now())
	})
}

// mayBeRegistered reports whether what the hub requires for an address is still kept; for a person nothing is.
func mayBeRegistered(ctx context.Context, tx *journal.Tx, r registration) (bool, error) {
	owner := r.principal
	if r.ofMember() {
		i, known, err := readIdentity(ctx, tx, r.recipient)
		if err != nil || !known || !i.organisation() {
			return known, err
		}
		owner = i.application
	}
	_, kept, err := readPapers(ctx, tx, owner)
	return kept, err
}

package circulation

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/work"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// confirmTask asks the hub about addresses it did not know (results 4 and 5), and makes their registrations due again.
func (s *service) confirmTask() (lifecycle.Task, error) {
	timeout := s.config.Calls.Timeout.Std()
	lease := work.Lease{For: confirmLease(timeout)}
	return work.Loop[confirmation]{
		Name: "confirm-addresses", Workers: s.config.Calls.Confirmers, Interval: s.config.Calls.Interval.Std(), Wake: s.confirmBell,
		Timeout: timeout, Log: s.log,
		Claim: func(ctx context.Context, limit int) ([]confirmation, error) {
			lease.Limit = limit
			return claimConfirmations(ctx, s.db, lease)
		},
		Do: s.confirm,
	}.Task()
}

// confirmLease is how long a question of two calls may take, and its result to be written.
func confirmLease(timeout time.Duration) time.Duration { return 2*timeout + work.SettleTimeout }

// confirm asks about one address. Whatever the answer, the registration is sent again after a wait that grows, until a person
// must look. Only if nobody answers is the question asked again instead.
func (s *service) confirm(ctx context.Context, c confirmation) {
	next := due
	_, err := s.address.ConfirmAddress(ctx, &addressv1.ConfirmAddressRequest{Address: c.address})
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "address was not confirmed", slog.String("edoc_num", c.number), slog.Any("error", err))
		if kind := fault.KindOf(err); kind == fault.Unavailable || kind == fault.Exhausted {
			next = confirming
		}
	}
	settleCtx, cancel := work.Settling(ctx)
	defer cancel()
	wait := s.backoff.Delay(c.refusals, rand.Float64()) //nolint:gosec // jitter needs no secrecy
	if err := settleConfirmation(settleCtx, s.db, c, next, wait); err != nil && !errors.Is(err, work.ErrLost) {
		s.log.LogAttrs(ctx, slog.LevelError, "confirmation was not written down", slog.String("edoc_num", c.number), slog.Any("error", err))
	}
}

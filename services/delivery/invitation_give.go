package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/work"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	inviteLease    = time.Minute
	inviteInterval = 500 * time.Millisecond
	// inviteTime is how long an attempt may run before its result is stored.
	inviteTime = inviteLease - 2*givenTimeout
	// invitationKept is how long an invitation that has ended is still confirmed by its code.
	invitationKept = 180 * 24 * time.Hour
)

// call is one attempt to give an invitation.
type call struct {
	id, message   uuid.UUID
	sender, by    string
	digest        []byte
	sealedContact []byte
	sealedFor     string
	owner         string
	attempt       int
}

var errContactUnreadable = errors.New("the contact cannot be read")

// inviteTask gives invitations that are due.
func (s *service) inviteTask() (lifecycle.Task, error) {
	return work.Loop[call]{
		Name: "invitations", Workers: s.config.Invitation.Workers, Interval: inviteInterval, Timeout: inviteTime, Log: s.log,
		Claim: s.claimInvitations, Do: s.giveInvitation,
	}.Task()
}

// giveInvitation makes one attempt and stores its result.
func (s *service) giveInvitation(ctx context.Context, c call) {
	refused, err := isRefused(ctx, s.db, c)
	if err == nil && !refused {
		err = s.callChannel(ctx, c)
		if err != nil && ctx.Err() != nil {
			return // its time is over or the process stops; after the lease it is given again, as the same message
		}
		err = s.settleInvitation(ctx, c, err)
	} else if err == nil {
		// Refused to another sender for all, in the moment in which this one was made due.
		err = s.failInvitation(ctx, c, invitationRefused(), refusedForever, nil)
	}
	if err != nil && !errors.Is(err, work.ErrLost) && ctx.Err() == nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "an invitation was not given", slog.String("invitation", c.id.String()), slog.Int("attempt", c.attempt),
			slog.Any("error", err))
	}
}

// callChannel opens the contact for as long as the call takes.
func (s *service) callChannel(ctx context.Context, c call) error {
	var contact platformv1.Contact
	if err := sealed.OpenMessage(ctx, s.sealed, sealedContact, c.sealedFor, c.sealedContact, &contact); err != nil {
		if sealed.Unreadable(err) {
			return errContactUnreadable
		}
		return fmt.Errorf("open a contact: %w", err)
	}
	by, to, ok := s.inviter.channel.reaches(&contact)
	if !ok { // the channel is another since
		return errContactUnreadable
	}
	sender, err := s.inviter.names.of(ctx, c.sender)
	if err != nil {
		return err
	}
	code := s.inviter.code(c.id)
	return s.inviter.channel.invite(ctx, invitation{
		message: c.message, by: by, to: to, relay: s.config.Invitation.Relay, sender: sender, code: spoken(code), join: s.config.Invitation.Join + code,
	})
}

// settleInvitation stores what came of an attempt.
func (s *service) settleInvitation(ctx context.Context, c call, failure error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), givenTimeout)
	defer cancel()
	if failure == nil {
		s.metrics.invited(ctx, "given", 1)
		return s.settleInvited(ctx, c)
	}
	if errors.Is(failure, errNoSuchPerson) {
		s.metrics.invited(ctx, "no_such_person", 1)
		return s.failInvitation(ctx, c, noSuchPerson(), ended, &deliveryv1.InvitationGivenUp{Invitation: c.id.String(), Reason: noSuchPerson()})
	}
	reason, wait := inviteReason(failure), waitOf(failure)
	if wait > 0 {
		s.log.LogAttrs(ctx, slog.LevelError, "the channel of invitations asked not to be called; nobody is invited until then",
			slog.String("reason", reason), slog.Duration("wait", wait))
		if err := keepPause(ctx, s.db, s.inviter.channel.name(), wait, reason); err != nil {
			return errors.Join(failure, err) // it is given again after its lease
		}
	}
	if c.attempt >= s.config.Invitation.Attempts || errors.Is(failure, errContactUnreadable) {
		s.metrics.invited(ctx, "failed", 1)
		return errors.Join(failure, s.failInvitation(ctx, c, invitationFailed(), ended, &deliveryv1.InvitationGivenUp{Invitation: c.id.String(), Reason: reason}))
	}
	return errors.Join(failure, putOffInvitation(ctx, s.db, c, reason, max(wait, work.Backoff{}.Delay(c.attempt, rand.Float64()))))
}

func inviteReason(err error) string {
	var answer *answerError
	switch {
	case errors.Is(err, errContactUnreadable):
		return errContactUnreadable.Error()
	case errors.Is(err, errMail):
		return errMail.Error()
	case errors.As(err, &answer):
		return answer.Error()
	default:
		return reasonOf(err)
	}
}

// settleInvited states of all documents that wait that their recipient was invited.
func (s *service) settleInvited(ctx context.Context, c call) error {
	return s.onInvitations(ctx, []uuid.UUID{c.id}, func(tx *journal.Tx, waiting []linked) error {
		now := s.clock.Now()
		if err := markGiven(ctx, tx, c, now); err != nil {
			return err
		}
		told := make([]seeker, len(waiting))
		for i, l := range waiting {
			told[i] = seeker{document: l.document, reachable: reachable{by: c.by}, sought: sought{invitations: l.invitations, invitedAt: now}}
		}
		if err := s.stateInvited(ctx, tx, told, byItself(now)); err != nil {
			return err
		}
		return recordInvitation(ctx, tx, actor, now, &deliveryv1.InvitationGiven{
			Invitation: c.id.String(), EdocNums: numbersOf(ofLinked(waiting)), By: c.by, Channel: s.config.Invitation.Channel, Attempt: uint32(c.attempt), //nolint:gosec // bounded
		})
	})
}

// failInvitation ends an invitation of which the attempt is still ours, and the documents that wait for it.
func (s *service) failInvitation(ctx context.Context, c call, reason string, as standing, fact *deliveryv1.InvitationGivenUp) error {
	return s.onInvitations(ctx, []uuid.UUID{c.id}, func(tx *journal.Tx, waiting []linked) error {
		now := s.clock.Now()
		if err := markFailed(ctx, tx, c, as, reason, now); err != nil {
			return err
		}
		if err := s.failLinked(ctx, tx, now, waiting, reason); err != nil || fact == nil {
			return err
		}
		return recordInvitation(ctx, tx, actor, now, fact)
	})
}

// failLinked ends documents that wait for an invitation.
func (s *service) failLinked(ctx context.Context, tx *journal.Tx, now time.Time, waiting []linked, reason string) error {
	documents := ofLinked(waiting)
	if err := s.fail(ctx, tx, now, documents, reason, byItself(now)); err != nil {
		return err
	}
	return leave(ctx, tx, now, documents)
}

// linked is a document that waits for an invitation.
type linked struct {
	document
	invitation  uuid.UUID
	invitations int32
}

func ofLinked(waiting []linked) []document {
	return pg.Column(waiting, func(l linked) document { return l.document })
}

// moreTries bounds how often documents that come meanwhile put an act on invitations off.
const moreTries = 20

var errMore = errors.New("more documents wait for the invitation since they were locked")

// onInvitations runs an act on invitations and all documents that wait for them. All are locked, documents first, as everywhere.
// A document that came in between is locked with the next try.
func (s *service) onInvitations(ctx context.Context, ids []uuid.UUID, act func(tx *journal.Tx, waiting []linked) error) error {
	err := errMore
	for try := 0; errors.Is(err, errMore) && try < moreTries; try++ {
		err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
			locked, err := lockLinked(ctx, tx, ids)
			if err != nil {
				return err
			}
			if err := lockInvitations(ctx, tx, ids); err != nil {
				return err
			}
			waiting, err := readLinked(ctx, tx, ids)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(waiting, func(l linked) bool { return !locked[l.number] }) {
				return errMore
			}
			return act(tx, waiting)
		})
	}
	return err
}

// forgetInvitations deletes invitations that ended long ago.
func (s *service) forgetInvitations(ctx context.Context) {
	if err := deleteInvitations(ctx, s.db, s.clock.Now().Add(-invitationKept)); err != nil && ctx.Err() == nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "invitations that ended long ago were not deleted", slog.Any("error", err))
	}
}

package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

func (c call) args() pgx.NamedArgs {
	return pgx.NamedArgs{"id": c.id, "owner": c.owner, "attempt": c.attempt}
}

// claimInvitations claims invitations that are due, unless the channel is left alone or it is a quiet hour.
func (s *service) claimInvitations(ctx context.Context, limit int) ([]call, error) {
	if s.inviter.quiet.at(s.clock.Now()) {
		return nil, nil
	}
	if left, err := pauseLeft(ctx, s.db, s.inviter.channel.name()); err != nil || left > 0 {
		return nil, err
	}
	const claim = `
		with due as (
		  select id from invitation
		  where  state = 'DUE' and due_at <= now() and (lease_until is null or lease_until < now())
		  order  by due_at
		  limit  @limit
		  for update skip locked)
		update invitation i
		set    lease_until = now() + @lease::interval, owner = @owner, attempt = i.attempt + 1
		from   due
		where  i.id = due.id
		returning i.id, i.message, i.sender, i.reached_by, i.contact_digest, i.sealed_contact, i.sealed_for, i.owner, i.attempt`
	return work.Claim(ctx, s.db, claim, work.Lease{Owner: s.replica, For: inviteLease, Limit: limit}, nil, func(r pgx.CollectableRow) (c call, err error) {
		return c, r.Scan(&c.id, &c.message, &c.sender, &c.by, &c.digest, &c.sealedContact, &c.sealedFor, &c.owner, &c.attempt)
	})
}

// isRefused reports whether a contact refuses the sender, or all.
func isRefused(ctx context.Context, db pg.DBTX, c call) (bool, error) {
	return pg.Value[bool](ctx, db, "read whether an invitation is refused",
		`select exists (select from invitation_refusal where contact_digest = $1 and sender in ('', $2))`, c.digest, c.sender)
}

// markGiven keeps that an invitation was given. It may have ended during the call.
func markGiven(ctx context.Context, tx *journal.Tx, c call, now time.Time) error {
	args := c.args()
	args["now"] = now
	return work.Settle(ctx, tx, `
		update invitation
		set    state = case when state = 'DUE' then 'OPEN' else state end, invited_at = @now, lease_until = null, last_error = null, changed_at = @now
		where  id = @id and owner = @owner and attempt = @attempt and state in ('DUE', 'ENDED')`, args)
}

// markFailed ends an invitation.
func markFailed(ctx context.Context, tx *journal.Tx, c call, as standing, reason string, now time.Time) error {
	args := c.args()
	args["now"], args["state"], args["reason"] = now, string(as), reason
	return work.Settle(ctx, tx, `
		update invitation
		set    state = @state, sealed_contact = null, sealed_for = null, lease_until = null, last_error = @reason, changed_at = @now
		where  id = @id and owner = @owner and attempt = @attempt and state = 'DUE'`, args)
}

// putOffInvitation keeps an invitation that failed for later.
func putOffInvitation(ctx context.Context, db pg.DBTX, c call, reason string, delay time.Duration) error {
	args := c.args()
	args["reason"], args["delay"] = reason, delay
	return work.Settle(ctx, db, `
		update invitation set due_at = now() + @delay::interval, lease_until = null, last_error = @reason
		where id = @id and owner = @owner and attempt = @attempt and state = 'DUE'`, args)
}

// lockLinked locks the documents that wait for invitations, in the order of their numbers.
func lockLinked(ctx context.Context, tx *journal.Tx, ids []uuid.UUID) (map[string]bool, error) {
	return pg.Set[string](ctx, tx, "lock documents that wait for invitations", `
		select d.edoc_num from delivery d
		where  d.edoc_num = any(array(select edoc_num from invitation_document where invitation = any($1)))
		order  by d.edoc_num
		for update`, ids)
}

// readLinked reads the documents that wait for invitations.
func readLinked(ctx context.Context, tx *journal.Tx, ids []uuid.UUID) ([]linked, error) {
	return pg.All(ctx, tx, "read documents that wait for invitations", func(r pgx.CollectableRow) (l linked, err error) {
		var lane int16
		err = r.Scan(&l.number, &l.invitation, &l.sender, &lane, &l.invitations)
		l.lane = platformv1.Lane(lane)
		return l, err
	}, `
		select d.edoc_num, l.invitation, d.sender, d.lane, d.invitations
		from   invitation_document l join delivery d on d.edoc_num = l.edoc_num
		where  l.invitation = any($1)
		order  by d.edoc_num`, ids)
}

func deleteInvitations(ctx context.Context, db pg.DBTX, before time.Time) error {
	return pg.Exec(ctx, db, "delete invitations that ended long ago", `
		delete from invitation i
		where  state in ('REFUSED', 'ENDED') and changed_at < $1 and not exists (select from invitation_document d where d.invitation = i.id)`, before)
}

// invitationAge is how long the oldest invitation has been due.
func invitationAge(ctx context.Context, db pg.DBTX) (time.Duration, error) {
	seconds, err := pg.Value[float64](ctx, db, "read the age of the oldest invitation", `
		select coalesce(extract(epoch from now() - min(due_since)), 0)::float8 from invitation where state = 'DUE'`)
	if err != nil {
		return 0, fmt.Errorf("read the age of invitations: %w", err)
	}
	return max(0, time.Duration(seconds*float64(time.Second))), nil
}

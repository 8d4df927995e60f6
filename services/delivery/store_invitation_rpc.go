package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// invitationRow is an invitation as its code finds it.
type invitationRow struct {
	id                   uuid.UUID
	sender               string
	digest               []byte
	state                standing
	invitedAt, openUntil *time.Time
}

// findInvitation finds an invitation by the digest of its code. One whose message may be out, since the channel was called,
// counts as given.
func findInvitation(ctx context.Context, db pg.DBTX, code []byte) (invitationRow, bool, error) {
	return pg.Find(ctx, db, "find an invitation", func(r pgx.CollectableRow) (i invitationRow, err error) {
		return i, r.Scan(&i.id, &i.sender, &i.digest, &i.state, &i.invitedAt, &i.openUntil)
	}, `
		select id, sender, contact_digest, state, invited_at, open_until from invitation
		where  code_digest = $1 and (invited_at is not null or attempt > 0)
		order  by changed_at desc
		limit  1`, code)
}

// ofContact are the invitations of all senders to a contact.
func ofContact(ctx context.Context, db pg.DBTX, digest []byte) ([]uuid.UUID, error) {
	return pg.All(ctx, db, "read the invitations to a contact", pgx.RowTo[uuid.UUID], `select id from invitation where contact_digest = $1`, digest)
}

// insertRefusal keeps a refusal; false if it was known.
func insertRefusal(ctx context.Context, tx *journal.Tx, digest []byte, sender string, now time.Time) (bool, error) {
	return pg.Changed(ctx, tx, "keep a refusal of invitations", `
		insert into invitation_refusal (contact_digest, sender, refused_at) values ($1, $2, $3) on conflict do nothing`, digest, sender, now)
}

func markRefused(ctx context.Context, tx *journal.Tx, ids []uuid.UUID, now time.Time) error {
	return pg.Exec(ctx, tx, "mark invitations as refused", `
		update invitation set state = 'REFUSED', sealed_contact = null, sealed_for = null, lease_until = null, changed_at = $2
		where  id = any($1) and state <> 'REFUSED'`, ids, now)
}

// failedInvitation is an invitation as an operator sees it.
type failedInvitation struct {
	id                  uuid.UUID
	sender, lastError   string
	documents, attempts int32
	dueSince, dueAt     time.Time
}

// listInvitations gives at most n invitations that failed and wait, the oldest first.
func listInvitations(ctx context.Context, db pg.DBTX, after roundPlace, n int) ([]failedInvitation, error) {
	return pg.All(ctx, db, "list invitations", func(r pgx.CollectableRow) (i failedInvitation, err error) {
		return i, r.Scan(&i.id, &i.sender, &i.documents, &i.dueSince, &i.dueAt, &i.attempts, &i.lastError)
	}, `
		select i.id, i.sender, (select count(*)::integer from invitation_document d where d.invitation = i.id), i.due_since, i.due_at, i.attempt, i.last_error
		from   invitation i
		where  state = 'DUE' and last_error is not null and (due_since, id) > ($1, $2)
		order  by due_since, id
		limit  $3`, after.ReceivedAt, after.ID, n)
}

// uncalled is the condition of an invitation that waits and that nobody is giving.
const uncalled = `state = 'DUE' and (lease_until is null or lease_until <= now())`

func makeInvitationsDue(ctx context.Context, tx *journal.Tx, ids []uuid.UUID) ([]uuid.UUID, error) {
	return pg.All(ctx, tx, "make invitations due", pgx.RowTo[uuid.UUID],
		`update invitation set due_at = now() where id = any($1) and `+uncalled+` returning id`, ids)
}

// giveUpInvitations ends invitations that wait, and returns which.
func giveUpInvitations(ctx context.Context, tx *journal.Tx, ids []uuid.UUID, reason string, now time.Time) (map[uuid.UUID]bool, error) {
	return pg.Set[uuid.UUID](ctx, tx, "give up invitations", `
		update invitation set state = 'ENDED', sealed_contact = null, sealed_for = null, last_error = $2, changed_at = $3
		where  id = any($1) and `+uncalled+` returning id`, ids, reason, now)
}

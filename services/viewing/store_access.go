package viewing

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// sessionRow is a session that began.
type sessionRow struct {
	// id is that of the login, or of the organisation's token.
	id string
	// recipient is whose session it is, person who took it.
	recipient, person string
	openedAt          time.Time
}

func insertSession(ctx context.Context, tx *journal.Tx, r sessionRow) error {
	return pg.Exec(ctx, tx, "insert a session", `insert into session_opened (id, recipient, person, opened_at, commit_id) values ($1, $2, $3, $4, $5)`,
		r.id, r.recipient, r.person, r.openedAt, tx.CommitID())
}

// accessRow is a session, or a viewing token with its use.
type accessRow struct {
	ID uuid.UUID
	// Kind is a viewingv1.AccessKind.
	Kind              int32
	At                time.Time
	Recipient, Person string
	EdocNum, System   string
	ViewedAt, ReadAt  *time.Time
}

// listAccesses gives at most n before an id, newest first. Ids are in order of time (UUIDv7). Each branch reads no more than the
// page needs.
func listAccesses(ctx context.Context, db pg.DBTX, recipient string, before uuid.UUID, n int) ([]accessRow, error) {
	return pg.All(ctx, db, "list accesses", pgx.RowToStructByPos[accessRow], `
		select *
		  from ((select id, case when person = recipient then 1 else 2 end, opened_at, recipient, person, '', '', null::timestamptz, null::timestamptz
		           from session_opened
		          where recipient = $1 and id < $2
		          order by id desc limit $3)
		        union all
		        (select id, 2, opened_at, recipient, person, '', '', null, null
		           from session_opened
		          where person = $1 and person <> recipient and id < $2
		          order by id desc limit $3)
		        union all
		        (select v.jti, 3, v.issued_at, v.recipient, case v.acted_by when '' then v.recipient else v.acted_by end, v.edoc_num, v.viewing_system, v.used_at,
		                (select r.read_at from read_time r where r.edoc_num = v.edoc_num and r.verification_id = v.verification_id)
		           from viewing_token v
		          where v.recipient = $1 and v.jti < $2
		          order by v.jti desc limit $3)) a
		 order by 1 desc limit $3`, recipient, before, n)
}

// loggedToken is a viewing token with what became of it.
type loggedToken struct {
	Number           int
	GivenAt          time.Time
	System, Person   string
	OpenedAt, ReadAt *time.Time
}

// listTokens gives at most n of a document's tokens after a number, in their order.
func listTokens(ctx context.Context, db pg.DBTX, number id.EdocNumber, after, n int) ([]loggedToken, error) {
	return pg.All(ctx, db, "list tokens of "+number.String(), pgx.RowToStructByPos[loggedToken], `
		select v.ordinal, v.issued_at, v.viewing_system, case v.acted_by when '' then v.recipient else v.acted_by end, v.used_at,
		       (select r.read_at from read_time r where r.edoc_num = v.edoc_num and r.verification_id = v.verification_id)
		  from viewing_token v
		 where v.edoc_num = $1 and v.ordinal > $2
		 order by v.ordinal limit $3`, number.String(), after, n)
}

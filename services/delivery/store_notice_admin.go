package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// failedRound is a round as an operator sees it.
type failedRound struct {
	id                uuid.UUID
	numbers           []string
	receivedAt, dueAt time.Time
	attempts          int32
	lastError         string
	givenUpAt         *time.Time
	reminder          bool
}

// roundPlace is where a list of rounds goes on.
type roundPlace struct {
	ReceivedAt time.Time
	ID         uuid.UUID
}

const failedColumns = `id, edoc_nums, received_at, due_at, attempt, coalesce(last_error, ''), given_up_at, reminder`

func scanFailed(row pgx.CollectableRow) (failedRound, error) {
	var r failedRound
	return r, row.Scan(&r.id, &r.numbers, &r.receivedAt, &r.dueAt, &r.attempts, &r.lastError, &r.givenUpAt, &r.reminder)
}

// listRounds gives at most n rounds that failed, waiting or given up, the oldest documents first.
func listRounds(ctx context.Context, db pg.DBTX, givenUp bool, after roundPlace, n int) ([]failedRound, error) {
	const list = `
		select ` + failedColumns + `
		from   notice_round
		where  (given_up_at is not null) = $1 and last_error is not null and (received_at, id) > ($2, $3)
		order  by received_at, id
		limit  $4`
	return pg.All(ctx, db, "list rounds of notices", scanFailed, list, givenUp, after.ReceivedAt, after.ID, n)
}

// idle is the condition of a waiting round that nobody is calling.
const idle = `given_up_at is null and (lease_until is null or lease_until <= now())`

// makeRoundsDue has waiting rounds called at once and returns which.
func makeRoundsDue(ctx context.Context, tx *journal.Tx, ids []uuid.UUID) ([]uuid.UUID, error) {
	const due = `update notice_round set due_at = now() where id = any($1) and ` + idle + ` returning id`
	return pg.All(ctx, tx, "make rounds of notices due", pgx.RowTo[uuid.UUID], due, ids)
}

// renewRounds replaces rounds that were given up by new ones; the result names the new ones by the former.
func renewRounds(ctx context.Context, tx *journal.Tx, ids []uuid.UUID) (map[uuid.UUID]uuid.UUID, error) {
	const end = `delete from notice_round where id = any($1) and given_up_at is not null returning ` + failedColumns
	const begin = `insert into notice_round (id, edoc_nums, received_at, due_at, attempt, last_error, reminder) values ($1, $2, $3, now(), 0, $4, $5)`
	former, err := pg.All(ctx, tx, "end rounds that were given up", scanFailed, end, ids)
	if err != nil {
		return nil, err
	}
	next := make(map[uuid.UUID]uuid.UUID, len(former))
	for _, r := range former {
		next[r.id] = id.New()
		if err := pg.Exec(ctx, tx, "begin a round anew", begin, next[r.id], r.numbers, r.receivedAt, r.lastError, r.reminder); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// lockIdle locks waiting rounds that nobody is calling.
func lockIdle(ctx context.Context, tx *journal.Tx, ids []uuid.UUID) ([]failedRound, error) {
	const lock = `select ` + failedColumns + ` from notice_round where id = any($1) and ` + idle + ` order by id for update`
	return pg.All(ctx, tx, "lock rounds of notices", scanFailed, lock, ids)
}

// giveUpRound keeps a round for a person to see and has it called no more.
func giveUpRound(ctx context.Context, tx *journal.Tx, round uuid.UUID, reason string) error {
	const end = `update notice_round set given_up_at = now(), lease_until = null, last_error = $2 where id = $1`
	return pg.Exec(ctx, tx, fmt.Sprintf("give up round %s", round), end, round, reason)
}

// endPause has a hook called again that had asked to be left alone.
func endPause(ctx context.Context, db pg.DBTX, hook []byte) error {
	return pg.Exec(ctx, db, "end the pause of notices", `update notice_pause set paused_until = now() where hook = $1 and paused_until > now()`, hook)
}

package archive

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// failing is a deposit as an operator sees it.
type failing struct {
	number, sender, lastError string
	dueSince                  time.Time
	dueAt, endedAt            *time.Time
	attempts                  int32
}

// queuePlace is where a list of deposits goes on.
type queuePlace struct {
	DueSince time.Time `json:"t"`
	Number   string    `json:"n"`
}

// listFailing lists at most n deposits that failed and wait, or that ended without one, the oldest first.
func listFailing(ctx context.Context, db pg.DBTX, ended bool, after queuePlace, n int) ([]failing, error) {
	const columns = `
		select edoc_num, sender, coalesce(last_error, ''), due_since, due_at, ended_at, attempt
		from   deposit
		where  (due_since, edoc_num) > ($1, $2) and `
	const order = ` order by due_since, edoc_num limit $3`
	condition := `state = 'DUE' and last_error is not null`
	if ended {
		condition = `state in ('FAILED', 'STOPPED') and due_since is not null`
	}
	return pg.All(ctx, db, "list deposits", func(row pgx.CollectableRow) (f failing, err error) {
		return f, row.Scan(&f.number, &f.sender, &f.lastError, &f.dueSince, &f.dueAt, &f.endedAt, &f.attempts)
	}, columns+condition+order, after.DueSince, after.Number, n)
}

// idle is the condition of a deposit that waits and that nobody is making.
const idle = `state = 'DUE' and (lease_until is null or lease_until <= now())`

// makeDueNow has waiting deposits tried at once and returns which.
func makeDueNow(ctx context.Context, tx *journal.Tx, numbers []string) ([]string, error) {
	const due = `
		update deposit d set due_at = now()
		from   (select edoc_num from deposit where edoc_num = any($1) and ` + idle + ` order by edoc_num for update) w
		where  d.edoc_num = w.edoc_num
		returning d.edoc_num`
	return pg.All(ctx, tx, "make deposits due now", pgx.RowTo[string], due, numbers)
}

// giveUp ends waiting deposits and returns them.
func giveUp(ctx context.Context, tx *journal.Tx, numbers []string, reason string, now time.Time) ([]document, error) {
	const lock = `select ` + documentColumns + ` from deposit where edoc_num = any($1) and ` + idle + ` order by edoc_num for update`
	const end = `
		update deposit set state = 'FAILED', due_at = null, lease_until = null, owner = null, reason = $2, ended_at = $3, commit_id = $4
		where  edoc_num = any($1)`
	waiting, err := pg.All(ctx, tx, "lock waiting deposits", func(row pgx.CollectableRow) (document, error) { return scanDocument(row) }, lock, numbers)
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	locked := pg.Column(waiting, func(d document) string { return d.number })
	return waiting, pg.Exec(ctx, tx, fmt.Sprintf("give up %d deposits", len(waiting)), end, locked, reason, now, tx.CommitID())
}

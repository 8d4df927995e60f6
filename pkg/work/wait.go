package work

import (
	"context"
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/pg"
)

// Wait is a column by which work waits: until that time it is not due, or is claimed. The database's clock judges it. If that
// clock was ahead when the row was written and has been set right since, the row would wait until the clock comes there again,
// perhaps for years.
type Wait struct {
	Table, Column string
	// Where is the condition of the rows that wait; empty for all.
	Where string
	// Longest is the longest that a row may wait, by the settings.
	Longest time.Duration
}

// ClaimedWaits are the two columns of claimed work (package comment) in a table. longest is the longest pause between attempts.
func ClaimedWaits(table, where string, longest, lease time.Duration) []Wait {
	return []Wait{
		{Table: table, Column: "due_at", Where: where, Longest: longest},
		{Table: table, Column: "lease_until", Where: where, Longest: lease},
	}
}

// waitSlack is added to every longest wait: a clock that is being set right may differ for a moment.
const waitSlack = time.Minute

// EndOverlong ends waits that reach further than any may, and returns how many it ended. What was claimed is claimed again: a
// late result is then ErrLost.
func EndOverlong(ctx context.Context, db pg.DBTX, waits []Wait) (ended int64, err error) {
	for _, w := range waits {
		sql := fmt.Sprintf(`update %s set %s = now() where %[2]s > now() + $1::interval`, w.Table, w.Column)
		if w.Where != "" {
			sql += " and " + w.Where
		}
		n, err := pg.Count(ctx, db, fmt.Sprintf("end overlong waits of %s.%s", w.Table, w.Column), sql, w.Longest+waitSlack)
		if err != nil {
			return ended, err
		}
		ended += n
	}
	return ended, nil
}

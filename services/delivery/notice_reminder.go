package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// remindInterval is how often documents are looked for whose recipients are to be reminded.
const remindInterval = time.Second

// insertReminders keeps when recipients are to be reminded, where that is still to come.
func insertReminders(tx *journal.Tx, delivered []document, before time.Duration, now time.Time) {
	var numbers []string
	var at []time.Time
	for _, d := range delivered {
		if deadline := moment(d.facts.GetViewingDeadline()); deadline != nil && deadline.Add(-before).After(now) {
			numbers, at = append(numbers, d.number), append(at, deadline.Add(-before))
		}
	}
	if len(numbers) > 0 {
		tx.Later(fmt.Sprintf("plan reminders of %d documents", len(numbers)),
			`insert into notice_reminder (edoc_num, at) select * from unnest($1::text[], $2::timestamptz[]) on conflict do nothing`, numbers, at)
	}
}

// remind makes rounds of the reminders that are due. The rounds leave out what was read meanwhile, like any others.
func (s *service) remind(ctx context.Context) {
	for more := true; more; {
		err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
			numbers, err := takeReminders(ctx, tx, s.clock.Now())
			if err != nil || len(numbers) == 0 {
				more = false
				return err
			}
			slices.Sort(numbers)
			return pg.Exec(ctx, tx, "begin a round of reminders", `
				insert into notice_round (id, edoc_nums, received_at, due_at, attempt, reminder) values ($1, $2, now(), now(), 0, true)`, id.New(), numbers)
		})
		if err != nil {
			if ctx.Err() == nil {
				s.log.LogAttrs(ctx, slog.LevelWarn, "reminders were not made", slog.Any("error", err))
			}
			return
		}
	}
}

// takeReminders takes up to a round of reminders whose time has come.
func takeReminders(ctx context.Context, tx *journal.Tx, now time.Time) ([]string, error) {
	return pg.All(ctx, tx, "take reminders", pgx.RowTo[string], `
		delete from notice_reminder r
		using  (select edoc_num from notice_reminder where at <= $1 order by at limit $2 for update skip locked) due
		where  r.edoc_num = due.edoc_num
		returning r.edoc_num`, now, maxRound)
}

package address

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/pg"
)

// dayLayout is how a day is written.
const dayLayout = time.DateOnly

// keptDays is how many past days' counts are kept, for the operator who looks into an alarm.
const keptDays = 7

// tally is what one document adds to its sender's day.
type tally struct {
	edoc, sender        string
	searched, fruitless bool
}

// senderDay is a sender's day after tallies were added to it.
type senderDay struct {
	sender    string
	fruitless int64
	// added is what the tallies added to fruitless.
	added int64
}

// addTallies counts. A tally with searched counts only if its document is new, so that an event that comes twice counts once. The
// rows of senders are locked after those of documents, sorted by sender.
func addTallies(ctx context.Context, db pg.DBTX, day string, tallies []tally) ([]senderDay, error) {
	// "offset 0" keeps it one index look-up for each tally.
	const add = `
		with told as (
		  select t.sender, count(*) filter (where t.searched) as searched, count(*) filter (where t.fruitless) as fruitless
		  from   unnest($2::text[], $3::text[], $4::boolean[], $5::boolean[]) t(edoc_num, sender, searched, fruitless)
		  where  not (t.searched and exists (select from open_document o where o.edoc_num = t.edoc_num offset 0))
		  group  by t.sender
		), added as (
		  insert into sender_day as d (day, sender, searched, fruitless)
		  select $1::date, sender, searched, fruitless
		  from   told
		  order  by sender collate "C"
		  on conflict (day, sender) do update
		  set    searched = d.searched + excluded.searched, fruitless = d.fruitless + excluded.fruitless
		  returning sender, fruitless
		)
		select a.sender, a.fruitless, t.fruitless
		from   added a join told t using (sender)
		order  by a.sender`
	return pg.All(ctx, db, fmt.Sprintf("count %d searches", len(tallies)), func(row pgx.CollectableRow) (d senderDay, err error) {
		return d, row.Scan(&d.sender, &d.fruitless, &d.added)
	}, add, day,
		pg.Column(tallies, func(t tally) string { return t.edoc }),
		pg.Column(tallies, func(t tally) string { return t.sender }),
		pg.Column(tallies, func(t tally) bool { return t.searched }),
		pg.Column(tallies, func(t tally) bool { return t.fruitless }))
}

// countAlarming counts the senders that had at least from searches on a day, of which the share ratio or more was fruitless.
func countAlarming(ctx context.Context, db pg.DBTX, day string, from int, ratio float64) (int64, error) {
	const count = `select count(*) from sender_day where day = $1::date and searched >= $2 and fruitless >= searched * $3::float8`
	return pg.Value[int64](ctx, db, "count senders with many fruitless searches", count, day, from, ratio)
}

func purgeDays(ctx context.Context, db pg.DBTX, before string) error {
	return pg.Exec(ctx, db, "purge counts of searches", `delete from sender_day where day < $1::date`, before)
}

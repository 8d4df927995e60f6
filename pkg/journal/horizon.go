package journal

import (
	"context"
	"time"

	"github.com/naru-relay/naru/pkg/pg"
)

// PublishedUntil is the moment, by the database's clock, before which every transaction that states public facts has ended and
// its frames are published; sequence is where the unit's stream had come to by then.
func PublishedUntil(ctx context.Context, db pg.DBTX) (until time.Time, sequence uint64, err error) {
	// The sequence is read after the rest: it may be later, never earlier.
	const read = `
		with until as materialized (
		  select least(
		           clock_timestamp(),
		           (select min(xact_start) from pg_stat_activity
		            where  datname = current_database() and usename = current_user and backend_xid is not null),
		           (select j.recorded_at from journal j
		            where  j.frame_id = (select frame_id from journal_mark
		                                 where published_at is null and lane > 0 and refused is null order by frame_id limit 1))) as at)
		select u.at, coalesce((select stream_seq from journal_mark where published_at is not null order by stream_seq desc limit 1), 0)
		from   until u`
	var seq int64
	_, err = pg.Scan(ctx, db, "look up to when facts are published", []any{&until, &seq}, read)
	return until, uint64(seq), err //nolint:gosec // sequences count from 1
}

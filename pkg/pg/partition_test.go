package pg_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

func parents() pg.Source {
	return source("parents", `
		create table frame (id uuid constraint frame_pkey primary key, published_at timestamptz) partition by range (id);
		create table entry (id uuid constraint entry_pkey primary key) partition by range (id);
		create table record (no text collate "C" constraint record_pkey primary key) partition by range (no);
		create table visit (at timestamptz not null) partition by range (at);
		create table bill (at timestamptz not null) partition by range (at);
		create table hold (frame_id uuid not null);
		grant select, insert on frame, entry, record, visit, bill to ${app};`)
}

func partitionNames(t *testing.T, db pg.DBTX, table string) []string {
	t.Helper()
	rows, err := db.Query(t.Context(),
		`select inhrelid::regclass::text from pg_inherits where inhparent = $1::regclass order by 1`, table)
	require.NoError(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return names
}

// v7 returns a UUIDv7 of an instant whose random bits are all zero or all one.
func v7(t time.Time, ones bool) uuid.UUID {
	var u uuid.UUID
	ms := uint64(t.UnixMilli()) // after 1970
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	u[6], u[8] = 0x70, 0x80
	if ones {
		u[6], u[8] = 0x7f, 0xbf
		for _, i := range []int{7, 9, 10, 11, 12, 13, 14, 15} {
			u[i] = 0xff
		}
	}
	return u
}

func TestMaintainMakesThePartitionsAroundNow(t *testing.T) {
	t.Parallel()
	// 2026-12-31 20:00 UTC is already 2027 in Korea.
	now := time.Date(2026, 12, 31, 20, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name string
		part pg.Partition
		want []string
	}{
		{
			name: "days of a UUIDv7",
			part: pg.Partition{Table: "frame", Kind: pg.ByDayUUIDv7},
			want: []string{
				"frame_20261230", "frame_20261231", "frame_20270101", "frame_20270102", "frame_20270103",
				"frame_20270104", "frame_20270105", "frame_20270106", "frame_20270107",
			},
		},
		{name: "years of a UUIDv7", part: pg.Partition{Table: "entry", Kind: pg.ByYearUUIDv7}, want: []string{"entry_2025", "entry_2026", "entry_2027"}},
		{name: "years of an edoc number", part: pg.Partition{Table: "record", Kind: pg.ByYearText}, want: []string{"record_2026", "record_2027", "record_2028"}},
		{
			name: "days of a time",
			part: pg.Partition{Table: "visit", Kind: pg.ByDayTime},
			want: []string{
				"visit_20261230", "visit_20261231", "visit_20270101", "visit_20270102", "visit_20270103", "visit_20270104", "visit_20270105",
				"visit_20270106", "visit_20270107",
			},
		},
		{name: "months of a time", part: pg.Partition{Table: "bill", Kind: pg.ByMonthTime}, want: []string{"bill_202611", "bill_202612", "bill_202701", "bill_202702"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t, "flow", parents())
			parts := []pg.Partition{tc.part}
			require.ErrorContains(t, pg.CheckPartitions(t.Context(), db.App, parts, now), "is missing")
			require.NoError(t, pg.MaintainPartitions(t.Context(), db.Owner, parts, pg.Clocks{Unit: now, Database: now, Trusted: true}))
			require.NoError(t, pg.MaintainPartitions(t.Context(), db.Owner, parts, pg.Clocks{Unit: now, Database: now, Trusted: true}), "again, with nothing to do")
			require.Equal(t, tc.want, partitionNames(t, db.Owner, tc.part.Table))
			require.NoError(t, pg.CheckPartitions(t.Context(), db.App, parts, now))
		})
	}
}

func TestKeysFallIntoThePartitionOfTheirTime(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "flow", parents())
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	require.NoError(t, pg.MaintainPartitions(t.Context(), db.Owner, []pg.Partition{
		{Table: "frame", Kind: pg.ByDayUUIDv7},
		{Table: "entry", Kind: pg.ByYearUUIDv7},
		{Table: "record", Kind: pg.ByYearText},
		{Table: "visit", Kind: pg.ByDayTime},
	}, pg.Clocks{Unit: now, Database: now, Trusted: true}))
	day := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	untilLast := 24*time.Hour - time.Millisecond
	for _, tc := range []struct {
		table, column string
		key           any
		want          string
	}{
		{"frame", "id", v7(day, false), "frame_20260310"},
		{"frame", "id", v7(day.Add(untilLast), true), "frame_20260310"},
		{"frame", "id", v7(day.Add(24*time.Hour), false), "frame_20260311"},
		{"entry", "id", v7(time.Date(2025, 12, 31, 23, 59, 59, 999e6, time.UTC), true), "entry_2025"},
		{"entry", "id", v7(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), false), "entry_2026"},
		{"record", "no", "20260101_AAAAAAAAAA_0000000000000", "record_2026"},
		{"record", "no", "20261231_zzzzzzzzzz_9999999999999", "record_2026"},
		{"record", "no", "20270101_0000000000_0000000000000", "record_2027"},
		{"visit", "at", day, "visit_20260310"},
		{"visit", "at", day.Add(-time.Microsecond), "visit_20260309"},
	} {
		var got string
		require.NoError(t, db.App.QueryRow(t.Context(),
			`insert into `+tc.table+` (`+tc.column+`) values ($1) returning tableoid::regclass::text`, tc.key).Scan(&got))
		require.Equal(t, tc.want, got, "%v", tc.key)
	}
}

func TestCheckNamesTheMissingPartition(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "flow", parents())
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	parts := []pg.Partition{{Table: "frame", Kind: pg.ByDayUUIDv7}, {Table: "entry", Kind: pg.ByYearUUIDv7}}
	require.NoError(t, pg.MaintainPartitions(t.Context(), db.Owner, parts, pg.Clocks{Unit: now, Database: now, Trusted: true}))
	require.NoError(t, pg.CheckPartitions(t.Context(), db.App, parts, now.AddDate(0, 0, 6)))

	err := pg.CheckPartitions(t.Context(), db.App, parts, now.AddDate(0, 0, 7))
	require.ErrorContains(t, err, "partition frame_20260318 is missing")
	require.NotContains(t, err.Error(), "entry_")
	err = pg.CheckPartitions(t.Context(), db.App, parts, time.Date(2027, 12, 25, 0, 0, 0, 0, time.UTC))
	require.ErrorContains(t, err, "partition entry_2028 is missing")
}

func TestExpiredPartitionsGoOnlyWhenTheGuardAgrees(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "flow", parents())
	start := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	part := pg.Partition{
		Table: "frame", Kind: pg.ByDayUUIDv7, Retain: pg.Retain{Days: 3},
		Guard: `select not exists (select from ${partition} where published_at is null)
		           and not exists (select from hold join ${partition} f on f.id = hold.frame_id)`,
		GuardTables: []string{"hold"},
	}
	parts := []pg.Partition{part}
	require.NoError(t, pg.MaintainPartitions(t.Context(), db.Owner, parts, pg.Clocks{Unit: start, Database: start, Trusted: true}))
	unpublished, held := v7(start, false), v7(start.AddDate(0, 0, 1), false)
	insertFrame(t, db.App, unpublished, nil)
	insertFrame(t, db.App, held, &start)
	insertFrame(t, db.App, v7(start.AddDate(0, 0, 2), false), &start)
	_, err := db.Owner.Exec(t.Context(), `insert into hold (frame_id) values ($1)`, held)
	require.NoError(t, err)

	// The partition of the 12th ends at the midnight that begins the 13th, so at midnight of the 16th it is three days past.
	edge := time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC)
	require.NoError(t, pg.MaintainPartitions(t.Context(), db.Owner, parts, pg.Clocks{Unit: edge, Database: edge, Trusted: true}))
	require.Subset(t, partitionNames(t, db.Owner, "frame"), []string{"frame_20260310", "frame_20260311", "frame_20260312"})
	require.NotContains(t, partitionNames(t, db.Owner, "frame"), "frame_20260309", "empty and expired")

	require.NoError(t, pg.MaintainPartitions(t.Context(), db.Owner, parts, pg.Clocks{Unit: edge.Add(time.Second), Database: edge.Add(time.Second), Trusted: true}))
	names := partitionNames(t, db.Owner, "frame")
	require.Subset(t, names, []string{"frame_20260310", "frame_20260311"})
	require.NotContains(t, names, "frame_20260312")
}

// A partition goes only when it is past its retention by both clocks, and while the unit's clock may be believed.
func TestNoPartitionGoesByOneClock(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "flow", parents())
	start := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	later := start.AddDate(10, 0, 0)
	parts := []pg.Partition{{Table: "frame", Kind: pg.ByDayUUIDv7, Retain: pg.Retain{Days: 3}, Guard: `select true`}}
	maintain := func(c pg.Clocks) []string {
		t.Helper()
		require.NoError(t, pg.MaintainPartitions(t.Context(), db.Owner, parts, c))
		return partitionNames(t, db.Owner, "frame")
	}
	require.Contains(t, maintain(pg.Clocks{Unit: start, Database: start, Trusted: true}), "frame_20260310")
	for _, c := range []pg.Clocks{
		{Unit: later, Database: start, Trusted: true}, {Unit: start, Database: later, Trusted: true}, {Unit: later, Database: later},
	} {
		names := maintain(c)
		require.Contains(t, names, "frame_20260310")
		require.Contains(t, names, "frame_20360310", "what either clock needs is made")
	}
	require.NotContains(t, maintain(pg.Clocks{Unit: later, Database: later, Trusted: true}), "frame_20260310")
}

// A relay that was off for ten days, or whose clock was wrong for so long, has its partitions at the next start, also those of
// the days between: what was made before may still arrive.
func TestPartitionsAfterTenDaysOff(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "flow", parents())
	start := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	parts := []pg.Partition{{Table: "frame", Kind: pg.ByDayUUIDv7}}
	require.NoError(t, pg.MaintainPartitions(t.Context(), db.Owner, parts, pg.Clocks{Unit: start, Database: start, Trusted: true}))
	later := start.AddDate(0, 0, 20)
	require.Error(t, pg.CheckPartitions(t.Context(), db.App, parts, later))
	require.NoError(t, pg.MaintainPartitions(t.Context(), db.Owner, parts, pg.Clocks{Unit: later, Database: later, Trusted: true}))
	require.NoError(t, pg.CheckPartitions(t.Context(), db.App, parts, later))
	for day := range 20 {
		insertFrame(t, db.App, v7(start.AddDate(0, 0, day), false), nil)
	}
}

func insertFrame(t *testing.T, db *pgxpool.Pool, id uuid.UUID, published *time.Time) {
	t.Helper()
	_, err := db.Exec(t.Context(), `insert into frame (id, published_at) values ($1, $2)`, id, published)
	require.NoError(t, err)
}

func TestReplicasMayMaintainAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "flow", parents())
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	parts := []pg.Partition{{Table: "frame", Kind: pg.ByDayUUIDv7, With: "fillfactor = 60"}}
	var group errgroup.Group
	for range 4 {
		group.Go(func() error {
			return pg.MaintainPartitions(t.Context(), db.Owner, parts, pg.Clocks{Unit: now, Database: now, Trusted: true})
		})
	}
	require.NoError(t, group.Wait())
	require.Len(t, partitionNames(t, db.Owner, "frame"), 9)
	var options []string
	require.NoError(t, db.Owner.QueryRow(t.Context(),
		`select reloptions from pg_class where oid = 'frame_20260310'::regclass`).Scan(&options))
	require.Equal(t, []string{"fillfactor=60"}, options)
}

func TestMaintainRefusesARetentionWithoutGuard(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "flow", parents())
	err := pg.MaintainPartitions(t.Context(), db.Owner,
		[]pg.Partition{{Table: "frame", Kind: pg.ByDayUUIDv7, Retain: pg.Retain{Days: 3}}}, pg.Clocks{Unit: time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC), Database: time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC), Trusted: true})
	require.ErrorContains(t, err, "needs a guard")
}

func TestMigrateMakesTheFirstPartitions(t *testing.T) {
	t.Parallel()
	src := parents()
	src.Partitions = []pg.Partition{{Table: "visit", Kind: pg.ByDayTime}}
	db := pgtest.New(t, "flow", src)
	_, err := db.App.Exec(t.Context(), `insert into visit (at) values (now())`)
	require.NoError(t, err)
}

package pg_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pg"
)

const (
	addOne = `update counter set n = n + 1 where id = $1`
	read   = `select n from counter where id = $1`
)

// readIn reads in a transaction; value reads outside of one.
func readIn(tx *pg.Tx, id int) (int, error) {
	return pg.Value[int](context.Background(), tx, "read a counter", read, id)
}

// A round trip is everything the client sends before it waits for the server. The test counts them on the wire.
func TestATransactionSparesRoundTrips(t *testing.T) {
	t.Parallel()
	db := counters(t)
	conn, err := pgx.ConnectConfig(t.Context(), db.App.Config().ConnConfig)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	one := func(tx *pg.Tx) error { _, err := readIn(tx, 1); return err }
	for name, test := range map[string]struct {
		in    func(tx *pg.Tx) error
		trips int
	}{
		"nothing":                         {func(*pg.Tx) error { return nil }, 0},
		"a statement, and the commit":     {one, 2},
		"two statements, and the commit":  {func(tx *pg.Tx) error { _ = one(tx); return one(tx) }, 3},
		"all that is later at the commit": {func(tx *pg.Tx) error { tx.Later("add", addOne, 1); tx.Later("add", addOne, 2); return nil }, 1},
		"later, at the next statement":    {func(tx *pg.Tx) error { tx.LimitLockWait(time.Second); tx.Later("add", addOne, 1); return one(tx) }, 2},
		"later, at the commit":            {func(tx *pg.Tx) error { err := one(tx); tx.Later("add", addOne, 1); return err }, 2},
	} {
		require.NoError(t, pg.InTx(t.Context(), conn, test.in), name) // prepares the statements, so that this costs no round trip below
		var wire bytes.Buffer
		conn.PgConn().Frontend().Trace(&wire, pgproto3.TracerOptions{SuppressTimestamps: true, RegressMode: true})
		require.NoError(t, pg.InTx(t.Context(), conn, test.in), name)
		conn.PgConn().Frontend().Untrace()
		trips := 0
		for line := range strings.Lines(wire.String()) {
			if strings.HasPrefix(line, "F\tSync") || strings.HasPrefix(line, "F\tQuery") {
				trips++
			}
		}
		require.Equal(t, test.trips, trips, "%s:\n%s", name, wire.String())
	}
}

func TestLaterRunsBeforeTheNextStatement(t *testing.T) {
	t.Parallel()
	db := counters(t)
	require.NoError(t, pg.InTx(t.Context(), db.App, func(tx *pg.Tx) error {
		tx.Later("add", addOne, 1)
		tx.Later("double", `update counter set n = n * 10 where id = $1`, 1)
		n, err := readIn(tx, 1)
		require.Equal(t, 10, n)
		tx.Later("add", addOne, 1)
		for _, id := range []int{1, 2} { // the first goes through a batch, the second does not
			rows, err := tx.Query(t.Context(), `select n from counter where id = $1 union all select 7 order by n desc`, id)
			require.NoError(t, err)
			require.True(t, rows.Next())
			rows.Close()
			require.NoError(t, rows.Err())
		}
		tag, err2 := tx.Exec(t.Context(), addOne, 1)
		require.NoError(t, err2)
		require.EqualValues(t, 1, tag.RowsAffected())
		tx.Later("add", addOne, 2)
		return err
	}))
	require.Equal(t, 12, value(t, db.App, 1))
	require.Equal(t, 1, value(t, db.App, 2))
	require.Zero(t, db.App.Stat().AcquiredConns(), "a connection was not given back")
}

// The error of a later statement is returned by whichever call comes next, with the statement's name, and undoes the transaction.
func TestALaterStatementFailsByItsName(t *testing.T) {
	t.Parallel()
	db := counters(t)
	for name, next := range map[string]func(ctx context.Context, tx *pg.Tx) error{
		"commit": func(context.Context, *pg.Tx) error { return nil },
		"exec":   func(ctx context.Context, tx *pg.Tx) error { _, err := tx.Exec(ctx, addOne, 2); return err },
		"query": func(ctx context.Context, tx *pg.Tx) error {
			_, err := pg.All(ctx, tx, "read", pgx.RowTo[int], read, 2)
			return err
		},
		"row": func(ctx context.Context, tx *pg.Tx) error { var n int; return tx.QueryRow(ctx, read, 2).Scan(&n) },
		"savepoint": func(ctx context.Context, tx *pg.Tx) error {
			return tx.Savepoint(ctx, func(*pg.Tx) error { require.Fail(t, "it must not run"); return nil })
		},
	} {
		err := pg.InTx(t.Context(), db.App, func(tx *pg.Tx) error {
			tx.Later("add to the second", addOne, 2)
			tx.Later("insert the first again", `insert into counter (id, n) values ($1, 1)`, 1)
			return next(t.Context(), tx)
		})
		require.ErrorContains(t, err, "insert the first again", name)
		require.Equal(t, "counter_pkey", pg.Constraint(err), name)
		require.Equal(t, 1, strings.Count(err.Error(), "23505"), "%s: %v", name, err)
		require.Zero(t, value(t, db.App, 2), name)
		require.Zero(t, db.App.Stat().AcquiredConns(), name)
	}
}

func TestARowThatIsNotThere(t *testing.T) {
	t.Parallel()
	db := counters(t)
	require.NoError(t, pg.InTx(t.Context(), db.App, func(tx *pg.Tx) error {
		for range 2 {
			var n int
			require.ErrorIs(t, tx.QueryRow(t.Context(), read, 9).Scan(&n), pgx.ErrNoRows)
		}
		return nil
	}))
}

// Statements deferred inside a savepoint belong to it: they fail in it, and are undone with it.
func TestASavepointHasItsLaterStatements(t *testing.T) {
	t.Parallel()
	db := counters(t)
	require.NoError(t, pg.InTx(t.Context(), db.App, func(tx *pg.Tx) error {
		tx.Later("add", addOne, 1)
		require.NoError(t, tx.Savepoint(t.Context(), func(tx *pg.Tx) error { tx.Later("add", addOne, 1); return nil }))
		err := tx.Savepoint(t.Context(), func(tx *pg.Tx) error {
			tx.Later("add", addOne, 2)
			tx.Later("insert the first again", `insert into counter (id, n) values ($1, 1)`, 1)
			return nil
		})
		require.Equal(t, "counter_pkey", pg.Constraint(err))
		tx.Later("add", addOne, 1)
		return nil
	}))
	require.Equal(t, 3, value(t, db.App, 1))
	require.Zero(t, value(t, db.App, 2))
}

func TestNobodyWaitsForALockForEver(t *testing.T) {
	t.Parallel()
	db := counters(t)
	own, err := pg.Open(t.Context(), pg.Options{URL: db.App.Config().ConnString(), Schema: "tally"})
	require.NoError(t, err)
	defer own.Close()
	bound, err := pg.Value[string](t.Context(), own, "read the session's bound", `show lock_timeout`)
	require.NoError(t, err)
	require.Equal(t, "5s", bound)
	require.NoError(t, pg.InTx(t.Context(), db.App, func(tx *pg.Tx) error {
		_, err := tx.Exec(t.Context(), addOne, 1)
		require.NoError(t, err)
		err = pg.InTx(t.Context(), db.App, func(tx *pg.Tx) error {
			tx.LimitLockWait(20 * time.Millisecond)
			tx.Later("add beside it", addOne, 1)
			return nil
		})
		require.Equal(t, pg.LockNotAvailable, pg.SQLState(err))
		return nil
	}))
	require.Equal(t, 1, value(t, db.App, 1))
}

// SearchPath lets a connection with another search path find the schema's tables by their plain names in this transaction, but
// not in later ones.
func TestSearchPathIsTheTransactions(t *testing.T) {
	t.Parallel()
	db := counters(t)
	config := db.App.Config().ConnConfig
	config.RuntimeParams["search_path"] = "pg_catalog"
	elsewhere, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	defer func() { require.NoError(t, elsewhere.Close(context.Background())) }()
	require.NoError(t, pg.InTx(t.Context(), elsewhere, func(tx *pg.Tx) error {
		require.NoError(t, tx.SearchPath(t.Context(), "tally"))
		n, err := readIn(tx, 1)
		require.Zero(t, n)
		return err
	}))
	err = pg.InTx(t.Context(), elsewhere, func(tx *pg.Tx) error { _, err := readIn(tx, 1); return err })
	require.Equal(t, "42P01", pg.SQLState(err))
}

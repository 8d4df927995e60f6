package pg_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

func counters(t *testing.T) *pgtest.DB {
	t.Helper()
	return pgtest.New(t, "tally", source("tally", `
		create table counter (id int constraint counter_pkey primary key, n int not null);
		grant select, insert, update on counter to ${app};
		insert into counter (id, n) values (1, 0), (2, 0);`))
}

func value(t *testing.T, db pg.DBTX, id int) int {
	t.Helper()
	var n int
	require.NoError(t, db.QueryRow(t.Context(), `select n from counter where id = $1`, id).Scan(&n))
	return n
}

func TestInTxCommitsWhatSucceedsAndRollsBackTheRest(t *testing.T) {
	t.Parallel()
	db := counters(t)
	boom := errors.New("boom")
	add := func(tx *pg.Tx) error {
		_, err := tx.Exec(t.Context(), `update counter set n = n + 1 where id = 1`)
		return err
	}
	require.NoError(t, pg.InTx(t.Context(), db.App, add))
	require.Equal(t, 1, value(t, db.App, 1))

	err := pg.InTx(t.Context(), db.App, func(tx *pg.Tx) error { return errors.Join(add(tx), boom) })
	require.ErrorIs(t, err, boom)
	require.Equal(t, 1, value(t, db.App, 1))

	require.Panics(t, func() {
		_ = pg.InTx(t.Context(), db.App, func(tx *pg.Tx) error { _ = add(tx); panic(boom) }) //nolint:forbidigo // the case under test
	})
	require.Equal(t, 1, value(t, db.App, 1))
	require.Zero(t, db.App.Stat().AcquiredConns(), "a connection was not given back")
}

func TestInTxRollsBackWhenTheCallerHasGone(t *testing.T) {
	t.Parallel()
	db := counters(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := pg.InTx(ctx, db.App, func(tx *pg.Tx) error {
		if _, err := tx.Exec(ctx, `update counter set n = 7 where id = 1`); err != nil {
			return err
		}
		cancel()
		return ctx.Err()
	})
	require.ErrorIs(t, err, context.Canceled)
	// A transaction left open would still hold the row's lock.
	_, err = db.App.Exec(t.Context(), `set lock_timeout = '2s'; update counter set n = n + 1 where id = 1`)
	require.NoError(t, err)
	require.Equal(t, 1, value(t, db.App, 1))
}

func TestInTxSurfacesACommitThatRolledBack(t *testing.T) {
	t.Parallel()
	db := counters(t)
	err := pg.InTx(t.Context(), db.App, func(tx *pg.Tx) error {
		_, _ = tx.Exec(t.Context(), `insert into counter (id, n) values (1, 1)`) // a duplicate key; the error is ignored on purpose
		return nil
	})
	require.ErrorIs(t, err, pgx.ErrTxCommitRollback)
}

func TestInTxRepeatsSerializationFailures(t *testing.T) {
	t.Parallel()
	db := counters(t)
	runs := 0
	err := pg.InTx(t.Context(), db.App, func(tx *pg.Tx) error {
		runs++
		var n int
		if err := tx.QueryRow(t.Context(), `select n from counter where id = 1`).Scan(&n); err != nil {
			return err
		}
		if runs == 1 { // another transaction changes the row in between
			if _, err := db.App.Exec(t.Context(), `update counter set n = 10 where id = 1`); err != nil {
				return err
			}
		}
		_, err := tx.Exec(t.Context(), `update counter set n = $1 where id = 1`, n+1)
		return err
	}, pg.Isolation(pgx.RepeatableRead))
	require.NoError(t, err)
	require.Equal(t, 2, runs)
	require.Equal(t, 11, value(t, db.App, 1))
}

func TestInTxGivesUpAfterThreeRuns(t *testing.T) {
	t.Parallel()
	db := counters(t)
	runs := 0
	err := pg.InTx(t.Context(), db.App, func(tx *pg.Tx) error {
		runs++
		_, err := tx.Exec(t.Context(), `do $$ begin raise sqlstate '40001'; end $$`)
		return err
	})
	require.Equal(t, "40001", pg.SQLState(err))
	require.Equal(t, 3, runs)
}

func TestInTxRepeatsADeadlock(t *testing.T) {
	t.Parallel()
	db := counters(t)
	var bothHoldOne sync.WaitGroup
	bothHoldOne.Add(2)
	move := func(from, to int) error {
		first := true
		return pg.InTx(t.Context(), db.App, func(tx *pg.Tx) error {
			if _, err := tx.Exec(t.Context(), `update counter set n = n - 1 where id = $1`, from); err != nil {
				return err
			}
			if first {
				first = false
				bothHoldOne.Done()
				bothHoldOne.Wait()
			}
			_, err := tx.Exec(t.Context(), `update counter set n = n + 1 where id = $1`, to)
			return err
		})
	}
	results := make(chan error, 2)
	go func() { results <- move(1, 2) }()
	go func() { results <- move(2, 1) }()
	require.NoError(t, <-results)
	require.NoError(t, <-results)
	require.Zero(t, value(t, db.App, 1))
	require.Zero(t, value(t, db.App, 2))
}

func TestReadOnlyForbidsWrites(t *testing.T) {
	t.Parallel()
	db := counters(t)
	err := pg.InTx(t.Context(), db.App, func(tx *pg.Tx) error {
		_, err := tx.Exec(t.Context(), `update counter set n = 1`)
		return err
	}, pg.ReadOnly())
	require.Equal(t, "25006", pg.SQLState(err))
}

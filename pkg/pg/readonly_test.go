package pg_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/pg"
)

// A database that takes no writes for a while is away for that while: callers come again. Its connections are not kept, because
// they may lead to a primary that is none any more.
func TestDatabaseThatTakesNoWrites(t *testing.T) {
	t.Parallel()
	db := counters(t)
	super, err := pgx.Connect(t.Context(), db.SuperURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = super.Close(context.WithoutCancel(t.Context())) }) // the database is dropped with the test
	pool, err := pg.Open(t.Context(), pg.Options{URL: db.AppURL, Schema: "tally", MaxConns: 1})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	write := func() error { return pg.Exec(t.Context(), pool, "count", `update counter set n = n + 1`) }
	require.NoError(t, write())

	_, err = super.Exec(t.Context(), `alter database `+db.Name+` set default_transaction_read_only = on`)
	require.NoError(t, err)
	pool.Reset()
	err = write()
	require.Equal(t, fault.Unavailable, fault.KindOf(pg.AsFault(err, nil)))
	require.True(t, pg.Passing(err))
	_, err = super.Exec(t.Context(), `alter database `+db.Name+` reset default_transaction_read_only`)
	require.NoError(t, err)
	require.NoError(t, write(), "a new connection")
}

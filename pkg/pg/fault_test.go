package pg_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

func TestAsFaultMapsBySQLStateAndConstraintName(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "desk", source("desk", `
		create table paper (
		  own_key text constraint paper_own_key_key unique,
		  pages   int  constraint paper_pages_check check (pages > 0),
		  ref     uuid
		);
		grant select, insert on paper to ${app};
		insert into paper (own_key, pages) values ('a', 1);`))
	public := map[string]*fault.Error{
		"paper_own_key_key": fault.New(fault.Exists, "desk", nil, "the key is taken", fault.WithMetadata("limit", "1")),
	}
	for _, tc := range []struct {
		name, sql string
		want      fault.Kind
		domain    string
	}{
		{"a constraint with a public meaning", `insert into paper (own_key) values ('a')`, fault.Exists, "desk"},
		{"a constraint without one", `insert into paper (pages) values (0)`, fault.Internal, ""},
		{"a lost race", `do $$ begin raise sqlstate '40001'; end $$`, fault.Stale, ""},
		{"no more resources", `do $$ begin raise sqlstate '53200'; end $$`, fault.Unavailable, ""},
		{"a lock that did not come", `do $$ begin raise sqlstate '55P03'; end $$`, fault.Unavailable, ""},
		{"wrong SQL", `select nothing`, fault.Internal, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, cause := db.App.Exec(t.Context(), tc.sql)
			require.Error(t, cause)
			err := pg.AsFault(fmt.Errorf("write paper: %w", cause), public)
			require.Equal(t, tc.want, fault.KindOf(err))
			require.Equal(t, tc.domain, fault.As(err).Domain)
			require.ErrorIs(t, err, cause)
			require.Equal(t, pg.SQLState(cause), pg.SQLState(err))
		})
	}
	require.NoError(t, errors.Unwrap(public["paper_own_key_key"]), "the table's fault must stay as it was")
}

// Refused says that the database will never accept a statement, Passing that it could not now. Our own defects are neither.
func TestRefusedAndPassing(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]struct{ refused, passing bool }{
		"22P02": {refused: true}, "23505": {refused: true}, "40001": {passing: true}, "53200": {passing: true}, "55P03": {passing: true},
		"57014": {passing: true}, "42P01": {}, "08006": {passing: true}, "25006": {passing: true}, "53100": {passing: true}, "58030": {passing: true},
	} {
		err := fmt.Errorf("write: %w", &pgconn.PgError{Code: state})
		require.Equal(t, want.refused, pg.Refused(err), state)
		require.Equal(t, want.passing, pg.Passing(err), state)
	}
	require.True(t, pg.Passing(context.Canceled))
	require.True(t, pg.Passing(context.DeadlineExceeded))
	require.False(t, pg.Passing(errors.New("a defect")))
	require.False(t, pg.Refused(nil) || pg.Passing(nil))
}

func TestAsFaultDoesNotRepeatValues(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "desk", source("desk", `select 1;`))
	_, cause := db.App.Exec(t.Context(), `select '01000001234x'::int`)
	require.ErrorContains(t, cause, "01000001234x", "PostgreSQL repeats the value")
	err := pg.AsFault(cause, nil)
	require.NotContains(t, err.Error(), "01000001234x")
	require.Equal(t, "22P02", pg.SQLState(err))
}

func TestAsFaultLeavesOtherErrorsAlone(t *testing.T) {
	t.Parallel()
	require.NoError(t, pg.AsFault(nil, nil))
	known := fault.New(fault.Denied, "desk", nil, "no")
	require.Same(t, known, pg.AsFault(known, nil))
	require.Equal(t, pgx.ErrNoRows, pg.AsFault(pgx.ErrNoRows, nil))
	require.False(t, pg.Unreachable(context.Canceled))
}

func TestAServerThatIsNotThereIsUnavailable(t *testing.T) {
	t.Parallel()
	_, err := pg.Open(t.Context(), pg.Options{URL: "postgres://u:p@127.0.0.1:1/x?sslmode=disable", Schema: "desk"})
	require.Error(t, err)
	require.Equal(t, fault.Unavailable, fault.KindOf(pg.AsFault(err, nil)))
}

// Whatever a server says when it lets nobody in, it may let us in later: nothing is parked for it.
func TestAServerThatLetsNobodyInIsUnavailable(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "desk", source("desk", `select 1;`))
	direct, err := url.Parse(db.AppURL)
	require.NoError(t, err)
	direct.User = url.UserPassword(direct.User.Username(), "not the password")
	_, err = pgx.Connect(t.Context(), direct.String())
	require.Equal(t, "28P01", pg.SQLState(err))
	require.True(t, pg.Passing(err))
	require.Equal(t, fault.Unavailable, fault.KindOf(pg.AsFault(err, nil)))
}

func TestALostConnectionIsUnavailable(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "desk", source("desk", `select 1;`))
	conn, err := pgx.Connect(t.Context(), db.AppURL)
	require.NoError(t, err)
	_, err = db.App.Exec(t.Context(), `select pg_terminate_backend($1)`, conn.PgConn().PID())
	require.NoError(t, err)
	for _, when := range []string{"while it is lost", "afterwards"} {
		_, err = conn.Exec(t.Context(), `select 1`)
		require.Error(t, err, when)
		require.Equal(t, fault.Unavailable, fault.KindOf(pg.AsFault(err, nil)), when)
	}
}

package pg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// stateProtocolViolation is how PgBouncer refuses parameters of a session that it cannot keep for each client.
const stateProtocolViolation = "08P01"

// ErrPooler says that a pooler lies between where none may, or where nobody told of it.
var ErrPooler = errors.New("a pooler (PgBouncer) lies between this program and its database")

// prove looks whether the sessions are what the unit needs.
func prove(ctx context.Context, pool *pgxpool.Pool, opts Options) error {
	conn, err := pool.Acquire(ctx)
	if SQLState(err) == stateProtocolViolation && strings.Contains(err.Error(), "startup parameter") {
		return errors.Join(fmt.Errorf("%w: set database_pooled, or name the server itself in database_url", ErrPooler), err)
	}
	if err != nil {
		return err
	}
	defer conn.Release()
	if opts.Pooled {
		return checkRole(ctx, conn.Conn(), opts.Schema)
	}
	if err := direct(ctx, conn.Conn()); err != nil {
		return fmt.Errorf("%w: set database_pooled, or name the server itself in database_url", err)
	}
	return nil
}

// direct returns ErrPooler where the server at the other end is not the one that answers: a pooler tells its clients an id of its
// own in place of the server process's.
func direct(ctx context.Context, conn *pgx.Conn) error {
	var pid uint32
	if err := conn.QueryRow(ctx, `select pg_backend_pid()`, pgx.QueryExecModeExec).Scan(&pid); err != nil {
		return err
	}
	if pid != conn.PgConn().PID() {
		return ErrPooler
	}
	return nil
}

// checkRole looks whether what a session would be told stands at the role, since a pooler passes on nothing of it.
func checkRole(ctx context.Context, conn *pgx.Conn, schema string) error {
	wanted := sessionSettings()
	wanted["search_path"] = schema
	const actual = `select name, setting from pg_catalog.pg_settings where name = any($1)`
	names := make([]string, 0, len(wanted))
	for name := range wanted {
		names = append(names, name)
	}
	slices.Sort(names)
	rows, err := conn.Query(ctx, actual, names)
	if err != nil {
		return err
	}
	var wrong []string
	var name, setting string
	if _, err := pgx.ForEachRow(rows, []any{&name, &setting}, func() error {
		if strings.Trim(setting, `"`) != wanted[name] {
			wrong = append(wrong, name)
		}
		return nil
	}); err != nil {
		return err
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("behind a pooler these settings have to stand at the role %s, and do not (provision it again): %s",
			AppRole(schema), strings.Join(wrong, ", "))
	}
	return nil
}

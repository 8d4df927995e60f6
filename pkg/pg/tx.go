package pg

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/naru-relay/naru/pkg/lifecycle"
)

const (
	txAttempts      = 3
	rollbackTimeout = 5 * time.Second
)

// Beginner is what transactions run on.
type Beginner interface {
	*pgxpool.Pool | *pgx.Conn
}

// TxOption changes how InTx runs.
type TxOption func(*pgx.TxOptions)

// Isolation sets the isolation level; the default is READ COMMITTED.
func Isolation(level pgx.TxIsoLevel) TxOption {
	return func(o *pgx.TxOptions) { o.IsoLevel = level }
}

// ReadOnly forbids writes in the transaction.
func ReadOnly() TxOption {
	return func(o *pgx.TxOptions) { o.AccessMode = pgx.ReadOnly }
}

// InTx runs fn in a transaction and commits it when fn returns nil.
//
// fn MUST be repeatable: after a serialization failure or deadlock (SQLSTATE 40001, 40P01) it runs again in a new transaction, up
// to three times in all. It MUST NOT keep tx, and MUST NOT do anything outside the transaction that must not happen twice.
//
// If fn ignored the error of a statement, the server turns the commit into a rollback, and InTx returns pgx.ErrTxCommitRollback.
// If the connection is lost during the commit, the error does not tell whether it took place.
func InTx[DB Beginner](ctx context.Context, db DB, fn func(tx *Tx) error, opts ...TxOption) error {
	for attempt := 1; ; attempt++ {
		err := runTx(ctx, db, opts, fn)
		if err == nil || attempt == txAttempts || !retryable(err) {
			return err
		}
		if waitErr := pauseBeforeRetry(ctx, attempt); waitErr != nil {
			return errors.Join(err, waitErr)
		}
	}
}

func runTx(ctx context.Context, db any, opts []TxOption, fn func(tx *Tx) error) (err error) {
	conn, _ := db.(*pgx.Conn)
	if pool, ok := db.(*pgxpool.Pool); ok {
		c, err := pool.Acquire(ctx)
		if err != nil {
			return fmt.Errorf("begin transaction: %w", err)
		}
		defer c.Release()
		conn = c.Conn()
	}
	tx := &Tx{conn: conn}
	for _, o := range opts {
		o(&tx.opts)
	}
	// This also runs after a panic in fn. The caller's ctx may have ended, so the rollback has a context of its own.
	defer func() {
		rctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
		defer cancel()
		if rerr := tx.rollback(rctx); rerr != nil && err != nil {
			err = errors.Join(err, fmt.Errorf("roll back: %w", rerr))
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.commit(ctx)
}

func retryable(err error) bool {
	switch SQLState(err) {
	case stateSerializationFailure, stateDeadlock:
		return true
	default:
		return false
	}
}

// pauseBeforeRetry waits a random time, so that two transactions that collided do not collide again.
func pauseBeforeRetry(ctx context.Context, attempt int) error {
	d := time.Duration(attempt)*5*time.Millisecond + rand.N(10*time.Millisecond) // jitter needs no secrecy
	return lifecycle.Wait(ctx, d)
}

// Tx is a transaction that saves round trips, which cost more than most statements: it begins together with its first statement,
// and statements given to Later travel with the next statement or with the commit.
type Tx struct {
	conn *pgx.Conn
	opts pgx.TxOptions
	// tx is nil until the first statement is sent.
	tx    pgx.Tx
	ahead []statement
}

type statement struct {
	doing, sql string
	args       []any
}

var _ DBTX = (*Tx)(nil)

// Later runs a statement, whose rows are not wanted, together with the next statement or the commit. That call returns its error;
// doing says in the error what was being done. The arguments MUST NOT be changed afterwards. What the statement makes (a table, a
// setting) does not exist yet when the next statement is prepared.
func (t *Tx) Later(doing, sql string, args ...any) {
	t.ahead = append(t.ahead, statement{doing, sql, args})
}

// LimitLockWait bounds how long the following statements wait for a lock. Without it the session's bound holds (Open).
func (t *Tx) LimitLockWait(limit time.Duration) {
	t.Later("limit the wait for locks", `select set_config('lock_timeout', $1, true)`, fmt.Sprintf("%dms", limit.Milliseconds()))
}

// SearchPath lets the following statements use another schema than the connection's. It runs at once, because the search path
// must be set when they are prepared.
func (t *Tx) SearchPath(ctx context.Context, schema string) error {
	return Exec(ctx, t, "look into "+schema, `select set_config('search_path', $1, true)`, pgx.Identifier{schema}.Sanitize())
}

// Exec implements DBTX.
func (t *Tx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if t.nothingAhead() {
		return t.tx.Exec(ctx, sql, args...)
	}
	results, err := t.send(ctx, statement{sql: sql, args: args})
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := results.Exec()
	if closing := results.Close(); err == nil {
		err = closing
	}
	return tag, err
}

// Query implements DBTX.
func (t *Tx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if t.nothingAhead() {
		return t.tx.Query(ctx, sql, args...)
	}
	results, err := t.send(ctx, statement{sql: sql, args: args})
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		_ = results.Close() // tells the same
		return nil, err
	}
	return &lastRows{Rows: rows, results: results}, nil
}

// QueryRow implements DBTX.
func (t *Tx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if t.nothingAhead() {
		return t.tx.QueryRow(ctx, sql, args...)
	}
	rows, err := t.Query(ctx, sql, args...)
	return oneRow{rows, err}
}

// Savepoint runs fn so that its failure undoes only what fn did.
func (t *Tx) Savepoint(ctx context.Context, fn func(tx *Tx) error) error {
	if err := t.flush(ctx); err != nil {
		return err
	}
	inner, err := t.tx.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin savepoint: %w", err)
	}
	nested := &Tx{conn: t.conn, tx: inner}
	err = fn(nested)
	if err == nil {
		err = nested.flush(ctx)
	}
	if err != nil {
		if rerr := inner.Rollback(ctx); rerr != nil {
			return errors.Join(err, fmt.Errorf("roll back to savepoint: %w", rerr))
		}
		return err
	}
	if err := inner.Commit(ctx); err != nil {
		return fmt.Errorf("release savepoint: %w", err)
	}
	return nil
}

func (t *Tx) nothingAhead() bool { return t.tx != nil && len(t.ahead) == 0 }

// send sends the waiting statements and the last one in one round trip, and reads up to the last one's result. The results MUST
// be closed.
func (t *Tx) send(ctx context.Context, last ...statement) (pgx.BatchResults, error) {
	ahead := t.ahead
	t.ahead = nil
	var b pgx.Batch
	if t.tx == nil {
		b.BeginTx(t.opts)
		ahead = append([]statement{{doing: "begin transaction"}}, ahead...)
	}
	for _, s := range append(ahead[b.Len():], last...) { // the statements that begin the transaction are queued already
		b.Queue(s.sql, s.args...)
	}
	results := t.conn.SendBatch(ctx, &b)
	if t.tx == nil {
		t.tx = results.Tx()
	}
	for _, s := range ahead {
		if _, err := results.Exec(); err != nil {
			_ = results.Close() // reports the same error
			return nil, fmt.Errorf("%s: %w", s.doing, err)
		}
	}
	return results, nil
}

// flush sends the waiting statements. Afterwards the transaction has begun, even if there were none.
func (t *Tx) flush(ctx context.Context) error {
	if t.nothingAhead() {
		return nil
	}
	results, err := t.send(ctx)
	if err != nil {
		return err
	}
	return results.Close()
}

// commit sends the waiting statements together with the commit. A transaction without any statement never began.
func (t *Tx) commit(ctx context.Context) error {
	if t.tx == nil && len(t.ahead) == 0 {
		return nil
	}
	tag, err := t.Exec(ctx, "commit")
	if err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	if tag.String() == "ROLLBACK" {
		return fmt.Errorf("commit transaction: %w", pgx.ErrTxCommitRollback)
	}
	return nil
}

// rollback ends the transaction if it has begun and not ended. A connection on which that fails is closed.
func (t *Tx) rollback(ctx context.Context) error {
	if t.tx == nil || t.conn.IsClosed() || t.conn.PgConn().TxStatus() == 'I' {
		return nil
	}
	return t.tx.Rollback(ctx)
}

// lastRows are the rows of a batch's last statement; closing them closes the batch.
type lastRows struct {
	pgx.Rows
	results pgx.BatchResults
	err     error
}

func (r *lastRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *lastRows) Close() {
	r.Rows.Close()
	r.err = r.results.Close()
}

func (r *lastRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.err
}

type oneRow struct {
	rows pgx.Rows
	err  error
}

func (r oneRow) Scan(into ...any) error {
	if r.err != nil {
		return r.err
	}
	_, err := pgx.CollectOneRow(r.rows, func(row pgx.CollectableRow) (struct{}, error) { return struct{}{}, row.Scan(into...) })
	return err
}

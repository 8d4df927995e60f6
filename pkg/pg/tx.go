package pg

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/lifecycle"
)

const (
	txAttempts      = 3
	rollbackTimeout = 5 * time.Second
)

// Beginner begins transactions: a pool or a connection.
type Beginner interface {
	BeginTx(ctx context.Context, opts pgx.TxOptions) (pgx.Tx, error)
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
// fn MUST be repeatable: after a serialization failure or deadlock (SQLSTATE 40001, 40P01) it runs
// again in a new transaction, up to three times in all. It MUST NOT do anything outside the
// transaction that a second run would double, nor keep tx.
//
// A commit that the server turned into a rollback, because fn swallowed a statement's error, returns
// pgx.ErrTxCommitRollback. When the connection is lost during the commit the error does not tell
// whether it took place.
func InTx(ctx context.Context, db Beginner, fn func(tx pgx.Tx) error, opts ...TxOption) error {
	var txOpts pgx.TxOptions
	for _, o := range opts {
		o(&txOpts)
	}
	for attempt := 1; ; attempt++ {
		err := runTx(ctx, db, txOpts, fn)
		if err == nil || attempt == txAttempts || !retryable(err) {
			return err
		}
		if waitErr := pauseBeforeRetry(ctx, attempt); waitErr != nil {
			return errors.Join(err, waitErr)
		}
	}
}

func runTx(ctx context.Context, db Beginner, opts pgx.TxOptions, fn func(tx pgx.Tx) error) (err error) {
	tx, err := db.BeginTx(ctx, opts)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	finished := false
	defer func() {
		if finished {
			return
		}
		// Also after a panic in fn. The caller's ctx may be why we are here, so the rollback has its own.
		rctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
		defer cancel()
		if rerr := tx.Rollback(rctx); rerr != nil && !errors.Is(rerr, pgx.ErrTxClosed) && err != nil {
			err = errors.Join(err, fmt.Errorf("roll back: %w", rerr))
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	finished = true // pgx ends the transaction whatever Commit returns
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}

func retryable(err error) bool {
	switch SQLState(err) {
	case stateSerializationFailure, stateDeadlock:
		return true
	default:
		return false
	}
}

// pauseBeforeRetry parts two transactions that met, so that they do not meet again.
func pauseBeforeRetry(ctx context.Context, attempt int) error {
	d := time.Duration(attempt)*5*time.Millisecond + rand.N(10*time.Millisecond) // jitter needs no secrecy
	return lifecycle.Wait(ctx, d)
}

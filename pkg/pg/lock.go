package pg

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const unlockTimeout = 5 * time.Second

// LockID turns a name into the key of an advisory lock. Advisory locks are shared by the whole
// database, so the name must hold the schema, as "schema/purpose".
func LockID(name string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("naru/" + name))
	return int64(h.Sum64()) // any 64 bits are a key
}

// Lock is an advisory lock held by a connection of its own.
type Lock struct {
	conn *pgxpool.Conn
	id   int64
}

// TryLock takes the advisory lock of a name on a connection it keeps from the pool, or returns nil
// when another session holds it. The lock ends with Unlock or with the connection.
func TryLock(ctx context.Context, pool *pgxpool.Pool, name string) (*Lock, error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("acquire connection for lock %s: %w", name, err)
	}
	id := LockID(name)
	var got bool
	if err := conn.QueryRow(ctx, `select pg_try_advisory_lock($1)`, id).Scan(&got); err != nil {
		// Whether the server took the lock is unknown; closing the connection frees it.
		closeConn(ctx, conn)
		return nil, fmt.Errorf("try lock %s: %w", name, err)
	}
	if !got {
		conn.Release()
		return nil, nil // nil says: held by another
	}
	return &Lock{conn: conn, id: id}, nil
}

// Conn is the connection that holds the lock. Work done on it cannot outlive the lock.
func (l *Lock) Conn() *pgxpool.Conn { return l.conn }

// Unlock frees the lock and the connection, also when ctx has ended.
func (l *Lock) Unlock(ctx context.Context) {
	uctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
	defer cancel()
	if _, err := l.conn.Exec(uctx, `select pg_advisory_unlock($1)`, l.id); err != nil {
		closeConn(ctx, l.conn)
		return
	}
	l.conn.Release()
}

func closeConn(ctx context.Context, conn *pgxpool.Conn) {
	cctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
	defer cancel()
	_ = conn.Conn().Close(cctx)
	conn.Release()
}

// LockTx waits for the advisory lock of a name and holds it until the transaction ends.
func LockTx(ctx context.Context, tx pgx.Tx, name string) error {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, LockID(name)); err != nil {
		return fmt.Errorf("lock %s: %w", name, err)
	}
	return nil
}

// TryLockTx takes the advisory lock of a name until the transaction ends, or reports false when
// another session holds it.
func TryLockTx(ctx context.Context, tx pgx.Tx, name string) (bool, error) {
	var got bool
	if err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock($1)`, LockID(name)).Scan(&got); err != nil {
		return false, fmt.Errorf("try lock %s: %w", name, err)
	}
	return got, nil
}

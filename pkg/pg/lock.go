package pg

import (
	"context"
	"hash/fnv"
)

// LockID turns a name into the key of an advisory lock. Advisory locks apply to the whole database, so the name must contain the
// schema, as "schema/purpose".
func LockID(name string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("naru/" + name))
	return int64(h.Sum64()) // any 64 bits are a key
}

// LockTx waits for the advisory lock of a name and holds it until the transaction ends.
func LockTx(ctx context.Context, tx *Tx, name string) error {
	return Exec(ctx, tx, "lock "+name, `select pg_advisory_xact_lock($1)`, LockID(name))
}

package hub

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
)

const insertRequestSQL = `
	insert into exchange_request (exchange, attempt, operation, request_id, digest, request, sent_at)
	values ($1, $2, $3, $4, $5, $6, $7)`

func insertRequest(ctx context.Context, db pg.DBTX, a attempt, pieces [][]byte) error {
	return pg.Exec(ctx, db, fmt.Sprintf("insert request of exchange %s", a.exchange), insertRequestSQL, a.exchange, a.number, string(a.call.Operation),
		a.stamp.RequestID, a.digest, pieces, a.stamp.At)
}

const insertResponseSQL = `
	insert into exchange_response (exchange, attempt, outcome, error_code, detail, status, digest, response, answered_at, commit_id)
	values ($1, $2, $3, $4, $5, nullif($6, 0), $7, $8, $9, $10)`

func insertResponse(tx *journal.Tx, a attempt, res answered) {
	tx.Later(fmt.Sprintf("insert response of exchange %s", a.exchange), insertResponseSQL, a.exchange, a.number, string(res.outcome),
		res.code, res.detail, res.status, res.digest, res.parts, res.at, tx.CommitID())
}

// storedToken is the row the replicas share.
type storedToken struct {
	version         int64
	access, refresh []byte
	issuedAt        time.Time
	expiresAt       time.Time
	refreshUntil    time.Time
}

const ensureTokenSQL = `
	insert into hub_token (platform_id, version)
	values ($1, 0)
	    on conflict (platform_id) do nothing`

const selectTokenSQL = `
	select version, access, refresh, issued_at, access_expires_at, refresh_expires_at
	  from hub_token
	 where platform_id = $1`

// loadToken reads the row, and makes it if there is none.
func loadToken(ctx context.Context, db pg.DBTX, platform string) (t storedToken, err error) {
	var issued, expires, refreshUntil *time.Time
	into := []any{&t.version, &t.access, &t.refresh, &issued, &expires, &refreshUntil}
	known, err := pg.Scan(ctx, db, "read token", into, selectTokenSQL, platform)
	if err == nil && !known {
		// The row has version 0, like t. The next look finds another replica's renewal.
		err = pg.Exec(ctx, db, "make token row", ensureTokenSQL, platform)
	}
	t.issuedAt, t.expiresAt, t.refreshUntil = clock.Canonical(pg.OrZero(issued)), clock.Canonical(pg.OrZero(expires)), clock.Canonical(pg.OrZero(refreshUntil))
	return t, err
}

const leaseTokenSQL = `
	update hub_token
	   set lease_holder = $3, lease_until = now() + make_interval(secs => $4)
	 where platform_id = $1 and version = $2 and (lease_until is null or lease_until < now())`

// leaseToken takes the right to renew the token of that version; false if another replica has it or has renewed already.
func leaseToken(ctx context.Context, db pg.DBTX, platform string, version int64, holder uuid.UUID, lease time.Duration) (bool, error) {
	return pg.Changed(ctx, db, "lease token", leaseTokenSQL, platform, version, holder, lease.Seconds())
}

const releaseTokenSQL = `
	update hub_token
	   set lease_holder = null, lease_until = null
	 where platform_id = $1 and lease_holder = $2`

func releaseToken(ctx context.Context, db pg.DBTX, platform string, holder uuid.UUID) error {
	return pg.Exec(ctx, db, "release token", releaseTokenSQL, platform, holder)
}

const storeTokenSQL = `
	update hub_token
	   set version = $3, access = $4, refresh = $5, issued_at = $6, access_expires_at = $7, refresh_expires_at = $8,
	       lease_holder = null, lease_until = null
	 where platform_id = $1 and lease_holder = $2`

func storeToken(ctx context.Context, db pg.DBTX, platform string, holder uuid.UUID, t storedToken) error {
	stored, err := pg.Changed(ctx, db, "store token", storeTokenSQL, platform, holder, t.version, t.access, t.refresh, t.issuedAt, pg.OrNull(t.expiresAt),
		pg.OrNull(t.refreshUntil))
	if err == nil && !stored {
		err = fmt.Errorf("store token: the renewal took longer than its lease: %w", work.ErrLost)
	}
	return err
}

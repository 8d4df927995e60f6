package web

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/pg"
)

// sessionRow is a session as it is kept.
type sessionRow struct {
	IDHash       []byte
	Device       uuid.UUID
	Person       uuid.UUID
	SealedToken  []byte
	Organisation *uuid.UUID
	SealedActing []byte
	Agent        string
	CreatedAt    time.Time
	SeenAt       time.Time
	ExpiresAt    time.Time
}

const sessionColumns = `id_hash, device, person, sealed_token, organisation, sealed_acting, agent, created_at, seen_at, expires_at`

func insertSession(ctx context.Context, db pg.DBTX, r sessionRow) error {
	return pg.Exec(ctx, db, "insert a session", `
		insert into session (`+sessionColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		r.IDHash, r.Device, r.Person, r.SealedToken, r.Organisation, r.SealedActing, r.Agent, r.CreatedAt, r.SeenAt, r.ExpiresAt)
}

func findSession(ctx context.Context, db pg.DBTX, idHash []byte, now time.Time) (sessionRow, bool, error) {
	return pg.Find(ctx, db, "read a session", pgx.RowToStructByPos[sessionRow], `
		select `+sessionColumns+`
		  from session
		 where id_hash = $1 and expires_at > $2`, idHash, now)
}

// touchSession keeps when it was used; every minute is enough for people.
func touchSession(ctx context.Context, db pg.DBTX, idHash []byte, now time.Time) error {
	return pg.Exec(ctx, db, "touch a session", `
		update session set seen_at = $2
		 where id_hash = $1 and seen_at < $2::timestamptz - interval '1 minute'`, idHash, now)
}

// replaceSession moves a session to another id with what it may do now.
func replaceSession(ctx context.Context, db pg.DBTX, idHash []byte, r sessionRow) (bool, error) {
	return pg.Changed(ctx, db, "replace a session", `
		update session set id_hash = $2, organisation = $3, sealed_acting = $4
		 where id_hash = $1`, idHash, r.IDHash, r.Organisation, r.SealedActing)
}

func listSessions(ctx context.Context, db pg.DBTX, person uuid.UUID, now time.Time) ([]sessionRow, error) {
	return pg.All(ctx, db, "list sessions", pgx.RowToStructByPos[sessionRow], `
		select `+sessionColumns+`
		  from session
		 where person = $1 and expires_at > $2
		 order by created_at desc, device`, person, now)
}

func deleteSession(ctx context.Context, db pg.DBTX, idHash []byte) error {
	return pg.Exec(ctx, db, "delete a session", `delete from session where id_hash = $1`, idHash)
}

// deleteDevice deletes one session of a person; nobody else's.
func deleteDevice(ctx context.Context, db pg.DBTX, person, device uuid.UUID) error {
	return pg.Exec(ctx, db, "delete a session", `delete from session where person = $1 and device = $2`, person, device)
}

func deleteOthers(ctx context.Context, db pg.DBTX, person, device uuid.UUID) error {
	return pg.Exec(ctx, db, "delete other sessions", `delete from session where person = $1 and device <> $2`, person, device)
}

func deleteEnded(ctx context.Context, db pg.DBTX, now time.Time) error {
	return pg.Exec(ctx, db, "delete ended sessions", `delete from session where expires_at <= $1`, now)
}

package web

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/pg"
)

// draftRow is a draft as it is kept.
type draftRow struct {
	ID            uuid.UUID
	Person        uuid.UUID
	Organisation  *uuid.UUID
	Version       int
	Batch         string
	SealedFiles   [][]byte
	SealedSheet   [][]byte
	SealedRefused [][]byte
	Rows          int
	Sent          int
	BegunAt       *time.Time
	CreatedAt     time.Time
	ExpiresAt     time.Time
}

const draftColumns = `id, person, organisation, version, batch, sealed_files, sealed_sheet, sealed_refused, row_count, sent, begun_at, created_at, expires_at`

func insertDraft(ctx context.Context, db pg.DBTX, r draftRow) error {
	return pg.Exec(ctx, db, "insert a draft", `
		insert into draft (`+draftColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		r.ID, r.Person, r.Organisation, r.Version, r.Batch, r.SealedFiles, r.SealedSheet, r.SealedRefused, r.Rows, r.Sent, r.BegunAt, r.CreatedAt, r.ExpiresAt)
}

// findDraft finds one of a person, acting as it does now. Everybody else's is not there.
func findDraft(ctx context.Context, db pg.DBTX, id, person uuid.UUID, organisation *uuid.UUID, now time.Time) (draftRow, bool, error) {
	return pg.Find(ctx, db, "read a draft", pgx.RowToStructByPos[draftRow], `
		select `+draftColumns+`
		  from draft
		 where id = $1 and person = $2 and organisation is not distinct from $3 and expires_at > $4`, id, person, organisation, now)
}

// draftLine is a draft in a list, without what is in it.
type draftLine struct {
	ID        uuid.UUID
	Rows      int
	Sent      int
	CreatedAt time.Time
	ExpiresAt time.Time
}

func listDrafts(ctx context.Context, db pg.DBTX, person uuid.UUID, organisation *uuid.UUID, now time.Time) ([]draftLine, error) {
	return pg.All(ctx, db, "list drafts", pgx.RowToStructByPos[draftLine], `
		select id, row_count, sent, created_at, expires_at
		  from draft
		 where person = $1 and organisation is not distinct from $2 and expires_at > $3
		 order by created_at desc, id`, person, organisation, now)
}

// countDrafts counts those of a person, whomever it acts for.
func countDrafts(ctx context.Context, db pg.DBTX, person uuid.UUID, now time.Time) (int, error) {
	return pg.Value[int](ctx, db, "count drafts", `select count(*) from draft where person = $1 and expires_at > $2`, person, now)
}

// replaceDraft writes a draft that nobody has changed since it was read.
func replaceDraft(ctx context.Context, db pg.DBTX, r draftRow) (bool, error) {
	return pg.Changed(ctx, db, "replace a draft", `
		update draft
		   set version = version + 1, sealed_files = $3, sealed_sheet = $4, sealed_refused = $5, row_count = $6, sent = $7, begun_at = $8
		 where id = $1 and version = $2`, r.ID, r.Version, r.SealedFiles, r.SealedSheet, r.SealedRefused, r.Rows, r.Sent, r.BegunAt)
}

func deleteDraft(ctx context.Context, db pg.DBTX, id uuid.UUID) error {
	return pg.Exec(ctx, db, "delete a draft", `delete from draft where id = $1`, id)
}

func deleteExpiredDrafts(ctx context.Context, db pg.DBTX, now time.Time) error {
	return pg.Exec(ctx, db, "delete expired drafts", `delete from draft where expires_at <= $1`, now)
}

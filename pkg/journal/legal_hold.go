package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// LegalHold is a hold in force. The order behind it is a file number or the like, never personal data.
type LegalHold struct {
	ID                        uuid.UUID
	Subject, Actor, Reference string
	PlacedAt                  time.Time
}

// Actions of the table legal_hold: the newest of a subject counts.
const (
	holdPlaced   = "placed"
	holdReleased = "released"
)

// PlaceHold keeps everything about a subject (a document's number, or whatever else facts are about) beyond its retention time. A
// subject that is held already stays so.
func (j *Journal) PlaceHold(ctx context.Context, subject, operator, reference string) error {
	return j.hold(ctx, holdPlaced, subject, operator, reference, &platformv1.LegalHoldPlaced{Subject: subject, Reference: reference})
}

// ReleaseHold ends the hold of a subject. Both acts stay on record.
func (j *Journal) ReleaseHold(ctx context.Context, subject, operator, reference string) error {
	return j.hold(ctx, holdReleased, subject, operator, reference, &platformv1.LegalHoldReleased{Subject: subject, Reference: reference})
}

func (j *Journal) hold(ctx context.Context, action, subject, operator, reference string, act proto.Message) error {
	// A subject without an act counts as released. Acts of one subject wait for each other.
	const insert = `
		insert into legal_hold (id, subject, action, actor, reference, commit_id)
		select $1, $2, $3, $4, $5, $6
		where  coalesce((select action from legal_hold where subject = $2 order by id desc limit 1), 'released') <> $3`
	err := j.InTx(ctx, func(tx *Tx) error {
		holdID := id.New()
		if err := pg.Exec(ctx, tx, "wait for other acts", `select pg_advisory_xact_lock(hashtextextended('legal hold ' || $1, 0))`, subject); err != nil {
			return err
		}
		changed, err := pg.Changed(ctx, tx, "keep legal hold", insert, holdID, subject, action, operator, reference, tx.CommitID())
		if err != nil || !changed {
			return err
		}
		return tx.Record(ctx, Fact{Subject: holdID.String(), Actor: operator, OccurredAt: j.deps.Clock.Now(), Message: act})
	})
	if err != nil {
		return fmt.Errorf("legal hold %s in %s: %w", action, j.deps.Unit, err)
	}
	return nil
}

// ListHolds lists at most n holds in force after the given id, those placed first before the others.
func ListHolds(ctx context.Context, db pg.DBTX, after uuid.UUID, n int) ([]LegalHold, error) {
	const list = `
		select h.id, h.subject, h.actor, h.reference, h.recorded_at
		from   legal_hold h
		where  h.action = 'placed' and h.id > $1
		  and  not exists (select from legal_hold later where later.subject = h.subject and later.id > h.id)
		order  by h.id
		limit  $2`
	return pg.All(ctx, db, "list legal holds", func(row pgx.CollectableRow) (LegalHold, error) {
		var h LegalHold
		err := row.Scan(&h.ID, &h.Subject, &h.Actor, &h.Reference, &h.PlacedAt)
		return h, err
	}, list, after, n)
}

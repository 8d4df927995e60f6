package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// LegalHold is a hold in force: an order (a file number or the like, never personal data) about a subject.
type LegalHold struct {
	// Seq grows with the acts.
	Seq                       int64
	Subject, Reference, Actor string
	PlacedAt                  time.Time
}

// Actions of the table legal_hold: the newest about a subject and an order counts.
const (
	holdPlaced   = "placed"
	holdReleased = "released"
)

// PlaceHold keeps everything about a subject (a document's number, or whatever else facts are about) beyond its retention time,
// until all orders about it have ended. An order that holds the subject already stays so.
func (j *Journal) PlaceHold(ctx context.Context, subject, operator, reference string) error {
	return j.hold(ctx, holdPlaced, subject, operator, reference, &platformv1.LegalHoldPlaced{Subject: subject, Reference: reference})
}

// ReleaseHold ends what one order holds of a subject. All acts stay on record.
func (j *Journal) ReleaseHold(ctx context.Context, subject, operator, reference string) error {
	return j.hold(ctx, holdReleased, subject, operator, reference, &platformv1.LegalHoldReleased{Subject: subject, Reference: reference})
}

func (j *Journal) hold(ctx context.Context, action, subject, operator, reference string, act proto.Message) error {
	// What has no act counts as released. Acts about one subject wait for each other.
	const insert = `
		insert into legal_hold (id, subject, reference, action, actor, commit_id)
		select $1, $2, $3, $4, $5, $6
		where  coalesce((select action from legal_hold where subject = $2 and reference = $3 order by seq desc limit 1), 'released') <> $4`
	err := j.InTx(ctx, func(tx *Tx) error {
		if err := pg.Exec(ctx, tx, "wait for other acts", `select pg_advisory_xact_lock(hashtextextended('legal hold ' || $1, 0))`, subject); err != nil {
			return err
		}
		holdID := id.New()
		changed, err := pg.Changed(ctx, tx, "keep legal hold", insert, holdID, subject, reference, action, operator, tx.CommitID())
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

// ListHolds lists at most n holds in force after the given place, those placed first before the others.
func ListHolds(ctx context.Context, db pg.DBTX, after int64, n int) ([]LegalHold, error) {
	const list = `select seq, subject, reference, actor, recorded_at from hold_in_force where seq > $1 order by seq limit $2`
	return pg.All(ctx, db, "list legal holds", func(row pgx.CollectableRow) (LegalHold, error) {
		var h LegalHold
		err := row.Scan(&h.Seq, &h.Subject, &h.Reference, &h.Actor, &h.PlacedAt)
		return h, err
	}, list, after, n)
}

package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Held is a frame that was not taken: held for an operator, or refused.
type Held struct {
	ID         uuid.UUID
	Kind       frame.Kind
	Count      int
	RecordedAt time.Time
	// HeldAt is zero for a refused frame.
	HeldAt time.Time
	// Refused says why; empty for a held frame.
	Refused string
}

// ErrNotHeld says that there is no such held frame, or no longer.
var ErrNotHeld = errors.New("no such held frame")

// ListHeld lists held and refused frames after the given id, oldest first.
func ListHeld(ctx context.Context, db pg.DBTX, behind uuid.UUID, limit int) ([]Held, error) {
	const list = `
		select j.frame_id, j.kind, j.events, j.recorded_at, coalesce(m.held_at, 'epoch'), coalesce(m.refused, '')
		from   journal_mark m
		join   journal j using (frame_id)
		where  m.leaf is null and (m.held_at is not null or m.refused is not null) and m.frame_id > $1
		order  by m.frame_id
		limit  $2`
	return pg.All(ctx, db, "list held frames", func(row pgx.CollectableRow) (Held, error) {
		var h Held
		err := row.Scan(&h.ID, &h.Kind, &h.Count, &h.RecordedAt, &h.HeldAt, &h.Refused)
		if h.RecordedAt, h.HeldAt = h.RecordedAt.UTC(), h.HeldAt.UTC(); h.HeldAt.Unix() == 0 {
			h.HeldAt = time.Time{}
		}
		return h, err
	}, list, behind, limit)
}

// countHeld counts the frames that wait for an operator, up to 1,000.
func countHeld(ctx context.Context, db pg.DBTX) (int64, error) {
	const count = `
		select count(*)
		from   (select from journal_mark where leaf is null and refused is null and held_at is not null and released_by is null limit 1000) m`
	return pg.Value[int64](ctx, db, "count held frames", count)
}

// Release lets a held frame into the log. The operator's act is stated as a fact that names both times.
func (j *Journal) Release(ctx context.Context, frameID uuid.UUID, operator, reason string) error {
	const read = `
		select j.recorded_at, m.held_at
		from   journal_mark m
		join   journal j using (frame_id)
		where  m.frame_id = $1 and m.leaf is null and m.refused is null and m.held_at is not null and m.released_by is null
		for update of m`
	return j.InTx(ctx, func(tx *Tx) error {
		var recordedAt, heldAt time.Time
		known, err := pg.Scan(ctx, tx, "read held frame", []any{&recordedAt, &heldAt}, read, frameID)
		switch {
		case err != nil:
			return err
		case !known:
			return ErrNotHeld
		}
		err = tx.Record(ctx, Fact{Subject: releaseSubject(frameID), Actor: operator, OccurredAt: j.deps.Clock.Now(), Message: &platformv1.FrameReleased{
			FrameId: frameID.String(), RecordedAt: timestamppb.New(recordedAt), HeldAt: timestamppb.New(heldAt), Reason: reason,
		}})
		if err != nil {
			return err
		}
		// The act is the first frame of this commit.
		return pg.Exec(ctx, tx, fmt.Sprintf("release frame %s", frameID), `update journal_mark set released_by = $2 where frame_id = $1`, frameID,
			frame.IDOf(tx.CommitID(), 1))
	})
}

func releaseSubject(frameID uuid.UUID) string { return "frame:" + frameID.String() }

// released reports whether an operator released a frame. The proof is a frame of this unit that says so; a mark alone is not
// enough.
func (l *Logger) released(ctx context.Context, tx *pg.Tx, c candidate) bool {
	if c.releasedBy == nil {
		return false
	}
	acts, err := actsIn[*platformv1.FrameReleased](ctx, l, tx, *c.releasedBy)
	return err == nil && slices.ContainsFunc(acts, func(act *platformv1.FrameReleased) bool { return act.GetFrameId() == c.ID.String() })
}

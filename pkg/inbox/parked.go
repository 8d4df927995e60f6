package inbox

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Parked is a parked event without its payload.
type Parked struct {
	ID                              uuid.UUID
	Consumer, Kind, Subject, Reason string
	Ordinal                         uint32
	ParkedAt                        time.Time
	// GivenUpAt is zero for one that waits.
	GivenUpAt time.Time
}

// ListParked lists parked events after a given position, oldest first; zero values list from the start. They wait, or were given
// up.
func ListParked(ctx context.Context, db pg.DBTX, givenUp bool, afterTime time.Time, afterID uuid.UUID, limit int) ([]Parked, error) {
	which := "given_up_at is null"
	if givenUp {
		which = "given_up_at is not null"
	}
	list := `
		select id, consumer, kind, subject, reason, ordinal, parked_at, given_up_at
		from   parked_event
		where  ` + which + ` and (parked_at, id) > ($1, $2)
		order  by parked_at, id
		limit  $3`
	return pg.All(ctx, db, "list parked events", func(row pgx.CollectableRow) (Parked, error) {
		var p Parked
		var ordinal int32
		var givenUpAt *time.Time
		err := row.Scan(&p.ID, &p.Consumer, &p.Kind, &p.Subject, &p.Reason, &ordinal, &p.ParkedAt, &givenUpAt)
		p.Ordinal, p.GivenUpAt = uint32(ordinal), pg.OrZero(givenUpAt)
		return p, err
	}, list, afterTime, afterID, limit)
}

// Replay gives a parked event to its handler again and reports whether it is finished. An event that is deferred or fails again
// stays parked. A frame that was parked whole stays parked, too.
func (e *Engine) Replay(ctx context.Context, parkedID uuid.UUID) (bool, error) {
	seen, err := readParked(ctx, e.deps.Journal.DB(), parkedID, "")
	if err != nil || strings.HasPrefix(seen.reason, wholeFrame) {
		return false, err // a frame that was parked whole has no event to handle
	}
	var prepared preparation
	if h, ok := e.handlerOf(seen); ok && h.prepare != nil {
		prepared = e.prepared(ctx, h, seen.envelope)
	}
	var settled bool
	err = e.deps.Journal.InTx(ctx, func(tx *journal.Tx) error {
		settled = false
		s, err := readParked(ctx, tx, parkedID, "for update")
		if err != nil {
			return err
		}
		s.envelope.prepared = prepared
		verdict, err := e.again(ctx, tx, s)
		if err != nil {
			return err
		}
		if verdict.what == parked || verdict.what == deferred {
			return nil
		}
		settled = true
		return pg.Exec(ctx, tx, "delete parked event", `delete from parked_event where id = $1`, parkedID)
	})
	return settled, err
}

// GiveUp ends parked events that wait, states that, and returns how many.
func GiveUp(ctx context.Context, j *journal.Journal, ids []uuid.UUID, operator, reason string, now time.Time) (int, error) {
	const end = `
		update parked_event
		set    given_up_at = $2, given_up_commit_id = $3
		where  id = any($1) and given_up_at is null
		returning id, frame_id, kind, subject, ordinal, consumer, reason`
	var given int
	err := j.InTx(ctx, func(tx *journal.Tx) error {
		ended, err := pg.All(ctx, tx, "give up parked events", func(row pgx.CollectableRow) (journal.Fact, error) {
			var id, frameID uuid.UUID
			var ordinal int32
			m := &platformv1.ParkedEventGivenUp{Reason: reason}
			err := row.Scan(&id, &frameID, &m.Kind, &m.Subject, &ordinal, &m.Consumer, &m.ParkedBecause)
			m.FrameId, m.Ordinal = frameID.String(), uint32(ordinal)
			return journal.Fact{Subject: "parked:" + id.String(), Actor: operator, OccurredAt: now, Message: m}, err
		}, end, ids, now, tx.CommitID())
		if err != nil {
			return err
		}
		given = len(ended)
		for _, fact := range ended {
			if err := tx.Record(ctx, fact); err != nil {
				return err
			}
		}
		return nil
	})
	return given, err
}

func readParked(ctx context.Context, db pg.DBTX, parkedID uuid.UUID, locked string) (stored, error) {
	const read = `
		select consumer, kind, lane, frame_id, event, parked_at, reason
		from   parked_event
		where  id = $1 and given_up_at is null
		`
	s := stored{id: parkedID}
	var lane int16
	var body []byte
	into := []any{&s.consumer, &s.envelope.kind, &lane, &s.envelope.frameID, &body, &s.since, &s.reason}
	known, err := pg.Scan(ctx, db, "read parked event", into, read+locked, parkedID)
	switch {
	case err != nil:
		return stored{}, err
	case !known:
		return stored{}, ErrNotParked
	}
	s.envelope.lane = platformv1.Lane(lane)
	if strings.HasPrefix(s.reason, wholeFrame) {
		return s, nil
	}
	s.envelope.event = &platformv1.Event{}
	if err := proto.Unmarshal(body, s.envelope.event); err != nil {
		return stored{}, fmt.Errorf("decode parked event: %w", err)
	}
	return s, nil
}

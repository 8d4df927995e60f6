package inbox

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Waits between attempts of a deferred event, and how long it may wait at all.
const (
	firstDeferral = time.Second
	maxDeferral   = 5 * time.Minute
	deferredLimit = 24 * time.Hour
)

// Waits are the columns by which deferred events wait.
func Waits() []work.Wait {
	return []work.Wait{{Table: "deferred_event", Column: "due_at", Longest: maxDeferral}}
}

func insertConsumed(ctx context.Context, db pg.DBTX, consumer string, frames []frame.Frame) (map[uuid.UUID]bool, error) {
	const insert = `
		insert into consumed_frame (frame_id, consumer)
		select frame_id, $2 from unnest($1::uuid[]) u(frame_id) order by frame_id
		on conflict do nothing
		returning frame_id`
	ids := make([]uuid.UUID, 0, len(frames))
	seen := map[uuid.UUID]bool{}
	for _, f := range frames {
		if !seen[f.ID] {
			seen[f.ID] = true
			ids = append(ids, f.ID)
		}
	}
	return pg.Set[uuid.UUID](ctx, db, "insert consumed frames", insert, ids, consumer)
}

// openedFrame is a frame with its events; without events if it cannot be decoded.
type openedFrame struct {
	frame     frame.Frame
	envelopes []envelope
	broken    bool
}

// open decodes frames. A frame delivered twice in one batch is opened once.
func open(frames []frame.Frame) []openedFrame {
	seen := make(map[uuid.UUID]bool, len(frames))
	opened := make([]openedFrame, 0, len(frames))
	for _, f := range frames {
		if seen[f.ID] {
			continue
		}
		seen[f.ID] = true
		events, err := f.Events()
		one := openedFrame{frame: f, broken: err != nil}
		if err == nil {
			one.envelopes = make([]envelope, len(events))
		}
		for i := range one.envelopes {
			one.envelopes[i] = envelope{frameID: f.ID, kind: f.Kind, lane: f.Lane, event: events[i]}
		}
		opened = append(opened, one)
	}
	return opened
}

// fresh returns the events of the new frames, in a new slice, and the new frames that cannot be decoded.
func fresh(opened []openedFrame, isNew map[uuid.UUID]bool) (envelopes []envelope, undecodable []frame.Frame) {
	for _, f := range opened {
		switch {
		case !isNew[f.frame.ID]:
		case f.broken:
			undecodable = append(undecodable, f.frame)
		default:
			envelopes = append(envelopes, f.envelopes...)
		}
	}
	return envelopes, undecodable
}

// record stores the verdicts Defer and Park.
func (e *Engine) record(ctx context.Context, db pg.DBTX, consumer string, of []envelope, verdicts []Verdict) error {
	var later, given []envelope
	var why, whyGiven []string
	for i, v := range verdicts {
		switch v.what {
		case deferred:
			later, why = append(later, of[i]), append(why, v.reason)
		case parked:
			given, whyGiven = append(given, of[i]), append(whyGiven, v.reason)
		}
	}
	if err := insertDeferred(ctx, db, consumer, later, why); err != nil {
		return err
	}
	if err := insertParked(ctx, db, consumer, given, whyGiven); err != nil {
		return err
	}
	e.deferrals.Add(ctx, int64(len(later)))
	e.parkings.Add(ctx, int64(len(given)))
	return nil
}

func insertDeferred(ctx context.Context, db pg.DBTX, consumer string, of []envelope, reasons []string) error {
	const insert = `
		insert into deferred_event (consumer, kind, subject, ordinal, lane, frame_id, event, reason, due_at)
		select distinct on (kind, subject, ordinal) $1, kind, subject, ordinal, lane, frame_id, event, reason, now() + $9::interval
		from   unnest($2::text[], $3::text[], $4::integer[], $5::smallint[], $6::uuid[], $7::bytea[], $8::text[])
		       u(kind, subject, ordinal, lane, frame_id, event, reason)
		order  by kind, subject, ordinal
		on conflict do nothing`
	return insertEvents(ctx, db, "defer", insert, consumer, of, reasons, firstDeferral)
}

func insertParked(ctx context.Context, db pg.DBTX, consumer string, of []envelope, reasons []string) error {
	const insert = `
		insert into parked_event (id, consumer, kind, subject, ordinal, lane, frame_id, event, reason)
		select id, $1, kind, subject, ordinal, lane, frame_id, event, reason
		from   unnest($2::text[], $3::text[], $4::integer[], $5::smallint[], $6::uuid[], $7::bytea[], $8::text[], $9::uuid[])
		       u(kind, subject, ordinal, lane, frame_id, event, reason, id)`
	ids := make([]uuid.UUID, len(of))
	for i := range ids {
		ids[i] = id.New()
	}
	return insertEvents(ctx, db, "park", insert, consumer, of, reasons, ids)
}

// insertEvents runs an insert into deferred_event or parked_event, whose first columns are the same; last is the value after
// these columns.
func insertEvents(ctx context.Context, db pg.DBTX, doing, insert, consumer string, of []envelope, reasons []string, last any) error {
	if len(of) == 0 {
		return nil
	}
	var kinds, subjects []string
	var ordinals []int32
	var lanes []int16
	var frames []uuid.UUID
	var bodies [][]byte
	for _, env := range of {
		body, err := proto.Marshal(env.event)
		if err != nil {
			return fmt.Errorf("encode event: %w", err)
		}
		kinds, subjects = append(kinds, string(env.kind)), append(subjects, env.event.GetSubject())
		ordinals, lanes = append(ordinals, int32(env.event.GetOrdinal())), append(lanes, int16(env.lane))
		frames, bodies = append(frames, env.frameID), append(bodies, body)
	}
	return pg.Exec(ctx, db, fmt.Sprintf("%s %d events", doing, len(of)), insert, consumer, kinds, subjects, ordinals, lanes, frames, bodies, reasons, last)
}

// parkFrame parks a frame as one row with its raw bytes, because its events cannot be read.
func parkFrame(ctx context.Context, db pg.DBTX, consumer string, f frame.Frame, why string) error {
	const insert = `
		insert into parked_event (id, consumer, kind, subject, ordinal, lane, frame_id, event, reason)
		values ($1, $2, $3, '', 0, $4, $5, $6, $7)`
	return pg.Exec(ctx, db, fmt.Sprintf("park frame %s", f.ID), insert, id.New(), consumer, string(f.Kind), int16(f.Lane), f.ID, f.Body, why)
}

// Wake makes the deferred events of these subjects due at once. A handler that creates what they wait for calls it in its
// transaction.
func Wake(tx *journal.Tx, subjects ...string) {
	const wake = `
		update deferred_event d
		set    due_at = now()
		from   (select consumer, kind, subject, ordinal from deferred_event where subject = any($1) and due_at > now()
		        order by consumer, kind, subject, ordinal for update) w
		where  (d.consumer, d.kind, d.subject, d.ordinal) = (w.consumer, w.kind, w.subject, w.ordinal)`
	tx.Later("wake deferred events", wake, subjects)
}

// stored is a row of deferred_event or parked_event.
type stored struct {
	id       uuid.UUID
	consumer string
	attempts int
	since    time.Time
	// readAt is when a deferred event was read, by the database's clock.
	readAt   time.Time
	reason   string
	envelope envelope
}

// bySubject is the order in which one transaction handles events one by one. Handlers lock rows by subject; transactions that
// lock several rows in different orders deadlock (multi-row writes sort by key).
func bySubject(a, b envelope) int { return strings.Compare(a.event.GetSubject(), b.event.GetSubject()) }

const claimed = "for update skip locked"

// readDeferred reads the oldest due events, with or without claiming them, and returns them in the order in which they are to be
// handled.
func readDeferred(ctx context.Context, db pg.DBTX, limit int, locked string) ([]stored, error) {
	const read = `
		select consumer, kind, lane, frame_id, event, attempts, deferred_at, now(), reason
		from   deferred_event
		where  due_at <= now()
		order  by due_at
		limit  $1
		`
	found, err := pg.All(ctx, db, "read deferred events", func(row pgx.CollectableRow) (stored, error) {
		var s stored
		var lane int16
		var body []byte
		if err := row.Scan(&s.consumer, &s.envelope.kind, &lane, &s.envelope.frameID, &body, &s.attempts, &s.since, &s.readAt, &s.reason); err != nil {
			return stored{}, err
		}
		s.envelope.lane = platformv1.Lane(lane)
		s.envelope.event = &platformv1.Event{}
		return s, proto.Unmarshal(body, s.envelope.event)
	}, read+locked, limit)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b stored) int {
		return cmp.Or(bySubject(a.envelope, b.envelope), strings.Compare(a.consumer, b.consumer), strings.Compare(string(a.envelope.kind), string(b.envelope.kind)),
			cmp.Compare(a.envelope.event.GetOrdinal(), b.envelope.event.GetOrdinal()))
	})
	return found, nil
}

func deleteDeferred(ctx context.Context, db pg.DBTX, s stored) error {
	return pg.Exec(ctx, db, "delete deferred event", `delete from deferred_event where consumer = $1 and kind = $2 and subject = $3 and ordinal = $4`,
		s.consumer, string(s.envelope.kind), s.envelope.event.GetSubject(), int32(s.envelope.event.GetOrdinal()))
}

func postponeDeferred(ctx context.Context, db pg.DBTX, s stored, reason string) error {
	wait := min(firstDeferral<<min(s.attempts, 12), maxDeferral)
	return pg.Exec(ctx, db, "postpone deferred event", `
		update deferred_event
		set    attempts = attempts + 1, due_at = now() + $5::interval, reason = $6
		where  consumer = $1 and kind = $2 and subject = $3 and ordinal = $4`,
		s.consumer, string(s.envelope.kind), s.envelope.event.GetSubject(), int32(s.envelope.event.GetOrdinal()), wait, reason)
}

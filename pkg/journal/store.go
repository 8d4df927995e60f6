package journal

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/metric"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/telemetry"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations makes the journal's tables in a unit's schema. A month's partition is dropped ten years after the end of the month,
// and only if every frame in it has its leaf; the tiles of the log stay.
func Migrations() pg.Source {
	frames, marks := Kept("journal", pg.ByMonthUUIDv7, "", ""), Kept("journal_mark", pg.ByMonthUUIDv7, "fillfactor = 70", "")
	frames.Guard += ` and not exists (select from ${partition} j left join journal_mark m using (frame_id) where m.leaf is null and m.refused is null)`
	frames.GuardTables = append(frames.GuardTables, "journal_mark")
	marks.Guard += ` and not exists (select from ${partition} m join journal j using (frame_id))`
	marks.GuardTables = append(marks.GuardTables, "journal")
	return pg.Source{Name: "journal", FS: migrations, Partitions: []pg.Partition{frames, marks}}
}

func insertFrames(tx *Tx, frames []Sealed) {
	const insert = `
		with framed as materialized (
		  select *
		  from   unnest($1::uuid[], $2::text[], $3::smallint[], $4::integer[], $5::text[], $6::smallint[], $7::integer[], $8::timestamptz[],
		                $9::bytea[], $10::bytea[], $11::bytea[], $12::text[])
		         u(frame_id, kind, lane, events, key_id, compression, raw_length, recorded_at, root, mac, body, turn)),
		written as (
		  insert into journal (frame_id, kind, lane, events, key_id, compression, raw_length, recorded_at, root, mac, body)
		  select frame_id, kind, lane, events, key_id, compression, raw_length, recorded_at, root, mac, body from framed)
		insert into journal_mark (frame_id, lane, turn)
		select frame_id, lane, nullif(turn, '') from framed`
	n := len(frames)
	ids, kinds, lanes, counts := make([]uuid.UUID, n), make([]string, n), make([]int16, n), make([]int32, n)
	keyIDs, compressions, lengths, times := make([]string, n), make([]int16, n), make([]int32, n), make([]time.Time, n)
	roots, macs, bodies, turns := make([][]byte, n), make([][]byte, n), make([][]byte, n), make([]string, n)
	for i, f := range frames {
		ids[i], kinds[i], lanes[i], counts[i] = f.ID, string(f.Kind), int16(f.Lane), int32(f.Count)
		keyIDs[i], compressions[i], lengths[i], times[i] = f.KeyID, int16(f.Compression), int32(f.RawLength), f.RecordedAt
		roots[i], macs[i], bodies[i], turns[i] = f.Root[:], f.MAC, f.Body, f.turn
	}
	tx.Later("write frames to the journal", insert, ids, kinds, lanes, counts, keyIDs, compressions, lengths, times, roots, macs, bodies, turns)
}

// frameColumns of journal j, for scanFrame.
const frameColumns = `j.frame_id, j.kind, j.lane, j.events, j.key_id, j.compression, j.raw_length, j.recorded_at, j.root, j.mac, j.body`

// scanFrame reads frameColumns into a Sealed; leading takes the columns that the query selects before them. The unit is the
// schema's.
func scanFrame(unit string, leading ...any) pgx.RowToFunc[Sealed] {
	return func(row pgx.CollectableRow) (Sealed, error) {
		s := Sealed{Frame: frame.Frame{Header: frame.Header{Unit: unit}}}
		var lane, compression int16
		var root []byte
		columns := []any{&s.ID, &s.Kind, &lane, &s.Count, &s.KeyID, &compression, &s.RawLength, &s.RecordedAt, &root, &s.MAC, &s.Body}
		err := row.Scan(slices.Concat(leading, columns)...)
		s.Lane, s.Compression, s.RecordedAt = platformv1.Lane(lane), frame.Compression(compression), s.RecordedAt.UTC()
		copy(s.Root[:], root)
		return s, err
	}
}

// Frame reads one frame of the unit's journal by its id.
func Frame(ctx context.Context, db pg.DBTX, unit string, frameID uuid.UUID) (Sealed, error) {
	found, known, err := pg.Find(ctx, db, "read frame", scanFrame(unit), `select `+frameColumns+` from journal j where frame_id = $1`, frameID)
	if err == nil && !known {
		err = fmt.Errorf("read frame: %w", pgx.ErrNoRows)
	}
	return found, err
}

// OfCommit reads the frames of one commit, in the order in which they were stated.
func OfCommit(ctx context.Context, db pg.DBTX, unit string, commit uuid.UUID) ([]Sealed, error) {
	const read = `select ` + frameColumns + ` from journal j where frame_id > $1 and frame_id <= $2 order by frame_id`
	return pg.All(ctx, db, fmt.Sprintf("read frames of commit %s", commit), scanFrame(unit), read, commit, frame.IDOf(commit, frame.MaxPlaces))
}

// ErrNoFact says that a commit states no fact of that kind about that subject.
var ErrNoFact = errors.New("the commit states no such fact")

// Find reads what a commit of the unit states about a subject into a message of its kind.
func Find(ctx context.Context, db pg.DBTX, unit string, commit uuid.UUID, subject string, into proto.Message) error {
	frames, err := OfCommit(ctx, db, unit, commit)
	if err != nil {
		return err
	}
	kind := frame.KindOf(into)
	for _, f := range frames {
		if f.Kind != kind {
			continue
		}
		events, err := f.Events()
		if err != nil {
			return err
		}
		for _, e := range events {
			if e.GetSubject() == subject {
				return proto.Unmarshal(e.GetPayload(), into)
			}
		}
	}
	return fmt.Errorf("%w: %s of %s in %s", ErrNoFact, kind, subject, commit)
}

// refusal marks and reports a row that the unit did not write. The publisher and the logger share it.
type refusal struct {
	log    *slog.Logger
	frames metric.Int64Counter
}

func newRefusal(made *telemetry.Instruments, log *slog.Logger) refusal {
	return refusal{log, made.Counter("naru.journal.refused.frames", "", "Rows of the journal that this unit did not write: published and logged by nobody.")}
}

func (r refusal) of(ctx context.Context, db pg.DBTX, f Sealed) error {
	r.frames.Add(ctx, 1)
	r.log.LogAttrs(ctx, slog.LevelError, "a row of the journal was not written by this unit and is refused",
		slog.String("frame_id", f.ID.String()), slog.String("kind", string(f.Kind)))
	return pg.Exec(ctx, db, fmt.Sprintf("refuse frame %s", f.ID), `update journal_mark set refused = 'mac_wrong' where frame_id = $1 and leaf is null`, f.ID)
}

// firstIDAt is the smallest UUIDv7 of a millisecond.
func firstIDAt(at time.Time) uuid.UUID {
	var first uuid.UUID
	ms := at.UnixMilli()
	for i := range 6 {
		first[i] = byte(ms >> (8 * (5 - i)))
	}
	first[6], first[8] = 0x70, 0x80
	return first
}

// Each reads the frames of a unit's journal in the order of their ids, except refused ones and those without a mark. The
// connection may read the unit's schema from any search path.
func Each(ctx context.Context, db pg.DBTX, unit string, fn func(f Sealed) error) error {
	read := `
		select ` + frameColumns + `
		from   ` + pgx.Identifier{unit, "journal"}.Sanitize() + ` j
		join   ` + pgx.Identifier{unit, "journal_mark"}.Sanitize() + ` m using (frame_id)
		where  m.refused is null
		order  by j.frame_id`
	return pg.Walk(ctx, db, "read the journal of "+unit, scanFrame(unit), fn, read)
}

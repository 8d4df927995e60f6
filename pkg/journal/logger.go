package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/metric"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/telemetry"
)

const (
	// window is how old a frame's time may be at the last look at the journal: longer than any transaction may take.
	window = time.Minute
	// ahead is how far a frame's time may lie in the future of the logger's clock; replicas' clocks differ.
	ahead = 10 * time.Second

	// turnLock is how long a replica waits for its turn.
	turnLock = 3 * time.Second

	logInterval = time.Second
	logBatch    = 2000
	passTimeout = 30 * time.Second
	lastPass    = 3 * time.Second
)

// ErrLogWentBack says that the database holds less of the log than this unit has signed: it was restored from an older copy, or
// the log was cut.
var ErrLogWentBack = errors.New("the database holds less of the log than was signed")

// LoggerDeps of a Logger; all but Witness, Publication and Export are required.
type LoggerDeps struct {
	Unit string
	DB   *pgxpool.Pool
	Keys *Keys
	// Store keeps the newest checkpoint beside the keys; Signer signs it.
	Store  *keys.Store
	Signer *keys.NoteKey
	Clock  clock.Clock
	Log    *slog.Logger
	Meter  metric.Meter
	// Witness has another unit cosign a checkpoint; nil for no witness. CosignEvery is how often it cosigns the newest one anew
	// while the log stands still.
	Witness     Witness
	CosignEvery time.Duration
	Publication Publication
	// Export writes the newest published checkpoint out of the database; nil for no export.
	Export func(unit string, c Checkpoint) error
}

// Logger gives frames their leaves and has checkpoints cosigned. Any number of replicas may run one.
type Logger struct {
	deps LoggerDeps

	refusal refusal

	// pass lets this process run one pass at a time.
	pass sync.Mutex
	// seen is the time of the last pass; every frame that was there then has its leaf.
	seen time.Time

	mu       sync.Mutex
	back     error     // the last look found that the database went back
	oldest   time.Time // of the frames that the last pass left
	answered time.Time // when the witness cosigned the newest checkpoint for this process last
	overdue  time.Time // since when a cosignature of the newest checkpoint is due; zero for none
}

// NewLogger registers the metrics.
func NewLogger(deps LoggerDeps) (*Logger, error) {
	if deps.Witness != nil && deps.CosignEvery <= 0 {
		return nil, errors.New("make logger: how often the witness cosigns a log that stands still is required")
	}
	l := &Logger{deps: deps}
	made := telemetry.NewInstruments(deps.Meter)
	l.refusal = newRefusal(made, deps.Log)
	made.Gauges(func(ctx context.Context) ([]float64, error) {
		held, err := countHeld(ctx, deps.DB)
		return []float64{float64(held)}, err
	}, telemetry.Gauge{Name: "naru.journal.held.frames", About: "Frames held because their time was not now, counted up to 1,000."})
	made.Gauges(func(context.Context) ([]float64, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		back := 0.0
		if l.back != nil {
			back = 1
		}
		return []float64{l.age(l.oldest, !l.oldest.IsZero()), l.age(l.overdue, !l.overdue.IsZero()), back}, nil
	},
		telemetry.Gauge{Name: "naru.journal.unlogged.age", Unit: "s", About: "Age of the oldest frame without a leaf."},
		telemetry.Gauge{Name: "naru.journal.uncosigned.age", Unit: "s", About: "How long a cosignature of the newest checkpoint, its first or a later one, has been due."},
		telemetry.Gauge{Name: "naru.journal.went.back", About: "1 where the database holds less of the log than this unit has signed: nothing is stated."})
	return l, made.Err()
}

func (l *Logger) age(since time.Time, waiting bool) float64 {
	if !waiting {
		return 0
	}
	return max(l.deps.Clock.Now().Sub(since), 0).Seconds()
}

// Compare holds the database against what this unit has signed, before anything is stated. That the database went back is told by
// WentBack and is no error here.
func (l *Logger) Compare(ctx context.Context) error {
	err := pg.InTx(ctx, l.deps.DB, func(tx *pg.Tx) error {
		generation, err := pg.Value[int](ctx, tx, "read the generation", `select generation from log_turn`)
		if err != nil {
			return err
		}
		_, err = l.newest(ctx, tx, generation)
		return err
	})
	l.note(err)
	if err == nil || pg.Passing(err) {
		return err
	}
	l.deps.Log.LogAttrs(ctx, slog.LevelError, "the database does not fit what this unit has signed", slog.Any("error", err))
	return nil
}

// note keeps whether the database went back, as far as a look that ended with err could tell.
func (l *Logger) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case errors.Is(err, ErrLogWentBack):
		l.back = err
	case err == nil:
		l.back = nil
	}
}

// WentBack is ErrLogWentBack, with how much there is and how much was signed, until an operator has reopened the log; else nil.
func (l *Logger) WentBack() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.back
}

// Task logs until its context ends. A pass that fails is logged and tried again.
func (l *Logger) Task() lifecycle.Task {
	every := lifecycle.Every("journal-log", logInterval, func(ctx context.Context) {
		if err := l.Drain(ctx); err != nil && ctx.Err() == nil {
			l.deps.Log.LogAttrs(ctx, slog.LevelError, "the log was not brought forward", slog.Any("error", err))
		}
	})
	return lifecycle.Task{Name: every.Name, Run: func(ctx context.Context) error {
		err := every.Run(ctx)
		// The last facts get their leaf before the process ends. Their witness may have stopped already.
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastPass)
		defer cancel()
		if _, lastErr := l.bring(last); lastErr != nil {
			l.deps.Log.LogAttrs(last, slog.LevelWarn, "the log was not brought to its end", slog.Any("error", lastErr))
		}
		return err
	}}
}

// Drain logs until nothing is left that may be logged now, and has the newest checkpoint cosigned.
func (l *Logger) Drain(ctx context.Context) error {
	l.pass.Lock()
	defer l.pass.Unlock()
	ctx, cancel := context.WithTimeout(ctx, passTimeout)
	defer cancel()
	for more := true; more; {
		taken, err := l.bring(ctx)
		if err != nil {
			l.stuck()
			return fmt.Errorf("bring the log of %s forward: %w", l.deps.Unit, err)
		}
		more = taken == logBatch
	}
	return l.haveCosigned(ctx)
}

// stuck keeps the metric of the oldest waiting frame growing while passes fail.
func (l *Logger) stuck() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.oldest.IsZero() {
		l.oldest = l.deps.Clock.Now()
	}
}

// bring gives a batch of frames their leaves and returns how many frames it looked at.
func (l *Logger) bring(ctx context.Context) (int, error) {
	now := l.deps.Clock.Now()
	var looked int
	var made Checkpoint
	err := pg.InTx(ctx, l.deps.DB, func(tx *pg.Tx) error {
		generation, err := l.turn(ctx, tx)
		if err != nil {
			return err
		}
		newest, err := l.newest(ctx, tx, generation)
		if err != nil {
			return err
		}
		found, err := unlogged(ctx, tx, l.deps.Unit)
		if err != nil {
			return err
		}
		looked, made = len(found), Checkpoint{}
		grown := openTree(ctx, tx, newest.Tree)
		taken, err := l.take(ctx, tx, grown, found, laterOf(newest.MadeAt, l.seen), now)
		if err != nil || len(taken) == 0 {
			return err
		}
		made, err = l.close(ctx, tx, grown, generation, newest, taken, now)
		return err
	})
	l.note(err)
	if err != nil {
		return 0, l.whoIsInTheWay(ctx, err)
	}
	l.seen = now
	if made.N > 0 {
		if err := l.deps.Store.Remember(keptCheckpoint, []byte(made.Note)); err != nil {
			return looked, fmt.Errorf("keep the checkpoint beside the keys: %w", err)
		}
	}
	return looked, nil
}

// turn takes the row lock that lets one replica at a time log.
func (l *Logger) turn(ctx context.Context, tx *pg.Tx) (generation int, err error) {
	tx.LimitLockWait(turnLock)
	return pg.Value[int](ctx, tx, "take the turn", `select generation from log_turn for update`)
}

// whoIsInTheWay adds to a lock timeout who holds the lock.
func (l *Logger) whoIsInTheWay(ctx context.Context, err error) error {
	const holders = `
		select string_agg(format('role %s, process %s, application %s', a.usename, a.pid, a.application_name), '; ' order by a.pid)
		from   pg_locks k
		join   pg_stat_activity a using (pid)
		where  k.relation = 'log_turn'::regclass and k.granted and a.pid <> pg_backend_pid()`
	if pg.SQLState(err) != pg.LockNotAvailable {
		return err
	}
	var who *string
	if lookErr := l.deps.DB.QueryRow(ctx, holders).Scan(&who); lookErr != nil || who == nil {
		return err
	}
	return fmt.Errorf("%w (in the way: %s)", err, *who)
}

// newest returns the log's newest checkpoint, compared with what this unit has signed before.
func (l *Logger) newest(ctx context.Context, tx *pg.Tx, generation int) (Checkpoint, error) {
	// First what is kept: it is never newer than the database, whatever other replicas do meanwhile.
	kept, err := l.kept()
	if err != nil {
		return Checkpoint{}, err
	}
	newest, err := Newest(ctx, tx)
	if err != nil {
		return Checkpoint{}, err
	}
	if newest.N > 0 {
		verified, err := ParseCheckpoint(newest.Note, verifierOf(l.deps.Signer))
		if err != nil {
			return Checkpoint{}, fmt.Errorf("the newest checkpoint in the database is not ours: %w", err)
		}
		newest.Tree, newest.Origin = verified.Tree, verified.Origin
	}
	switch {
	case kept.N == 0:
	case kept.Generation() != generation:
		if _, err := l.reopening(ctx, tx, generation); err != nil {
			return Checkpoint{}, err
		}
	case newest.Generation() != generation || newest.N < kept.N:
		return Checkpoint{}, fmt.Errorf("%w: %d of %d leaves", ErrLogWentBack, newest.N, kept.N)
	case newest.N == kept.N && newest.Hash != kept.Hash:
		return Checkpoint{}, fmt.Errorf("%w: another root at %d leaves", ErrLogWentBack, kept.N)
	}
	return newest, nil
}

// keptCheckpoint is the name of the file beside the keys with the newest checkpoint this unit signed.
const keptCheckpoint = "log-newest"

func (l *Logger) kept() (Checkpoint, error) {
	content, err := l.deps.Store.Remembered(keptCheckpoint)
	if errors.Is(err, keys.ErrNotFound) {
		return Checkpoint{}, nil
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("read the checkpoint kept beside the keys: %w", err)
	}
	return ParseCheckpoint(string(content), verifierOf(l.deps.Signer))
}

// candidate is a frame without a leaf.
type candidate struct {
	Sealed
	releasedBy *uuid.UUID
}

func unlogged(ctx context.Context, db pg.DBTX, unit string) ([]candidate, error) {
	// The body is not read: a leaf depends on the header only.
	const read = `
		select m.released_by, j.frame_id, j.kind, j.lane, j.events, j.key_id, j.compression, j.raw_length, j.recorded_at, j.root, j.mac, ''::bytea
		from   (select frame_id, released_by
		        from   journal_mark
		        where  leaf is null and refused is null and (held_at is null or released_by is not null)
		        order  by frame_id
		        limit  $1) m
		join   journal j using (frame_id)
		order  by j.frame_id`
	return pg.All(ctx, db, "read frames without a leaf", func(row pgx.CollectableRow) (c candidate, err error) {
		c.Sealed, err = scanFrame(unit, &c.releasedBy)(row)
		return c, err
	}, read, logBatch)
}

// take adds the leaves of the frames that this unit made and whose time fits, and marks the others as held or refused.
func (l *Logger) take(ctx context.Context, tx *pg.Tx, grown *tree, found []candidate, since, now time.Time) ([]uuid.UUID, error) {
	var taken []uuid.UUID
	var oldest time.Time
	for _, c := range found {
		err := l.deps.Keys.Check(ctx, c.Header, c.MAC)
		switch {
		case errors.Is(err, ErrForged):
			err = l.refusal.of(ctx, tx, c.Sealed)
		case err != nil:
			l.deps.Log.LogAttrs(ctx, slog.LevelError, "frame is not logged, its key is not to be had", slog.String("frame_id", c.ID.String()), slog.Any("error", err))
			oldest, err = earlierOf(oldest, c.RecordedAt), nil
		case outside(c.RecordedAt, since, now) && !l.released(ctx, tx, c):
			l.deps.Log.LogAttrs(ctx, slog.LevelError, "a frame is held: its time is not now", slog.String("frame_id", c.ID.String()),
				slog.String("kind", string(c.Kind)), slog.Time("recorded_at", c.RecordedAt))
			_, err = tx.Exec(ctx, `update journal_mark set held_at = $2, released_by = null where frame_id = $1`, c.ID, now)
		default:
			taken = append(taken, c.ID)
			err = grown.add(c.Leaf())
		}
		if err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	l.oldest = oldest
	l.mu.Unlock()
	return taken, nil
}

// outside reports that a frame's time is not between the last look and now. If the clock was set back since the last look, what
// is stated now is before it, and is not held for that.
func outside(recorded, since, now time.Time) bool {
	return recorded.After(now.Add(ahead)) || !since.IsZero() && recorded.Before(earlierOf(since, now).Add(-window))
}

// close writes the leaves, the tiles and the checkpoint.
func (l *Logger) close(ctx context.Context, tx *pg.Tx, grown *tree, generation int, newest Checkpoint, taken []uuid.UUID, now time.Time) (Checkpoint, error) {
	const marks = `
		update journal_mark m
		set    leaf = u.leaf
		from   (select frame_id, $2 + place - 1 as leaf from unnest($1::uuid[]) with ordinality t(frame_id, place)) u
		where  m.frame_id = u.frame_id`
	if err := pg.Exec(ctx, tx, fmt.Sprintf("mark %d leaves", len(taken)), marks, taken, newest.N); err != nil {
		return Checkpoint{}, err
	}
	root, err := grown.root()
	if err != nil {
		return Checkpoint{}, err
	}
	if err := grown.save(ctx, tx); err != nil {
		return Checkpoint{}, err
	}
	c, err := sign(OriginOf(l.deps.Signer.Owner, generation), tlog.Tree{N: grown.size, Hash: root}, l.deps.Signer.Signer)
	if err != nil {
		return Checkpoint{}, err
	}
	c.MadeAt = now
	return c, insertCheckpoint(ctx, tx, generation, c)
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlierOf(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

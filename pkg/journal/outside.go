package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/metric"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/telemetry"
	"github.com/naru-relay/naru/pkg/work"
)

// outsideTimeout bounds one pass with one witness.
const outsideTimeout = time.Minute

// Outsider is a witness outside of this relay (C2SP tlog-witness); *witness.Client is one.
type Outsider interface {
	// Name for operators.
	Name() string
	// Verifier is of its cosignatures.
	Verifier() note.Verifier
	// AddCheckpoint has a checkpoint cosigned that extends the one of oldSize leaves, and returns its text with the witness's
	// signature alone; or empty, and the size that the witness cosigned last, where that is another than oldSize.
	AddCheckpoint(ctx context.Context, oldSize int64, proof tlog.TreeProof, checkpoint string) (cosigned string, stands int64, err error)
}

// WitnessID is the name and the hash of a witness's key, as its verifier key begins: name+hash.
func WitnessID(v note.Verifier) string { return witnessID(v.Name(), v.KeyHash()) }

// OutsideDeps of an Outside; all but Export are required.
type OutsideDeps struct {
	Unit        string
	DB          *pgxpool.Pool
	Witnesses   []Outsider
	Publication Publication
	// Every is how often a witness is asked at least: for the newest checkpoint while the log grows, for the same one anew while
	// it stands still. Where witnesses are required for publication, they are asked for each newest one at once.
	Every time.Duration
	Clock clock.Clock
	Log   *slog.Logger
	Meter metric.Meter
	// Export writes the newest published checkpoint out of the database; nil for no export.
	Export func(unit string, c Checkpoint) error
}

// Outside has the newest checkpoint of a log cosigned by witnesses outside of the relay, each on its own. The log goes on
// meanwhile; where witnesses are required, what is published waits for them. Any number of replicas may run one.
type Outside struct {
	deps OutsideDeps

	mu sync.Mutex
	// waiting is since when each witness owes a cosignature, by its name; lagging since when the log has grown without being
	// published.
	waiting map[string]time.Time
	lagging time.Time
}

// NewOutside registers the metrics.
func NewOutside(deps OutsideDeps) (*Outside, error) {
	o := &Outside{deps: deps, waiting: map[string]time.Time{}}
	made := telemetry.NewInstruments(deps.Meter)
	made.Gauges(func(context.Context) ([]float64, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		var oldest time.Time
		for _, since := range o.waiting {
			oldest = earlierOf(oldest, since)
		}
		return []float64{o.age(oldest), o.age(o.lagging)}, nil
	},
		telemetry.Gauge{Name: "naru.journal.outside.age", Unit: "s", About: "How long a cosignature by a witness outside of the relay has been due."},
		telemetry.Gauge{Name: "naru.journal.unpublished.age", Unit: "s", About: "How long a cosigned checkpoint has waited for the outside witnesses that are required."})
	return o, made.Err()
}

func (o *Outside) age(since time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return max(o.deps.Clock.Now().Sub(since), 0).Seconds()
}

// Tasks ask each witness until their context ends. An attempt that fails is logged and made again, later and later up to a
// minute.
func (o *Outside) Tasks() []lifecycle.Task {
	pace := o.deps.Every
	if o.deps.Publication.Required > 0 {
		pace = logInterval
	}
	var tasks []lifecycle.Task
	for _, w := range o.deps.Witnesses {
		retry := work.Backoff{Max: min(o.deps.Every, time.Minute)}
		tasks = append(tasks, lifecycle.Task{Name: "journal-witness-" + w.Name(), Run: func(ctx context.Context) error {
			for failed := 0; ctx.Err() == nil; {
				wait := pace
				err := o.Pass(ctx, w)
				if failed++; err == nil {
					failed = 0
				} else if ctx.Err() == nil {
					wait = retry.Delay(failed, rand.Float64())
					o.deps.Log.LogAttrs(ctx, slog.LevelWarn, "an outside witness did not cosign the log", slog.String("witness", w.Name()), slog.Any("error", err))
				}
				_ = lifecycle.Wait(ctx, wait) // ends early with ctx
			}
			return nil
		}})
	}
	return tasks
}

// Pass has a witness cosign the newest checkpoint that the unit's own witness has cosigned, unless it has lately.
func (o *Outside) Pass(ctx context.Context, w Outsider) error {
	ctx, cancel := context.WithTimeout(ctx, outsideTimeout)
	defer cancel()
	newest, err := Publication{}.Newest(ctx, o.deps.DB)
	if err != nil || newest.N == 0 {
		return err
	}
	stands, err := o.stands(ctx, w, newest)
	if err != nil {
		return err
	}
	now := o.deps.Clock.Now()
	due := newest.MadeAt
	if stands.N == newest.N {
		due = stands.givenAt.Add(o.deps.Every)
	}
	if stands.N == newest.N && now.Before(due) {
		o.owes(ctx, w, time.Time{}, newest)
		return nil
	}
	if err := o.ask(ctx, w, newest, stands.N); err != nil {
		o.owes(ctx, w, due, newest)
		return fmt.Errorf("have %d leaves cosigned by %s: %w", newest.N, w.Name(), err)
	}
	o.owes(ctx, w, time.Time{}, newest)
	if o.deps.Export == nil {
		return nil
	}
	shown, err := o.deps.Publication.Newest(ctx, o.deps.DB)
	if err != nil || shown.N == 0 {
		return err
	}
	return o.deps.Export(o.deps.Unit, shown)
}

// standing is the newest checkpoint of a generation that a witness has cosigned, as far as this unit knows.
type standing struct {
	N       int64
	givenAt time.Time
}

func (o *Outside) stands(ctx context.Context, w Outsider, newest Checkpoint) (s standing, err error) {
	const read = `select size, given_at from log_cosignature where witness = $1 and generation = $2 order by size desc limit 1`
	_, err = pg.Scan(ctx, o.deps.DB, "read what a witness cosigned", []any{&s.N, &s.givenAt}, read, WitnessID(w.Verifier()), newest.Generation())
	return s, err
}

// ask has a witness cosign a checkpoint, with a proof from where it stands, and keeps the cosignature.
func (o *Outside) ask(ctx context.Context, w Outsider, newest Checkpoint, from int64) error {
	cosigned, stands, err := o.add(ctx, w, newest, from)
	if err == nil && cosigned == "" {
		cosigned, _, err = o.add(ctx, w, newest, stands)
	}
	if err != nil {
		return err
	}
	given, err := Cosignatures(cosigned, w.Verifier())
	if err != nil || unsignedText(cosigned) != unsignedText(newest.Note) {
		return errors.New("it answered with another checkpoint")
	}
	return keepLater(ctx, o.deps.DB, newest, given[0], o.deps.Clock.Now())
}

func (o *Outside) add(ctx context.Context, w Outsider, newest Checkpoint, from int64) (cosigned string, stands int64, err error) {
	var proof tlog.TreeProof
	switch {
	case from > newest.N:
		return "", 0, fmt.Errorf("it has cosigned %d leaves", from)
	case from > 0 && from < newest.N:
		if proof, err = tlog.ProveTree(newest.N, from, openTree(ctx, o.deps.DB, newest.Tree)); err != nil {
			return "", 0, fmt.Errorf("prove the log since %d leaves: %w", from, err)
		}
	}
	return w.AddCheckpoint(ctx, from, proof, newest.Note)
}

// owes keeps for the metrics since when a witness owes a cosignature, zero for none, and since when publication lags.
func (o *Outside) owes(ctx context.Context, w Outsider, since time.Time, newest Checkpoint) {
	shown, err := o.deps.Publication.Newest(ctx, o.deps.DB)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case since.IsZero():
		delete(o.waiting, w.Name())
	case o.waiting[w.Name()].IsZero():
		o.waiting[w.Name()] = since
	}
	switch {
	case err != nil: // the next pass tells
	case shown.N == newest.N && shown.Origin == newest.Origin:
		o.lagging = time.Time{}
	case o.lagging.IsZero():
		o.lagging = newest.MadeAt
	}
}

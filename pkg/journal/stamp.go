package journal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/telemetry"
	"github.com/naru-relay/naru/pkg/tsp"
	"github.com/naru-relay/naru/pkg/work"
)

const (
	// stampTimeout bounds one attempt with all authorities.
	stampTimeout = 2 * time.Minute
	// stampSlack is how much earlier than a time stamp a checkpoint may have been made that is larger than the one stamped: a
	// stamp is asked for up to window after a larger one was made, takes up to stampTimeout, and clocks differ by up to window.
	stampSlack = stampTimeout + 2*window
)

// Stamping has a hash stamped by a time-stamping authority (RFC 3161); *tsp.Client does.
type Stamping interface {
	Stamp(ctx context.Context, hash [sha256.Size]byte) (der []byte, token *tsp.Token, err error)
}

// Stamp is a time stamp of a checkpoint, not judged.
type Stamp struct {
	// Published is the checkpoint; the token is over its SHA-256.
	Published string
	Token     []byte
}

// StamperDeps of a Stamper; all but Publication and Export are required.
type StamperDeps struct {
	Unit      string
	DB        *pgxpool.Pool
	Authority Stamping
	// Publication says which checkpoints may be stamped: a stamped one is shown, too.
	Publication Publication
	// Every is how often the newest checkpoint is stamped.
	Every time.Duration
	Clock clock.Clock
	Log   *slog.Logger
	Meter metric.Meter
	// Export writes the newest stamp out of the database; nil for no export.
	Export func(unit string, s Stamp) error
}

// Stamper has the newest published checkpoint of a log stamped by a third party at an interval, so that it cannot be made later
// than it says. Nothing waits for it: while no authority answers, everything else goes on, and a metric tells how long. Any
// number of replicas may run one.
type Stamper struct {
	deps StamperDeps

	mu sync.Mutex
	// waiting is since when the log has grown without a time stamp, by the last pass that gave none; zero for none.
	waiting time.Time
}

// NewStamper registers the metrics.
func NewStamper(deps StamperDeps) (*Stamper, error) {
	s := &Stamper{deps: deps}
	made := telemetry.NewInstruments(deps.Meter)
	made.Gauges(func(context.Context) ([]float64, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.waiting.IsZero() {
			return []float64{0}, nil
		}
		return []float64{max(deps.Clock.Now().Sub(s.waiting), 0).Seconds()}, nil
	}, telemetry.Gauge{Name: "naru.journal.unstamped.age", Unit: "s", About: "Age of the oldest checkpoint since the newest time stamp, once an attempt to stamp has failed."})
	return s, made.Err()
}

// Task stamps until its context ends. An attempt that fails is logged and made again, later and later up to the interval.
func (s *Stamper) Task() lifecycle.Task {
	retry := work.Backoff{Max: s.deps.Every}
	return lifecycle.Task{Name: "journal-stamp", Run: func(ctx context.Context) error {
		for failed := 0; ctx.Err() == nil; {
			wait, err := s.Pass(ctx)
			if failed++; err == nil {
				failed = 0
			} else if ctx.Err() == nil {
				wait = retry.Delay(failed, rand.Float64())
				s.deps.Log.LogAttrs(ctx, slog.LevelWarn, "the log was not time-stamped", slog.Any("error", err))
			}
			_ = lifecycle.Wait(ctx, wait) // ends early with ctx
		}
		return nil
	}}
}

// errUncosigned says that there is nothing newer that could be stamped.
var errUncosigned = errors.New("the log's newest checkpoints wait for a witness")

// Pass has the newest published checkpoint stamped if it is not, and says how long to wait until the next pass.
func (s *Stamper) Pass(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, stampTimeout)
	defer cancel()
	due, err := findDue(ctx, s.deps.DB, s.deps.Publication)
	if err != nil || !due.known || due.stamped {
		s.wait(due.since, err)
		return s.deps.Every, err
	}
	now := s.deps.Clock.Now()
	if early := due.lastAt.Add(s.deps.Every).Sub(now); early > 0 {
		return min(early, s.deps.Every), nil // another replica, or this one before it was started again
	}
	if !due.larger.IsZero() && due.larger.Before(now.Add(-window)) {
		err = errUncosigned
	} else {
		err = s.stamp(ctx, due.Checkpoint)
	}
	s.wait(due.since, err)
	return s.deps.Every, err
}

// wait keeps the metric of what a failed attempt left.
func (s *Stamper) wait(since time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.waiting = time.Time{}
	case s.waiting.IsZero() && since.IsZero():
		s.waiting = s.deps.Clock.Now()
	case s.waiting.IsZero():
		s.waiting = since
	}
}

func (s *Stamper) stamp(ctx context.Context, c Checkpoint) error {
	published := c.ToStamp()
	der, token, err := s.deps.Authority.Stamp(ctx, sha256.Sum256([]byte(published)))
	if err != nil {
		return fmt.Errorf("have %d leaves stamped: %w", c.N, err)
	}
	const insert = `insert into log_stamp (generation, size, token, stamped_at) values ($1, $2, $3, $4) on conflict do nothing`
	if err := pg.Exec(ctx, s.deps.DB, fmt.Sprintf("keep the time stamp of %d leaves", c.N), insert, c.Generation(), c.N, der, token.At); err != nil {
		return err
	}
	if s.deps.Export == nil {
		return nil
	}
	return s.deps.Export(s.deps.Unit, Stamp{Published: published, Token: der})
}

// due is the newest published checkpoint, and how it stands with time stamps.
type due struct {
	Checkpoint
	known bool
	// stamped says that it has its stamp; lastAt is the time of the newest stamp there is.
	stamped bool
	lastAt  time.Time
	// since is when the first checkpoint after the newest stamp was made; larger is when the first one was made that is larger
	// than this one. Zero for none.
	since, larger time.Time
}

func findDue(ctx context.Context, db pg.DBTX, p Publication) (due, error) {
	const read = `
		select n.note, n.cosigned, n.made_at, last.seq is not distinct from n.seq, last.stamped_at,
		       (select made_at from log_checkpoint where seq > coalesce(last.seq, 0) order by seq limit 1),
		       (select made_at from log_checkpoint where seq > n.seq order by seq limit 1)
		from   (select c.seq, c.note, c.cosigned, c.made_at from log_checkpoint c where ` + published + ` order by c.seq desc limit 1) n
		left   join (select c.seq, s.stamped_at
		             from   (select generation, size, stamped_at from log_stamp order by generation desc, size desc limit 1) s
		             join   log_checkpoint c using (generation, size)) last on true`
	var d due
	var lastAt, since, larger *time.Time
	into := []any{&d.Note, &d.Cosigned, &d.MadeAt, &d.stamped, &lastAt, &since, &larger}
	known, err := pg.Scan(ctx, db, "read what is to be stamped", into, read, p.args()...)
	if err != nil || !known {
		return due{}, err
	}
	parsed, err := parseText(unsignedText(d.Note), d.Note)
	if err != nil {
		return due{}, fmt.Errorf("read what is to be stamped: %w", err)
	}
	parsed.Cosigned, parsed.MadeAt = d.Cosigned, d.MadeAt.UTC()
	d.Checkpoint, d.known = parsed, true
	d.lastAt, d.since, d.larger = pg.OrZero(lastAt).UTC(), pg.OrZero(since).UTC(), pg.OrZero(larger).UTC()
	return d, nil
}

// NewestStamp reads a log's newest time stamp; false where there is none.
func NewestStamp(ctx context.Context, db pg.DBTX) (Stamp, bool, error) {
	const read = `
		select c.note, c.cosigned, s.token
		from   log_stamp s
		join   log_checkpoint c using (generation, size)
		order  by s.generation desc, s.size desc
		limit  1`
	var c Checkpoint
	var s Stamp
	known, err := pg.Scan(ctx, db, "read newest time stamp", []any{&c.Note, &c.Cosigned, &s.Token}, read)
	s.Published = c.ToStamp()
	return s, known, err
}

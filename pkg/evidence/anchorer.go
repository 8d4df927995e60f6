package evidence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
)

const (
	defaultInterval = time.Second
	// One batch is one tree: small enough to prove an entry from it in a blink.
	defaultBatch = 10_000
	// A pass reads one batch and writes one row; what takes longer is stuck.
	passTimeout = 30 * time.Second
)

// ErrOtherCluster says that the database counts transactions from below the last anchor's bound: it
// was restored into another cluster (package comment).
var ErrOtherCluster = errors.New("transaction ids are lower than the last anchor's bound: the database was moved to another cluster")

// Deps of an Anchorer. DB, Schema, Signer, Clock and Log are required.
type Deps struct {
	// DB is the unit's pool (role <schema>_app).
	DB *pgxpool.Pool
	// Schema of the unit; one replica of it anchors at a time.
	Schema string
	Signer Signer
	Clock  clock.Clock
	Log    *slog.Logger
	// Meter gets naru.evidence.unanchored.{age,count}; nil does not measure.
	Meter metric.Meter
	// Interval between passes; 0 means one second.
	Interval time.Duration
	// Batch is about how many entries an anchor covers; 0 means 10,000. A transaction is never split.
	Batch int
}

// Anchorer anchors a unit's entries. Any number of replicas may run one.
type Anchorer struct {
	deps Deps

	mu      sync.Mutex
	backlog Backlog
}

// Backlog is what is not anchored yet.
type Backlog struct {
	Count int64
	// Oldest is when the oldest of it was recorded; zero when there is none.
	Oldest time.Time
}

// NewAnchorer checks deps and registers the metrics.
func NewAnchorer(deps Deps) (*Anchorer, error) {
	switch {
	case deps.DB == nil:
		return nil, errors.New("anchorer: DB is missing")
	case deps.Schema == "":
		return nil, errors.New("anchorer: Schema is missing")
	case deps.Signer == nil:
		return nil, errors.New("anchorer: Signer is missing")
	case deps.Clock == nil:
		return nil, errors.New("anchorer: Clock is missing")
	case deps.Log == nil:
		return nil, errors.New("anchorer: Log is missing")
	}
	if deps.Meter == nil {
		deps.Meter = noop.Meter{}
	}
	if deps.Interval == 0 {
		deps.Interval = defaultInterval
	}
	if deps.Batch == 0 {
		deps.Batch = defaultBatch
	}
	a := &Anchorer{deps: deps}
	if err := a.registerMetrics(); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Anchorer) registerMetrics() error {
	age, err := a.deps.Meter.Float64ObservableGauge("naru.evidence.unanchored.age",
		metric.WithUnit("s"), metric.WithDescription("Age of the oldest evidence entry that is not anchored"))
	if err != nil {
		return fmt.Errorf("register metric: %w", err)
	}
	count, err := a.deps.Meter.Int64ObservableGauge("naru.evidence.unanchored.count",
		metric.WithUnit("{entry}"), metric.WithDescription("Evidence entries that are not anchored"))
	if err != nil {
		return fmt.Errorf("register metric: %w", err)
	}
	_, err = a.deps.Meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		b := a.Backlog()
		o.ObserveInt64(count, b.Count)
		o.ObserveFloat64(age, b.Age(a.deps.Clock.Now()).Seconds())
		return nil
	}, age, count)
	if err != nil {
		return fmt.Errorf("register metric: %w", err)
	}
	return nil
}

// Backlog is what the last pass left. Its age grows on while passes fail.
func (a *Anchorer) Backlog() Backlog {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.backlog
}

// Age of the oldest entry at a time; 0 when everything is anchored.
func (b Backlog) Age(now time.Time) time.Duration {
	if b.Oldest.IsZero() {
		return 0
	}
	return max(now.Sub(b.Oldest), 0)
}

// Task anchors until its ctx ends. A pass that does not succeed is logged and tried again;
// ErrOtherCluster ends the task, because nothing it could do later would be right.
func (a *Anchorer) Task() lifecycle.Task {
	return lifecycle.Task{Name: a.deps.Schema + "-evidence-anchor", Run: a.run}
}

func (a *Anchorer) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		err := a.turn(ctx)
		switch {
		case errors.Is(err, ErrOtherCluster):
			a.deps.Log.LogAttrs(ctx, slog.LevelError, "evidence is not anchored any more", slog.Any("error", err))
			return err
		case err != nil && ctx.Err() == nil:
			a.deps.Log.LogAttrs(ctx, slog.LevelWarn, "anchoring evidence did not succeed", slog.Any("error", err))
		}
		timer.Reset(a.deps.Interval)
	}
}

// turn anchors what has gathered since the last one. It goes on only while batches are full: under load there is always something, and
// anchoring it back to back would make many small anchors out of what one a second covers.
func (a *Anchorer) turn(ctx context.Context) error {
	for {
		anchored, err := a.pass(ctx)
		if err != nil || anchored < uint64(a.deps.Batch) { //nolint:gosec // a batch is positive
			return err
		}
	}
}

// Drain anchors batch after batch until nothing is left that may be anchored now.
func (a *Anchorer) Drain(ctx context.Context) error {
	for {
		anchored, err := a.Pass(ctx)
		if err != nil || !anchored {
			return err
		}
	}
}

// Pass anchors one batch and reports whether there was one. It does nothing while another replica is
// at it.
func (a *Anchorer) Pass(ctx context.Context) (bool, error) {
	anchored, err := a.pass(ctx)
	return anchored > 0, err
}

// pass is Pass with the number of entries.
func (a *Anchorer) pass(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, passTimeout)
	defer cancel()
	lock, err := pg.TryLock(ctx, a.deps.DB, a.deps.Schema+"/evidence-anchor")
	if err != nil {
		return 0, fmt.Errorf("anchor evidence: %w", err)
	}
	if lock == nil {
		return 0, a.measure(ctx, a.deps.DB)
	}
	defer lock.Unlock(ctx)
	// Everything runs on the connection that holds the lock: if that breaks, so does the pass.
	anchored, err := a.anchorBatch(ctx, lock.Conn())
	if err != nil {
		return 0, fmt.Errorf("anchor evidence: %w", err)
	}
	return anchored, a.measure(ctx, lock.Conn())
}

// anchorBatch reads, signs and writes in separate transactions: a signature may be remote.
func (a *Anchorer) anchorBatch(ctx context.Context, conn *pgxpool.Conn) (uint64, error) {
	prev, err := Head(ctx, conn)
	if err != nil {
		return 0, err
	}
	var settled uint64 // every transaction below has ended
	if err := conn.QueryRow(ctx, `select pg_snapshot_xmin(pg_current_snapshot())`).Scan(&settled); err != nil {
		return 0, fmt.Errorf("read oldest running transaction: %w", err)
	}
	if settled < prev.XIDBelow {
		return 0, fmt.Errorf("%w (oldest running %d, bound %d)", ErrOtherCluster, settled, prev.XIDBelow)
	}
	// This statement's snapshot is younger than the bound, so it sees all that committed below it.
	batch := newTree()
	last, err := eachDigest(ctx, conn, prev.XIDBelow, settled, a.deps.Batch, batch.add)
	if err != nil || batch.size() == 0 {
		return 0, err
	}
	next := Anchor{
		Seq:        prev.Seq + 1,
		PrevDigest: prev.chainDigest(),
		Count:      batch.size(),
		XIDFrom:    prev.XIDBelow,
		XIDBelow:   last + 1,
		AnchoredAt: a.deps.Clock.Now(),
	}
	if next.Root, err = batch.root(); err != nil {
		return 0, err
	}
	next.Digest = next.ComputeDigest()
	if next.KID, next.Signature, err = a.deps.Signer.Sign(ctx, next.Digest); err != nil {
		return 0, err
	}
	return next.Count, insertAnchor(ctx, conn, next)
}

// eachDigest hands on the digests of whole transactions in the order of the tree and returns the
// last transaction id.
func eachDigest(ctx context.Context, db pg.DBTX, from, below uint64, about int, add func([]byte) error) (uint64, error) {
	rows, err := db.Query(ctx,
		`select xid, digest
		   from (select xid, id, digest
		           from evidence_entry
		          where xid >= $1::xid8 and xid < $2::xid8
		          order by xid
		          fetch first ($3::bigint) rows with ties) e
		  order by xid, id`, from, below, about)
	if err != nil {
		return 0, fmt.Errorf("read batch: %w", err)
	}
	var last uint64
	var digest []byte
	_, err = pgx.ForEachRow(rows, []any{&last, &digest}, func() error { return add(digest) })
	if err != nil {
		return 0, fmt.Errorf("read batch: %w", err)
	}
	return last, nil
}

// insertAnchor fails on evidence_anchor_pkey if another replica was there first, against the lock.
func insertAnchor(ctx context.Context, db pg.DBTX, n Anchor) error {
	_, err := db.Exec(ctx,
		`insert into evidence_anchor
		        (seq, prev_digest, root, entry_count, xid_from, xid_below, anchored_at, digest, kid, signature)
		 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		n.Seq, n.PrevDigest, n.Root, n.Count, n.XIDFrom, n.XIDBelow, n.AnchoredAt, n.Digest, n.KID, n.Signature)
	if err != nil {
		return fmt.Errorf("write anchor %d: %w", n.Seq, err)
	}
	return nil
}

func (a *Anchorer) measure(ctx context.Context, db pg.DBTX) error {
	// The bound is a parameter: with a sub-select in its place the planner reads the whole year.
	head, err := Head(ctx, db)
	if err != nil {
		return err
	}
	var b Backlog
	var oldest *time.Time
	err = db.QueryRow(ctx, `select count(*), min(recorded_at) from evidence_entry where xid >= $1::xid8`, head.XIDBelow).Scan(&b.Count, &oldest)
	if err != nil {
		return fmt.Errorf("measure unanchored evidence: %w", err)
	}
	if oldest != nil {
		b.Oldest = clock.Canonical(*oldest)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.backlog = b
	return nil
}

package journal_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const (
	express  = platformv1.Lane_LANE_EXPRESS
	bulk     = platformv1.Lane_LANE_BULK
	patience = 15 * time.Second
)

// bench is a unit's journal and a bus that accepts everything.
type bench struct {
	*journaltest.Journal
	db *pgtest.DB

	mu        sync.Mutex
	published []frame.Frame
	created   time.Time
	gone      int
	tags      []map[string][]byte
}

func setup(t *testing.T) *bench {
	t.Helper()
	db := pgtest.New(t, "intake", journal.Migrations())
	b := &bench{db: db}
	b.Journal = journaltest.Open(t, db.App, "intake", []proto.Message{&intakev1.CancelRequested{}, &intakev1.RegistrationCertificateSupplied{}}, &intakev1.DocumentAccepted{})
	return b
}

// Publish accepts a frame like JetStream.
func (b *bench) Publish(_ context.Context, f frame.Frame, tags map[string][]byte) (<-chan journal.Ack, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.published, b.tags = append(b.published, f), append(b.tags, tags)
	acked := make(chan journal.Ack, 1)
	acked <- journal.Ack{Sequence: uint64(len(b.published) - b.gone)}
	return acked, nil
}

// Stream tells what JetStream would tell of a stream that lost what was published before.
func (b *bench) Stream(context.Context, string) (journal.Stream, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return journal.Stream{Created: b.created, Last: uint64(len(b.published) - b.gone)}, nil
}

func (b *bench) bus() []frame.Frame {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]frame.Frame{}, b.published...)
}

// publish runs a publisher until the test ends.
func (b *bench) publish(t *testing.T, eventsPerSecond int) *journal.Publisher {
	t.Helper()
	p, err := journal.NewPublisher(journal.PublisherDeps{Unit: "intake", DB: b.db.App, Keys: b.Keys, Clock: b.Clock, Bus: b, Log: slog.New(slog.DiscardHandler),
		Meter: b.Meter, Rules: b.Rules(), EventsPerSecond: eventsPerSecond})
	require.NoError(t, err)
	group := lifecycle.New()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	group.Go(ctx, p.Tasks()...)
	t.Cleanup(func() {
		cancel()
		_ = group.Wait() // cancelled above, so the error says nothing
	})
	return p
}

func cancelled(subject string) journal.Fact {
	return journal.Fact{Subject: subject, Sender: "sender", Actor: "sender", OccurredAt: time.Unix(1_790_000_000, 0), Message: &intakev1.CancelRequested{EdocNum: subject}}
}

func supplied(subject string) journal.Fact {
	return journal.Fact{Subject: subject, Sender: "sender", Actor: "sender", OccurredAt: time.Unix(1_790_000_000, 0), Message: &intakev1.RegistrationCertificateSupplied{}}
}

func accepted(sender, subject string) journal.Fact {
	return journal.Fact{Subject: subject, Sender: sender, Actor: sender, OccurredAt: time.Unix(1_790_000_000, 0), Message: &intakev1.DocumentAccepted{SealedRecipient: []byte("sealed")}}
}

// state commits facts in one transaction and returns its id.
func (b *bench) state(t *testing.T, facts ...journal.Fact) uuid.UUID {
	t.Helper()
	var commit uuid.UUID
	require.NoError(t, b.InTx(t.Context(), func(tx *journal.Tx) error {
		commit = tx.CommitID()
		return tx.State(t.Context(), express, facts...)
	}))
	return commit
}

func (b *bench) count(t *testing.T, query string, args ...any) int {
	t.Helper()
	var n int
	require.NoError(t, b.db.Owner.QueryRow(t.Context(), query, args...).Scan(&n))
	return n
}

// The facts of a commit are found by its id, each kind in its own frames. Private facts have no lane.
func TestFactsOfACommit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	commit := b.state(t, cancelled("a"), supplied("c"), cancelled("b"))
	frames, err := journal.OfCommit(t.Context(), b.db.App, "intake", commit)
	require.NoError(t, err)
	require.Len(t, frames, 2)
	require.Equal(t, express, frames[0].Lane)
	require.Equal(t, platformv1.Lane_LANE_UNSPECIFIED, frames[1].Lane)
	require.Equal(t, 2, frames[0].Count)
	require.Equal(t, commit, frame.IDOf(frames[1].ID, 0))
	for _, f := range frames {
		require.NoError(t, b.Keys.Check(t.Context(), f.Header, f.MAC))
	}
	var found intakev1.CancelRequested
	require.NoError(t, journal.Find(t.Context(), b.db.App, "intake", commit, "b", &found))
	require.Equal(t, "b", found.GetEdocNum())
	require.ErrorIs(t, journal.Find(t.Context(), b.db.App, "intake", commit, "x", &found), journal.ErrNoFact)
}

// Facts stated in a savepoint are rolled back with it.
func TestSavepointTakesItsFactsBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.InTx(t.Context(), func(tx *journal.Tx) error {
		require.NoError(t, tx.Savepoint(t.Context(), func(tx *journal.Tx) error { return tx.State(t.Context(), express, cancelled("kept")) }))
		err := tx.Savepoint(t.Context(), func(tx *journal.Tx) error {
			require.NoError(t, tx.State(t.Context(), express, cancelled("gone")))
			return context.Canceled
		})
		require.ErrorIs(t, err, context.Canceled)
		return nil
	}))
	frames := journaltest.OfKind(t, b.db.App, "intake", frame.KindOf(&intakev1.CancelRequested{}))
	require.Len(t, frames, 1)
	require.Equal(t, 1, frames[0].Count)
}

// A journal does not open with a kind that does not say whether it is public, or that belongs to another unit. A kind that is not
// listed cannot be stated.
func TestKindsAreDeclared(t *testing.T) {
	t.Parallel()
	_, err := journal.New(journal.Deps{Unit: "intake", States: []proto.Message{&intakev1.SendItem{}}})
	require.ErrorContains(t, err, "naru.intake.v1.SendItem does not say whether it is public")
	_, err = journal.New(journal.Deps{Unit: "address", States: []proto.Message{&intakev1.CancelRequested{}}})
	require.ErrorContains(t, err, "is not of address")

	b := setup(t)
	err = b.InTx(t.Context(), func(tx *journal.Tx) error {
		return tx.State(t.Context(), express, journal.Fact{Subject: "a", Message: &intakev1.SendItem{}})
	})
	require.ErrorContains(t, err, "does not state facts of this kind")
}

// Public frames are published once, with a tag for each reader; private ones never. Both get their leaf.
func TestPublishedAndLogged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.publish(t, 0)
	b.state(t, cancelled("a"), supplied("c"))
	p.Committed(b.Committed())
	await.Require(t, patience, func() bool {
		return b.count(t, `select count(*) from journal_mark where published_at is not null`) == 1
	})
	require.NoError(t, b.Logger.Drain(t.Context()))
	require.Equal(t, 2, b.count(t, `select count(*) from journal_mark where leaf in (0, 1)`))

	require.Len(t, b.bus(), 1)
	f, tags := b.published[0], b.tags[0]
	require.Len(t, tags, 4)
	header, body := f.Message(tags), f.Body
	read, tag, err := frame.Read(header, body, "delivery")
	require.NoError(t, err)
	readers := journal.NewReaderKeys(func(ctx context.Context, producer, keyID string) ([]byte, error) {
		require.Equal(t, "intake", producer)
		return b.Keys.Export(ctx, keyID, "delivery")
	})
	require.NoError(t, readers.Check(t.Context(), read.Header, tag))
	_, other, err := frame.Read(header, body, "address")
	require.NoError(t, err)
	require.ErrorIs(t, readers.Check(t.Context(), read.Header, other), journal.ErrForged, "a reader's key makes no tag for another")
	read.Count++
	require.ErrorIs(t, readers.Check(t.Context(), read.Header, tag), journal.ErrForged)
}

// A frame that its process did not publish is swept once it has a leaf.
func TestSweepPublishesWhatTheLogHasTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.state(t, cancelled("a"))
	b.publish(t, 0)
	require.NoError(t, b.Logger.Drain(t.Context()))
	await.Require(t, patience, func() bool { return b.count(t, `select count(*) from journal_mark where stream_seq = 1`) == 1 })
}

// Senders take turns frame by frame, however much one of them has waiting. Each frame of a commit has facts of one sender.
func TestPacedFramesTakeTurns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 6 {
		require.NoError(t, b.InTx(t.Context(), func(tx *journal.Tx) error {
			return tx.State(t.Context(), bulk, accepted("many", "m"), accepted("many", "n"))
		}))
	}
	require.NoError(t, b.InTx(t.Context(), func(tx *journal.Tx) error {
		return tx.State(t.Context(), bulk, accepted("few", "f"), accepted("fewer", "g"))
	}))
	b.publish(t, 0)
	await.Require(t, patience, func() bool { return len(b.bus()) == 8 })
	var senders []string
	for _, f := range b.bus()[:3] {
		events, err := f.Events()
		require.NoError(t, err)
		senders = append(senders, events[0].GetSender())
	}
	require.ElementsMatch(t, []string{"few", "fewer", "many"}, senders)
}

// An open transaction in another database of the cluster does not delay the log.
func TestAnOpenTransactionElsewhereDelaysNothing(t *testing.T) {
	t.Parallel()
	other := setup(t)
	open, err := other.db.Owner.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = open.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = open.Exec(t.Context(), `select pg_current_xact_id()`)
	require.NoError(t, err)

	b := setup(t)
	b.state(t, cancelled("a"))
	require.NoError(t, b.Logger.Drain(t.Context()))
	require.Equal(t, 1, b.count(t, `select count(*) from journal_mark where leaf = 0`))
}

// Advisory locks held by another role do not delay the log, because it takes none.
func TestAnAdvisoryLockDelaysNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.state(t, cancelled("a"))
	other, err := b.db.Owner.Acquire(t.Context())
	require.NoError(t, err)
	defer other.Release()
	// Take every name the unit could use for such a lock, and the numbers in its tables.
	_, err = other.Exec(t.Context(), `select pg_advisory_lock(n) from unnest($1::bigint[]) n`,
		[]int64{pg.LockID("intake/journal"), pg.LockID("intake/log"), pg.LockID("intake/log_turn"), pg.LockID("intake/migrate"), 0, 1})
	require.NoError(t, err)
	_, err = other.Exec(t.Context(), `select pg_advisory_lock(oid::bigint), pg_advisory_lock(1, oid::integer) from pg_class where relnamespace = current_schema()::regnamespace`)
	require.NoError(t, err)
	require.NoError(t, b.Logger.Drain(t.Context()))
	require.Equal(t, 1, b.count(t, `select count(*) from journal_mark where leaf = 0`))
}

// The log names the session that holds the lock of its turn.
func TestTheLogSaysWhoIsInTheWay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.state(t, cancelled("a"))
	other, err := b.db.Owner.Begin(t.Context())
	require.NoError(t, err)
	_, err = other.Exec(t.Context(), `select from log_turn for update`)
	require.NoError(t, err)
	err = b.Logger.Drain(t.Context())
	var role string
	require.NoError(t, other.QueryRow(t.Context(), `select current_user`).Scan(&role))
	require.ErrorContains(t, err, "in the way: role "+role)
	require.NoError(t, other.Rollback(t.Context()))
	require.NoError(t, b.Logger.Drain(t.Context()))
}

// Replicas that log at the same time give every frame one leaf.
func TestTwoReplicasLog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 40 {
		b.state(t, cancelled(fmt.Sprint("doc-", i)))
	}
	second := b.NewLogger(t, b.db.App, nil)
	done := make(chan error)
	go func() { done <- second.Drain(t.Context()) }()
	require.NoError(t, b.Logger.Drain(t.Context()))
	require.NoError(t, <-done)
	require.Equal(t, 40, b.count(t, `select count(distinct leaf) from journal_mark where leaf between 0 and 39`))
	newest, err := journal.Newest(t.Context(), b.db.App)
	require.NoError(t, err)
	require.EqualValues(t, 40, newest.N)
	require.True(t, strings.HasPrefix(newest.Origin, "naru/"+journaltest.Platform+"/intake/"))
}

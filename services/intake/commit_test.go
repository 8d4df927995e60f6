package intake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/intake/internal/queue"
)

// commitBench is a committer with its own database.
type commitBench struct {
	*committer
	db *pgtest.DB

	facts *journaltest.Journal

	mu     sync.Mutex
	serial int64
	at     time.Time
}

func newCommitBench(t testing.TB) *commitBench {
	t.Helper()
	b := &commitBench{db: pgtest.New(t, Unit.Name, Unit.Sources()...), at: clock.System().Now()}
	q := queue.New[uuid.UUID, *row](queue.Limits{Entries: 1 << 20, Bytes: 1 << 30, FlowEntries: 1 << 20, FlowBytes: 1 << 30})
	m, err := newMetrics(noop.NewMeterProvider().Meter(""), q.Len)
	require.NoError(t, err)
	b.facts = journaltest.Open(t, b.db.App, Unit.Name, nil, &intakev1.DocumentAccepted{})
	b.committer = &committer{journal: b.facts.Journal, writers: 2, queue: q, clock: clock.NewFake(b.at), log: slog.New(slog.DiscardHandler), metrics: m}
	return b
}

// row returns a row like the builder's; content determines the fingerprint.
func (b *commitBench) row(t testing.TB, tenant uuid.UUID, key, content string, lane platformv1.Lane) *row {
	t.Helper()
	b.mu.Lock()
	b.serial++
	number, err := id.NewEdocNumber(b.at, "NARU000001", b.serial)
	b.mu.Unlock()
	require.NoError(t, err)
	fingerprint := sha256.Sum256([]byte(content))
	facts := &platformv1.DocumentFacts{EdocNum: string(number), Sender: tenant.String(), OwnKey: key, Lane: lane}
	r := &row{
		tenant: tenant, ownKey: key, fingerprint: fingerprint[:], number: number, acceptedAt: b.at, lane: lane,
		digest: sha256.Sum256([]byte("certificate of " + content)), certificate: []byte("a registration certificate, sealed, as it is kept, of " + content),
		sealedRecipient: []byte("sealed"), receipt: "receipt of " + string(number),
	}
	r.accepted = acceptedOf(authn.Principal{ID: tenant.String()}, facts, r, &candidate{supplied: &supplied{registration: &archivecert.Registration{}}})
	r.factSize = proto.Size(r.accepted)
	return r
}

func (b *commitBench) strings(t testing.TB, query string) []string {
	t.Helper()
	rows, err := b.db.App.Query(t.Context(), query)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	slices.Sort(found)
	return found
}

// check compares the answers and the tables with the model: for every key exactly one row is new; rows with its content are
// repetitions, others are conflicts with the winner's number; documents, facts and certificates are those of the winners.
func (b *commitBench) check(t testing.TB, rows []*row) {
	t.Helper()
	winners := map[ownKey]*row{}
	for _, r := range rows {
		if r.answer.outcome == outcomeNew {
			require.Nil(t, winners[ownKey{r.tenant, r.ownKey}], "two rows of one key are new")
			winners[ownKey{r.tenant, r.ownKey}] = r
		}
	}
	express, bulk, all, certificates := []string{}, []string{}, []string{}, []string{}
	for _, w := range winners {
		all = append(all, string(w.number))
		certificates = append(certificates, string(w.certificate))
		if w.lane == platformv1.Lane_LANE_BULK {
			bulk = append(bulk, string(w.number))
		} else {
			express = append(express, string(w.number))
		}
	}
	for _, r := range rows {
		require.NoError(t, r.answer.err)
		w := winners[ownKey{r.tenant, r.ownKey}]
		require.NotNil(t, w, "no row of the key is new")
		if r == w {
			continue
		}
		want := outcomeConflict
		if string(r.fingerprint) == string(w.fingerprint) {
			want = outcomeSame
			require.Equal(t, w.receipt, r.answer.existing.receipt)
			require.Equal(t, w.acceptedAt, r.answer.existing.acceptedAt)
		}
		require.Equal(t, want, r.answer.outcome)
		require.Equal(t, string(w.number), r.answer.existing.number)
	}
	slices.Sort(all)
	slices.Sort(bulk)
	slices.Sort(express)
	slices.Sort(certificates)
	require.Equal(t, all, b.strings(t, `select edoc_num from document`))
	require.Equal(t, all, b.strings(t, `select edoc_num from own_key`))
	require.Equal(t, slices.Compact(certificates), b.strings(t, `select convert_from(certificate, 'UTF8') from registration_certificate`))
	written := journaltest.OfKind(t, b.db.App, Unit.Name, frame.KindOf(&intakev1.DocumentAccepted{}))
	for _, frames := range [][]journal.Sealed{written, b.facts.Committed()} {
		require.Equal(t, express, b.stated(t, frames, platformv1.Lane_LANE_EXPRESS))
		require.Equal(t, bulk, b.stated(t, frames, platformv1.Lane_LANE_BULK))
	}
}

// stated returns the subjects of a lane's frames. A bulk frame belongs to one sender.
func (b *commitBench) stated(t testing.TB, frames []journal.Sealed, lane platformv1.Lane) []string {
	t.Helper()
	subjects := []string{}
	for _, f := range frames {
		if f.Lane != lane {
			continue
		}
		events, err := f.Events()
		require.NoError(t, err)
		for _, e := range events {
			require.True(t, lane == platformv1.Lane_LANE_EXPRESS || e.GetSender() == events[0].GetSender())
		}
		for _, e := range events {
			subjects = append(subjects, e.GetSubject())
		}
	}
	slices.Sort(subjects)
	return subjects
}

// draw makes rows with few tenants, keys and contents, so that repetitions and conflicts are frequent.
func (b *commitBench) draw(t testing.TB, r *rand.Rand, tenants []uuid.UUID, n int) []*row {
	t.Helper()
	rows := make([]*row, n)
	for i := range rows {
		lane := platformv1.Lane_LANE_EXPRESS
		if r.IntN(3) == 0 {
			lane = platformv1.Lane_LANE_BULK
		}
		key, content := fmt.Sprintf("key-%d", r.IntN(n)), fmt.Sprintf("content-%d", r.IntN(3))
		rows[i] = b.row(t, tenants[r.IntN(len(tenants))], key, content, lane)
	}
	return rows
}

// Random rows in one group get the answers of the model.
func TestOneGroup(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			b := newCommitBench(t)
			rows := b.draw(t, rand.New(rand.NewPCG(seed, 1)), []uuid.UUID{uuid.New(), uuid.New()}, 200) //nolint:gosec // repeatable on purpose
			answers, err := b.try(t.Context(), rows)
			require.NoError(t, err)
			for i := range rows {
				rows[i].answer = answers[i]
			}
			b.check(t, rows)
		})
	}
}

// Random rows of many concurrent callers get the answers of the model, however they are grouped.
func TestManyGroups(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			b := newCommitBench(t)
			runTasks(t, []lifecycle.Task{b.task()})
			tenants := []uuid.UUID{uuid.New(), uuid.New(), uuid.New()}
			calls := make([][]*row, 24)
			for i := range calls {
				r := rand.New(rand.NewPCG(seed, uint64(i))) //nolint:gosec // repeatable on purpose
				calls[i] = b.draw(t, r, tenants, 40)
			}
			var callers sync.WaitGroup
			failures := make(chan error, 1000)
			var all []*row
			for _, rows := range calls {
				all = append(all, rows...)
				callers.Go(func() {
					for part := range slices.Chunk(rows, 5) {
						if err := b.commit(t.Context(), part[0].tenant, part); err != nil {
							failures <- err
						}
					}
				})
			}
			callers.Wait()
			close(failures)
			for err := range failures {
				require.NoError(t, err)
			}
			b.check(t, all)
		})
	}
}

// A row that the database refuses is found and refused alone.
func TestPoisonedRow(t *testing.T) {
	t.Parallel()
	b := newCommitBench(t)
	tenant := uuid.New()
	of := &waiter{ctx: t.Context(), done: make(chan struct{})}
	var rows []*row
	for i := range 9 {
		r := b.row(t, tenant, fmt.Sprintf("key-%d", i), "content", platformv1.Lane_LANE_EXPRESS)
		r.waiter = of
		rows = append(rows, r)
	}
	rows[4].receipt = strings.Repeat("x", 16<<10) // violates a check
	of.left.Store(int32(len(rows)))
	b.commitGroup(t.Context(), rows)
	<-of.done
	require.Error(t, rows[4].answer.err)
	require.Equal(t, fault.Internal, fault.KindOf(rows[4].answer.err))
	b.check(t, slices.Delete(rows, 4, 5))
}

// A group ends when it has too many rows or too many bytes.
func TestGroupBound(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		row  row
		want int
	}{
		{"rows", row{factSize: 10}, 500},
		{"bytes", row{certificate: make([]byte, 16<<10)}, (4 << 20) / (16<<10 + rowOverhead)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			fits, n := (&committer{}).groupBound(), 0
			for fits(&tc.row) {
				n++
			}
			require.Equal(t, tc.want, n)
		})
	}
}

// When the database is away, every row of the group is told to try again.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	b := newCommitBench(t)
	r := b.row(t, uuid.New(), "key", "content", platformv1.Lane_LANE_EXPRESS)
	r.waiter = &waiter{ctx: t.Context(), done: make(chan struct{})}
	r.waiter.left.Store(1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	b.commitGroup(ctx, []*row{r})
	require.ErrorIs(t, fault.As(r.answer.err), fault.Unavailable)
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

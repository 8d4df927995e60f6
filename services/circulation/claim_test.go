package circulation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/work"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const platformID = "naru-01-test"

// storeBench is the unit's schema without a running unit.
type storeBench struct {
	*pgtest.DB
	journal *journaltest.Journal
	at      time.Time
}

func newStoreBench(t *testing.T) *storeBench {
	t.Helper()
	b := &storeBench{DB: pgtest.New(t, Unit.Name, Unit.Sources()...), at: clock.System().Now()}
	for _, source := range Unit.Sources() {
		require.NoError(t, pg.MaintainPartitions(t.Context(), b.Owner, source.Partitions, pg.Clocks{Unit: b.at, Database: b.at, Trusted: true}))
	}
	b.journal = journaltest.Open(t, b.App, Unit.Name, Unit.States)
	return b
}

// receive inserts the records of n received documents and returns their numbers.
func (b *storeBench) receive(t *testing.T, lane platformv1.Lane, n int) []string {
	t.Helper()
	var records []record
	var numbers []string
	for i := range n {
		number := fmt.Sprintf("%s_NARUTEST%02d_%013d", b.at.In(id.KST).Format("20060102"), lane, i+1)
		r := recordOf(number, &platformv1.DocumentFacts{
			Sender: "sender", Circulation: true, Registrar: platformID, DocumentType: platformv1.DocumentType_DOCUMENT_TYPE_GENERAL,
			DocumentHash: &platformv1.Digest{Algorithm: "SHA-256", Value: "ab"}, SentAt: timestamppb.New(b.at), ReceivedAt: timestamppb.New(b.at),
		})
		records, numbers = append(records, told(r, lane, id.New().String(), "")), append(numbers, number)
	}
	made, err := mergeReceived(t.Context(), b.App, platformID, records)
	require.NoError(t, err)
	require.Equal(t, n, made)
	return numbers
}

func numbersIn(b batch) []string {
	var numbers []string
	for _, c := range b.calls {
		numbers = append(numbers, c.number)
	}
	return numbers
}

// However many replicas claim at the same time, each document is in exactly one claim, of its own lane.
func TestClaimsNeverOverlap(t *testing.T) {
	t.Parallel()
	b := newStoreBench(t)
	want := append(b.receive(t, platformv1.Lane_LANE_EXPRESS, 150), b.receive(t, platformv1.Lane_LANE_BULK, 150)...)
	claimed := make([][]string, 8)
	var together errgroup.Group
	for i := range claimed {
		together.Go(func() error {
			for n := 0; ; n++ {
				lane := platformv1.Lane(1 + (i+n)%2)
				got, err := claimBatch(t.Context(), b.App, registration, lane, 7, time.Minute)
				if err != nil {
					return err
				}
				for _, c := range got.calls {
					if c.lane != lane {
						return fmt.Errorf("%s is of another lane", c.number)
					}
				}
				if claimed[i] = append(claimed[i], numbersIn(got)...); len(got.calls) == 0 && n > 100 {
					return nil
				}
			}
		})
	}
	require.NoError(t, together.Wait())
	all := slices.Concat(claimed...)
	slices.Sort(all)
	slices.Sort(want)
	require.Equal(t, want, all)
	waits, err := readBacklog(t.Context(), b.App, b.at)
	require.NoError(t, err)
	require.Equal(t, int64(300), waits.due, "what is claimed is not done")
	require.False(t, waits.oldestDue.IsZero())
	require.Zero(t, waits.queued+waits.overdue)
	none, err := claimBatch(t.Context(), b.App, readTime, platformv1.Lane_LANE_EXPRESS, 7, time.Minute)
	require.NoError(t, err)
	require.Empty(t, none.calls)
}

// Work claimed by a replica that ended is claimed again after its lease. Only if its digests were written before, so that
// something may have been sent, can "already registered" be the result of our own call.
func TestLapsedClaims(t *testing.T) {
	t.Parallel()
	for name, begun := range map[string]bool{"before anything was sent": false, "when something may have been sent": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newStoreBench(t)
			numbers := b.receive(t, platformv1.Lane_LANE_BULK, 3)
			first, err := claimBatch(t.Context(), b.App, registration, platformv1.Lane_LANE_BULK, 10, -time.Second)
			require.NoError(t, err)
			require.Equal(t, numbers, numbersIn(first))
			var ready []prepared
			for _, c := range first.calls[:2] { // the third is not sent in either case
				ready = append(ready, prepared{attempt: attempt{call: c, digest: make([]byte, 32)}})
			}
			if begun {
				require.NoError(t, beginCall(t.Context(), b.App, first, ready))
			}
			second, err := claimBatch(t.Context(), b.App, registration, platformv1.Lane_LANE_BULK, 10, time.Minute)
			require.NoError(t, err)
			require.Equal(t, numbers, numbersIn(second))
			for i, c := range second.calls {
				require.Equal(t, 2, c.attempt)
				require.Equal(t, begun && i < 2, c.mayHaveTakenEffect(), c.number)
			}
			require.Error(t, beginCall(t.Context(), b.App, first, ready), "nothing may be sent for a claim that has lapsed")
			b.requireLateResultKept(t, first)
		})
	}
}

// A claim stands as long as its replica renews it; one that has lapsed is not had again.
func TestRenewedClaims(t *testing.T) {
	t.Parallel()
	b := newStoreBench(t)
	numbers := b.receive(t, platformv1.Lane_LANE_BULK, 2)
	claim := func(lease time.Duration) batch {
		t.Helper()
		claimed, err := claimBatch(t.Context(), b.App, registration, platformv1.Lane_LANE_BULK, 10, lease)
		require.NoError(t, err)
		return claimed
	}
	first := claim(-time.Second)
	require.NoError(t, renewCall(t.Context(), b.App, first, time.Minute))
	require.Empty(t, claim(time.Minute).calls, "the claim stands")
	require.NoError(t, renewCall(t.Context(), b.App, first, -time.Second))
	require.Equal(t, numbers, numbersIn(claim(time.Minute)))
	require.ErrorIs(t, renewCall(t.Context(), b.App, first, time.Minute), work.ErrLost)
}

// requireLateResultKept settles a lapsed call: its result is kept, once, and no record moves.
func (b *storeBench) requireLateResultKept(t *testing.T, late batch) {
	t.Helper()
	var all []settlement
	for _, c := range late.calls {
		all = append(all, settlement{attempt: attempt{call: c, sending: answered, result: resultRegistered, startedAt: b.at, endedAt: b.at}})
	}
	require.NoError(t, b.journal.InTx(t.Context(), func(tx *journal.Tx) error {
		ours, err := closeCall(t.Context(), tx, late, b.at, all)
		require.NoError(t, err)
		require.False(t, ours)
		settled, err := settleRecords(t.Context(), tx, late, b.at, all)
		require.NoError(t, err)
		require.Empty(t, settled, "the attempt's number is a fence of its own")
		return recordSettled(t.Context(), tx, late, b.at, all, true)
	}))
	require.ErrorIs(t, b.journal.InTx(t.Context(), func(tx *journal.Tx) error {
		_, err := closeCall(t.Context(), tx, late, b.at, all)
		return err
	}), pgx.ErrNoRows, "a result is never written over")
	var results []int16
	var commit uuid.UUID
	require.NoError(t, b.App.QueryRow(t.Context(), `select results, commit_id from hub_call where id = $1`, late.id).Scan(&results, &commit))
	require.Equal(t, []int16{1, 1, 1}, results)
	var told circulationv1.HubCallSettled
	require.NoError(t, journal.Find(t.Context(), b.App, Unit.Name, commit, late.id.String(), &told))
	require.True(t, told.GetLate())
	require.Len(t, told.GetItems(), 3)
}

// Records and calls are deleted ten years after the end of their year, but stay while one of their numbers is under legal hold.
func TestRetention(t *testing.T) {
	t.Parallel()
	b := newStoreBench(t)
	number := b.receive(t, platformv1.Lane_LANE_BULK, 2)[1]
	_, err := claimBatch(t.Context(), b.App, registration, platformv1.Lane_LANE_BULK, 10, time.Minute)
	require.NoError(t, err)
	require.NoError(t, b.journal.PlaceHold(t.Context(), number, "operator", "case-1"))
	kept := func() (n int) {
		require.NoError(t, pg.MaintainPartitions(t.Context(), b.Owner, partitions(), pg.Clocks{Unit: b.at.AddDate(11, 0, 3), Database: b.at.AddDate(11, 0, 3), Trusted: true}))
		require.NoError(t, b.App.QueryRow(t.Context(), `select (select count(*) from circulation_record) + (select count(*) from hub_call)`).Scan(&n))
		return n
	}
	require.Equal(t, 3, kept(), "one of the year is held")
	require.NoError(t, b.journal.ReleaseHold(t.Context(), number, "operator", "case-1"))
	require.Zero(t, kept())
}

// A full call with the longest possible results is stated in facts that each keep their size limit.
func TestAFullCallIsStatedInParts(t *testing.T) {
	t.Parallel()
	b := newStoreBench(t)
	full := batch{id: id.New(), kind: registration, lane: platformv1.Lane_LANE_BULK}
	var all []settlement
	for i := range 500 {
		c := call{record: record{number: fmt.Sprintf("20260101_NARUTEST01_%013d", i)}, attempt: 1000}
		all = append(all, settlement{
			attempt:  attempt{call: c, sending: answered, result: 9, exchange: id.New().String(), digest: make([]byte, 32), endedAt: b.at},
			decision: decision{next: queued, reason: strings.Repeat("r", 100)},
		})
	}
	var commit uuid.UUID
	require.NoError(t, b.journal.InTx(t.Context(), func(tx *journal.Tx) error {
		commit = tx.CommitID()
		return recordSettled(t.Context(), tx, full, b.at, all, false)
	}))
	frames, err := journal.OfCommit(t.Context(), b.App, Unit.Name, commit)
	require.NoError(t, err)
	require.Len(t, frames, 1, "all of it in one row")
	require.Equal(t, 10, frames[0].Count)
}

// The unit itself can delete nothing, and change of a call only what came of it, and how long its claim stands.
func TestCallsAreKept(t *testing.T) {
	t.Parallel()
	b := newStoreBench(t)
	for _, statement := range []string{
		`update hub_call set numbers = '{}'`, `update hub_call set attempts = '{}'`, `update hub_call set claimed_at = now()`, `delete from hub_call`,
		`delete from circulation_record`, `update hub_ruling set actor = 'x'`, `delete from hub_ruling`,
	} {
		_, err := b.App.Exec(t.Context(), statement)
		const insufficientPrivilege = "42501"
		require.Equal(t, insufficientPrivilege, pg.SQLState(err), statement)
	}
}

package circulation_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/circulation"
)

// An item for which the hub refuses whole batches is found by halving and goes again alone; everybody else is registered.
func TestRefusedBatchIsHalved(t *testing.T) {
	t.Parallel()
	o := setup(t)
	o.hub.do(func() { o.hub.down = true }) // until all are due, so that they form one batch
	var events []journal.Fact
	var numbers []string
	for range 40 {
		f := o.facts(t)
		events, numbers = append(events, received(f)), append(numbers, f.GetEdocNum())
	}
	o.hub.do(func() { o.hub.poison[numbers[7]], o.hub.poison[numbers[31]] = true, true })
	o.Deliver(t, express, events...)
	o.hub.do(func() { o.hub.down = false })

	for i, number := range numbers {
		if i != 7 && i != 31 {
			o.awaitCalls(t, number, isDone, isWaiting)
		}
	}
	require.Len(t, unittest.AwaitFacts[*circulationv1.CirculationRefused](t, o.Bench, 2), 2)
	require.Len(t, unittest.Facts[*circulationv1.CirculationRegistered](t, o.Bench), 38)
	refused := o.awaitCalls(t, numbers[7], isDue, isWaiting).GetRegistration()
	require.Equal(t, "HUB_REFUSED:ERR-02-001", refused.GetRefusal())
	require.NotNil(t, refused.GetRefusedSince())
	require.NotNil(t, refused.GetNextAttemptAt())
	require.Empty(t, refused.GetQueueReason())
	require.True(t, o.refusal(t, numbers[7]).GetRetried())
	require.Equal(t, "HUB_REFUSED:ERR-02-001", o.refusal(t, numbers[7]).GetRefusal())
	o.hub.do(func() { clear(o.hub.poison) })
	done := o.awaitCalls(t, numbers[7], isDone, isWaiting).GetRegistration()
	require.Empty(t, done.GetRefusal())
	require.Nil(t, done.GetRefusedSince())
	require.Nil(t, done.GetNextAttemptAt())
	o.awaitCalls(t, numbers[31], isDone, isWaiting)
}

// If the hub refuses everything, not everything is queued for a person.
func TestHubThatRefusesEverything(t *testing.T) {
	t.Parallel()
	o := setup(t, func(c *circulation.Config) { c.Calls.MaxOffenders, c.Calls.Concurrency = 2, 1 })
	o.hub.do(func() { o.hub.down = true })
	var events []journal.Fact
	var numbers []string
	for range 16 {
		f := o.facts(t)
		events, numbers = append(events, received(f)), append(numbers, f.GetEdocNum())
		o.hub.do(func() { o.hub.poison[f.GetEdocNum()] = true })
	}
	o.Deliver(t, express, events...)
	o.hub.do(func() { o.hub.down = false })
	unittest.AwaitFacts[*circulationv1.CirculationRefused](t, o.Bench, 2)
	o.hub.do(func() { clear(o.hub.poison) })
	unittest.AwaitFacts[*circulationv1.CirculationRegistered](t, o.Bench, len(numbers))
	for _, refused := range unittest.Facts[*circulationv1.CirculationRefused](t, o.Bench) {
		require.True(t, refused.GetRetried(), "nobody has to look")
	}
}

// The queue is listed in pages, longest waiting first. A retry sends the same content again with unchanged times.
func TestQueueAndRetry(t *testing.T) {
	t.Parallel()
	o := setup(t)
	admin := circulationv1.NewCirculationAdminServiceClient(o.Admin(t))
	var numbers []string
	for range 3 {
		f := o.facts(t)
		o.hub.do(func() { o.hub.scripts[f.GetEdocNum()] = []int32{3} })
		o.Deliver(t, express, received(f))
		o.awaitCalls(t, f.GetEdocNum(), isQueued, isWaiting)
		numbers = append(numbers, f.GetEdocNum())
		o.Clock.Advance(time.Minute)
	}
	var listed []string
	token := ""
	for {
		page, err := admin.ListQueue(t.Context(), &circulationv1.ListQueueRequest{PageSize: 2, PageToken: token})
		require.NoError(t, err)
		for _, r := range page.GetRecords() {
			listed = append(listed, r.GetEdocNum())
			require.Equal(t, "HUB_RESULT_3", r.GetRegistration().GetQueueReason())
		}
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	require.Equal(t, numbers, listed)
	_, err := admin.ListQueue(t.Context(), &circulationv1.ListQueueRequest{PageToken: "garbage"})
	require.Equal(t, "PAGE_TOKEN_INVALID", fault.ReasonOf(err))

	_, err = admin.RetryQueued(t.Context(), &circulationv1.RetryQueuedRequest{EdocNum: numbers[1]})
	require.NoError(t, err)
	r := o.awaitCalls(t, numbers[1], isDone, isWaiting)
	require.Equal(t, int32(2), r.GetRegistration().GetAttempts())
	require.Empty(t, r.GetRegistration().GetQueueReason())
	attempts := o.attempts(t, numbers[1], 1)
	require.Equal(t, attempts[0].digest, attempts[1].digest)
	proofs := o.proofs(t, numbers[1], false)
	require.Len(t, proofs, 2)
	require.Equal(t, "HUB_RESULT_3", proofs[0].GetRefusal())
	require.Empty(t, proofs[1].GetRefusal())
	retried := o.Stated(t, &circulationv1.QueuedCallRetried{})
	require.Len(t, retried, 1)
	require.Equal(t, numbers[1], retried[0].GetSubject())
	require.Equal(t, sender, retried[0].GetSender())

	_, err = admin.RetryQueued(t.Context(), &circulationv1.RetryQueuedRequest{EdocNum: numbers[1]})
	require.Equal(t, "NOT_QUEUED", fault.ReasonOf(err))
	_, err = admin.RetryQueued(t.Context(), &circulationv1.RetryQueuedRequest{EdocNum: "20200101_NARUTEST01_0000000000001"})
	require.Equal(t, "RECORD_NOT_FOUND", fault.ReasonOf(err))
}

// The refusals of the two calls of one document are separate facts.
func TestRefusalsOfBothCallsDoNotShareAnIdentity(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.facts(t)
	o.hub.do(func() { o.hub.scripts[f.GetEdocNum()], o.hub.scripts[f.GetEdocNum()+"/read"] = []int32{3}, []int32{3} })
	o.Deliver(t, express, received(f))
	o.Deliver(t, express, read(f))
	o.awaitCalls(t, f.GetEdocNum(), isQueued, isWaiting)
	_, err := circulationv1.NewCirculationAdminServiceClient(o.Admin(t)).RetryQueued(t.Context(), &circulationv1.RetryQueuedRequest{EdocNum: f.GetEdocNum()})
	require.NoError(t, err)
	o.awaitCalls(t, f.GetEdocNum(), isDone, isQueued)
	stated := o.Stated(t, &circulationv1.CirculationRefused{})
	require.Len(t, stated, 2)
	require.Equal(t, uint32(1), stated[0].GetOrdinal())
	require.Equal(t, uint32(2), stated[1].GetOrdinal())
}

// While the address unit is away, the confirmation is asked for again without counting as an attempt, and succeeds in the end.
func TestAddressUnitAway(t *testing.T) {
	t.Parallel()
	o := setup(t)
	o.addresses.mu.Lock()
	o.addresses.down = true
	o.addresses.mu.Unlock()
	f := o.facts(t)
	o.hub.do(func() { o.hub.scripts[f.GetEdocNum()] = []int32{5} })
	o.Deliver(t, express, received(f))
	await.Require(t, unittest.Patience, func() bool { return strings.Count(o.Logs.String(), "address was not confirmed") > 4 })
	o.awaitCalls(t, f.GetEdocNum(), isDue, isWaiting)
	o.addresses.mu.Lock()
	o.addresses.down = false
	o.addresses.mu.Unlock()
	require.Equal(t, int32(2), o.awaitCalls(t, f.GetEdocNum(), isDone, isWaiting).GetRegistration().GetAttempts())
}

// Only its sender sees a record; for everybody else it does not exist.
func TestRecordsAreTheirSendersOwn(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.facts(t)
	o.Deliver(t, express, received(f))
	for _, number := range []string{f.GetEdocNum(), "20200101_NARUTEST01_0000000000001"} {
		_, err := circulationv1.NewCirculationServiceClient(o.Sender(t, unittest.NewID())).GetCirculation(t.Context(), &circulationv1.GetCirculationRequest{EdocNum: number})
		require.Equal(t, fault.NotFound, fault.KindOf(err))
		require.Equal(t, "RECORD_NOT_FOUND", fault.ReasonOf(err))
	}
	_, err := circulationv1.NewCirculationAdminServiceClient(o.Sender(t, sender)).ListQueue(t.Context(), &circulationv1.ListQueueRequest{})
	require.Equal(t, fault.Denied, fault.KindOf(err))
	_, err = circulationv1.NewCirculationServiceClient(o.Recipient(t, f.GetRecipient())).GetCirculation(t.Context(), &circulationv1.GetCirculationRequest{EdocNum: f.GetEdocNum()})
	require.Equal(t, fault.Denied, fault.KindOf(err))
}

// Many documents are sent in batches of at most 500, each once, in both lanes. The title is in no table and no log.
func TestManyDocumentsGoInBatches(t *testing.T) {
	t.Parallel()
	const many = 1200
	o := setup(t)
	o.hub.do(func() { o.hub.down = true })
	perLane := map[platformv1.Lane][]journal.Fact{}
	for i := range many {
		f := o.facts(t)
		lane := []platformv1.Lane{express, bulk, bulk}[i%3]
		perLane[lane] = append(perLane[lane], received(f))
	}
	for lane, events := range perLane {
		o.Deliver(t, lane, events...)
	}
	o.hub.do(func() { o.hub.down, o.hub.calls, o.hub.batches = false, 0, nil })
	await.Require(t, unittest.Patience, func(context.Context) error {
		if n := len(unittest.Facts[*circulationv1.CirculationRegistered](t, o.Bench)); n != many {
			return fmt.Errorf("%d registered", n)
		}
		return nil
	})
	o.hub.do(func() {
		require.Len(t, o.hub.registered, many)
		require.LessOrEqual(t, slices.Max(o.hub.batches), 500)
		require.Less(t, o.hub.calls, 100)
	})
	lanes := map[int16]int{}
	rows, err := o.App.Query(t.Context(), `select lane, events from journal where kind = 'naru.circulation.v1.CirculationRegistered'`)
	require.NoError(t, err)
	var lane int16
	var n int
	_, err = pgx.ForEachRow(rows, []any{&lane, &n}, func() error { lanes[lane] += n; return nil })
	require.NoError(t, err)
	require.Equal(t, map[int16]int{1: many / 3, 2: 2 * many / 3}, lanes)
	o.requireNowhere(t, canary)
}

// requireNowhere searches for a text in every row of every table, as text and as bytes, and in the log.
func (o *office) requireNowhere(t *testing.T, secret string) {
	t.Helper()
	require.NotContains(t, o.Logs.String(), secret)
	rows, err := o.Owner.Query(t.Context(), `select relname::text from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'r'`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.NotEmpty(t, tables)
	for _, table := range tables {
		var found int
		name := pgx.Identifier{table}.Sanitize()
		err := o.Owner.QueryRow(t.Context(), `select count(*) from `+name+` x where x::text like '%' || $1 || '%' or x::text like '%' || encode(convert_to($1, 'UTF8'), 'hex') || '%'`, secret).Scan(&found)
		require.NoError(t, err)
		require.Zero(t, found, table)
	}
}

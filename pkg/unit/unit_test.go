package unit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/pkg/unit"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

const express = platformv1.Lane_LANE_EXPRESS

type noConfig struct{}

func (noConfig) Validate() error { return nil }

// toy is a unit that stores each accepted document and answers by cancelling it. The test chooses its handler's verdict.
func toy(verdict func(e inbox.Event[*intakev1.DocumentAccepted]) (inbox.Verdict, error)) unit.Unit {
	return unit.Spec[noConfig, *toyService]{
		Name:     "address",
		Defaults: func() noConfig { return noConfig{} },
		Migrations: fstest.MapFS{"migrations/00001_init.sql": {Data: []byte(`-- +goose Up
			create table document (edoc_num text not null, times integer not null check (times < 2), constraint document_pk primary key (edoc_num));
			grant select, insert, update on document to ${app};`)}},
		States: []proto.Message{&addressv1.DocumentCancelled{}},
		Build: func(_ context.Context, env *unit.Env, _ noConfig) (*toyService, error) {
			return &toyService{verdict: verdict, clock: env.Clock}, nil
		},
		Consumers: (*toyService).consumers,
	}.Unit()
}

// toyService is the service of the toy unit.
type toyService struct {
	verdict func(e inbox.Event[*intakev1.DocumentAccepted]) (inbox.Verdict, error)
	clock   clock.Clock
}

func (s *toyService) consumers() []inbox.Consumer {
	return []inbox.Consumer{{Purpose: "accepted", From: "intake", Handlers: []inbox.Handler{inbox.On(s.onAccepted)}}}
}

func (s *toyService) onAccepted(ctx context.Context, tx *journal.Tx, events []inbox.Event[*intakev1.DocumentAccepted]) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	var answers []journal.Fact
	for i, e := range events {
		v, err := s.verdict(e)
		if err != nil {
			return nil, err
		}
		if verdicts[i] = v; v != inbox.Done {
			continue
		}
		if _, err := tx.Exec(ctx, `insert into document (edoc_num, times) values ($1, 1) on conflict (edoc_num) do update set times = document.times + 1`, e.Subject); err != nil {
			return nil, err
		}
		answers = append(answers, e.Answer("unit:address", s.clock.Now(), &addressv1.DocumentCancelled{EdocNum: e.Subject}))
	}
	return verdicts, tx.State(ctx, express, answers...)
}

func accepted(number string) journal.Fact {
	return journal.Fact{Subject: number, Actor: "sender", OccurredAt: time.Unix(1_790_000_000, 0), Message: &intakev1.DocumentAccepted{}}
}

func rows(t *testing.T, b *unittest.Bench, query string, args ...any) int {
	t.Helper()
	var n int
	require.NoError(t, b.App.QueryRow(t.Context(), query, args...).Scan(&n))
	return n
}

// A frame has its effect. The answer is one frame, published and marked.
func TestFrameHasItsEffectAndAnswer(t *testing.T) {
	t.Parallel()
	u := toy(func(inbox.Event[*intakev1.DocumentAccepted]) (inbox.Verdict, error) { return inbox.Done, nil })
	b := unittest.New(t, u)
	frames := unittest.Frames(t, express, accepted("doc-1"), accepted("doc-2"))
	b.DeliverFrames(t, frames...)
	require.Equal(t, 2, rows(t, b, `select count(*) from document where times = 1`))
	require.Len(t, unittest.AwaitFacts[*addressv1.DocumentCancelled](t, b, 2), 2)
	await.Require(t, unittest.Patience, func() bool {
		return rows(t, b, `select count(*) from journal_mark where published_at is null and lane > 0`) == 0 && rows(t, b, `select count(*) from journal_mark where stream_seq > 0`) == 1
	})
	stated := b.Stated(t, &addressv1.DocumentCancelled{})
	require.Equal(t, frames[0].ID.String(), stated[0].GetCausation())
}

// The same through PgBouncer in transaction mode.
func TestUnitBehindPgBouncer(t *testing.T) {
	t.Parallel()
	u := toy(func(inbox.Event[*intakev1.DocumentAccepted]) (inbox.Verdict, error) { return inbox.Done, nil })
	b := unittest.New(t, u, unittest.Pooled())
	for n := range 20 {
		b.DeliverFrames(t, unittest.Frames(t, express, accepted(fmt.Sprint("doc-", n)))...)
	}
	require.Equal(t, 20, rows(t, b, `select count(*) from document where times = 1`))
	await.Require(t, unittest.Patience, func() bool {
		return rows(t, b, `select count(*) from journal_mark where published_at is null and lane > 0`) == 0 && rows(t, b, `select count(*) from journal_mark where leaf is null`) == 0
	})
}

// A deferred event is handled again after its pause, and at once if it is woken.
func TestDeferredEventComesBack(t *testing.T) {
	t.Parallel()
	var ready atomic.Bool
	b := unittest.New(t, toy(func(inbox.Event[*intakev1.DocumentAccepted]) (inbox.Verdict, error) {
		if !ready.Load() {
			return inbox.Defer("missing_record"), nil
		}
		return inbox.Done, nil
	}))
	b.Deliver(t, express, accepted("doc-1"))
	require.Equal(t, 1, rows(t, b, `select count(*) from deferred_event where reason = 'missing_record'`))
	require.Zero(t, rows(t, b, `select count(*) from document`))
	ready.Store(true)
	require.NoError(t, b.Env.Journal.InTx(t.Context(), func(tx *journal.Tx) error {
		inbox.Wake(tx, "doc-1")
		return nil
	}))
	await.Require(t, unittest.Patience, func() bool { return rows(t, b, `select count(*) from document`) == 1 })
	require.Zero(t, rows(t, b, `select count(*) from deferred_event`))
}

// An event that the database refuses is parked alone; the other events of its frame and batch have their effect.
func TestOffenderIsParkedAlone(t *testing.T) {
	t.Parallel()
	b := unittest.New(t, toy(func(inbox.Event[*intakev1.DocumentAccepted]) (inbox.Verdict, error) { return inbox.Done, nil }))
	b.Deliver(t, express, accepted("doc-1"))
	// doc-1 in a new frame violates the table's check (times < 2): SQLSTATE 23514.
	b.DeliverFrames(t, append(unittest.Frames(t, express, accepted("doc-2"), accepted("doc-1"), accepted("doc-3")), unittest.Frames(t, express, accepted("doc-4"))...)...)
	require.Equal(t, 4, rows(t, b, `select count(*) from document where times = 1`))
	require.Equal(t, 1, rows(t, b, `select count(*) from parked_event where subject = 'doc-1' and reason = 'handler_failed'`))
	require.Equal(t, 1, rows(t, b, `select count(*) from parked_event`))
}

// An event whose handler fails with a plain error is handled again by itself, and never lost.
func TestFailingHandlerLosesNothing(t *testing.T) {
	t.Parallel()
	var failing atomic.Bool
	failing.Store(true)
	b := unittest.New(t, toy(func(inbox.Event[*intakev1.DocumentAccepted]) (inbox.Verdict, error) {
		if failing.Swap(false) {
			return inbox.Verdict{}, errors.New("first attempt")
		}
		return inbox.Done, nil
	}))
	b.Deliver(t, express, accepted("doc-1"))
	require.Equal(t, 1, rows(t, b, `select count(*) from document where times = 1`))
	require.Zero(t, rows(t, b, `select count(*) from parked_event`))
}

// An event that is given up waits no more and cannot be replayed; it stays on record, with who gave it up and why.
func TestParkedEventIsGivenUp(t *testing.T) {
	t.Parallel()
	b := unittest.New(t, toy(func(inbox.Event[*intakev1.DocumentAccepted]) (inbox.Verdict, error) { return inbox.Park("broken"), nil }))
	b.Deliver(t, express, accepted("doc-1"), accepted("doc-2"))
	client := platformv1.NewParkedEventServiceClient(b.Admin(t))
	list := func(givenUp bool) []*platformv1.ParkedEvent {
		listed, err := client.ListParkedEvents(t.Context(), &platformv1.ListParkedEventsRequest{Unit: "address", GivenUp: givenUp})
		require.NoError(t, err)
		return listed.GetEvents()
	}
	waiting := list(false)
	require.Len(t, waiting, 2)
	require.Empty(t, list(true))
	giveUp := func(reason string, ids ...string) (int32, error) {
		answer, err := client.GiveUpParkedEvents(t.Context(), &platformv1.GiveUpParkedEventsRequest{Unit: "address", Ids: ids, Reason: reason})
		return answer.GetGivenUp(), err
	}
	_, err := giveUp("", waiting[0].GetId())
	require.ErrorIs(t, err, fault.Invalid)
	given, err := giveUp("sent again", waiting[0].GetId(), unittest.NewID())
	require.NoError(t, err)
	require.Equal(t, int32(1), given)
	given, err = giveUp("sent again", waiting[0].GetId())
	require.NoError(t, err)
	require.Zero(t, given)

	require.Equal(t, waiting[1].GetId(), list(false)[0].GetId())
	kept := list(true)
	require.Len(t, kept, 1)
	require.Equal(t, waiting[0].GetId(), kept[0].GetId())
	require.Equal(t, b.Clock.Now(), kept[0].GetGivenUpAt().AsTime())
	replayed, err := client.ReplayParkedEvents(t.Context(), &platformv1.ReplayParkedEventsRequest{Unit: "address", Ids: []string{waiting[0].GetId()}})
	require.NoError(t, err)
	require.Zero(t, replayed.GetReplayed()+replayed.GetStillParked())
	stated := b.Stated(t, &platformv1.ParkedEventGivenUp{})
	require.Len(t, stated, 1)
	require.Equal(t, "parked:"+waiting[0].GetId(), stated[0].GetSubject())
	fact := unittest.Facts[*platformv1.ParkedEventGivenUp](t, b)[0]
	require.Equal(t, []string{waiting[0].GetSubject(), "broken", "sent again"}, []string{fact.GetSubject(), fact.GetParkedBecause(), fact.GetReason()})
	backlog, err := inbox.ReadBacklog(t.Context(), b.App)
	require.NoError(t, err)
	require.Equal(t, int64(1), backlog.Parked, "nobody is alarmed about what was given up")

	_, err = platformv1.NewParkedEventServiceClient(b.Sender(t, unittest.NewID())).GiveUpParkedEvents(t.Context(), &platformv1.GiveUpParkedEventsRequest{Unit: "address", Ids: []string{waiting[1].GetId()}, Reason: "x"})
	require.ErrorIs(t, err, fault.Denied)
}

// An operator sees which event is parked and why, and can replay it once the cause is removed. Others see nothing.
func TestParkedEventIsReplayed(t *testing.T) {
	t.Parallel()
	var repaired atomic.Bool
	b := unittest.New(t, toy(func(inbox.Event[*intakev1.DocumentAccepted]) (inbox.Verdict, error) {
		if !repaired.Load() {
			return inbox.Park("broken"), nil
		}
		return inbox.Done, nil
	}))
	b.Deliver(t, express, accepted("doc-1"))
	client := platformv1.NewParkedEventServiceClient(b.Admin(t))
	listed, err := client.ListParkedEvents(t.Context(), &platformv1.ListParkedEventsRequest{Unit: "address"})
	require.NoError(t, err)
	require.Len(t, listed.GetEvents(), 1)
	require.Equal(t, "doc-1", listed.GetEvents()[0].GetSubject())
	require.Equal(t, "broken", listed.GetEvents()[0].GetReason())

	ids := []string{listed.GetEvents()[0].GetId()}
	still, err := client.ReplayParkedEvents(t.Context(), &platformv1.ReplayParkedEventsRequest{Unit: "address", Ids: ids})
	require.NoError(t, err, b.Logs.String())
	require.Equal(t, int32(1), still.GetStillParked())
	repaired.Store(true)
	replayed, err := client.ReplayParkedEvents(t.Context(), &platformv1.ReplayParkedEventsRequest{Unit: "address", Ids: ids})
	require.NoError(t, err)
	require.Equal(t, int32(1), replayed.GetReplayed())
	require.Equal(t, 1, rows(t, b, `select count(*) from document`))
	listed, err = client.ListParkedEvents(t.Context(), &platformv1.ListParkedEventsRequest{Unit: "address"})
	require.NoError(t, err)
	require.Empty(t, listed.GetEvents(), "what was replayed is parked no more")

	_, err = platformv1.NewParkedEventServiceClient(b.Sender(t, unittest.NewID())).ListParkedEvents(t.Context(), &platformv1.ListParkedEventsRequest{Unit: "address"})
	require.ErrorIs(t, err, fault.Denied)
}

// A frame whose process ended between commit and publishing is swept.
func TestSweepPublishesWhatItsProcessDidNot(t *testing.T) {
	t.Parallel()
	u := toy(func(inbox.Event[*intakev1.DocumentAccepted]) (inbox.Verdict, error) { return inbox.Done, nil })
	b := unittest.New(t, u)
	orphan, err := journal.New(journal.Deps{Unit: "address", DB: b.App, Clock: b.Clock, Keys: journal.NewKeys(b.Env.Keys, b.Clock), States: u.States})
	require.NoError(t, err)
	require.NoError(t, orphan.InTx(t.Context(), func(tx *journal.Tx) error {
		return tx.State(t.Context(), express, journal.Fact{Subject: "doc-9", Actor: "unit:address", OccurredAt: b.Clock.Now(), Message: &addressv1.DocumentCancelled{}})
	}))
	require.Equal(t, 1, rows(t, b, `select count(*) from journal_mark where published_at is null and lane > 0`))
	await.Require(t, unittest.Patience, func() bool {
		return rows(t, b, `select count(*) from journal_mark where published_at is null and lane > 0`) == 0
	})
}

// Facts stated in a failed transaction leave no trace.
func TestFailedTransactionStatesNothing(t *testing.T) {
	t.Parallel()
	u := toy(func(inbox.Event[*intakev1.DocumentAccepted]) (inbox.Verdict, error) { return inbox.Done, nil })
	b := unittest.New(t, u)
	failure := errors.New("after everything")
	err := b.Env.Journal.InTx(t.Context(), func(tx *journal.Tx) error {
		require.NoError(t, tx.State(t.Context(), express, journal.Fact{Subject: "doc", Message: &addressv1.DocumentCancelled{}, OccurredAt: b.Clock.Now()}))
		return failure
	})
	require.ErrorIs(t, err, failure)
	require.Zero(t, rows(t, b, `select count(*) from journal where lane > 0`))
}

// A panic in a handler parks the event that it handled, and stops nothing else.
func TestPanicOfAHandlerParksItsEvent(t *testing.T) {
	t.Parallel()
	b := unittest.New(t, toy(func(e inbox.Event[*intakev1.DocumentAccepted]) (inbox.Verdict, error) {
		if e.Subject == "doc-2" {
			panic("a value nobody thought of") //nolint:forbidigo // a panic is what is tested
		}
		return inbox.Done, nil
	}))
	b.Deliver(t, express, accepted("doc-1"), accepted("doc-2"), accepted("doc-3"))
	require.Equal(t, 2, rows(t, b, `select count(*) from document`))
	require.Equal(t, 1, rows(t, b, `select count(*) from parked_event where subject = 'doc-2' and reason = 'handler_failed'`))
	require.NotContains(t, b.Logs.String(), "a value nobody thought of")
	b.Deliver(t, express, accepted("doc-4"))
	require.Equal(t, 3, rows(t, b, `select count(*) from document`))
}

// If a consumer or a stream of a running unit is deleted, the unit becomes not ready at once. Made again, it is read again.
func TestDeletedConsumerIsNoticed(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(b *unittest.Bench, t *testing.T){
		"consumer": (*unittest.Bench).DeleteConsumers, "stream": (*unittest.Bench).DeleteStreams,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := unittest.New(t, toy(func(inbox.Event[*intakev1.DocumentAccepted]) (inbox.Verdict, error) { return inbox.Done, nil }))
			b.Deliver(t, express, accepted("doc-1"))
			remove(b, t)
			await.Require(t, 2*unittest.Patience, func() bool { return b.Ready(t.Context()) != nil })
			require.ErrorContains(t, b.Ready(t.Context()), "consumers are gone: address--accepted--")
			b.EnsureBus(t)
			await.Require(t, unittest.Patience, func() bool { return b.Ready(t.Context()) == nil })
			b.Deliver(t, express, accepted("doc-2"))
			require.Equal(t, 2, rows(t, b, `select count(*) from document where times = 1`))
		})
	}
}

// A task that panics is started again, and nothing else stops.
func TestPanicOfATaskEndsNothing(t *testing.T) {
	t.Parallel()
	u := toy(func(inbox.Event[*intakev1.DocumentAccepted]) (inbox.Verdict, error) { return inbox.Done, nil })
	var runs atomic.Int32
	inner := u.Build
	u.Build = func(ctx context.Context, env *unit.Env, config unit.Config) (*unit.Service, error) {
		s, err := inner(ctx, env, config)
		if err == nil {
			s.Tasks = append(s.Tasks, lifecycle.Task{Name: "fragile", Run: func(ctx context.Context) error {
				if runs.Add(1) < 3 {
					panic("a value nobody thought of") //nolint:forbidigo // a panic is what is tested
				}
				<-ctx.Done()
				return nil
			}})
		}
		return s, err
	}
	b := unittest.New(t, u)
	await.Require(t, unittest.Patience, func() bool { return runs.Load() == 3 })
	b.Deliver(t, express, accepted("doc-1"))
	require.InDelta(t, 2, b.Metric(t, "naru_task_panics_total"), 0)
	require.NotContains(t, b.Logs.String(), "a value nobody thought of")
}

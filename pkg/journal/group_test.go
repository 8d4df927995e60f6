package journal_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/testkit/await"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// change is what a caller in these tests asks for.
type change struct {
	subject     string
	traceparent string
	// then runs after the caller's fact is stated.
	then func(ctx context.Context, tx *journal.Tx) error
	// among lists the subjects that were written in the same transaction.
	among []string
}

func (c *change) fact() journal.Fact {
	f := cancelled(c.subject)
	f.Traceparent = c.traceparent
	return f
}

type crowd struct {
	*bench
	group *journal.Group[*change]
}

func newCrowd(t *testing.T) crowd {
	t.Helper()
	b := setup(t)
	return crowd{bench: b, group: journal.NewGroup(b.Journal.Journal, func(c *change) string { return c.subject }, func(ctx context.Context, tx *journal.Tx, of []*change) error {
		subjects := make([]string, len(of))
		for i, c := range of {
			subjects[i] = c.subject
		}
		for _, c := range of {
			c.among = subjects
			if c.subject != "" {
				if err := tx.State(ctx, express, c.fact()); err != nil {
					return err
				}
			}
			if c.then != nil {
				if err := c.then(ctx, tx); err != nil {
					return err
				}
			}
		}
		return nil
	})}
}

// call makes callers arrive at the same time: an earlier caller holds its transaction until all of them wait.
func (c crowd) call(t *testing.T, callers int, call func(i int) error) []error {
	t.Helper()
	held, release := make(chan struct{}), make(chan struct{})
	errs := make([]error, callers+1)
	var group sync.WaitGroup
	group.Go(func() {
		errs[callers] = c.group.Commit(t.Context(), &change{then: func(context.Context, *journal.Tx) error {
			close(held)
			<-release
			return nil
		}})
	})
	<-held
	for i := range callers {
		group.Go(func() { errs[i] = call(i) })
	}
	await.Require(t, patience, func() bool { return c.group.Waiting() == callers })
	close(release)
	group.Wait()
	require.NoError(t, errs[callers])
	return errs[:callers]
}

func (c crowd) state(ctx context.Context, subject string) error {
	return c.group.Commit(ctx, &change{subject: subject})
}

// Callers at the same time share a commit and a frame.
func TestGroup(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	for _, err := range c.call(t, 20, func(i int) error { return c.state(t.Context(), fmt.Sprint(i)) }) {
		require.NoError(t, err)
	}
	require.Equal(t, 1, c.count(t, `select count(*) from journal`))
	require.Equal(t, 20, c.count(t, `select events from journal`))
	require.NoError(t, c.state(t.Context(), "later"), "whoever comes later begins anew")
	require.Equal(t, 2, c.count(t, `select count(*) from journal`))
}

// More callers than one transaction may have are split over several.
func TestGroupInBounds(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	for _, err := range c.call(t, 70, func(i int) error { return c.state(t.Context(), fmt.Sprint(i)) }) {
		require.NoError(t, err)
	}
	require.Equal(t, 3, c.count(t, `select count(*) from journal`))
	require.Equal(t, 32, c.count(t, `select max(events) from journal`))
	require.Equal(t, 70, c.count(t, `select sum(events)::integer from journal`))
}

// Callers are written in the order of their keys, and each key at most once per transaction: two changes of one row are made one
// after the other.
func TestGroupHoldsAKeyOnce(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	subjects := []string{"b", "a", "b", "c", "b"}
	changes := make([]*change, len(subjects))
	for i, subject := range subjects {
		changes[i] = &change{subject: subject, then: func(context.Context, *journal.Tx) error { return nil }}
	}
	for _, err := range c.call(t, len(subjects), func(i int) error { return c.group.Commit(t.Context(), changes[i]) }) {
		require.NoError(t, err)
	}
	together := map[string]int{}
	for _, one := range changes {
		together[fmt.Sprint(one.among)]++
	}
	require.Equal(t, map[string]int{"[a b c]": 3, "[b]": 2}, together)
}

// A shared transaction belongs to no trace, so a caller without a trace does not get another caller's.
func TestGroupOfOneThatIsTraced(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	sampled := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	for _, err := range c.call(t, 3, func(i int) error {
		ctx := t.Context()
		if i == 0 {
			ctx = trace.ContextWithSpanContext(ctx, sampled)
		}
		return c.group.Commit(ctx, &change{subject: fmt.Sprint(i), traceparent: journal.Traceparent(ctx)})
	}) {
		require.NoError(t, err)
	}
	frames := journaltest.OfKind(t, c.db.App, "intake", frame.KindOf(&intakev1.CancelRequested{}))
	require.Len(t, frames, 1)
	events, err := frames[0].Events()
	require.NoError(t, err)
	traced := map[string]bool{}
	for _, e := range events {
		traced[e.GetSubject()] = e.GetTraceparent() != ""
	}
	require.Equal(t, map[string]bool{"0": true, "1": false, "2": false}, traced)
}

// One caller's failure affects only that caller: an error, a panic, or leaving early.
func TestGroupWithOneThatFails(t *testing.T) {
	t.Parallel()
	mine := errors.New("mine")
	for name, test := range map[string]struct {
		fail func() error
		want func(t *testing.T, err error)
	}{
		"error": {func() error { return mine }, func(t *testing.T, err error) { t.Helper(); require.ErrorIs(t, err, mine) }},
		"panic": {func() error { panic("mine") }, func(t *testing.T, err error) { t.Helper(); require.EqualError(t, err, "panicked where it stood") }}, //nolint:forbidigo // it is what is tested
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCrowd(t)
			errs := c.call(t, 5, func(i int) (err error) {
				if i != 3 {
					return c.state(t.Context(), fmt.Sprint(i))
				}
				defer func() {
					if recover() != nil {
						err = errors.New("panicked where it stood")
					}
				}()
				return c.group.Commit(t.Context(), &change{subject: "3", then: func(context.Context, *journal.Tx) error { return test.fail() }})
			})
			for i, err := range errs {
				if i != 3 {
					require.NoError(t, err)
				}
			}
			test.want(t, errs[3])
			require.Equal(t, 4, c.count(t, `select sum(events)::integer from journal`))
		})
	}
}

func TestGroupWithOneThatHasGone(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	gone, leave := context.WithCancel(t.Context())
	errs := c.call(t, 3, func(i int) error {
		if i == 1 {
			leave()
			return c.state(gone, "1")
		}
		return c.state(t.Context(), fmt.Sprint(i))
	})
	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[1], context.Canceled)
	require.NoError(t, errs[2])
	require.Equal(t, 2, c.count(t, `select sum(events)::integer from journal`))
}

// A locked row delays only the caller that needs it.
func TestGroupWithARowThatIsHeld(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	_, err := c.db.Owner.Exec(t.Context(), `create table held (id text primary key, n integer not null); grant select, update on held to public;
		insert into held values ('0', 0), ('1', 0)`)
	require.NoError(t, err)
	other, err := c.db.Owner.Begin(t.Context())
	require.NoError(t, err)
	_, err = other.Exec(t.Context(), `update held set n = 7 where id = '1'`)
	require.NoError(t, err)
	free := make(chan error, 1)
	go func() {
		<-t.Context().Done()
		_ = other.Rollback(context.WithoutCancel(t.Context())) // for a test that failed before its commit
	}()
	errs := c.call(t, 2, func(i int) error {
		err := c.group.Commit(t.Context(), &change{subject: fmt.Sprint(i), then: func(ctx context.Context, tx *journal.Tx) error {
			_, err := tx.Exec(ctx, `update held set n = n + 1 where id = $1`, fmt.Sprint(i))
			return err
		}})
		if i == 0 {
			free <- other.Commit(t.Context()) // only after the first caller is done
		}
		return err
	})
	require.NoError(t, errs[0])
	require.NoError(t, errs[1])
	require.NoError(t, <-free)
	require.Equal(t, 8, c.count(t, `select n from held where id = '1'`))
}

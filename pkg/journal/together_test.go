package journal_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/await"
)

// crowd has callers join one group: the first holds the transaction before theirs until all of them wait.
func (b *bench) crowd(t *testing.T, callers int, call func(i int) error) []error {
	t.Helper()
	held, release := make(chan struct{}), make(chan struct{})
	errs := make([]error, callers+1)
	var group sync.WaitGroup
	group.Go(func() {
		errs[callers] = b.Together(t.Context(), "", func(context.Context, *journal.Tx) error {
			close(held)
			<-release
			return nil
		})
	})
	<-held
	for i := range callers {
		group.Go(func() { errs[i] = call(i) })
	}
	await.Require(t, patience, func() bool { return b.Joining() == callers })
	close(release)
	group.Wait()
	require.NoError(t, errs[callers])
	return errs[:callers]
}

func (b *bench) stateTogether(ctx context.Context, subject string, then func() error) error {
	return b.Together(ctx, subject, func(ctx context.Context, tx *journal.Tx) error {
		if err := tx.State(ctx, express, cancelled(subject)); err != nil {
			return err
		}
		if then == nil {
			return nil
		}
		return then()
	})
}

// Callers at the same time share a commit and a frame.
func TestTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, err := range b.crowd(t, 20, func(i int) error { return b.stateTogether(t.Context(), fmt.Sprint(i), nil) }) {
		require.NoError(t, err)
	}
	require.Equal(t, 1, b.count(t, `select count(*) from journal`))
	require.Equal(t, 20, b.count(t, `select events from journal`))
	require.NoError(t, b.stateTogether(t.Context(), "later", nil), "whoever comes later begins anew")
	require.Equal(t, 2, b.count(t, `select count(*) from journal`))
}

// More callers than a transaction may have are several.
func TestTogetherInBounds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, err := range b.crowd(t, 70, func(i int) error { return b.stateTogether(t.Context(), fmt.Sprint(i), nil) }) {
		require.NoError(t, err)
	}
	require.Equal(t, 3, b.count(t, `select count(*) from journal`))
	require.Equal(t, 32, b.count(t, `select max(events) from journal`))
	require.Equal(t, 70, b.count(t, `select sum(events)::integer from journal`))
}

// One caller's failure is its own: an error, a panic, or having gone.
func TestTogetherWithOneThatFails(t *testing.T) {
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
			b := setup(t)
			errs := b.crowd(t, 5, func(i int) (err error) {
				if i != 3 {
					return b.stateTogether(t.Context(), fmt.Sprint(i), nil)
				}
				defer func() {
					if recover() != nil {
						err = errors.New("panicked where it stood")
					}
				}()
				return b.stateTogether(t.Context(), "3", test.fail)
			})
			for i, err := range errs {
				if i != 3 {
					require.NoError(t, err)
				}
			}
			test.want(t, errs[3])
			require.Equal(t, 4, b.count(t, `select sum(events)::integer from journal`))
		})
	}
}

func TestTogetherWithOneThatHasGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	gone, leave := context.WithCancel(t.Context())
	errs := b.crowd(t, 3, func(i int) error {
		if i == 1 {
			leave()
			return b.stateTogether(gone, "1", nil)
		}
		return b.stateTogether(t.Context(), fmt.Sprint(i), nil)
	})
	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[1], context.Canceled)
	require.NoError(t, errs[2])
	require.Equal(t, 2, b.count(t, `select sum(events)::integer from journal`))
}

// A row that somebody else holds keeps its own caller waiting, and no other.
func TestTogetherWithARowThatIsHeld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.db.Owner.Exec(t.Context(), `create table held (id text primary key, n integer not null); grant select, update on held to public;
		insert into held values ('0', 0), ('1', 0)`)
	require.NoError(t, err)
	other, err := b.db.Owner.Begin(t.Context())
	require.NoError(t, err)
	_, err = other.Exec(t.Context(), `update held set n = 7 where id = '1'`)
	require.NoError(t, err)
	free := make(chan error, 1)
	go func() {
		<-t.Context().Done()
		_ = other.Rollback(context.WithoutCancel(t.Context())) // a test that failed before
	}()
	errs := b.crowd(t, 2, func(i int) error {
		err := b.Together(t.Context(), fmt.Sprint(i), func(ctx context.Context, tx *journal.Tx) error {
			_, err := tx.Exec(ctx, `update held set n = n + 1 where id = $1`, fmt.Sprint(i))
			return err
		})
		if i == 0 {
			free <- other.Commit(t.Context()) // only when the first is through
		}
		return err
	})
	require.NoError(t, errs[0])
	require.NoError(t, errs[1])
	require.NoError(t, <-free)
	require.Equal(t, 8, b.count(t, `select n from held where id = '1'`))
}

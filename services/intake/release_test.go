package intake

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// waiting puts n items of a tenant into the backlog and gives their numbers.
func (b *commitBench) waiting(t *testing.T, tenant uuid.UUID, n int) []string {
	t.Helper()
	var numbers []string
	rows := make([]*row, n)
	for i := range rows {
		rows[i] = b.row(t, tenant, fmt.Sprintf("key-%d", i), "content", platformv1.Lane_LANE_BULK)
		numbers = append(numbers, string(rows[i].number))
	}
	for start := 0; start < n; start += maxGroupRows {
		_, err := b.try(t.Context(), rows[start:min(n, start+maxGroupRows)])
		require.NoError(t, err)
	}
	return numbers
}

func (b *commitBench) releaser() (*releaser, *[]frame.Frame) {
	var frames []frame.Frame
	o := journal.New(b.db.App, func(committed []frame.Frame) { frames = append(frames, committed...) })
	return newReleaser(o, slog.New(slog.DiscardHandler), 0), &frames
}

// subjects of frames in the order they were stated.
func subjects(t *testing.T, frames []frame.Frame) []string {
	t.Helper()
	var of []string
	for _, f := range frames {
		require.Equal(t, platformv1.Lane_LANE_BULK, f.Lane)
		events, err := f.Events()
		require.NoError(t, err)
		for _, e := range events {
			of = append(of, e.GetSubject())
		}
	}
	return of
}

// A tenant with few items is not behind one with many: each transaction shares its hundred, gives what one does not need to the other, and
// keeps the order of each.
func TestReleaseIsFair(t *testing.T) {
	t.Parallel()
	b := newCommitBench(t)
	many, few := uuid.New(), uuid.New()
	manyNumbers := b.waiting(t, many, 300)
	fewNumbers := b.waiting(t, few, 20)
	r, frames := b.releaser()

	n, err := r.release(t.Context())
	require.NoError(t, err)
	require.Equal(t, 100, n)
	first := subjects(t, *frames)
	require.ElementsMatch(t, append(append([]string{}, fewNumbers...), manyNumbers[:80]...), first)

	require.NoError(t, r.drain(t.Context()))
	all := subjects(t, *frames)
	require.Len(t, all, 320)
	var ofMany []string
	for _, number := range all {
		if number <= manyNumbers[len(manyNumbers)-1] {
			ofMany = append(ofMany, number)
		}
	}
	require.Equal(t, manyNumbers, ofMany)
	waiting, err := countBacklog(t.Context(), b.db.App, 1000)
	require.NoError(t, err)
	require.Zero(t, waiting)
}

// With more tenants than a transaction has items the next one begins where the former ended.
func TestReleaseGoesRound(t *testing.T) {
	t.Parallel()
	b := newCommitBench(t)
	for range 150 {
		b.waiting(t, uuid.New(), 2)
	}
	r, _ := b.releaser()
	for _, want := range []struct{ released, untouched int }{{100, 50}, {100, 0}, {100, 0}, {0, 0}} {
		n, err := r.release(t.Context())
		require.NoError(t, err)
		require.Equal(t, want.released, n)
		var untouched int
		require.NoError(t, b.db.App.QueryRow(t.Context(), `select count(*) from (select from backlog group by tenant having count(*) = 2) g`).Scan(&untouched))
		require.Equal(t, want.untouched, untouched)
	}
}

// Two releasers at once state every item once.
func TestReleaseByTwoReplicas(t *testing.T) {
	t.Parallel()
	b := newCommitBench(t)
	for range 4 {
		b.waiting(t, uuid.New(), 250)
	}
	first, firstFrames := b.releaser()
	second, secondFrames := b.releaser()
	done := make(chan error)
	go func() { done <- second.drain(t.Context()) }()
	require.NoError(t, first.drain(t.Context()))
	require.NoError(t, <-done)
	// Whoever came to an end first may have passed over what the other held and put back; nothing was.
	all := append(subjects(t, *firstFrames), subjects(t, *secondFrames)...)
	require.Len(t, all, 1000)
	seen := map[string]bool{}
	for _, number := range all {
		require.False(t, seen[number])
		seen[number] = true
	}
}

// The rate bounds what is released.
func TestReleaseRate(t *testing.T) {
	t.Parallel()
	b := newCommitBench(t)
	b.waiting(t, uuid.New(), 130)
	o := journal.New(b.db.App, nil)
	r := newReleaser(o, slog.New(slog.DiscardHandler), 100)
	started := time.Now() //nolint:forbidigo // real pace is what is tested
	require.NoError(t, r.drain(t.Context()))
	require.GreaterOrEqual(t, time.Since(started), 250*time.Millisecond)
}

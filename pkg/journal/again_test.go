package journal_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/testkit/await"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Frames that the bus has lost are published again, unchanged, from a given time on. Private ones are never published. The
// operator's act is a fact.
func TestPublishAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.publish(t, 0)
	b.state(t, cancelled("before"))
	require.NoError(t, b.Logger.Drain(t.Context()))
	first := clock.System().Now()
	await.Require(t, patience, func() bool { return clock.System().Now().Sub(first) > 2*time.Millisecond }) // ids have a resolution of milliseconds
	since := clock.System().Now()
	commit := b.state(t, cancelled("lost"), supplied("private"))
	require.NoError(t, b.Logger.Drain(t.Context()))
	p.Committed(b.Committed())
	await.Require(t, patience, func() bool {
		return b.count(t, `select count(*) from journal_mark where published_at is not null`) == 2
	})
	published := len(b.bus())

	_, err := b.PublishAgain(t.Context(), b.Clock.Now().Add(-journal.Republished-time.Minute), "operator", "too late")
	require.ErrorIs(t, err, journal.ErrTooLongAgo)
	none, err := b.PublishAgain(t.Context(), since.Add(time.Hour), "operator", "nothing since")
	require.NoError(t, err)
	require.Zero(t, none)

	again, err := b.PublishAgain(t.Context(), since, "operator", "the stream was lost")
	require.NoError(t, err)
	require.Equal(t, journal.Again{Frames: 1}, again)
	await.Require(t, patience, func() bool { return len(b.bus()) > published })
	frames := b.bus()[published:]
	for _, f := range frames {
		require.Equal(t, commit, frame.IDOf(f.ID, 0), "the frame of that time alone, in its first form")
	}
	acts := journaltest.OfKind(t, b.db.App, "intake", frame.KindOf(&platformv1.PublishedAgain{}))
	require.Len(t, acts, 1, "where nothing is published again there is nothing to tell")
	events, err := acts[0].Events()
	require.NoError(t, err)
	require.Equal(t, "operator", events[0].GetActor())
	var fact platformv1.PublishedAgain
	require.NoError(t, proto.Unmarshal(events[0].GetPayload(), &fact))
	require.EqualValues(t, 1, fact.GetFrames())
	require.Equal(t, "the stream was lost", fact.GetReason())
}

// A stream that went back to an older copy, or was made anew, is filled again by itself with what it has lost, and with nothing
// else.
func TestLostFramesArePublishedAgainByThemselves(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.publish(t, 0)
	var commits []uuid.UUID
	for _, subject := range []string{"a", "b", "c"} {
		commits = append(commits, b.state(t, cancelled(subject)))
	}
	p.Committed(b.Committed())
	require.NoError(t, b.Logger.Drain(t.Context()))
	marked := func() int { return b.count(t, `select count(*) from journal_mark where published_at is not null`) }
	await.Require(t, patience, func() bool { return marked() == 3 })
	first := len(b.bus())
	require.Equal(t, 3, first, "each once, so that its mark tells its place")

	lose := func(gone int, created time.Time) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.gone, b.created = b.gone+gone, created
	}
	lose(2, time.Time{})
	await.Require(t, patience, func() bool { return len(b.bus()) == first+2 && marked() == 3 })
	require.ElementsMatch(t, commits[1:], commitsOf(b.bus()[first:]), "the older copy has the first")

	lose(first, clock.System().Now().Add(time.Hour)) // later than any mark, whatever the clocks
	await.Require(t, patience, func() bool { return len(b.bus()) >= first+2+3 })
	require.ElementsMatch(t, commits, commitsOf(b.bus()[first+2:first+5]), "the new one has nothing")
}

func commitsOf(frames []frame.Frame) []uuid.UUID {
	commits := make([]uuid.UUID, len(frames))
	for n, f := range frames {
		commits[n] = frame.IDOf(f.ID, 0)
	}
	return commits
}

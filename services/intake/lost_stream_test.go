package intake

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
)

// What was accepted comes to the readers also where the stream was lost with its disk: the unit publishes it again by itself.
func TestLostStreamIsFilledAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, key := range []string{"a", "b", "c"} {
		w.send(t, w.item(t, key))
	}
	await.Require(t, unittest.Patience, func() bool {
		return w.InStream(t) == 3 && w.count(t, "journal_mark where published_at is not null") == 3
	})
	w.LoseStream(t)
	await.Require(t, unittest.Patience, func() bool { return w.InStream(t) == 3 })
	require.InDelta(t, 3, w.Metric(t, "naru_journal_again_frames_total"), 0)
}

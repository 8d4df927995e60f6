package delivery

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
)

// A round that nobody answers ends with every notice of it tried: each had its attempt before the round's time was over.
func TestRoundHasTimeForEachOfItsNotices(t *testing.T) {
	t.Parallel()
	for _, timeout := range []time.Duration{time.Millisecond, time.Second, 7 * time.Second, Default().Notice.Timeout.Std(), maxNoticeTimeout} {
		for _, workers := range []int{1, 3, 4, 16, 500} {
			n := Notice{Workers: workers, Timeout: config.Duration(timeout)}
			require.Positive(t, n.ofRound())
			turns := (n.ofRound() + n.atOnce() - 1) / n.atOnce()
			require.LessOrEqual(t, time.Duration(turns)*timeout, roundTime, "%d workers, %s", workers, timeout)
			require.LessOrEqual(t, n.ofRound(), maxRound)
		}
	}
}

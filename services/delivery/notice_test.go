package delivery

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// An unanswered round is over before another replica may claim it.
func TestRoundIsShorterThanItsLease(t *testing.T) {
	t.Parallel()
	require.Less(t, maxNoticeTimeout, roundTime)
	require.Less(t, roundTime+givenTimeout, noticeLease)
}

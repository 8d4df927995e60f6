package content

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
)

// No more files than allowed are on their way; a place that is given back is taken by the next.
func TestStreams(t *testing.T) {
	t.Parallel()
	s := newStreams(1, time.Millisecond)
	release, err := s.take(t.Context())
	require.NoError(t, err)
	_, err = s.take(t.Context())
	require.ErrorIs(t, err, fault.Exhausted)
	require.Equal(t, "TOO_MANY_STREAMS", fault.ReasonOf(err))
	release()
	release, err = s.take(t.Context())
	require.NoError(t, err)
	release()
}

package proof_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/proof"
)

// A time has one spelling: in UTC, to the microsecond, with all its digits.
func TestTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 10, 0, 0, 120_000_999, time.FixedZone("KST", 9*60*60))
	require.Equal(t, "2026-03-02T01:00:00.120000Z", proof.Time(at))
	read, err := proof.ParseTime("2026-03-02T01:00:00.120000Z")
	require.NoError(t, err)
	require.True(t, read.Equal(at.Truncate(time.Microsecond)))
	for _, text := range []string{"", "2026-03-02T01:00:00Z", "2026-03-02T01:00:00.12Z", "2026-03-02T10:00:00.120000+09:00", "2026-03-02 01:00:00.120000Z", "2026-02-30T01:00:00.120000Z",
		"2026-03-02T01:00:00,120000Z", "2026-03-02T01:00:00.120000Z "} {
		_, err := proof.ParseTime(text)
		require.Error(t, err, text)
	}
}

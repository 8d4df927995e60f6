package clock

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The kernel's units and flags are interpreted correctly (adjtimex(2)).
func TestReadingOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		state int
		timex unix.Timex
		want  Reading
	}{
		{
			name: "nanoseconds", timex: unix.Timex{Status: unix.STA_NANO | unix.STA_PLL, Offset: -1500, Maxerror: 2000, Esterror: 3},
			want: Reading{Offset: -1500 * time.Nanosecond, MaxError: 2 * time.Millisecond, EstError: 3 * time.Microsecond, Synchronised: true},
		},
		{
			name: "microseconds", timex: unix.Timex{Status: unix.STA_PLL, Offset: 1500},
			want: Reading{Offset: 1500 * time.Microsecond, Synchronised: true},
		},
		{name: "unsynchronised by status", timex: unix.Timex{Status: unix.STA_UNSYNC}, want: Reading{}},
		{name: "unsynchronised by state", state: unix.TIME_ERROR, want: Reading{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, readingOf(tt.state, &tt.timex))
		})
	}
}

// The real kernel answers a process without privileges.
func TestKernelReader(t *testing.T) {
	t.Parallel()
	reading, err := KernelReader().Read()
	require.NoError(t, err)
	require.GreaterOrEqual(t, reading.MaxError, time.Duration(0))
}

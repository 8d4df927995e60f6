package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/audit"
)

func TestVerdictOfNothing(t *testing.T) {
	t.Parallel()
	v := &verdict{}
	require.Equal(t, "0 lost, 0 doubled, 0 out of order", v.String())
	require.True(t, v.clean())
}

// Whatever naru audit finds is counted, under one of the three.
func TestVerdictCountsEverythingTheAuditFinds(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		audit.RowMissing: "1 lost, 0 doubled, 0 out of order", audit.FrameNotConsumed: "1 lost, 0 doubled, 0 out of order",
		audit.RowDiffers: "1 lost, 0 doubled, 0 out of order", audit.DocumentTwice: "0 lost, 1 doubled, 0 out of order",
		audit.FactTwice: "0 lost, 1 doubled, 0 out of order", audit.TimesDisordered: "0 lost, 0 doubled, 1 out of order",
		"a code of tomorrow": "1 lost, 0 doubled, 0 out of order",
	} {
		v := &verdict{}
		v.add([]audit.Violation{{Code: code}})
		require.Equal(t, want, v.String(), code)
		require.False(t, v.clean())
	}
}

func TestVerdictOnNumbersAndTimes(t *testing.T) {
	t.Parallel()
	v := &verdict{}
	v.numbers([]*promise{{key: "a", number: "1"}, {key: "b", number: "2"}, {key: "c", number: "1"}})
	require.Equal(t, "0 lost, 1 doubled, 0 out of order", v.String())
	v = &verdict{}
	v.order("1", "times", time.RFC3339Nano, "2026-03-02T00:00:00.1Z", "", "2026-03-02T00:00:00.1Z", "2026-03-02T00:00:00.25Z")
	require.True(t, v.clean())
	v.order("1", "times", time.RFC3339Nano, "2026-03-02T00:00:00.25Z", "2026-03-02T00:00:00.1Z")
	v.order("1", "times", time.RFC3339Nano, "no time")
	require.Equal(t, "0 lost, 0 doubled, 2 out of order", v.String())
}

func TestComplete(t *testing.T) {
	t.Parallel()
	received := harness.Status{State: "DOCUMENT_STATE_RECEIVED"}
	require.False(t, (&promise{}).complete(received), "not at the hub")
	received.Hub.RegistrationResult = 2
	require.True(t, (&promise{}).complete(received))
	require.False(t, (&promise{viewed: true}).complete(received), "its reading is lost")
	read := received
	read.State = "DOCUMENT_STATE_READ"
	require.False(t, (&promise{viewed: true}).complete(read), "the hub was not told of the reading")
	read.Hub.ReadTimeResult = 1
	require.True(t, (&promise{viewed: true}).complete(read))
}

package status

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A timeline is read from its beginning to its end, whatever the clocks of those who tell its times: nothing stands before its
// cause.
func TestTimelineIsInAnOrderThatIsUnderstood(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	at := func(k kind, ordinal int32, ms int) entry {
		return entry{kind: k, ordinal: ordinal, occurredAt: start.Add(time.Duration(ms) * time.Millisecond)}
	}
	for name, test := range map[string]struct{ entries, want []entry }{
		"clocks agree": {
			[]entry{at(documentReceived, 1, 20), at(accepted, 1, 0), at(documentRead, 1, 90), at(circulationRegistered, 1, 50)},
			[]entry{at(accepted, 1, 0), at(documentReceived, 1, 20), at(circulationRegistered, 1, 50), at(documentRead, 1, 90)},
		},
		"the hub's clock is behind": {
			[]entry{at(certificateIssued, 1, -900), at(accepted, 1, 0), at(circulationRegistered, 1, 50), at(documentRead, 1, 90), at(documentReceived, 1, 20)},
			[]entry{at(accepted, 1, 0), at(documentReceived, 1, 20), at(circulationRegistered, 1, 50), at(certificateIssued, 1, -900), at(documentRead, 1, 90)},
		},
		"the read time's precision is a second": {
			[]entry{at(tokenIssued, 1, 800), at(tokenVerified, 1, 850), at(documentRead, 1, 0), at(accepted, 1, 100), at(documentReceived, 1, 200), at(readTimeRegistered, 1, 900)},
			[]entry{at(accepted, 1, 100), at(documentReceived, 1, 200), at(tokenIssued, 1, 800), at(tokenVerified, 1, 850), at(documentRead, 1, 0), at(readTimeRegistered, 1, 900)},
		},
		"one moment, and several of a kind": {
			[]entry{at(recipientResolved, 2, 5), at(recipientResolved, 1, 5), at(accepted, 1, 5), at(documentReceived, 1, 5)},
			[]entry{at(accepted, 1, 5), at(recipientResolved, 1, 5), at(recipientResolved, 2, 5), at(documentReceived, 1, 5)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, inOrder(test.entries))
		})
	}
}

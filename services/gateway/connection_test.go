package gateway

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// timed is an answer that counts how often its times were set.
type timed struct {
	*httptest.ResponseRecorder
	reads, writes int
}

func (w *timed) SetReadDeadline(time.Time) error {
	w.reads++
	return nil
}

func (w *timed) SetWriteDeadline(time.Time) error {
	w.writes++
	return nil
}

// A connection has the times of its request as long as that is served; what comes later could be the next request's.
func TestTimesOfAConnectionEndWithItsRequest(t *testing.T) {
	t.Parallel()
	w := &timed{ResponseRecorder: httptest.NewRecorder()}
	c := connectionOf(w)
	c.readUntil(time.Time{})
	c.writeUntil(time.Time{})
	c.served()
	c.readUntil(time.Time{})
	c.writeUntil(time.Time{})
	require.Equal(t, []int{1, 1}, []int{w.reads, w.writes})
}

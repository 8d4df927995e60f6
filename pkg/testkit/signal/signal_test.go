package signal_test

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/signal"
)

type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failure = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) run(f func()) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	<-done
}

// Values come in the order they were sent; those beyond the queue's size are dropped instead of blocking the sender.
func TestSignal(t *testing.T) {
	t.Parallel()
	s := signal.New[int](2)
	s.RequireEmpty(t)
	for i := range 3 {
		s.Send(i)
	}
	require.Equal(t, []int{0, 1}, s.WaitN(t, 2))
	s.RequireEmpty(t)

	go s.Send(7)
	require.Equal(t, 7, s.WaitOrTimeout(t))
}

// A value that must not be there, and one that never comes, fail the test.
func TestSignalFails(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	s := signal.New[string](1)
	s.Send("surprise")
	r.run(func() { s.RequireEmpty(r) })
	require.Contains(t, r.failure, "surprise")

	synctest.Test(t, func(t *testing.T) {
		r := &recorder{TB: t}
		r.run(func() { signal.New[int](1).WaitOrTimeout(r) })
		require.Contains(t, r.failure, "15s")
	})
}

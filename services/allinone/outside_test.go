package allinone

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/lifecycle"
)

// worker is a sandbox system with one task, which ends when told to or when the test makes it fail.
type worker struct {
	failure chan error
	ended   chan struct{}
}

func (worker) Handler() http.Handler { return http.NotFoundHandler() }

func (w worker) Tasks() []lifecycle.Task {
	return []lifecycle.Task{{Name: "work", Run: func(ctx context.Context) error {
		defer close(w.ended)
		select {
		case <-ctx.Done():
			return nil
		case err := <-w.failure:
			return err
		}
	}}}
}

// nobody is a listener without connections.
type nobody struct {
	once   *sync.Once
	closed chan struct{}
}

func (n nobody) Accept() (net.Conn, error) {
	<-n.closed
	return nil, net.ErrClosed
}

func (n nobody) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

func (nobody) Addr() net.Addr { return &net.TCPAddr{} }

func serving(ctx context.Context) (*outside, worker) {
	o := &outside{group: lifecycle.New(), listeners: map[string]net.Listener{"system": nobody{once: &sync.Once{}, closed: make(chan struct{})}}}
	w := worker{failure: make(chan error), ended: make(chan struct{})}
	o.serve(ctx, "system", w)
	return o, w
}

func isOver(ended <-chan struct{}) bool {
	select {
	case <-ended:
		return true
	default:
		return false
	}
}

// A sandbox system continues after the context of its start has ended, until it is closed.
func TestSystemsOutliveTheirStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, cancel := context.WithCancel(t.Context())
		o, w := serving(start)
		cancel()
		synctest.Wait()
		require.False(t, isOver(w.ended))

		require.NoError(t, o.close(t.Context()))
		require.True(t, isOver(w.ended))
		require.NoError(t, o.wait())
	})
}

// A system that fails stops the others, and wait returns its error.
func TestFailureOfASystemIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, w := serving(t.Context())
		failure := errors.New("the disk is full")
		w.failure <- failure
		require.ErrorIs(t, o.wait(), failure)
		require.ErrorIs(t, o.close(t.Context()), failure)
	})
}

// A relay with a sandbox in another process gives its units that sandbox's addresses, and starts none itself.
func TestSandboxElsewhere(t *testing.T) {
	t.Parallel()
	f := folder(t.TempDir())
	require.NoError(t, f.prepare())
	o, err := openOutside(t.Context(), f, nil, nil, Options{Sandbox: map[string]string{"hub": "http://127.0.0.1:1"}})
	require.NoError(t, err)
	require.Equal(t, "http://127.0.0.1:1", o.url("hub"))
	require.Empty(t, o.listeners)
	require.NoError(t, o.start(t.Context(), relayDoors{}))
	require.Empty(t, o.pools)
	require.NoError(t, o.close(t.Context()))
}

// A sandbox alone requires the relay's database, so that it does not start a second server.
func TestSandboxAloneNeedsTheDatabase(t *testing.T) {
	t.Parallel()
	_, err := StartSandbox(t.Context(), Options{Dir: t.TempDir()})
	require.ErrorContains(t, err, "database")
}

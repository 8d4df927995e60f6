package durable_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/durable"
)

// One holds a lock; a second is told who, at once, until it is released, and one that waits gets it then.
func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	release, err := durable.TryLock(path)
	require.NoError(t, err)
	_, err = durable.TryLock(path)
	var held *durable.HeldError
	require.ErrorAs(t, err, &held)
	require.Equal(t, os.Getpid(), held.PID)

	waited := make(chan error, 1)
	go func() {
		next, err := durable.Lock(path)
		if err == nil {
			err = next()
		}
		waited <- err
	}()
	require.NoError(t, release())
	require.NoError(t, <-waited)
	again, err := durable.TryLock(path)
	require.NoError(t, err)
	require.NoError(t, again())

	_, err = durable.TryLock(filepath.Join(path, "none"))
	require.Error(t, err)
	require.NotErrorAs(t, err, &held)
}

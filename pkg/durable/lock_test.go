package durable_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/naru-relay/naru/pkg/durable"
)

// A lock that was released is free, although a child has the file open, as one does between fork and exec.
func TestReleasedLockIsFree(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	release, err := durable.TryLock(path)
	require.NoError(t, err)
	child := inherited(t, path)
	require.NoError(t, release())
	again, err := durable.TryLock(path)
	require.NoError(t, err)
	require.NoError(t, again())
	require.NoError(t, child.Close())
}

// inherited duplicates the descriptor by which this process has a file open.
func inherited(t *testing.T, path string) *os.File {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, one := range open {
		if to, err := os.Readlink("/proc/self/fd/" + one.Name()); err == nil && to == path {
			number, err := strconv.Atoi(one.Name())
			require.NoError(t, err)
			copied, err := unix.Dup(number)
			require.NoError(t, err)
			return os.NewFile(uintptr(copied), path)
		}
	}
	t.Fatal("the file is not open")
	return nil
}

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

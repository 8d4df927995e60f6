package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// HeldError says that another holds a lock.
type HeldError struct {
	// PID is the process that holds it, as it wrote itself; 0 when it cannot be told.
	PID int
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return "held by another process"
	}
	return fmt.Sprintf("held by process %d", e.PID)
}

// Lock takes the lock of a file, made where it is missing, and waits for whoever holds it. It ends with release, or with the
// process, however that ends.
func Lock(path string) (release func() error, err error) { return lock(path, unix.LOCK_EX) }

// TryLock is Lock that does not wait: whoever holds the lock is told as a *HeldError.
func TryLock(path string) (release func() error, err error) {
	return lock(path, unix.LOCK_EX|unix.LOCK_NB)
}

func lock(path string, how int) (func() error, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	for {
		if err = unix.Flock(int(file.Fd()), how); !errors.Is(err, unix.EINTR) { //nolint:gosec // a descriptor
			break
		}
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = &HeldError{PID: holder(file)}
	} else if err == nil {
		err = errors.Join(file.Truncate(0), write(file, strconv.Itoa(os.Getpid())+"\n"))
	}
	if err != nil {
		return nil, fmt.Errorf("lock: %w", errors.Join(err, file.Close()))
	}
	return func() error { return unlock(file) }, nil
}

// unlock ends a lock. To close the file is not enough: a child that is being started holds it open until its program begins. The
// file stays, since another may wait for it.
func unlock(file *os.File) error {
	return errors.Join(unix.Flock(int(file.Fd()), unix.LOCK_UN), file.Close()) //nolint:gosec // a descriptor
}

func write(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

// holder reads who wrote itself into a lock; it may be about to.
func holder(file *os.File) int {
	raw, err := io.ReadAll(io.LimitReader(file, 20))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return 0
	}
	return pid
}

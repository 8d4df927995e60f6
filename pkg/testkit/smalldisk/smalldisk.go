// Package smalldisk gives trials a disk of their own that really becomes full: a file system in memory of so many bytes.
package smalldisk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// stranger is the file that takes the room.
const stranger = "of somebody else"

// New mounts a disk of a size, e.g. "48m", until the test ends. Where this process may not mount, the test is skipped.
func New(t testing.TB, size string) string {
	t.Helper()
	// Not the test's own folder: only its owner may pass the parents of that, and servers run as somebody else.
	dir, err := os.MkdirTemp("", "naru-disk-") //nolint:usetesting // see above
	if err != nil {
		t.Fatalf("make folder: %v", err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) }) // an empty folder left over does no harm
	unmount, err := Mount(dir, size)
	if err != nil {
		t.Skipf("no small disk can be made here: %v", err)
	}
	t.Cleanup(func() {
		if err := unmount(); err != nil {
			t.Errorf("take away the small disk: %v", err)
		}
	})
	return dir
}

// Mount mounts a disk of a size on a folder.
func Mount(dir, size string) (unmount func() error, err error) {
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		return nil, fmt.Errorf("mount a disk of %s (only root may): %w", size, err)
	}
	return func() error { return syscall.Unmount(dir, syscall.MNT_DETACH) }, nil
}

// Full takes all room that the disk has, until it is given back.
func Full(t testing.TB, dir string) (free func()) {
	t.Helper()
	give, err := Fill(dir)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := give(); err != nil {
			t.Fatal(err)
		}
	}
}

// Fill takes all room of a disk, down to the last byte.
func Fill(dir string) (free func() error, err error) {
	name := filepath.Join(dir, stranger)
	file, err := os.Create(name) //nolint:gosec // the trial's own folder
	if err != nil {
		return nil, fmt.Errorf("fill the disk: %w", err)
	}
	for size, end := int64(1<<30), int64(0); size > 0 && err == nil; {
		switch wrong := syscall.Fallocate(int(file.Fd()), 0, end, size); wrong { //nolint:gosec // a descriptor is small
		case nil:
			end += size
		case syscall.ENOSPC:
			size /= 2
		case syscall.EINTR:
		default:
			err = wrong
		}
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("fill the disk: %w", err), os.Remove(name))
	}
	return func() error { return os.Remove(name) }, nil
}

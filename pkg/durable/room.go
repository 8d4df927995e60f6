package durable

import (
	"fmt"
	"syscall"
)

// Room is how many bytes the disk of a folder has left for this process.
func Room(folder string) (int64, error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(folder, &disk); err != nil {
		return 0, fmt.Errorf("look at the disk of %s: %w", folder, err)
	}
	return int64(disk.Bavail) * disk.Bsize, nil //nolint:gosec // no disk is that large
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/naru-relay/naru/pkg/lifecycle"
)

// What may refuse writes for a while.
const (
	theDisk    = "the disk of nats is full"
	readOnlyDB = "postgres takes no writes"
)

// diskSize is that of the small disk of the bus.
const diskSize = "size=512m"

// smallDisk has the bus keep its streams on a disk of its own.
func (s *servers) smallDisk(dir string) error {
	s.disk = filepath.Join(dir, "nats")
	if err := os.MkdirAll(s.disk, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if err := syscall.Mount("tmpfs", s.disk, "tmpfs", 0, diskSize); err != nil {
		s.disk = ""
		return fmt.Errorf("only root can make a small disk for the bus: %w", err)
	}
	return nil
}

// fillDisk takes all room of that disk for a while.
func (s *servers) fillDisk(ctx context.Context, a act) error {
	name := filepath.Join(s.disk, "of somebody else")
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("fill the disk: %w", err)
	}
	for size := 1 << 20; size > 0 && err == nil; { // down to the last byte
		if _, wrong := file.Write(make([]byte, size)); errors.Is(wrong, syscall.ENOSPC) {
			size /= 2
		} else if wrong != nil {
			err = wrong
		}
	}
	err = errors.Join(err, lifecycle.Wait(ctx, a.lasts), file.Close(), os.Remove(name))
	if err != nil {
		return fmt.Errorf("fill the disk: %w", err)
	}
	return nil
}

// refuseWrites has the database take none for a while. The superuser's own sessions go on.
func (s *storage) refuseWrites(ctx context.Context, a act) error {
	const mine = `set default_transaction_read_only = off`
	if err := s.exec(ctx, 0, mine, `alter system set default_transaction_read_only = on`, `select pg_reload_conf()`); err != nil {
		return err
	}
	return errors.Join(lifecycle.Wait(ctx, a.lasts),
		s.exec(context.WithoutCancel(ctx), 0, mine, `alter system reset default_transaction_read_only`, `select pg_reload_conf()`))
}

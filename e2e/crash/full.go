package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/testkit/smalldisk"
)

// What may refuse writes for a while.
const (
	busDisk      = "the disk of nats is full"
	databaseDisk = "the disk of postgres is full"
	readOnlyDB   = "postgres takes no writes"
)

// Sizes of the small disks. PostgreSQL keeps the log of a whole run.
const (
	busDiskSize      = "512m"
	databaseDiskSize = "1g"
)

// disks are file systems of their own for the bus and for the database.
type disks struct {
	bus, database string
	unmount       []func() error
}

// mount makes them in the relay's folder, before anything is there.
func (d *disks) mount(dir string) error {
	d.bus, d.database = filepath.Join(dir, "nats"), filepath.Join(dir, "postgres")
	for folder, size := range map[string]string{d.bus: busDiskSize, d.database: databaseDiskSize} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
		unmount, err := smalldisk.Mount(folder, size)
		if err != nil {
			return err
		}
		d.unmount = append(d.unmount, unmount)
	}
	return nil
}

func (d *disks) close() error {
	var problems []error
	for _, unmount := range d.unmount {
		problems = append(problems, unmount())
	}
	return errors.Join(problems...)
}

// fill takes all room of a disk for a while. With it gone, meanwhile does its part.
func fill(ctx context.Context, disk string, a act, meanwhile func(ctx context.Context)) error {
	free, err := smalldisk.Fill(disk)
	if err != nil {
		return err
	}
	full, over := context.WithTimeout(ctx, a.lasts)
	defer over()
	meanwhile(full)
	<-full.Done()
	return errors.Join(free(), ctx.Err())
}

// exhaustLog has the database use up, after a third of the time, the files of its log that were there before its disk was full.
// Until then only its data files cannot grow; from then on it gives itself up, and cannot even recover.
func (f *faults) exhaustLog(ctx context.Context, a act) {
	if lifecycle.Wait(ctx, a.lasts/3) != nil {
		return
	}
	server := f.servers.storage.nodeServer(0)
	before := server.PID()
	for lifecycle.Wait(ctx, again) == nil {
		// It fails in the end, which is what it is for, and before where the server is killed just then.
		_ = f.servers.storage.exec(ctx, 0, `select pg_logical_emit_message(false, 'crash', repeat('x', 1 << 20)), pg_switch_wal()`)
		if server.PID() != before {
			f.say("       postgres gave itself up, and is started in vain")
			return
		}
	}
}

// refuseWrites has the database take none for a while. The superuser's own sessions go on.
func (s *storage) refuseWrites(ctx context.Context, a act) error {
	const mine = `set default_transaction_read_only = off`
	set := func(ctx context.Context, how string) error {
		return persist(ctx, func(ctx context.Context) error {
			return s.exec(ctx, s.primaryNow(), mine, how, `select pg_reload_conf()`)
		})
	}
	if err := set(ctx, `alter system set default_transaction_read_only = on`); err != nil {
		return err
	}
	return errors.Join(lifecycle.Wait(ctx, a.lasts), set(context.WithoutCancel(ctx), `alter system reset default_transaction_read_only`))
}

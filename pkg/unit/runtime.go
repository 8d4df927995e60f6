package unit

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/rpc"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/telemetry"
	"github.com/naru-relay/naru/pkg/tsp"
	"github.com/naru-relay/naru/pkg/work"
)

// Runtime is where units run: everything that differs between one process on a laptop and many on many machines.
type Runtime struct {
	Version string
	// Platform is this relay's platform id.
	Platform string
	// Database, Bus and Telemetry give each unit its own.
	Database  func(unit string) Database
	Bus       func(unit string) bus.Options
	Telemetry func(unit string) telemetry.Options
	Network   rpc.Network
	// KeysDir holds a folder of keys for each unit; CreateKeys allows missing keys to be made.
	KeysDir    string
	CreateKeys bool
	// CheckpointDir is where the newest cosigned checkpoint and the verifier keys of each unit's log are written; empty for none.
	// Copy it to a place that nobody on this machine can change.
	CheckpointDir string
	// CosignEvery is how often the newest checkpoint of a log that stands still is cosigned anew.
	CosignEvery time.Duration
	// Outside are witnesses outside of this relay, which cosign the log of each unit; WitnessesRequired is how many of them a
	// checkpoint needs before it is published.
	Outside           []journal.Outsider
	WitnessesRequired int
	// TimeStamps stamps the newest checkpoint of each unit's log, StampEvery how often; nil: nothing is stamped.
	TimeStamps *tsp.Client
	StampEvery time.Duration
	Clock      clock.Clock
	// DatabaseClock stands for the database's own clock; nil for that clock.
	DatabaseClock clock.Clock
	// ClockReader measures the clock's synchronisation; ClockTolerance is what is good enough for evidence.
	ClockReader    clock.Reader
	ClockTolerance clock.Tolerance
	// StreamReplicas is the number of replicas of the streams that Migrate makes; 0 counts as 1.
	StreamReplicas int
	// Backlog is how many public frames of a unit may wait for the bus before it states no more; 0 means journal.DefaultBacklog.
	Backlog int
	// Reopen is an operator's reason to begin a new generation of the log of each unit whose database went back; empty: such a
	// unit waits.
	Reopen string
	// Ops is the listen address of health and metrics; empty for none.
	Ops string
	// Config overlays a unit's defaults.
	Config func(unit string, into Config) error
}

// Database is a unit's place in PostgreSQL.
type Database struct {
	// URL with the unit's working role.
	URL string
	// OwnerURL with the role that migrates and maintains partitions; empty if another process does that.
	OwnerURL string
	MaxConns int32
	// Pooled says that URL leads through a pooler in transaction mode; OwnerURL never may.
	Pooled bool
}

// platformSources are the tables every unit's schema has.
func platformSources() []pg.Source {
	return []pg.Source{journal.Migrations(), inbox.Migrations(), {Name: "sealed", FS: sealed.Migrations}}
}

// Migrate brings the units' schemas forward and makes streams and consumers. It runs before Run, with the owners' roles and an
// administrative bus connection.
func Migrate(ctx context.Context, rt Runtime, admin bus.Options, units ...Unit) error {
	var group errgroup.Group
	group.SetLimit(work.Processors())
	for _, u := range units {
		group.Go(func() error {
			if err := pg.Migrate(ctx, rt.Database(u.Name).OwnerURL, u.Name, u.Sources()...); err != nil {
				return fmt.Errorf("migrate %s: %w", u.Name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	topology := Topology(units)
	topology.Replicas = rt.StreamReplicas
	if len(topology.Producers) == 0 {
		return nil
	}
	conn, err := bus.Connect(ctx, admin)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return bus.Ensure(ctx, conn, topology)
}

// ordered sorts units so that each comes after those it requires and that run here. Where two require each other, because each
// opens what the other seals, the one that is met first comes last; it waits for the other as it does in a process of its own.
func ordered(units []Unit) ([]Unit, error) {
	byName := map[string]Unit{}
	for _, u := range units {
		if _, twice := byName[u.Name]; twice || u.Name == "" || u.Build == nil || u.NewConfig == nil {
			return nil, fmt.Errorf("unit %q is incomplete or given twice", u.Name)
		}
		byName[u.Name] = u
	}
	var sorted []Unit
	met := map[string]bool{}
	var visit func(u Unit)
	visit = func(u Unit) {
		if met[u.Name] {
			return
		}
		met[u.Name] = true
		for _, name := range u.Requires {
			if required, here := byName[name]; here {
				visit(required)
			}
		}
		sorted = append(sorted, u)
	}
	for _, u := range units {
		visit(u)
	}
	return sorted, nil
}

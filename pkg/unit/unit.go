// Package unit runs Naru's units: one in a process of its own, or all in one process, over the same code path.
//
// A Unit is a value, made by its Spec. Nothing registers itself; the list of units is an ordinary slice in the program that runs
// them. The platform gives each unit its own logger, tracer, meter, database role, bus user, keys and network identity (Env). The
// unit gives back what it serves, consumes and runs (Spec). Units talk only by gRPC and events, whether they run in one process
// or in many.
package unit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/work"
)

// Unit is one service as the platform runs it; its Spec makes it.
type Unit struct {
	Name     string
	Duty     string
	Requires []string
	// NewConfig gives the unit's configuration with its defaults.
	NewConfig  func() Config
	Settings   string
	Migrations fs.FS
	Partitions []pg.Partition
	States     []proto.Message
	Paced      []proto.Message
	// Reads are its consumers. Streams, durable consumers and bus permissions are made from them and from the public kinds it
	// states, before the unit is built.
	Reads   []bus.ConsumerSpec
	Follows []audit.Table
	Proves  journal.Provable
	Policy  string
	Witness string
	Seals   []sealed.Rule
	Opens   []sealed.Purpose
	Signers []string
	Doors   []Door
	Pace    func(Config) int
	// Waits are the columns of all its tables, the platform's too, by which work waits.
	Waits func(Config) []work.Wait
	Build func(ctx context.Context, env *Env, config Config) (*Service, error)
}

// Config is a unit's own configuration.
type Config interface {
	// Validate reports every problem, joined.
	Validate() error
}

// Env is what the platform gives a unit.
type Env struct {
	Unit string
	// Platform is this relay's platform id at the hub (중계자플랫폼ID).
	Platform   string
	Log        *slog.Logger
	Tracer     trace.Tracer
	Meter      metric.Meter
	Gatherer   prometheus.Gatherer
	Clock      clock.Clock
	ClockWatch *clock.Watch
	// Expiry is the moment up to which what has had its time may end or be destroyed: past by the unit's clock and by the
	// database's. It is zero, before everything, while the unit's clock may not be believed.
	Expiry  func(ctx context.Context) (time.Time, error)
	DB      *pgxpool.Pool
	Journal *journal.Journal
	Keys    *keys.Store
	Sealed  *sealed.Box
	Index   *sealed.Index
	Authn   *authn.Verifier
	// Reached reports whether this unit has taken in everything for it that is in another unit's stream up to a sequence.
	Reached func(ctx context.Context, from string, sequence uint64) (bool, error)
	// Slots share the processors among the work of the process; with nil, all work begins at once.
	Slots *work.Slots
	// Dial gives the channel to another unit. Calls wait for that unit within their deadline.
	Dial func(unit string) (grpc.ClientConnInterface, error)
}

// Sources are all migrations of the unit's schema: the platform's tables, then its own.
func (u Unit) Sources() []pg.Source {
	sources := platformSources()
	if u.Migrations != nil {
		sources = append(sources, pg.Source{Name: "unit", FS: u.Migrations, Partitions: u.Partitions})
	}
	return sources
}

// checkReads checks that a unit reads only facts that name it as a reader.
func checkReads(u Unit) error {
	var problems []error
	for _, spec := range u.Reads {
		for _, kind := range spec.Kinds {
			// The producer would make no tag for this unit, so every frame would look forged.
			if rule, err := journal.RuleOfKind(kind); err != nil || !rule.ReadBy(u.Name) {
				problems = append(problems, fmt.Errorf("consumer %s/%s: %s does not name %s as a reader", spec.From, spec.Purpose, kind, u.Name))
			}
		}
	}
	return errors.Join(problems...)
}

// Topology is every stream and consumer of these units.
func Topology(units []Unit) bus.Topology {
	var t bus.Topology
	add := func(producer string) {
		if !slices.Contains(t.Producers, producer) {
			t.Producers = append(t.Producers, producer)
		}
	}
	for _, u := range units {
		if len(u.PublicKinds()) > 0 {
			add(u.Name)
		}
		for _, spec := range u.Reads {
			add(spec.From)
			t.Consumers = append(t.Consumers, spec)
		}
	}
	return t
}

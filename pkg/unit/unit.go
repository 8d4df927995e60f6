// Package unit runs Naru's units: one in a process of its own, or all in one process, over the same code path.
//
// A Unit is a value. Nothing registers itself; the list of units is an ordinary slice in the program that runs them. The platform
// gives each unit its own logger, tracer, meter, database role, bus user, keys and network identity (Env); the unit gives back what
// it serves, consumes and runs (Service). Units talk by gRPC and events only, in one process as in many.
package unit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"

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
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/work"
)

// Unit is one service: what it is called, what it keeps, and how it is built.
type Unit struct {
	// Name is also its schema, the head of its database roles, its bus user and its network identity: a-z, at most 20.
	Name string
	// Requires are the units it calls, for the order of starting. A courtesy: units wait for each other by themselves.
	Requires []string
	// NewConfig gives the unit's configuration with its defaults.
	NewConfig func() Config
	// Migrations of the unit's own tables (goose, in a folder "migrations").
	Migrations fs.FS
	Partitions []pg.Partition
	// States are the kinds of facts it states, public and private, Reads the consumers it has. Streams, durable consumers and bus
	// permissions are made from the public ones before the unit is built.
	States []proto.Message
	Reads  []bus.ConsumerSpec
	// Paced kinds wait in the bulk lane for their sender's turn, at the pace that Pace reads from the configuration (facts a second, 0
	// is unlimited).
	Paced []proto.Message
	Pace  func(Config) int
	// Follows says which rows of its tables follow from which facts; the audit holds them against each other.
	Follows []audit.Table
	// Policy is the version of the rules by which it decides, e.g. "intake/1".
	Policy string
	// Witness is the unit that cosigns the checkpoints of its log.
	Witness string
	// Signers are the purposes of the signing keys whose public part the unit publishes.
	Signers []string
	Build   func(ctx context.Context, env *Env) (*Service, error)
}

// Configured makes a unit's Build out of a function that takes the unit's own configuration.
func Configured[C Config](build func(ctx context.Context, env *Env, config C) (*Service, error)) func(context.Context, *Env) (*Service, error) {
	return func(ctx context.Context, env *Env) (*Service, error) {
		config, ok := env.Config.(C)
		if !ok {
			return nil, fmt.Errorf("the configuration is a %T", env.Config)
		}
		return build(ctx, env, config)
	}
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
	Config     Config
	Log        *slog.Logger
	Tracer     trace.Tracer
	Meter      metric.Meter
	Gatherer   prometheus.Gatherer
	Clock      clock.Clock
	ClockWatch *clock.Watch
	DB         *pgxpool.Pool
	Journal    *journal.Journal
	Keys       *keys.Store
	Sealed     *sealed.Box
	Index      *sealed.Index
	Authn      *authn.Verifier
	// Slots let the works of the process share its processors; nil lets everybody begin at once.
	Slots *work.Slots
	// Dial gives the channel to another unit. Calls wait for that unit within their deadline.
	Dial func(unit string) (grpc.ClientConnInterface, error)
}

// Service is what a unit serves, consumes and runs.
type Service struct {
	// Register puts its gRPC services on the unit's server; nil for none.
	Register func(grpc.ServiceRegistrar)
	// Consumers match Unit.Reads.
	Consumers []inbox.Consumer
	Tasks     []lifecycle.Task
	// Ready reports why the unit cannot work, beyond database, bus, clock and partitions; nil for nothing beyond.
	Ready func(ctx context.Context) error
}

// Specs are the unit's consumers with its name filled in.
func (u Unit) Specs() []bus.ConsumerSpec {
	specs := slices.Clone(u.Reads)
	for i := range specs {
		specs[i].Unit = u.Name
	}
	return specs
}

// Sources are all migrations of the unit's schema: the platform's tables, then its own.
func (u Unit) Sources() []pg.Source {
	sources := platformSources()
	if u.Migrations != nil {
		sources = append(sources, pg.Source{Name: "unit", FS: u.Migrations, Partitions: u.Partitions})
	}
	return sources
}

// checkReads compares what a built service consumes with what its unit declared, and that with whom the facts are for.
func checkReads(u Unit, s *Service) error {
	declared := map[string][]frame.Kind{}
	for _, spec := range u.Specs() {
		declared[spec.From+"/"+spec.Purpose] = slices.Sorted(slices.Values(spec.Kinds))
	}
	var problems []error
	for _, spec := range u.Specs() {
		for _, kind := range spec.Kinds {
			// Its producer would tag no frame for it: everything would look forged.
			if rule, err := journal.RuleOfKind(kind); err != nil || !rule.ReadBy(u.Name) {
				problems = append(problems, fmt.Errorf("consumer %s/%s: %s does not name %s as a reader", spec.From, spec.Purpose, kind, u.Name))
			}
		}
	}
	for _, c := range s.Consumers {
		name := c.From + "/" + c.Purpose
		if !slices.Equal(declared[name], slices.Sorted(slices.Values(c.Spec(u.Name).Kinds))) {
			problems = append(problems, fmt.Errorf("consumer %s of %s is not as Reads declares it", name, u.Name))
		}
		delete(declared, name)
	}
	for name := range declared {
		problems = append(problems, fmt.Errorf("consumer %s of %s is declared and not built", name, u.Name))
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
		for _, spec := range u.Specs() {
			add(spec.From)
			t.Consumers = append(t.Consumers, spec)
		}
	}
	return t
}

package unit

import (
	"context"
	"fmt"
	"io/fs"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
)

// Spec is how a unit describes itself: what it is called and keeps, and how it is built. Its settings are a C; at work it is an S.
type Spec[C Config, S any] struct {
	// Name is also its schema, the head of its database roles, its bus user and its network identity: a-z, at most 20.
	Name string
	// Duty is what it does, in the words of the guide and in a line, for lists of units.
	Duty string
	// Requires are the units it calls, for the order of starting. A courtesy: units wait for each other by themselves.
	Requires []string
	// Defaults are its settings where nobody sets them.
	Defaults func() C
	// Settings is an example of its settings file, which names every setting and says what it is. What is not the default is marked as Yours.
	Settings string
	// Migrations of the unit's own tables (goose, in a folder "migrations").
	Migrations fs.FS
	Partitions []pg.Partition
	// States are the kinds of facts it states, public and private.
	States []proto.Message
	// Paced kinds wait in the bulk lane for their sender's turn, at a pace of so many facts a second; 0 is unlimited.
	Paced []proto.Message
	Pace  func(C) int
	// Follows says which rows of its tables follow from which facts; the audit holds them against each other.
	Follows []audit.Table
	// Policy is the version of the rules by which it decides, e.g. "intake/1".
	Policy string
	// Witness is the unit that cosigns the checkpoints of its log.
	Witness string
	// Signers are the purposes of the signing keys whose public part the unit publishes.
	Signers []string
	// Doors are the services it offers at the public doors; the gateway learns of them from here alone.
	Doors []Door

	// Build makes the unit at work.
	Build func(ctx context.Context, env *Env, config C) (S, error)
	// Consumers of the facts of others; nil for none. What it reads is told by the consumers of a zero S, so this calls nothing.
	Consumers func(S) []inbox.Consumer
	// Register puts its gRPC services on the unit's server; nil for none.
	Register func(S, grpc.ServiceRegistrar)
	// Tasks run beside them; nil for none.
	Tasks func(S) ([]lifecycle.Task, error)
}

// Unit is the unit as the platform runs it.
func (s Spec[C, S]) Unit() Unit {
	u := Unit{
		Name: s.Name, Duty: s.Duty, Requires: s.Requires, NewConfig: func() Config { return s.Defaults() }, Settings: s.Settings, Migrations: s.Migrations, Partitions: s.Partitions,
		States: s.States, Paced: s.Paced, Follows: s.Follows, Policy: s.Policy, Witness: s.Witness, Signers: s.Signers, Doors: s.Doors, Build: s.build,
	}
	if s.Pace != nil {
		u.Pace = func(config Config) int { return s.Pace(config.(C)) } //nolint:forcetypeassert // NewConfig made it
	}
	if s.Consumers != nil {
		var zero S
		u.Reads = readsOf(s.Name, s.Consumers(zero))
	}
	return u
}

// readsOf are the places of a unit's consumers in the topology of the bus.
func readsOf(name string, consumers []inbox.Consumer) (reads []bus.ConsumerSpec) {
	for _, c := range consumers {
		reads = append(reads, c.Spec(name))
	}
	return reads
}

func (s Spec[C, S]) build(ctx context.Context, env *Env, config Config) (*Service, error) {
	own, ok := config.(C)
	if !ok {
		return nil, fmt.Errorf("the configuration is a %T", config)
	}
	made, err := s.Build(ctx, env, own)
	if err != nil {
		return nil, err
	}
	at := &Service{}
	if s.Consumers != nil {
		at.Consumers = s.Consumers(made)
	}
	if s.Register != nil {
		at.Register = func(r grpc.ServiceRegistrar) { s.Register(made, r) }
	}
	if s.Tasks != nil {
		at.Tasks, err = s.Tasks(made)
	}
	return at, err
}

// Service is what a unit at work serves, consumes and runs.
type Service struct {
	Register  func(grpc.ServiceRegistrar)
	Consumers []inbox.Consumer
	Tasks     []lifecycle.Task
}

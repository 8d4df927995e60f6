package unit

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/work"
)

// Spec is how a unit describes itself: its name, what it keeps, and how it is built. C is the type of its settings, S the type of
// the built unit.
type Spec[C Config, S any] struct {
	// Name is also its schema, the prefix of its database roles, its bus user and its network identity: a-z, at most 20.
	Name string
	// Duty is what the unit does, in one line and in the words of the guide, for lists of units.
	Duty string
	// Requires are the units it calls beside those that seal what it opens; they are started first. Nothing depends on that
	// order: units wait for each other.
	Requires []string
	// Defaults are its settings without a settings file.
	Defaults func() C
	// Settings is an example of its settings file. It names and explains every setting; values that are not the default are
	// marked Yours.
	Settings string
	// Migrations of the unit's own tables (goose, in a folder "migrations").
	Migrations fs.FS
	Partitions []pg.Partition
	// States are the kinds of facts it states, public and private.
	States []proto.Message
	// Paced kinds wait in the bulk lane for their sender's turn. Pace is how many such facts are published in a second; 0 is
	// unlimited.
	Paced []proto.Message
	Pace  func(C) int
	// Follows says which rows of its tables follow from which facts; the audit compares them.
	Follows []audit.Table
	// Proves says which of its facts about a document go into bundles in the evidence form; zero for a unit that states none.
	Proves journal.Provable
	// Waits are the columns of its tables by which work waits for a time: every due_at and every lease.
	Waits func(C) []work.Wait
	// Policy is the version of the rules by which it decides, e.g. "intake/1".
	Policy string
	// Witness is the unit that cosigns the checkpoints of its log.
	Witness string
	// Seals says of each purpose of sealed values and blind indexes whose keys the unit makes who may open values and how long
	// the keys are kept; Opens are the purposes of other units that it opens.
	Seals []sealed.Rule
	Opens []sealed.Purpose
	// Signers are the purposes of the signing keys whose public part the unit publishes.
	Signers []string
	// Doors are the services it offers through the gateway; the gateway knows them only from here.
	Doors []Door

	// Build makes the running unit.
	Build func(ctx context.Context, env *Env, config C) (S, error)
	// Consumers of other units' facts; nil for none. It is also called with a zero S, to learn what the unit reads, so it must
	// not read fields of S.
	Consumers func(S) []inbox.Consumer
	// Register puts its gRPC services on the unit's server; nil for none.
	Register func(S, grpc.ServiceRegistrar)
	// Tasks run beside the consumers and the server; nil for none.
	Tasks func(S) ([]lifecycle.Task, error)
}

// Unit is the unit as the platform runs it.
func (s Spec[C, S]) Unit() Unit {
	u := Unit{
		Name: s.Name, Duty: s.Duty, Requires: s.requires(), NewConfig: func() Config { return s.Defaults() }, Settings: s.Settings, Migrations: s.Migrations, Partitions: s.Partitions,
		States: s.States, Paced: s.Paced, Follows: append(follows(), s.Follows...), Proves: s.Proves, Policy: s.Policy, Witness: s.Witness, Seals: s.Seals, Opens: s.Opens, Signers: s.Signers, Doors: s.Doors, Build: s.build,
	}
	if s.Pace != nil {
		u.Pace = func(config Config) int { return s.Pace(config.(C)) } //nolint:forcetypeassert // NewConfig made it
	}
	u.Waits = func(config Config) []work.Wait {
		waits := slices.Concat(journal.Waits(), inbox.Waits())
		if s.Waits != nil {
			waits = append(waits, s.Waits(config.(C))...) //nolint:forcetypeassert // NewConfig made it
		}
		return waits
	}
	if s.Consumers != nil {
		var zero S
		u.Reads = readsOf(s.Name, s.Consumers(zero))
	}
	return u
}

// requires adds the units that seal what this one opens: they are asked for the keys.
func (s Spec[C, S]) requires() []string {
	required := slices.Clone(s.Requires)
	for _, p := range s.Opens {
		if !slices.Contains(required, p.Maker()) {
			required = append(required, p.Maker())
		}
	}
	return required
}

// readsOf describes a unit's consumers for the topology of the bus.
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

// Service is what a running unit serves, consumes and runs.
type Service struct {
	Register  func(grpc.ServiceRegistrar)
	Consumers []inbox.Consumer
	Tasks     []lifecycle.Task
}

package hub

import (
	"context"
	"embed"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/pkg/work"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	"github.com/naru-relay/naru/services/hub/internal/hubclient"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed settings.yaml
var settings string

// Unit is the hub unit.
var Unit = unit.Spec[*Config, *service]{
	Name:     "hub",
	Duty:     "the only speaker to the distribution hub; keeps each exchange sealed before it answers",
	Defaults: Default, Settings: settings,
	Migrations: migrations,
	Partitions: partitions(),
	States:     []proto.Message{&hubv1.ExchangeAnswered{}, &hubv1.HubPushReceived{}, &hubv1.HubPushRepeated{}, &hubv1.HubPushRefused{}},
	Seals:      seals(),
	Policy:     "hub/1",
	Follows:    follows(), Witness: "status",
	Waits: func(c *Config) []work.Wait {
		return []work.Wait{{Table: "hub_token", Column: "lease_until", Longest: c.Token.Lease.Std()}}
	},
	Build: build, Register: (*service).register, Tasks: (*service).tasks,
}.Unit()

// partitions: a year of exchanges is dropped whole, and only while nothing in this schema is under legal hold.
func partitions() []pg.Partition {
	return []pg.Partition{
		journal.Kept("exchange_request", pg.ByYearUUIDv7, "", ""),
		journal.Kept("exchange_response", pg.ByYearUUIDv7, "", ""),
		journal.Kept("push_request", pg.ByYearUUIDv7, "", ""),
	}
}

// service is the unit at work.
type service struct {
	server *server
	tokens *tokens
	// door is the task of the push door; nil for no door.
	door *lifecycle.Task
}

func build(ctx context.Context, env *unit.Env, c *Config) (*service, error) {
	client, err := hubclient.New(c.Interface, env.Platform)
	if err != nil {
		return nil, err
	}
	instruments, err := newMetrics(env.Meter)
	if err != nil {
		return nil, err
	}
	r := &recorder{
		journal: env.Journal, sealed: env.Sealed, clock: env.Clock, client: client, breaker: newBreaker(c.Breaker, env.Log), metrics: instruments,
	}
	t := &tokens{
		db: env.Journal.DB(), sealed: env.Sealed, clock: env.Clock, log: env.Log, recorder: r, client: client, config: c.Token,
		timeout: c.Token.Lease.Std(), platform: env.Platform, holder: id.New(),
		credentials: hubclient.Credentials{ClientID: c.ClientID, ClientSecret: string(c.ClientSecretFile.Value())},
	}
	if err := observe(env.Meter, r, t); err != nil {
		return nil, err
	}
	s := &service{server: &server{client: client, exchanger: newExchanger(r, t, client, c.Limits)}, tokens: t}
	if c.Push.Listen == "" {
		return s, nil
	}
	door := &pushDoor{
		journal: env.Journal, sealed: env.Sealed, clock: env.Clock, log: env.Log, metrics: instruments, platform: env.Platform, config: c.Push,
		places: make(chan struct{}, c.Push.Concurrent), refusals: newRefusals(env.Journal, env.Clock),
	}
	task, err := door.open(ctx)
	s.door = &task
	return s, err
}

func (s *service) register(r grpc.ServiceRegistrar) { hubv1.RegisterHubServiceServer(r, s.server) }

func (s *service) tasks() ([]lifecycle.Task, error) {
	tasks := []lifecycle.Task{s.tokens.task()}
	if s.door != nil {
		tasks = append(tasks, *s.door)
	}
	return tasks, nil
}

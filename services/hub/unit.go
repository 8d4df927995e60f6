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
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	"github.com/naru-relay/naru/services/hub/internal/hubclient"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Unit is the hub unit.
var Unit = unit.Unit{
	Name:       "hub",
	NewConfig:  func() unit.Config { return Default() },
	Migrations: migrations,
	Partitions: partitions(),
	States:     []proto.Message{&hubv1.ExchangeAnswered{}},
	Policy:     "hub/1",
	Follows:    follows(), Witness: "status",
	Build: unit.Configured(build),
}

// partitions: a year of exchanges is dropped whole, and only while nothing in this schema is under legal hold.
func partitions() []pg.Partition {
	return []pg.Partition{
		journal.Kept("exchange_request", pg.ByYearUUIDv7, "", ""),
		journal.Kept("exchange_response", pg.ByYearUUIDv7, "", ""),
	}
}

// parts is a made service with what runs beside it.
type parts struct {
	service *service
	tokens  *tokens
}

func newParts(env *unit.Env, c *Config) (*parts, error) {
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
	return &parts{service: &service{client: client, exchanger: newExchanger(r, t, client, c.Limits)}, tokens: t}, nil
}

func build(_ context.Context, env *unit.Env, config *Config) (*unit.Service, error) {
	p, err := newParts(env, config)
	if err != nil {
		return nil, err
	}
	return &unit.Service{
		Register: func(r grpc.ServiceRegistrar) { hubv1.RegisterHubServiceServer(r, p.service) },
		Tasks:    []lifecycle.Task{p.tokens.task()},
	}, nil
}

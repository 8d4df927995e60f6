package hub

import (
	"context"
	"embed"
	"errors"
	"log/slog"

	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/clock"
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

// deps is what a service is made of.
type deps struct {
	Journal  *journal.Journal
	Sealed   sealer
	Clock    clock.Clock
	Log      *slog.Logger
	Meter    metric.Meter
	Config   *Config
	Platform string
}

// parts is a made service with what runs beside it.
type parts struct {
	service *service
	tokens  *tokens
	tasks   []lifecycle.Task
}

func newParts(d deps) (*parts, error) {
	if d.Journal == nil || d.Sealed == nil || d.Clock == nil || d.Log == nil || d.Meter == nil || d.Config == nil {
		return nil, errors.New("make hub unit: a dependency is missing")
	}
	client, err := hubclient.New(d.Config.Interface, d.Platform)
	if err != nil {
		return nil, err
	}
	instruments, err := newMetrics(d.Meter)
	if err != nil {
		return nil, err
	}
	r := &recorder{
		journal: d.Journal, sealed: d.Sealed, clock: d.Clock, client: client, breaker: newBreaker(d.Config.Breaker, d.Log), metrics: instruments,
	}
	t := &tokens{
		db: d.Journal.DB(), sealed: d.Sealed, clock: d.Clock, log: d.Log, recorder: r, client: client, config: d.Config.Token,
		timeout: d.Config.Token.Lease.Std(), platform: d.Platform, holder: id.New(),
		credentials: hubclient.Credentials{ClientID: d.Config.ClientID, ClientSecret: string(d.Config.ClientSecretFile.Value())},
	}
	if err := observe(d.Meter, r, t); err != nil {
		return nil, err
	}
	return &parts{
		service: &service{client: client, exchanger: newExchanger(r, t, client, d.Config.Limits)},
		tokens:  t,
		tasks:   []lifecycle.Task{t.task()},
	}, nil
}

func build(_ context.Context, env *unit.Env, config *Config) (*unit.Service, error) {
	p, err := newParts(deps{
		Journal: env.Journal, Sealed: env.Sealed, Clock: env.Clock, Log: env.Log, Meter: env.Meter, Config: config, Platform: env.Platform,
	})
	if err != nil {
		return nil, err
	}
	return &unit.Service{
		Register: func(r grpc.ServiceRegistrar) { hubv1.RegisterHubServiceServer(r, p.service) },
		Tasks:    p.tasks,
	}, nil
}

package status

import (
	"context"
	"embed"

	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/unit"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

const name = "status"

// Unit is the status unit.
var Unit = unit.Unit{
	Name:       name,
	Requires:   []string{"intake"},
	NewConfig:  func() unit.Config { return Default() },
	Migrations: migrations,
	Partitions: []pg.Partition{
		{Table: "timeline_entry", Kind: pg.ByYearText},
		{Table: "document_summary", Kind: pg.ByYearText, With: "fillfactor = 60"},
	},
	Reads: reads(),
	Build: build,
}

type service struct {
	statusv1.UnsafeStatusServiceServer
	config  *Config
	db      *pgxpool.Pool
	clock   clock.Clock
	intake  intakev1.IntakeLookupServiceClient
	metrics *metrics
}

func build(_ context.Context, env *unit.Env) (*unit.Service, error) {
	cfg, _ := env.Config.(*Config)
	m, err := newMetrics(env.Meter)
	if err != nil {
		return nil, err
	}
	intake, err := env.Dial("intake")
	if err != nil {
		return nil, err
	}
	s := &service{config: cfg, db: env.DB, clock: env.Clock, intake: intakev1.NewIntakeLookupServiceClient(intake), metrics: m}
	return &unit.Service{
		Register:  func(r grpc.ServiceRegistrar) { statusv1.RegisterStatusServiceServer(r, s) },
		Consumers: s.consumers(),
	}, nil
}

package status

import (
	"context"
	"embed"

	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/unit"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed settings.yaml
var settings string

// pageKey is the key for page tokens. It MUST be the same in every replica; with another key, callers must begin their lists
// again.
const pageKey = "page"

// Unit is the status unit.
var Unit = unit.Spec[*Config, *service]{
	Name:     domain,
	Duty:     "처리상태 조회: timeline and summary",
	Requires: []string{"intake"},
	Defaults: Default, Settings: settings,
	Migrations: migrations,
	Partitions: partitions(),
	Policy:     "status/1",
	Follows:    follows(), Witness: "intake",
	Doors: []unit.Door{unit.Offer(&statusv1.StatusService_ServiceDesc, statusv1.RegisterStatusServiceHandlerClient, statusv1.NewStatusServiceClient)},
	Build: build, Consumers: (*service).consumers, Register: (*service).register, Tasks: (*service).tasks,
}.Unit()

// partitions are kept ten years after the end of their year, or longer while a number in them is under legal hold.
func partitions() []pg.Partition {
	return []pg.Partition{
		journal.Kept("timeline_entry", pg.ByYearText, "", "e.edoc_num"),
		// A page keeps room for the later facts of its rows.
		journal.Kept("document_summary", pg.ByYearText, "fillfactor = 40", "e.edoc_num"),
	}
}

type service struct {
	statusv1.UnsafeStatusServiceServer

	config  *Config
	db      *pgxpool.Pool
	clock   clock.Clock
	lookup  lookup
	pages   pages
	kinds   map[kind]string
	metrics *metrics
	horizon *horizon
}

func build(ctx context.Context, env *unit.Env, config *Config) (*service, error) {
	intake, err := env.Dial("intake")
	if err != nil {
		return nil, err
	}
	key, err := env.Keys.MAC(ctx, pageKey)
	if err != nil {
		return nil, err
	}
	names := kindNames()
	instruments, err := newMetrics(env.Meter, names)
	if err != nil {
		return nil, err
	}
	asked := intakev1.NewIntakeLookupServiceClient(intake)
	return &service{
		config: config, db: env.DB, clock: env.Clock, pages: pages{key: key}, kinds: names, metrics: instruments,
		lookup:  lookup{intake: asked, timeout: config.Lookup.Timeout.Std(), concurrency: config.Lookup.Concurrency},
		horizon: &horizon{intake: asked, reached: env.Reached, timeout: config.Lookup.Timeout.Std(), log: env.Log},
	}, nil
}

func (s *service) tasks() ([]lifecycle.Task, error) { return []lifecycle.Task{s.horizon.task()}, nil }

func (s *service) register(r grpc.ServiceRegistrar) { statusv1.RegisterStatusServiceServer(r, s) }

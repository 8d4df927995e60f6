package status

import (
	"context"
	"embed"

	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/unit"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

// pageKey keys page tokens. It MUST be the same in every replica; with another one, lists under way begin anew.
const pageKey = "page"

// Unit is the status unit.
var Unit = unit.Unit{
	Name:       domain,
	Requires:   []string{"intake"},
	NewConfig:  func() unit.Config { return Default() },
	Migrations: migrations,
	Partitions: partitions(),
	Reads:      inbox.Specs((&service{}).consumers()),
	Policy:     "status/1",
	Follows:    follows(), Witness: "intake",
	Build: unit.Configured(build),
}

// partitions are kept ten years after the end of their year, and as long as a number in them is under legal hold.
func partitions() []pg.Partition {
	return []pg.Partition{
		journal.Kept("timeline_entry", pg.ByYearText, "", "e.edoc_num"),
		// Room for a whole page's later facts on the page itself.
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
}

func build(ctx context.Context, env *unit.Env, config *Config) (*unit.Service, error) {
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
	s := &service{
		config: config, db: env.DB, clock: env.Clock, pages: pages{key: key}, kinds: names, metrics: instruments,
		lookup: lookup{intake: intakev1.NewIntakeLookupServiceClient(intake), timeout: config.Lookup.Timeout.Std(), concurrency: config.Lookup.Concurrency},
	}
	return &unit.Service{
		Register:  func(r grpc.ServiceRegistrar) { statusv1.RegisterStatusServiceServer(r, s) },
		Consumers: s.consumers(),
	}, nil
}

package delivery

import (
	"context"
	"embed"
	"log/slog"
	"net/http"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/unit"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Unit is the delivery unit.
var Unit = unit.Unit{
	Name:       "delivery",
	Requires:   []string{"intake"},
	NewConfig:  func() unit.Config { return Default() },
	Migrations: migrations,
	Partitions: []pg.Partition{journal.Kept("delivery", pg.ByYearText, "", "e.edoc_num")},
	States:     emits(),
	Reads:      inbox.Specs((&service{}).consumers()),
	Policy:     "delivery/1",
	Follows:    follows(), Witness: "status",
	Build: unit.Configured(build),
}

type service struct {
	deliveryv1.UnsafeInboxServiceServer
	deliveryv1.UnsafeDeliveryLookupServiceServer
	config  *Config
	db      *pgxpool.Pool
	journal *journal.Journal
	sealed  *sealed.Box
	clock   clock.Clock
	watch   *clock.Watch
	log     *slog.Logger
	metrics *metrics
	http    *http.Client
	// noticeKey signs notices; nil without a notice URL.
	noticeKey []byte
	// replica names this process in leases.
	replica string
}

func build(_ context.Context, env *unit.Env, cfg *Config) (*unit.Service, error) {
	m, err := newMetrics(env.Meter, env.DB)
	if err != nil {
		return nil, err
	}
	s := &service{config: cfg, db: env.DB, journal: env.Journal, sealed: env.Sealed, clock: env.Clock, watch: env.ClockWatch, log: env.Log, metrics: m,
		http: noticeClient(cfg.Notice), replica: uuid.NewString()}
	tasks := []lifecycle.Task{lifecycle.Every("send-deadlines", cfg.DeadlineInterval.Std(), s.endDue)}
	if cfg.Notice.URL != "" {
		if s.noticeKey, err = cfg.Notice.key(); err != nil {
			return nil, err
		}
		notices, err := s.noticeTask()
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, notices)
	}
	return &unit.Service{
		Register: func(r grpc.ServiceRegistrar) {
			deliveryv1.RegisterInboxServiceServer(r, s)
			deliveryv1.RegisterDeliveryLookupServiceServer(r, s)
		},
		Consumers: s.consumers(),
		Tasks:     tasks,
	}, nil
}

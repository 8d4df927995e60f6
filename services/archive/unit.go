package archive

import (
	"context"
	"embed"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/pkg/work"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed settings.yaml
var settings string

// Unit is the archive unit.
var Unit = unit.Spec[*Config, *service]{
	Name:     domain,
	Duty:     "문서 등록: deposits at the certified archive, registration certificates",
	Requires: []string{"content", "delivery"},
	Defaults: Default, Settings: settings,
	Migrations: migrations,
	Partitions: []pg.Partition{
		journal.Kept("deposit", pg.ByYearText, "", "e.edoc_num"),
		journal.Kept("deposit_certificate", pg.ByYearText, "", "e.edoc_num"),
	},
	States:  states(),
	Seals:   seals(),
	Policy:  "archive/1",
	Follows: follows(), Witness: "status",
	Proves: proves(),
	Waits: func(c *Config) []work.Wait {
		return work.ClaimedWaits("deposit", "state = 'DUE'", c.Deposits.MaxBackoff.Std(), depositLease)
	},
	Doors: []unit.Door{
		unit.Offer(&archivev1.DepositService_ServiceDesc, archivev1.RegisterDepositServiceHandlerClient, archivev1.NewDepositServiceClient),
		unit.Offer(&archivev1.DepositAdminService_ServiceDesc, archivev1.RegisterDepositAdminServiceHandlerClient, archivev1.NewDepositAdminServiceClient),
	},
	Build: build, Consumers: (*service).consumers, Register: (*service).register, Tasks: (*service).tasks,
}.Unit()

// verifier judges registration certificates.
type verifier interface {
	Registration(der []byte, at time.Time) (*archivecert.Registration, error)
}

type service struct {
	archivev1.UnsafeDepositServiceServer
	archivev1.UnsafeDepositLookupServiceServer
	archivev1.UnsafeDepositAdminServiceServer
	config   *Config
	db       *pgxpool.Pool
	journal  *journal.Journal
	sealed   *sealed.Box
	clock    clock.Clock
	log      *slog.Logger
	tracer   trace.Tracer
	metrics  *metrics
	content  contentv1.ContentServiceClient
	delivery deliveryv1.DeliveryLookupServiceClient
	centre   centre
	verifier verifier
	// archives blocks the archive while it fails.
	archives *work.Destinations
	outage   work.Outage
	bell     work.Bell
	// replica names this process in leases.
	replica string
}

func build(_ context.Context, env *unit.Env, c *Config) (*service, error) {
	s := &service{
		config: c, db: env.DB, journal: env.Journal, sealed: env.Sealed, clock: env.Clock, log: env.Log, tracer: env.Tracer,
		bell: work.NewBell(), replica: uuid.NewString(),
	}
	s.archives = work.NewDestinations(work.Limits{
		Concurrent: c.Deposits.Workers, Failures: uint32(c.Deposits.Failures), Pause: c.Deposits.Pause.Std(), Counts: counts, //nolint:gosec // at least 1
		Changed: s.tellBlocked,
	})
	var err error
	if s.verifier, err = c.Certificates.New(env.Clock); err != nil {
		return nil, err
	}
	if s.centre, err = newCentre(c.Archive, c.Deposits.Workers); err != nil {
		return nil, err
	}
	if s.metrics, err = newMetrics(env.Meter, env.DB); err != nil {
		return nil, err
	}
	content, err := env.Dial("content")
	if err != nil {
		return nil, err
	}
	delivery, err := env.Dial("delivery")
	if err != nil {
		return nil, err
	}
	s.content, s.delivery = contentv1.NewContentServiceClient(content), deliveryv1.NewDeliveryLookupServiceClient(delivery)
	return s, nil
}

func (s *service) tellBlocked(archive string, blocked bool) {
	if blocked {
		s.log.LogAttrs(context.Background(), slog.LevelError, "the archive is left alone for a while: it fails", slog.String("archive", archive))
		return
	}
	s.bell.Ring()
}

func (s *service) register(r grpc.ServiceRegistrar) {
	archivev1.RegisterDepositServiceServer(r, s)
	archivev1.RegisterDepositLookupServiceServer(r, s)
	archivev1.RegisterDepositAdminServiceServer(r, s)
}

func (s *service) tasks() ([]lifecycle.Task, error) {
	deposits, err := s.depositTask()
	return []lifecycle.Task{deposits}, err
}

package circulation

import (
	"context"
	"embed"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/pkg/work"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed settings.yaml
var settings string

// contentKey is the key of the digests of contents. It MUST be the same in every replica, and be kept until every call is done.
const contentKey = "content"

// alarmInterval is how often the queue's age is looked at.
const alarmInterval = time.Minute

// Unit is the circulation unit.
var Unit = unit.Spec[*Config, *service]{
	Name:     domain,
	Duty:     "유통정보: the record of every document, its registration and read time at the hub, the queue for persons",
	Requires: []string{"hub", "address"},
	Defaults: Default, Settings: settings,
	Migrations: migrations,
	Partitions: partitions(),
	States: []proto.Message{
		&circulationv1.CirculationRegistered{}, &circulationv1.ReadTimeRegistered{}, &circulationv1.CirculationRefused{},
		&circulationv1.HubCallSettled{}, &circulationv1.QueuedCallRetried{}, &circulationv1.QueuedCallAccepted{}, &circulationv1.CirculationGivenUp{}, &circulationv1.QueuedCallGivenUp{},
	},
	Seals:   seals(),
	Opens:   opens(),
	Policy:  "circulation/1",
	Follows: follows(), Witness: "status",
	Proves: proves(),
	Waits: func(c *Config) []work.Wait {
		longest := max(c.Calls.MaxWait.Std(), confirmLease(c.Calls.Timeout.Std()))
		return []work.Wait{
			{Table: "circulation_record", Column: "registration_due_at", Where: "registration_state in (1, 2)", Longest: longest},
			{Table: "circulation_record", Column: "read_time_due_at", Where: "read_time_state = 1", Longest: longest},
			{Table: "hub_call", Column: "lease_until", Where: "settled_at is null and lapsed_at is null", Longest: batchLease},
		}
	},
	Doors: []unit.Door{
		unit.Offer(&circulationv1.CirculationService_ServiceDesc, circulationv1.RegisterCirculationServiceHandlerClient, circulationv1.NewCirculationServiceClient),
		unit.Offer(&circulationv1.CirculationAdminService_ServiceDesc, circulationv1.RegisterCirculationAdminServiceHandlerClient, circulationv1.NewCirculationAdminServiceClient),
	},
	Build: build, Consumers: (*service).consumers, Register: (*service).register, Tasks: (*service).tasks,
}.Unit()

// partitions are kept ten years after the end of their year, or longer while a number in them is under legal hold.
func partitions() []pg.Partition {
	calls := journal.Kept("hub_call", pg.ByYearUUIDv7, "", "")
	calls.Guard = `
		select not exists (
		  select from ${partition} e
		         join hold_in_force h on h.subject = any(e.numbers))`
	return []pg.Partition{
		// A row has room for its second version on the same page. Due rows are a small, changing part of a large table, so vacuum
		// must not wait until a fifth of the table has changed.
		journal.Kept("circulation_record", pg.ByYearText, "fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02", "e.edoc_num"),
		calls,
		journal.Kept("hub_ruling", pg.ByYearText, "", "e.edoc_num"),
	}
}

// registrar is the part of the hub unit this unit calls.
type registrar interface {
	RegisterCirculations(ctx context.Context, in *hubv1.RegisterCirculationsRequest, opts ...grpc.CallOption) (*hubv1.RegisterCirculationsResponse, error)
	RegisterReadTimes(ctx context.Context, in *hubv1.RegisterReadTimesRequest, opts ...grpc.CallOption) (*hubv1.RegisterReadTimesResponse, error)
}

// confirmer is the part of the address unit this unit calls.
type confirmer interface {
	ConfirmAddress(ctx context.Context, in *addressv1.ConfirmAddressRequest, opts ...grpc.CallOption) (*addressv1.ConfirmAddressResponse, error)
}

type service struct {
	circulationv1.UnsafeCirculationServiceServer
	circulationv1.UnsafeCirculationAdminServiceServer

	platform     string
	config       *Config
	db           *pgxpool.Pool
	journal      *journal.Journal
	titles       sealed.Opener
	reasons      sealed.Sealer
	contents     hasher
	clock        clock.Clock
	expiry       func(ctx context.Context) (time.Time, error)
	log          *slog.Logger
	tracer       trace.Tracer
	metrics      *metrics
	hub          registrar
	address      confirmer
	destinations *work.Destinations
	backoff      work.Backoff
	refusals     refusals
	outage       work.Outage
	bells        map[callKind]work.Bell
	confirmBell  work.Bell
}

func build(ctx context.Context, env *unit.Env, config *Config) (*service, error) {
	hub, err := env.Dial("hub")
	if err != nil {
		return nil, err
	}
	address, err := env.Dial("address")
	if err != nil {
		return nil, err
	}
	contents, err := env.Keys.MAC(ctx, contentKey)
	if err != nil {
		return nil, err
	}
	instruments, err := newMetrics(env.Meter, env.DB, env.Clock, config.Queue.AlarmAfter.Std())
	if err != nil {
		return nil, err
	}
	s := &service{
		platform: env.Platform, config: config, db: env.DB, journal: env.Journal, titles: env.Sealed, reasons: env.Sealed, contents: contents, clock: env.Clock, expiry: env.Expiry,
		log: env.Log, tracer: env.Tracer, metrics: instruments, hub: hubv1.NewHubServiceClient(hub), address: addressv1.NewAddressServiceClient(address),
		backoff:     work.Backoff{First: config.Calls.FirstWait.Std(), Max: config.Calls.MaxWait.Std()},
		refusals:    refusals{patience: config.Calls.Patience.Std()},
		bells:       map[callKind]work.Bell{registration: work.NewBell(), readTime: work.NewBell()},
		confirmBell: work.NewBell(),
	}
	s.destinations = work.NewDestinations(work.Limits{
		Concurrent: 2 * config.Calls.Concurrency, Failures: 1, Pause: config.Calls.Pause.Std(),
		Counts:  func(err error) bool { return !isRefusal(err) && !errors.Is(err, context.Canceled) },
		Changed: s.hubChanged,
	})
	return s, nil
}

func (s *service) register(r grpc.ServiceRegistrar) {
	circulationv1.RegisterCirculationServiceServer(r, s)
	circulationv1.RegisterCirculationAdminServiceServer(r, s)
	circulationv1.RegisterCirculationLookupServiceServer(r, lookup{db: s.db})
}

func (s *service) tasks() ([]lifecycle.Task, error) {
	tasks := []lifecycle.Task{lifecycle.Every("queue-alarm", alarmInterval, s.raiseAlarm)}
	for _, kind := range []callKind{registration, readTime} {
		task, err := s.callTask(kind)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, task)
	}
	confirm, err := s.confirmTask()
	if err != nil {
		return nil, err
	}
	return append(tasks, confirm), nil
}

func (s *service) hubChanged(_ string, blocked bool) {
	s.log.LogAttrs(context.Background(), slog.LevelWarn, "the hub unit is left alone, or called again", slog.Bool("blocked", blocked))
}

// raiseAlarm logs while something has waited for a person for too long.
func (s *service) raiseAlarm(ctx context.Context) {
	b, err := readBacklog(ctx, s.db, s.clock.Now().Add(-s.config.Queue.AlarmAfter.Std()))
	if err != nil {
		if ctx.Err() == nil {
			s.log.LogAttrs(ctx, slog.LevelWarn, "the queue was not looked at", slog.Any("error", err))
		}
		return
	}
	if b.overdue > 0 {
		s.log.LogAttrs(ctx, slog.LevelError, "hub calls have waited for a person for too long", slog.Int64("calls", b.overdue),
			slog.Time("oldest", b.oldestQueued))
	}
}

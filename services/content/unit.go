package content

import (
	"context"
	"embed"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/pkg/work"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed settings.yaml
var settings string

// Unit is the content unit.
var Unit = unit.Spec[*Config, *service]{
	Name:     domain,
	Duty:     "열람 전자문서 보관: the files of documents, taken, checked, encrypted, and kept until nothing needs them",
	Requires: []string{"intake"},
	Defaults: Default, Settings: settings,
	Migrations: migrations,
	Partitions: partitions(),
	States:     []proto.Message{&contentv1.ContentReceived{}, &contentv1.ContentRefused{}, &contentv1.ContentDeleted{}, &contentv1.ContentRetained{}},
	Policy:     "content/1",
	Follows:    follows(), Witness: "status",
	Waits: func(*Config) []work.Wait {
		return []work.Wait{{Table: "upload", Column: "lease_until", Where: "lease_owner is not null", Longest: leaseFor}}
	},
	Doors: []unit.Door{unit.Offer(&contentv1.UploadService_ServiceDesc, contentv1.RegisterUploadServiceHandlerClient, contentv1.NewUploadServiceClient)},
	Build: build, Consumers: (*service).consumers, Register: (*service).register, Tasks: (*service).tasks,
}.Unit()

// partitions are kept ten years after the end of their year, or longer while what they are about is under legal hold.
func partitions() []pg.Partition {
	return []pg.Partition{
		journal.Kept("upload", pg.ByYearUUIDv7, "", ""),
		journal.Kept("content_use", pg.ByYearText, "", "e.edoc_num"),
		journal.Kept("document_end", pg.ByYearText, "", "e.edoc_num"),
	}
}

// service holds what the unit's handlers and tasks need.
type service struct {
	contentv1.UnsafeUploadServiceServer
	contentv1.UnsafeContentServiceServer
	config  *Config
	db      *pgxpool.Pool
	journal *journal.Journal
	clock   clock.Clock
	watch   *clock.Watch
	// expiry is up to when uploads have had their time.
	expiry  func(ctx context.Context) (time.Time, error)
	bucket  *bucket
	sealer  sealer
	streams *streams
	intake  intakev1.IntakeLookupServiceClient
	// reached reports whether everything that another unit stated up to a sequence was taken in here.
	reached func(ctx context.Context, from string, sequence uint64) (bool, error)
	log     *slog.Logger
	metrics *metrics
	// checks announces a file that waits for its check, retires one that was dismissed.
	checks, retires work.Bell
}

var (
	_ contentv1.UploadServiceServer  = (*service)(nil)
	_ contentv1.ContentServiceServer = (*service)(nil)
)

func build(ctx context.Context, env *unit.Env, config *Config) (*service, error) {
	aead, err := env.Keys.AEAD(ctx, wrappingKey)
	if err != nil {
		return nil, err
	}
	intake, err := env.Dial("intake")
	if err != nil {
		return nil, err
	}
	s := &service{
		config: config, db: env.DB, journal: env.Journal, clock: env.Clock, watch: env.ClockWatch, expiry: env.Expiry, log: env.Log,
		sealer: sealer{aead: aead}, streams: newStreams(config.Streams, streamWait), intake: intakev1.NewIntakeLookupServiceClient(intake), reached: env.Reached,
		checks: work.NewBell(), retires: work.NewBell(),
	}
	s.bucket = &bucket{url: config.Bucket, used: func(ctx context.Context) (bool, error) { return anyPart(ctx, env.DB) }}
	s.metrics, err = newMetrics(env.Meter, env.DB, s.streams)
	return s, err
}

func (s *service) register(r grpc.ServiceRegistrar) {
	contentv1.RegisterUploadServiceServer(r, s)
	contentv1.RegisterContentServiceServer(r, s)
}

func (s *service) tasks() ([]lifecycle.Task, error) {
	checks, err := work.Loop[claimed]{
		Name: "checks", Workers: checkWorkers, Interval: checkInterval, Wake: s.checks, Timeout: checkTime, Log: s.log, Claim: s.claimChecks, Do: s.checkClaimed,
	}.Task()
	return []lifecycle.Task{checks, s.retireTask(), lifecycle.Every("sweep", s.config.SweepInterval.Std(), s.sweep), s.closing()}, err
}

// closing gives the bucket back when the unit stops.
func (s *service) closing() lifecycle.Task {
	return lifecycle.Task{Name: "bucket", Run: func(ctx context.Context) error {
		<-ctx.Done()
		return s.bucket.close()
	}}
}

// newID makes ids of objects and leases, which tell nothing.
func newID() uuid.UUID { return uuid.New() }

package address

import (
	"context"
	"embed"
	"errors"
	"log/slog"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/pkg/work"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Unit is the address unit.
var Unit = unit.Unit{
	Name:       "address",
	Requires:   []string{"hub", "intake"},
	NewConfig:  func() unit.Config { return Default() },
	Migrations: migrations,
	Partitions: []pg.Partition{
		{Table: "open_document", Kind: pg.ByYearText, With: "fillfactor = 80"},
		{Table: "address_history", Kind: pg.ByYearUUIDv7},
		{Table: "consent", Kind: pg.ByYearUUIDv7},
		{Table: "refusal_history", Kind: pg.ByYearUUIDv7},
		{Table: "hub_attempt", Kind: pg.ByYearUUIDv7},
	},
	States: []proto.Message{
		&addressv1.RecipientResolved{}, &addressv1.DocumentCancelled{}, &addressv1.AddressRegistered{}, &addressv1.AddressWithdrawn{},
		&addressv1.ConsentChanged{}, &addressv1.MemberJoined{}, &addressv1.IdentityProved{}, &addressv1.MembershipAsked{}, &addressv1.MemberWithdrew{},
		&addressv1.RefusalChanged{}, &addressv1.OrganisationAddressAsked{}, &addressv1.AddressAtHub{}, &addressv1.RecipientWithheld{},
		&addressv1.SearchEnded{}, &addressv1.SearchQuotaExceeded{},
	},
	Reads:   inbox.Specs((&Service{}).consumers()),
	Policy:  "address/1",
	Follows: follows(), Witness: "status",
	Build: unit.Configured(build),
}

func build(_ context.Context, env *unit.Env, config *Config) (*unit.Service, error) {
	conn, err := env.Dial("hub")
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(env.Meter, env.DB, env.Clock, config.Harvesting)
	if err != nil {
		return nil, err
	}
	s, err := New(Deps{
		Platform: env.Platform, Config: config, Log: env.Log, Clock: env.Clock, DB: env.DB, Journal: env.Journal, Box: env.Sealed,
		Index: env.Index, Hub: hubv1.NewHubServiceClient(conn), metrics: m,
	})
	if err != nil {
		return nil, err
	}
	tasks, err := s.tasks()
	if err != nil {
		return nil, err
	}
	return &unit.Service{Register: s.register, Consumers: s.consumers(), Tasks: tasks}, nil
}

// Deps of the service; all are required.
type Deps struct {
	// Platform is this relay's platform id.
	Platform string
	Config   *Config
	Log      *slog.Logger
	Clock    clock.Clock
	DB       *pgxpool.Pool
	Journal  *journal.Journal
	Box      box
	Index    blinder
	Hub      hubv1.HubServiceClient

	metrics *metrics
}

// box seals what members gave and opens what senders and members gave (sealed.Box).
type box interface {
	Seal(ctx context.Context, p sealed.Purpose, subject string, plaintext []byte) ([]byte, error)
	Open(ctx context.Context, p sealed.Purpose, subject string, value []byte) ([]byte, error)
}

// Service is the address unit at work.
type Service struct {
	config  *Config
	log     *slog.Logger
	clock   clock.Clock
	db      *pgxpool.Pool
	journal *journal.Journal
	box     box
	matcher matcher
	hub     hubv1.HubServiceClient
	metrics *metrics
	// owner names this replica in claims.
	owner string

	wakeLookups, wakeRegistrations work.Bell
}

// New makes the service.
func New(d Deps) (*Service, error) {
	if d.Platform == "" || d.Config == nil || d.Log == nil || d.Clock == nil || d.DB == nil || d.Journal == nil || d.Box == nil || d.Index == nil ||
		d.Hub == nil || d.metrics == nil {
		return nil, errors.New("make address service: something it depends on is missing")
	}
	return &Service{
		config: d.Config, log: d.Log, clock: d.Clock, db: d.DB, journal: d.Journal, box: d.Box, hub: d.Hub, metrics: d.metrics,
		matcher: matcher{platform: d.Platform, index: d.Index, second: d.Config.WriteSecondIndex}, owner: uuid.NewString(),
		wakeLookups: work.NewBell(), wakeRegistrations: work.NewBell(),
	}, nil
}

func (s *Service) register(r grpc.ServiceRegistrar) {
	addressv1.RegisterMembershipServiceServer(r, &membershipServer{Service: s})
	addressv1.RegisterAddressServiceServer(r, &addressServer{Service: s})
}

func (s *Service) tasks() ([]lifecycle.Task, error) {
	lookups, err := s.task("lookups", "looking at a document", s.config.Lookup, s.wakeLookups, claimDocuments, s.lookUp)
	if err != nil {
		return nil, err
	}
	registrations, err := s.task("registrations", "telling the hub of an address", s.config.Registration, s.wakeRegistrations, claimAddresses, s.tellHub)
	if err != nil {
		return nil, err
	}
	return []lifecycle.Task{lookups, registrations, s.purgeTask()}, nil
}

// wakeUp lets this replica look for work at once, after a commit that made some.
func (s *Service) wakeUp() {
	s.wakeLookups.Ring()
	s.wakeRegistrations.Ring()
}

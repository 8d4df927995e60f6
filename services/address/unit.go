package address

import (
	"context"
	"embed"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
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
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed settings.yaml
var settings string

// Unit is the address unit.
var Unit = unit.Spec[*Config, *service]{
	Name:     "address",
	Duty:     "공인전자주소: members (persons and organisations) and institutions, consent, refusal, registration at the hub; search for recipients",
	Requires: []string{"hub", "intake"},
	Defaults: Default, Settings: settings,
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
		&addressv1.ArchiveMembershipsRecorded{}, &addressv1.ConsentChanged{}, &addressv1.MemberJoined{}, &addressv1.IdentityProved{}, &addressv1.MembershipAsked{}, &addressv1.MemberWithdrew{},
		&addressv1.RefusalChanged{}, &addressv1.InstitutionSubmitted{}, &addressv1.AddressAtHub{}, &addressv1.RefusedAddressRetried{}, &addressv1.RefusedAddressGivenUp{}, &addressv1.RecipientWithheld{},
		&addressv1.SearchEnded{}, &addressv1.SearchQuotaExceeded{}, &addressv1.IdentitiesMerged{},
		&addressv1.OrganisationAsked{}, &addressv1.OrganisationAnswered{}, &addressv1.AuthorityGranted{}, &addressv1.AuthorityTaken{}, &addressv1.AuthorityEnded{},
		&addressv1.AuthorityRightsChanged{},
		&addressv1.NameChangeAsked{}, &addressv1.NameChangeAnswered{}, &addressv1.NameChangeRetried{}, &addressv1.NameChangeGivenUp{},
	},
	Seals:   seals(),
	Opens:   opens(),
	Policy:  "address/1",
	Follows: follows(), Witness: "status",
	Waits: func(c *Config) []work.Wait {
		lookup, registration := c.Lookup, c.Registration
		return slices.Concat(
			work.ClaimedWaits("due_document", "", max(c.Recheck, lookup.MaxBackoff).Std(), lookup.Lease.Std()),
			work.ClaimedWaits("due_address", "", max(registration.MaxBackoff, c.RefusalMaxBackoff).Std(), registration.Lease.Std()),
			work.ClaimedWaits("due_name_change", "", max(registration.MaxBackoff, c.RefusalMaxBackoff).Std(), registration.Lease.Std()))
	},
	Doors: []unit.Door{
		unit.Offer(&addressv1.InstitutionService_ServiceDesc, addressv1.RegisterInstitutionServiceHandlerClient, addressv1.NewInstitutionServiceClient),
		unit.Offer(&addressv1.IdentityService_ServiceDesc, addressv1.RegisterIdentityServiceHandlerClient, addressv1.NewIdentityServiceClient),
		unit.Offer(&addressv1.NameChangeService_ServiceDesc, addressv1.RegisterNameChangeServiceHandlerClient, addressv1.NewNameChangeServiceClient),
		unit.Offer(&addressv1.AddressCheckService_ServiceDesc, addressv1.RegisterAddressCheckServiceHandlerClient, addressv1.NewAddressCheckServiceClient),
		unit.Offer(&addressv1.RefusedAddressService_ServiceDesc, addressv1.RegisterRefusedAddressServiceHandlerClient, addressv1.NewRefusedAddressServiceClient),
		unit.Offer(&addressv1.MembershipService_ServiceDesc, addressv1.RegisterMembershipServiceHandlerClient, addressv1.NewMembershipServiceClient),
		unit.Offer(&addressv1.OrganisationService_ServiceDesc, addressv1.RegisterOrganisationServiceHandlerClient, addressv1.NewOrganisationServiceClient),
		unit.Offer(&addressv1.OrganisationAdminService_ServiceDesc, addressv1.RegisterOrganisationAdminServiceHandlerClient, addressv1.NewOrganisationAdminServiceClient),
	},
	Build: build, Consumers: (*service).consumers, Register: (*service).register, Tasks: (*service).tasks,
}.Unit()

func build(_ context.Context, env *unit.Env, config *Config) (*service, error) {
	hub, err := env.Dial("hub")
	if err != nil {
		return nil, err
	}
	intake, err := env.Dial("intake")
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(env.Meter, env.DB, env.Clock, config.Harvesting)
	if err != nil {
		return nil, err
	}
	return &service{
		config: config, log: env.Log, clock: env.Clock, expiry: env.Expiry, db: env.DB, journal: env.Journal, box: env.Sealed, metrics: m,
		hub: hubv1.NewHubServiceClient(hub), intake: intakev1.NewIntakeLookupServiceClient(intake),
		matcher: matcher{platform: env.Platform, index: env.Index, second: config.WriteSecondIndex}, owner: uuid.NewString(),
		wakeLookups: work.NewBell(), wakeRegistrations: work.NewBell(), wakeNames: work.NewBell(),
	}, nil
}

// service is the unit at work.
type service struct {
	config *Config
	log    *slog.Logger
	clock  clock.Clock
	// expiry is up to when deadlines have passed.
	expiry  func(ctx context.Context) (time.Time, error)
	db      *pgxpool.Pool
	journal *journal.Journal
	box     *sealed.Box
	matcher matcher
	hub     hubv1.HubServiceClient
	intake  intakev1.IntakeLookupServiceClient
	metrics *metrics
	// owner names this replica in claims.
	owner string

	wakeLookups, wakeRegistrations, wakeNames work.Bell
}

func (s *service) register(r grpc.ServiceRegistrar) {
	addressv1.RegisterInstitutionServiceServer(r, &institutionServer{service: s})
	addressv1.RegisterIdentityServiceServer(r, &identityServer{service: s})
	addressv1.RegisterRefusedAddressServiceServer(r, &refusedAddressServer{service: s})
	addressv1.RegisterNameChangeServiceServer(r, &nameChangeServer{service: s})
	addressv1.RegisterAddressCheckServiceServer(r, &addressCheckServer{service: s})
	addressv1.RegisterMembershipServiceServer(r, &membershipServer{service: s})
	addressv1.RegisterOrganisationServiceServer(r, &organisationServer{service: s})
	addressv1.RegisterOrganisationAdminServiceServer(r, &organisationAdminServer{service: s})
	addressv1.RegisterAddressServiceServer(r, &addressServer{service: s})
}

func (s *service) tasks() ([]lifecycle.Task, error) {
	lookups, err := s.task("lookups", "looking at a document", s.config.Lookup, s.wakeLookups, claimDocuments, s.lookUp)
	if err != nil {
		return nil, err
	}
	registrations, err := s.task("registrations", "telling the hub of an address", s.config.Registration, s.wakeRegistrations, claimAddresses, s.tellHub)
	if err != nil {
		return nil, err
	}
	names, err := s.task("names", "telling the hub of a name", s.config.Registration, s.wakeNames, claimNameChanges, s.tellName)
	if err != nil {
		return nil, err
	}
	return []lifecycle.Task{lookups, registrations, names, s.purgeTask()}, nil
}

// wakeUp lets this replica look for work at once, after a commit that made some.
func (s *service) wakeUp() {
	s.wakeLookups.Ring()
	s.wakeRegistrations.Ring()
	s.wakeNames.Ring()
}

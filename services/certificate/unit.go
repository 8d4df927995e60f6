package certificate

import (
	"context"
	"crypto/x509"
	"embed"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/pkg/work"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed settings.yaml
var settings string

// neighbours are the units it calls.
var neighbours = []string{"hub", "address", "intake", "delivery", "circulation", "archive", "content", "viewing"}

// Unit is the certificate unit.
var Unit = unit.Spec[*Config, *service]{
	Name:     domain,
	Duty:     "유통증명서, 전자증명서: entitlement, obtaining, checks, assembling, hand-out",
	Requires: neighbours,
	Defaults: Default, Settings: settings,
	Migrations: migrations,
	// Partitioned so that a whole year can be removed; nothing is dropped by age alone.
	Partitions: []pg.Partition{
		{Table: "certificate_file", Kind: pg.ByYearUUIDv7}, {Table: "bundle_file", Kind: pg.ByYearUUIDv7}, {Table: "figures_file", Kind: pg.ByYearUUIDv7},
	},
	States:  states(),
	Seals:   seals(),
	Policy:  "certificate/1",
	Follows: follows(), Witness: "status",
	Waits: func(c *Config) []work.Wait {
		return slices.Concat(
			work.ClaimedWaits("certificate", "state = 1", c.Worker.MaxBackoff.Std(), c.Worker.Lease.Std()),
			work.ClaimedWaits("bundle", "state = 1", c.Worker.MaxBackoff.Std(), c.Worker.Lease.Std()),
			work.ClaimedWaits("bundle_stamp", "", c.Bundles.Kept.Std(), max(renewalTimeout+c.Worker.Lease.Std(), c.Worker.MaxBackoff.Std())),
			work.ClaimedWaits("certificate_push", "outcome is null", pushRetry, c.Worker.Lease.Std()),
			work.ClaimedWaits("figures", "state = 1", c.Worker.MaxBackoff.Std(), c.Worker.Lease.Std()))
	},
	Doors: []unit.Door{
		unit.Offer(&certificatev1.CertificateService_ServiceDesc, certificatev1.RegisterCertificateServiceHandlerClient, certificatev1.NewCertificateServiceClient),
		unit.Offer(&certificatev1.BundleService_ServiceDesc, certificatev1.RegisterBundleServiceHandlerClient, certificatev1.NewBundleServiceClient),
		unit.Offer(&certificatev1.VerificationService_ServiceDesc, certificatev1.RegisterVerificationServiceHandlerClient, certificatev1.NewVerificationServiceClient),
		unit.Offer(&certificatev1.FiguresService_ServiceDesc, certificatev1.RegisterFiguresServiceHandlerClient, certificatev1.NewFiguresServiceClient),
	},
	Build: build, Consumers: (*service).consumers, Register: (*service).register, Tasks: (*service).tasks,
}.Unit()

// chainCache is how many verified signers are remembered; the hub has one or two.
const chainCache = 8

type service struct {
	certificatev1.UnsafeCertificateServiceServer
	certificatev1.UnsafeBundleServiceServer
	config  *Config
	db      *pgxpool.Pool
	journal *journal.Journal
	sealed  *sealed.Box
	clock   clock.Clock
	expiry  func(ctx context.Context) (time.Time, error)
	log     *slog.Logger
	metrics *metrics
	hub     hubv1.HubServiceClient
	address addressv1.AddressServiceClient
	lookup  lookup
	roots   *x509.CertPool
	// timeStampRoots are those of time stamps added to certificates; nil: roots.
	timeStampRoots *x509.CertPool
	chains         *cms.ChainCache
	// revocations configures the revocation checks of the hub's signers.
	revocations *cms.Revocations
	wake        work.Bell
	wakeFigures work.Bell
	wakePushes  work.Bell
	// assembler makes bundles of what contents and the archive have; bundleWake rings when one may be due.
	assembler  assembler
	contents   contentv1.ContentServiceClient
	bundleWake work.Bell
	verifier   *verifier
	// provers are the units that state facts about a document, for the evidence form.
	provers []platformv1.JournalServiceClient
	// replica names this process in leases.
	replica string
}

var (
	_ certificatev1.CertificateServiceServer = (*service)(nil)
	_ certificatev1.BundleServiceServer      = (*service)(nil)
)

func build(_ context.Context, env *unit.Env, c *Config) (*service, error) {
	roots, err := config.Roots(c.Issuer.RootsFile)
	if err != nil {
		return nil, err
	}
	var timeStampRoots *x509.CertPool
	if file := c.Issuer.TimeStampRootsFile; file != "" {
		if timeStampRoots, err = config.Roots(file); err != nil {
			return nil, err
		}
	}
	assembler, err := newAssembler(c.Bundles, env.Clock)
	if err != nil {
		return nil, err
	}
	verifier, err := newVerifier(c.Verification, env.Clock, assembler)
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(env.Meter, env.DB)
	if err != nil {
		return nil, err
	}
	conns := map[string]grpc.ClientConnInterface{}
	for _, name := range neighbours {
		if conns[name], err = env.Dial(name); err != nil {
			return nil, err
		}
	}
	var provers []platformv1.JournalServiceClient
	for _, name := range []string{"intake", "archive", "delivery", "viewing", "circulation"} {
		provers = append(provers, platformv1.NewJournalServiceClient(conns[name]))
	}
	return &service{
		config: c, db: env.DB, journal: env.Journal, sealed: env.Sealed, clock: env.Clock, expiry: env.Expiry, log: env.Log, metrics: m,
		hub: hubv1.NewHubServiceClient(conns["hub"]), address: addressv1.NewAddressServiceClient(conns["address"]), roots: roots, timeStampRoots: timeStampRoots,
		chains: cms.NewChainCache(chainCache), revocations: cms.NewRevocations(c.Issuer.Revocation),
		wake: work.NewBell(), wakeFigures: work.NewBell(), wakePushes: work.NewBell(), bundleWake: work.NewBell(),
		verifier: verifier, assembler: assembler, contents: contentv1.NewContentServiceClient(conns["content"]),
		provers: provers, replica: uuid.NewString(),
		lookup: lookup{
			intake: intakev1.NewIntakeLookupServiceClient(conns["intake"]), delivery: deliveryv1.NewDeliveryLookupServiceClient(conns["delivery"]),
			circulation: circulationv1.NewCirculationLookupServiceClient(conns["circulation"]),
			archive:     archivev1.NewDepositLookupServiceClient(conns["archive"]), timeout: c.Lookup.Timeout.Std(), metrics: m,
		},
	}, nil
}

func (s *service) register(r grpc.ServiceRegistrar) {
	certificatev1.RegisterCertificateServiceServer(r, s)
	certificatev1.RegisterBundleServiceServer(r, s)
	certificatev1.RegisterVerificationServiceServer(r, s.verifier)
	certificatev1.RegisterFiguresServiceServer(r, &figuresServer{service: s})
}

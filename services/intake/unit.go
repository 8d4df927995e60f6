package intake

import (
	"context"
	"embed"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/unit"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/intake/internal/queue"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed settings.yaml
var settings string

const (
	// receiptKey signs receipts, fingerprintKey makes fingerprints. Both MUST be the same in every replica and be kept as long as
	// any document.
	receiptKey     = keys.Receipt
	fingerprintKey = "fingerprint"
)

// Unit is intake.
var Unit = unit.Spec[*Config, *service]{
	Name:     domain,
	Duty:     "발송요청: certificates verified or uploads named, number, signed receipt, idempotency by own key",
	Requires: []string{"address", "content"},
	Defaults: Default, Settings: settings,
	Migrations: migrations,
	Partitions: partitions(),
	States: []proto.Message{&intakev1.DocumentAccepted{}, &intakev1.ContentsNamed{}, &intakev1.CancelRequested{},
		&intakev1.RegistrationCertificateSupplied{}, &intakev1.AuthorisationRequested{}, &intakev1.AuthorisationGiven{}, &intakev1.AuthorisationEnded{}},
	Paced:   []proto.Message{&intakev1.DocumentAccepted{}},
	Pace:    func(c *Config) int { return c.Release.ItemsPerSecond },
	Seals:   seals(),
	Opens:   opens(),
	Policy:  policyVersion,
	Follows: follows(),
	Proves:  proves(),
	Witness: "status",
	Signers: []string{receiptKey},
	Doors: []unit.Door{
		unit.Offer(&intakev1.IntakeService_ServiceDesc, intakev1.RegisterIntakeServiceHandlerClient, intakev1.NewIntakeServiceClient),
		unit.Offer(&intakev1.AuthorisationService_ServiceDesc, intakev1.RegisterAuthorisationServiceHandlerClient, intakev1.NewAuthorisationServiceClient),
	},
	Build: build, Consumers: (*service).consumers, Register: (*service).register, Tasks: (*service).tasks,
}.Unit()

func build(ctx context.Context, env *unit.Env, config *Config) (*service, error) {
	certificates, err := config.Archive.New(env.Clock)
	if err != nil {
		return nil, err
	}
	key, err := env.Keys.Signer(ctx, receiptKey)
	if err != nil {
		return nil, err
	}
	fingerprints, err := env.Keys.MAC(ctx, fingerprintKey)
	if err != nil {
		return nil, err
	}
	limits := queue.Limits{
		Entries: config.Queue.Rows, Bytes: config.Queue.Bytes, FlowEntries: config.Queue.Rows / 2, FlowBytes: config.Queue.Bytes / 2,
	}
	waiting := map[platformv1.Lane]*queue.Queue[uuid.UUID, *row]{}
	for _, lane := range frame.Lanes() {
		waiting[lane] = queue.New[uuid.UUID, *row](limits)
	}
	instruments, err := newMetrics(env.Meter, func() (queued int) {
		for _, q := range waiting {
			queued += q.Len()
		}
		return queued
	})
	if err != nil {
		return nil, err
	}
	content, err := env.Dial("content")
	if err != nil {
		return nil, err
	}
	address, err := env.Dial("address")
	if err != nil {
		return nil, err
	}
	known := newDirectory(env.DB, env.Clock, env.Sealed)
	forget := &forgetter{db: env.DB, expiry: env.Expiry, log: env.Log}
	tasks := []lifecycle.Task{forget.task(), forget.itemsTask()}
	acts := authority{addressv1.NewAddressServiceClient(address)}
	committers := map[platformv1.Lane]*committer{}
	for lane, q := range waiting {
		committers[lane] = &committer{
			journal: env.Journal, receipts: key, lane: lane, writers: config.Writers, slots: env.Slots, clock: env.Clock, queue: q, log: env.Log, metrics: instruments,
		}
		tasks = append(tasks, committers[lane].task())
	}
	return &service{server: &server{
		uploads: journal.NewGroup(env.Journal, (*upload).subject, keepUploads),
		clock:   env.Clock, trust: env.ClockWatch, db: env.DB, journal: env.Journal, limits: config.Limits, verifier: certificates, directory: known, box: env.Sealed,
		acceptor: &acceptor{
			clock: env.Clock, db: env.DB, limits: config.Limits, verifier: certificates, directory: known,
			hasher: fingerprints, serials: newSerials(env.DB, config.Code, env.Keys),
			builder:    &builder{sealer: env.Sealed},
			committers: committers, slots: newCheckSlots(), box: env.Sealed, metrics: instruments,
			contents: contentv1.NewContentServiceClient(content), authority: acts,
		},
	}, authorisations: &authorisations{
		clock: env.Clock, trust: env.ClockWatch, db: env.DB, journal: env.Journal, hasher: fingerprints, box: env.Sealed, authority: acts,
		settings: config.Authorisation,
	}, background: tasks}, nil
}

// service is the unit at work.
type service struct {
	server         *server
	authorisations *authorisations
	background     []lifecycle.Task
}

func (s *service) register(r grpc.ServiceRegistrar) {
	intakev1.RegisterIntakeServiceServer(r, s.server)
	intakev1.RegisterIntakeLookupServiceServer(r, s.server)
	intakev1.RegisterAuthorisationServiceServer(r, s.authorisations)
}

func (s *service) tasks() ([]lifecycle.Task, error) { return s.background, nil }

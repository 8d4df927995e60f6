package web

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/origin"
	"github.com/naru-relay/naru/pkg/unit"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/web/locale"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed settings.yaml
var settings string

// forgetEvery is how often sessions that have ended, and drafts whose time is over, are deleted.
const forgetEvery = 10 * time.Minute

// Unit is the web unit.
var Unit = unit.Spec[*Config, *service]{
	Name:       domain,
	Duty:       "the pages for people: signing in, inbox, viewing, membership, organisations, sending",
	Requires:   []string{"address", "certificate", "content", "delivery", "intake", "status", "viewing"},
	Defaults:   Default,
	Settings:   settings,
	Migrations: migrations,
	Seals:      seals(),
	Policy:     "web/1",
	Witness:    "status",
	Build:      build,
	Tasks:      (*service).tasks,
}.Unit()

// service is the unit at work.
type service struct {
	config   *Config
	name     locale.Text
	terms    terms
	clock    clock.Clock
	log      *slog.Logger
	verifier *authn.Verifier
	sessions *sessions
	drafts   *drafts
	relay    *relay
	limits   *limits
	// spools bound the files that rest here between their arrival and their upload.
	spools *semaphore.Weighted
	// sheets bound those that are read at one time.
	sheets     *semaphore.Weighted
	background []lifecycle.Task
}

// relay are the other units' services. The pages call those for people with the person's own token, as the public doors would.
type relay struct {
	signin   viewingv1.SessionServiceClient
	tokens   viewingv1.ViewingTokenServiceClient
	viewings viewingv1.HostedViewingServiceClient
	inbox    deliveryv1.InboxServiceClient
	// invitations is asked without a token: it is for people who are nobody here yet.
	invitations   deliveryv1.InvitationServiceClient
	notices       deliveryv1.NoticeServiceClient
	membership    addressv1.MembershipServiceClient
	organisations addressv1.OrganisationServiceClient
	// authorities is asked by the unit itself while somebody acts for an organisation, as the gateway does.
	authorities  addressv1.AddressServiceClient
	certificates certificatev1.CertificateServiceClient
	bundles      certificatev1.BundleServiceClient
	// verification is asked without a token, for anybody.
	verification certificatev1.VerificationServiceClient
	uploads      contentv1.UploadServiceClient
	intake       intakev1.IntakeServiceClient
	approvals    intakev1.AuthorisationServiceClient
	status       statusv1.StatusServiceClient
	accesses     viewingv1.AccessServiceClient
}

func dial(env *unit.Env) (*relay, error) {
	to := map[string]grpc.ClientConnInterface{}
	for _, name := range []string{"address", "certificate", "content", "delivery", "intake", "status", "viewing"} {
		conn, err := env.Dial(name)
		if err != nil {
			return nil, err
		}
		to[name] = conn
	}
	return &relay{
		signin: viewingv1.NewSessionServiceClient(to["viewing"]), tokens: viewingv1.NewViewingTokenServiceClient(to["viewing"]),
		viewings: viewingv1.NewHostedViewingServiceClient(to["viewing"]), accesses: viewingv1.NewAccessServiceClient(to["viewing"]), inbox: deliveryv1.NewInboxServiceClient(to["delivery"]),
		notices:    deliveryv1.NewNoticeServiceClient(to["delivery"]),
		membership: addressv1.NewMembershipServiceClient(to["address"]), organisations: addressv1.NewOrganisationServiceClient(to["address"]),
		authorities: addressv1.NewAddressServiceClient(to["address"]), certificates: certificatev1.NewCertificateServiceClient(to["certificate"]),
		bundles: certificatev1.NewBundleServiceClient(to["certificate"]), verification: certificatev1.NewVerificationServiceClient(to["certificate"]),
		invitations: deliveryv1.NewInvitationServiceClient(to["delivery"]), approvals: intakev1.NewAuthorisationServiceClient(to["intake"]),
		uploads: contentv1.NewUploadServiceClient(to["content"]), intake: intakev1.NewIntakeServiceClient(to["intake"]),
		status: statusv1.NewStatusServiceClient(to["status"]),
	}, nil
}

// build wires the unit, top to bottom.
func build(ctx context.Context, env *unit.Env, config *Config) (*service, error) {
	others, err := dial(env)
	if err != nil {
		return nil, err
	}
	agreed, err := readTerms(config.Terms)
	if err != nil {
		return nil, err
	}
	proxies, err := origin.Parse(config.TrustedProxies)
	if err != nil {
		return nil, err
	}
	s := &service{
		config: config, name: locale.Given(config.Name.Korean, config.Name.English), terms: agreed, clock: env.Clock, log: env.Log, verifier: env.Authn,
		sessions: &sessions{db: env.DB, box: env.Sealed, now: env.Clock.Now}, relay: others, limits: newLimits(config.Rate, proxies, env.Clock),
		drafts: &drafts{db: env.DB, box: env.Sealed, now: env.Clock.Now},
		spools: semaphore.NewWeighted(maxSpooled), sheets: semaphore.NewWeighted(maxSheets),
	}
	s.background = []lifecycle.Task{lifecycle.Every("sessions", forgetEvery, s.forget)}
	if config.Listen == "" {
		return s, nil
	}
	handler, err := s.handler(env)
	if err != nil {
		return nil, err
	}
	served, err := s.listen(ctx, handler)
	if err != nil {
		return nil, err
	}
	s.background = append(s.background, served)
	return s, nil
}

// listen opens the address, so that one that is taken is reported at once.
func (s *service) listen(ctx context.Context, handler http.Handler) (lifecycle.Task, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", s.config.Listen)
	if err != nil {
		return lifecycle.Task{}, fmt.Errorf("open the address of the pages: %w", err)
	}
	task, err := serveTask(listener, handler, s.config, s.log)
	if err != nil {
		listener.Close()
		return lifecycle.Task{}, err
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "the pages are served", slog.String("address", listener.Addr().String()))
	return task, nil
}

func (s *service) forget(ctx context.Context) {
	if err := deleteEnded(ctx, s.sessions.db, s.clock.Now()); err != nil && ctx.Err() == nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "sessions that have ended were not deleted", slog.Any("error", err))
	}
	if err := deleteExpiredDrafts(ctx, s.drafts.db, s.clock.Now()); err != nil && ctx.Err() == nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "expired drafts were not deleted", slog.Any("error", err))
	}
}

func (s *service) tasks() ([]lifecycle.Task, error) { return s.background, nil }

package viewing

import (
	"context"
	"embed"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/unit"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/viewing/internal/identity"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed settings.yaml
var settings string

const (
	// loginKey seals the code verifiers of logins under way.
	loginKey = "login"
	// loginDays is how long rows of logins are kept; they are good for minutes.
	loginDays = 2
)

// Unit is viewing.
var Unit = unit.Spec[*Config, *service]{
	Name:     domain,
	Duty:     "본인확인, 열람인증토큰 issue and check, the only judge of \"read\"",
	Requires: []string{"address", "content", "delivery"},
	Defaults: Default, Settings: settings,
	Migrations: migrations,
	Partitions: partitions(),
	States: []proto.Message{
		&viewingv1.ViewingTokenIssued{}, &viewingv1.ViewingTokenVerified{}, &viewingv1.DocumentRead{},
		&viewingv1.IdentityProved{}, &viewingv1.IdentityRefused{}, &viewingv1.OrganisationSessionOpened{}, &viewingv1.TokenChecked{}, &viewingv1.ReadReported{},
		&viewingv1.ViewingOpened{}, &viewingv1.ContentCompared{}, &viewingv1.ContentServed{},
		&viewingv1.ViewingLogExtracted{},
	},
	Signers: []string{keys.AccessToken, keys.ViewingToken, keys.ViewingLog},
	Opens:   opens(),
	Policy:  "viewing/1",
	Follows: follows(), Witness: "status",
	Proves: proves(),
	Doors: []unit.Door{
		unit.Offer(&viewingv1.SessionService_ServiceDesc, viewingv1.RegisterSessionServiceHandlerClient, viewingv1.NewSessionServiceClient),
		unit.Offer(&viewingv1.ViewingTokenService_ServiceDesc, viewingv1.RegisterViewingTokenServiceHandlerClient, viewingv1.NewViewingTokenServiceClient),
		unit.Offer(&viewingv1.HostedViewingService_ServiceDesc, viewingv1.RegisterHostedViewingServiceHandlerClient, viewingv1.NewHostedViewingServiceClient),
		unit.Offer(&viewingv1.AccessService_ServiceDesc, viewingv1.RegisterAccessServiceHandlerClient, viewingv1.NewAccessServiceClient),
		unit.Offer(&viewingv1.ViewingService_ServiceDesc, viewingv1.RegisterViewingServiceHandlerClient, viewingv1.NewViewingServiceClient),
	},
	Build: build, Consumers: (*service).consumers, Register: (*service).register,
}.Unit()

// partitions that are kept ten years after the end of their year, or longer while a number in them is under legal hold. Logins
// are dropped after days.
func partitions() []pg.Partition {
	kept := func(table string, kind pg.PartitionKind, with string) pg.Partition {
		return journal.Kept(table, kind, with, "e.edoc_num")
	}
	// Counters and the use are written into rows once or twice. With space left in a page these updates stay on it.
	const room = "fillfactor = 80"
	return []pg.Partition{
		kept("document", pg.ByYearText, room), kept("cancellation", pg.ByYearText, ""), kept("viewing_token", pg.ByYearText, room),
		kept("read_time", pg.ByYearText, ""), kept("hosted_viewing", pg.ByYearUUIDv7, room), kept("token_check", pg.ByYearUUIDv7, ""), kept("read_report", pg.ByYearUUIDv7, ""),
		journal.Kept("session_opened", pg.ByYearUUIDv7, "", ""),
		{Table: "login", Kind: pg.ByDayUUIDv7, Retain: pg.Retain{Days: loginDays}, Guard: "select true"},
	}
}

// trust reports whether the clock's time may be written into evidence; it is a *clock.Watch.
type trust interface{ Ready() error }

// core is what all services of the unit use.
type core struct {
	clock   clock.Clock
	trust   trust
	db      *pgxpool.Pool
	journal *journal.Journal
	metrics *metrics
}

// now reads the clock; it is an error if the clock is not trusted.
func (c core) now() (time.Time, error) {
	if err := c.trust.Ready(); err != nil {
		return time.Time{}, unavailable("the relay's clock is not good enough for evidence", err)
	}
	return c.clock.Now(), nil
}

// service is the unit at work: its five gRPC services.
type service struct {
	accesses *accesses
	host     *host
	sessions *sessions
	issuer   *issuer
	checker  *checker
}

func (s *service) register(r grpc.ServiceRegistrar) {
	viewingv1.RegisterSessionServiceServer(r, s.sessions)
	viewingv1.RegisterViewingTokenServiceServer(r, s.issuer)
	viewingv1.RegisterViewingServiceServer(r, s.checker)
	viewingv1.RegisterHostedViewingServiceServer(r, s.host)
	viewingv1.RegisterAccessServiceServer(r, s.accesses)
}

func build(ctx context.Context, env *unit.Env, config *Config) (*service, error) {
	instruments, err := newMetrics(env.Meter)
	if err != nil {
		return nil, err
	}
	c := core{clock: env.Clock, trust: env.ClockWatch, db: env.DB, journal: env.Journal, metrics: instruments}
	address, err := env.Dial("address")
	if err != nil {
		return nil, err
	}
	members := addressv1.NewAddressServiceClient(address)
	acting := authorities{address: members, timeout: config.Lookup.Timeout.Std()}
	logins, err := newSessions(ctx, env, config.Identity, c, members, acting)
	if err != nil {
		return nil, err
	}
	tokenKey, err := env.Keys.Signer(ctx, keys.ViewingToken)
	if err != nil {
		return nil, err
	}
	logKey, err := env.Keys.Signer(ctx, keys.ViewingLog)
	if err != nil {
		return nil, err
	}
	delivery, err := env.Dial("delivery")
	if err != nil {
		return nil, err
	}
	received := documents{core: c, delivery: deliveryv1.NewDeliveryLookupServiceClient(delivery), timeout: config.Lookup.Timeout.Std()}
	tokens := &issuer{core: c, platform: env.Platform, signer: tokenKey, documents: received, authorities: acting, perHour: config.Tokens.PerHour}
	tokens.group = journal.NewGroup(env.Journal, func(i *issuance) string { return i.number.String() }, tokens.keepIssued)
	content, err := env.Dial("content")
	if err != nil {
		return nil, err
	}
	verifying := &checker{core: c, platform: env.Platform, ahead: config.Report.Ahead.Std(), keys: &keyring{store: env.Keys, clock: env.Clock}, sealed: env.Sealed,
		authorities: acting,
		checks:      journal.NewGroup(env.Journal, (*check).key, keepChecks),
		reports:     journal.NewGroup(env.Journal, func(r *reporting) string { return r.number.String() }, keepReports)}
	return &service{
		accesses: &accesses{core: c, authorities: acting, documents: received, signer: logKey},
		sessions: logins, issuer: tokens, checker: verifying,
		host: &host{core: c, checker: verifying, contents: contentv1.NewContentServiceClient(content), authorities: acting,
			timeout: config.Lookup.Timeout.Std(), log: env.Log},
	}, nil
}

func newSessions(ctx context.Context, env *unit.Env, i Identity, c core, address resolver, acting authorities) (*sessions, error) {
	provider, err := identity.New(identity.Options{
		Issuer: i.Issuer, ClientID: i.ClientID, ClientSecret: string(i.ClientSecretFile.Value()), Scopes: i.Scopes,
		MaxAge: i.MaxAge.Std(), Skew: i.Skew.Std(), Timeout: i.Timeout.Std(), Refresh: i.Refresh.Std(), Clock: env.Clock,
	})
	if err != nil {
		return nil, err
	}
	signer, err := env.Keys.Signer(ctx, keys.AccessToken)
	if err != nil {
		return nil, err
	}
	minter, err := authn.NewMinter("viewing", authn.Key{ID: signer.KeyID(), Signer: signer}, env.Clock)
	if err != nil {
		return nil, err
	}
	secrets, err := env.Keys.AEAD(ctx, loginKey)
	if err != nil {
		return nil, err
	}
	return &sessions{core: c, issuer: i.Issuer, prover: provider, redirects: i.RedirectURIs, secrets: secrets,
		address: address, authorities: acting, minter: minter}, nil
}

package viewing

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/viewing/internal/identity/identitytest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// deliveryCommit is the commit id of every receipt.
var deliveryCommit = uuid.MustParse("01980000-0000-7000-8000-00000000d000")

// fakeDelivery plays the delivery unit, which viewing asks one question.
type fakeDelivery struct {
	deliveryv1.UnimplementedDeliveryLookupServiceServer
	mu    sync.Mutex
	facts map[string]*platformv1.DocumentFacts
	err   error
	// hang answers no question.
	hang  bool
	asked atomic.Int32
}

func (f *fakeDelivery) knows(number string, facts *platformv1.DocumentFacts) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.facts[number] = facts
}

func (f *fakeDelivery) fails(err error, hang bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.hang = err, hang
}

func (f *fakeDelivery) GetReceived(ctx context.Context, r *deliveryv1.GetReceivedRequest) (*deliveryv1.GetReceivedResponse, error) {
	f.asked.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if f.err != nil {
		return nil, f.err
	}
	facts, ok := f.facts[r.GetEdocNum()]
	if !ok {
		return nil, fault.New(fault.NotFound, "delivery", deliveryv1.Reason_REASON_ITEM_NOT_FOUND, "")
	}
	return &deliveryv1.GetReceivedResponse{Facts: facts, Commit: deliveryCommit.String()}, nil
}

// fakeAddress maps every identity to one recipient.
type fakeAddress struct {
	addressv1.UnimplementedAddressServiceServer
	mu     sync.Mutex
	answer *addressv1.ResolveIdentityResponse
	err    error
	asked  []*addressv1.ResolveIdentityRequest
	// authorities holds who may act, by organisation and person.
	authorities map[[2]string]string
	// role of everybody who may act for an organisation.
	role addressv1.AuthorityRole
}

// is says what everybody is to an organisation it may act for.
func (f *fakeAddress) is(role addressv1.AuthorityRole) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.role = role
}

// authorise lets a person act for an organisation; an empty id ends that.
func (f *fakeAddress) authorise(organisation, person, authority string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.authorities == nil {
		f.authorities = map[[2]string]string{}
	}
	f.authorities[[2]string{organisation, person}] = authority
}

// fails makes every question about an authority fail; with nil they are answered again.
func (f *fakeAddress) fails(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeAddress) TakeAuthority(_ context.Context, r *addressv1.TakeAuthorityRequest) (*addressv1.TakeAuthorityResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	authority := f.authorities[[2]string{r.GetOrganisation(), r.GetPerson()}]
	if f.err != nil {
		return nil, f.err
	}
	if authority == "" {
		return nil, fault.New(fault.Denied, "address", addressv1.Reason_REASON_NOT_AUTHORISED, "")
	}
	return &addressv1.TakeAuthorityResponse{Authority: authority, Role: f.role, Scopes: []string{"documents.receive"}, Member: true, Address: "k7w2-office"}, nil
}

func (f *fakeAddress) ResolveIdentity(_ context.Context, r *addressv1.ResolveIdentityRequest) (*addressv1.ResolveIdentityResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r)
	return f.answer, f.err
}

// bundle is a running unit with a viewing system that serves one sender.
type bundle struct {
	*unittest.Bench
	maker    *unittest.Maker
	delivery *fakeDelivery
	address  *fakeAddress
	sender   string
	system   string
	serial   atomic.Int64
}

func setup(t *testing.T, opts ...unittest.Option) *bundle {
	t.Helper()
	b := &bundle{
		maker: unittest.NewMaker(t, sealedRecipient, domain), delivery: &fakeDelivery{facts: map[string]*platformv1.DocumentFacts{}},
		address: &fakeAddress{}, sender: unittest.NewID(), system: unittest.NewID(),
	}
	all := append([]unittest.Option{
		unittest.Config(func(c *Config) { identityAt(c, "http://127.0.0.1:9") }),
		unittest.Neighbour("intake", b.maker.Register),
		unittest.Neighbour("delivery", func(r grpc.ServiceRegistrar) { deliveryv1.RegisterDeliveryLookupServiceServer(r, b.delivery) }),
		unittest.Neighbour("address", func(r grpc.ServiceRegistrar) { addressv1.RegisterAddressServiceServer(r, b.address) }),
	}, opts...)
	b.Bench = unittest.New(t, Unit, all...)
	b.serve(t, b.system, 1, false, b.sender)
	return b
}

func identityAt(c *Config, issuer string) {
	c.Identity.Issuer, c.Identity.ClientID = issuer, identitytest.ClientID
	c.Identity.ClientSecretFile = config.InlineSecret(identitytest.ClientSecret)
	c.Identity.RedirectURIs = []string{identitytest.RedirectURI}
}

// serve makes the unit know a viewing system.
func (b *bundle) serve(t *testing.T, system string, version uint32, suspended bool, senders ...string) {
	t.Helper()
	b.Deliver(t, platformv1.Lane_LANE_EXPRESS, journal.Fact{Subject: system, Ordinal: version, OccurredAt: b.Clock.Now(), Message: &gatewayv1.PrincipalChanged{
		Id: system, Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM, Suspended: suspended, Senders: senders,
	}})
}

const canaryName = "카나리아홍"

func identifier() *platformv1.RecipientIdentifier {
	return &platformv1.RecipientIdentifier{Person: &platformv1.PersonDescription{Name: canaryName, BirthDate: "19900102", Phone: "01000000009"}}
}

// facts returns the facts of a document received a minute ago.
func (b *bundle) facts(t *testing.T, recipient string, change ...func(f *platformv1.DocumentFacts)) *platformv1.DocumentFacts {
	t.Helper()
	now := b.Clock.Now()
	number, err := id.NewEdocNumber(now, "NARU000001", b.serial.Add(1))
	require.NoError(t, err)
	clear, err := proto.Marshal(identifier())
	require.NoError(t, err)
	hash := &platformv1.Digest{Algorithm: "SHA-256", Value: strings.Repeat("0a", 32)}
	f := &platformv1.DocumentFacts{
		EdocNum: number.String(), Sender: b.sender, Actor: b.sender, OwnKey: "k-1", Lane: platformv1.Lane_LANE_EXPRESS,
		DocumentType: platformv1.DocumentType_DOCUMENT_TYPE_GENERAL, DocumentHash: hash, RegisteredHash: hash,
		AttachmentHashes: []*platformv1.Digest{{Algorithm: "SHA-256", Value: strings.Repeat("0b", 32)}, {Algorithm: "SHA-256", Value: strings.Repeat("0c", 32)}},
		ViewingMode:      platformv1.ViewingMode_VIEWING_MODE_SENDER, ViewingSystem: b.system, ViewingUrl: "https://viewer.example/view/7?lang=ko#page=2",
		ViewingDeadline: timestamppb.New(now.Add(24 * time.Hour)), RegistrationCertificateDigest: strings.Repeat("0d", 32),
		SealedTitle:             []byte("sealed"),
		SealedViewingIdentifier: b.maker.Seal(t, number.String(), clear),
		Recipient:               recipient, To: &platformv1.Party{PlatformId: unittest.Platform, Address: "k7w2-ferry"},
		SentAt: timestamppb.New(now.Add(-time.Minute)), ReceivedAt: timestamppb.New(now.Add(-time.Minute)),
	}
	for _, c := range change {
		c(f)
	}
	return f
}

// receive makes delivery know a document received by a recipient.
func (b *bundle) receive(t *testing.T, recipient string, change ...func(f *platformv1.DocumentFacts)) *platformv1.DocumentFacts {
	t.Helper()
	f := b.facts(t, recipient, change...)
	b.delivery.knows(f.GetEdocNum(), f)
	return f
}

// cancel makes the unit know that a document was cancelled.
func (b *bundle) cancel(t *testing.T, number string) {
	t.Helper()
	b.Deliver(t, platformv1.Lane_LANE_EXPRESS, journal.Fact{Subject: number, Sender: b.sender, OccurredAt: b.Clock.Now(),
		Message: &deliveryv1.DocumentCancelled{EdocNum: number, Sender: b.sender, CancelledAt: timestamppb.New(b.Clock.Now())}})
}

func (b *bundle) issue(t *testing.T, recipient, number string) (*viewingv1.IssueViewingTokenResponse, error) {
	t.Helper()
	return viewingv1.NewViewingTokenServiceClient(b.Recipient(t, recipient)).
		IssueViewingToken(t.Context(), &viewingv1.IssueViewingTokenRequest{EdocNum: number})
}

func (b *bundle) verify(t *testing.T, system, compact, requestID string) (*viewingv1.VerifyViewingTokenResponse, error) {
	t.Helper()
	return viewingv1.NewViewingServiceClient(b.ViewingSystem(t, system)).
		VerifyViewingToken(t.Context(), &viewingv1.VerifyViewingTokenRequest{Token: compact, RequestId: requestID})
}

func (b *bundle) report(t *testing.T, system string, r *viewingv1.ReportReadRequest) (*viewingv1.ReportReadResponse, error) {
	t.Helper()
	return viewingv1.NewViewingServiceClient(b.ViewingSystem(t, system)).ReportRead(t.Context(), r)
}

// verified returns a verification of a new token for a new document.
func (b *bundle) verified(t *testing.T, change ...func(f *platformv1.DocumentFacts)) (*platformv1.DocumentFacts, *viewingv1.VerifyViewingTokenResponse) {
	t.Helper()
	recipient := unittest.NewID()
	f := b.receive(t, recipient, change...)
	return f, b.verifiedAgain(t, f)
}

func (b *bundle) verifiedAgain(t *testing.T, f *platformv1.DocumentFacts) *viewingv1.VerifyViewingTokenResponse {
	t.Helper()
	issued, err := b.issue(t, f.GetRecipient(), f.GetEdocNum())
	require.NoError(t, err)
	v, err := b.verify(t, b.system, issued.GetToken(), "r-1")
	require.NoError(t, err)
	return v
}

func reportOn(f *platformv1.DocumentFacts, v *viewingv1.VerifyViewingTokenResponse, readAt time.Time) *viewingv1.ReportReadRequest {
	return &viewingv1.ReportReadRequest{EdocNum: f.GetEdocNum(), VerificationId: v.GetVerificationId(), ReadAt: timestamppb.New(readAt),
		ShownHash: f.GetDocumentHash(), LogDigest: strings.Repeat("1e", 32)}
}

func requireReason(t *testing.T, err error, kind fault.Kind, reason viewingv1.Reason) {
	t.Helper()
	require.Error(t, err)
	f := fault.As(err)
	require.Equal(t, strings.TrimPrefix(reason.String(), "REASON_"), f.Reason, "%v", err)
	require.Equal(t, kind, f.Kind)
	require.Equal(t, "viewing", f.Domain)
}

// query reads one column as text.
func (b *bundle) query(t *testing.T, sql string, args ...any) []string {
	t.Helper()
	rows, err := b.App.Query(t.Context(), sql, args...)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return found
}

// about returns the facts of a kind about a subject.
func about[M proto.Message](t *testing.T, b *bundle, subject string) []M {
	t.Helper()
	var zero M
	var found []M
	for i, e := range b.Stated(t, zero) {
		if e.GetSubject() == subject {
			found = append(found, unittest.Facts[M](t, b.Bench)[i])
		}
	}
	return found
}

// private returns the facts of a private kind about a document, and their envelopes. An empty number selects those that name no
// document.
func private[M interface {
	proto.Message
	GetEdocNum() string
}](t *testing.T, b *bundle, number string) (found []M, envelopes []*platformv1.Event) {
	t.Helper()
	var zero M
	stated := b.Stated(t, zero)
	for i, m := range unittest.Facts[M](t, b.Bench) {
		if m.GetEdocNum() == number {
			found, envelopes = append(found, m), append(envelopes, stated[i])
		}
	}
	return found, envelopes
}

// outcomes returns the outcomes of a viewing system's token checks, oldest first.
func (b *bundle) outcomes(t *testing.T, system string) []string {
	t.Helper()
	return b.query(t, `select outcome from token_check where viewing_system = $1 order by id`, system)
}

// replica builds the unit's services again, with another pool on the same database.
func (b *bundle) replica(t *testing.T) *service {
	t.Helper()
	pool, err := pg.Open(t.Context(), pg.Options{URL: b.AppURL, Schema: "viewing", MaxConns: 4, ApplicationName: "replica"})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	env := *b.Env
	env.DB = pool
	env.Journal, err = journal.New(journal.Deps{Unit: "viewing", DB: pool, Clock: env.Clock, Keys: journal.NewKeys(env.Keys, env.Clock), States: Unit.States, Policy: Unit.Policy})
	require.NoError(t, err)
	s, err := build(t.Context(), &env, b.Config.(*Config))
	require.NoError(t, err)
	return s
}

// as returns a context in which a principal calls a service directly, without a server.
func as(ctx context.Context, kind platformv1.PrincipalKind, principal string) context.Context {
	return authn.NewContext(ctx, authn.Principal{ID: principal, Kind: kind, Session: uuid.NewString()})
}

func asSystem(ctx context.Context, principal string) context.Context {
	return as(ctx, platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM, principal)
}

// requireNowhere searches for texts in every table of the unit and in its log.
func (b *bundle) requireNowhere(t *testing.T, texts ...string) {
	t.Helper()
	tables := b.queryOwner(t, `select c.relname from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`)
	require.Contains(t, tables, "viewing_token")
	for _, table := range tables {
		for _, row := range b.queryOwner(t, fmt.Sprintf(`select to_jsonb(x)::text from %s x`, pgx.Identifier{table}.Sanitize())) {
			for _, text := range texts {
				require.NotContains(t, row, text, "table %s", table)
				require.NotContains(t, row, fmt.Sprintf("%x", text), "table %s, in bytes", table)
			}
		}
	}
	for _, text := range texts {
		require.NotContains(t, b.Logs.String(), text, "in the log")
	}
}

func (b *bundle) queryOwner(t *testing.T, sql string) []string {
	t.Helper()
	rows, err := b.Owner.Query(t.Context(), sql)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return found
}

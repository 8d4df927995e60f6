package certificate

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/sandbox/certpdf" //nolint:depguard // the test holds this unit against the sandbox of the outside world
	"github.com/naru-relay/naru/services/sandbox/pki"     //nolint:depguard // the test holds this unit against the sandbox of the outside world
)

func TestMain(m *testing.M) {
	os.Exit(pgtest.Main(m, func() error { return goleak.Find() })) //nolint:forbidigo // the main function of this test binary
}

const (
	certNum      = "2026-1121-0000-0042"
	title        = "비밀스러운 고지서 제목"
	reasonText   = "법원 제출용, 아무개 사건"
	senderAddr   = "office.naru"
	receiverAddr = "gang.naru"
)

var documentHash = strings.Repeat("5e", 32)

// attachments of every document; the hub returns them in another order.
func attachments() []*platformv1.Digest {
	return []*platformv1.Digest{{Algorithm: "SHA-256", Value: strings.Repeat("c1", 32)}, {Algorithm: "SHA-256", Value: strings.Repeat("a2", 32)}}
}

// fakeHub plays the hub unit.
type fakeHub struct {
	hubv1.UnimplementedHubServiceServer
	mu    sync.Mutex
	asked []*hubv1.IssueDistributionCertificateRequest
	issue func(r *hubv1.IssueDistributionCertificateRequest, attempt int) (*hubv1.IssueDistributionCertificateResponse, error)
	// figured answers requests for figures.
	figured      func(r *hubv1.IssueFiguresCertificateRequest, attempt int) (*hubv1.IssueFiguresCertificateResponse, error)
	figuresAsked []*hubv1.IssueFiguresCertificateRequest
	// pushes are the certificates that were pushed, by the id of the push.
	pushes map[string]*hubv1.GetPushedCertificateResponse
	// answers are what it recorded of its exchanges.
	answers func(r *hubv1.GetAnswerRequest) (*hubv1.GetAnswerResponse, error)
}

func (f *fakeHub) IssueDistributionCertificate(_ context.Context, r *hubv1.IssueDistributionCertificateRequest) (*hubv1.IssueDistributionCertificateResponse, error) {
	f.mu.Lock()
	f.asked = append(f.asked, r)
	attempt := len(f.asked)
	f.mu.Unlock()
	return f.issue(r, attempt)
}

func (f *fakeHub) GetAnswer(_ context.Context, r *hubv1.GetAnswerRequest) (*hubv1.GetAnswerResponse, error) {
	return f.answers(r)
}

func (f *fakeHub) calls() []*hubv1.IssueDistributionCertificateRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*hubv1.IssueDistributionCertificateRequest{}, f.asked...)
}

// office is a running unit with a certification authority and the parties of a document.
type office struct {
	*unittest.Bench
	hub         *fakeHub
	addresses   *fakeAddresses
	intake      *fakeIntake
	delivery    *fakeDelivery
	circulation *fakeCirculation
	records     *fakeRecords
	pki         *pki.Store
	// database is the database's clock for what ends by time.
	database          *clock.Fake
	sender, recipient string
	// folder of the certificates.
	folder string
}

func setup(t testing.TB, change ...func(c *Config)) *office {
	t.Helper()
	return setupWith(t, &fakeArchive{}, &fakeContent{}, func(c *Config, _ *pki.Store) {
		for _, one := range change {
			one(c)
		}
	})
}

// setupWith is setup with who keeps documents.
func setupWith(t testing.TB, archive *fakeArchive, content *fakeContent, change func(c *Config, store *pki.Store)) *office {
	t.Helper()
	b := &office{
		hub: &fakeHub{}, addresses: &fakeAddresses{}, intake: &fakeIntake{}, delivery: &fakeDelivery{}, circulation: &fakeCirculation{}, records: &fakeRecords{},
		sender: unittest.NewID(), recipient: unittest.NewID(), database: clock.NewFake(clock.System().Now()),
	}
	folder := t.TempDir()
	b.folder = folder
	b.Bench = unittest.New(t, Unit,
		unittest.WithDatabaseClock(b.database),
		unittest.Neighbour("hub", func(r grpc.ServiceRegistrar) { hubv1.RegisterHubServiceServer(r, b.hub) }),
		unittest.Neighbour("address", func(r grpc.ServiceRegistrar) { addressv1.RegisterAddressServiceServer(r, b.addresses) }),
		unittest.Neighbour("intake", b.records.beside("intake", func(r grpc.ServiceRegistrar) { intakev1.RegisterIntakeLookupServiceServer(r, b.intake) })),
		unittest.Neighbour("delivery", b.records.beside("delivery", func(r grpc.ServiceRegistrar) { deliveryv1.RegisterDeliveryLookupServiceServer(r, b.delivery) })),
		unittest.Neighbour("circulation", b.records.beside("circulation", func(r grpc.ServiceRegistrar) { circulationv1.RegisterCirculationLookupServiceServer(r, b.circulation) })),
		unittest.Neighbour("viewing", b.records.beside("viewing", func(grpc.ServiceRegistrar) {})),
		unittest.Witnessed(),
		unittest.Neighbour("archive", b.records.beside("archive", func(r grpc.ServiceRegistrar) { archivev1.RegisterDepositLookupServiceServer(r, archive) })),
		unittest.Neighbour("content", func(r grpc.ServiceRegistrar) { contentv1.RegisterContentServiceServer(r, content) }),
		unittest.Config(func(c *Config) {
			store, err := pki.Open(pki.Options{Dir: folder, Clock: clock.System()})
			require.NoError(t, err)
			b.pki = store
			c.Issuer.Profile = distcert.ProfileSandbox
			c.Issuer.RootsFile = store.RootPath(pki.Hub)
			c.Issuer.Subjects = []string{store.Signer(pki.Hub).Chain[0].Subject.String()}
			c.Worker.Interval = config.Duration(20 * time.Millisecond)
			c.Worker.FirstBackoff = config.Duration(10 * time.Millisecond)
			c.Worker.MaxBackoff = config.Duration(20 * time.Millisecond)
			change(c, store)
		}))
	b.hub.issue = b.genuine
	return b
}

// content returns the content of a genuine certificate for r.
func (b *office) content(r *hubv1.IssueDistributionCertificateRequest) certpdf.Circulation {
	now := b.Clock.Now()
	return certpdf.Circulation{
		CertNum: certNum, EdocNum: r.GetEdocNum(), Title: title,
		Sender:    distcert.Party{Address: senderAddr, PlatformID: unittest.Platform},
		Recipient: distcert.Party{Address: receiverAddr, PlatformID: unittest.Platform},
		SentAt:    now.Add(-time.Hour), ReceivedAt: now.Add(-time.Hour), Hash: documentHash,
		AttachmentHashes: []string{attachments()[1].GetValue(), attachments()[0].GetValue()},
		Applicant:        r.GetAddress(), Reason: r.GetReason(), IssuedAt: now, ValidUntil: now.AddDate(0, 3, 0),
	}
}

func (b *office) render(c certpdf.Circulation, signer pki.Signer) (*hubv1.IssueDistributionCertificateResponse, error) {
	pdf, err := certpdf.Render(c, certpdf.Options{Signer: signer.Key, Chain: signer.Chain, At: b.Clock.Now()})
	if err != nil {
		return nil, err
	}
	return &hubv1.IssueDistributionCertificateResponse{
		CertNum: certNum, Pdf: pdf, Exchange: id.New().String(), AnsweredAt: timestamppb.New(b.Clock.Now()),
	}, nil
}

func (b *office) genuine(r *hubv1.IssueDistributionCertificateRequest, _ int) (*hubv1.IssueDistributionCertificateResponse, error) {
	return b.render(b.content(r), b.pki.Signer(pki.Hub))
}

// readAt issues genuine certificates that state a read time; zero means none.
func (b *office) readAt(at time.Time) func(*hubv1.IssueDistributionCertificateRequest, int) (*hubv1.IssueDistributionCertificateResponse, error) {
	return func(r *hubv1.IssueDistributionCertificateRequest, _ int) (*hubv1.IssueDistributionCertificateResponse, error) {
		c := b.content(r)
		c.ReadAt = at
		return b.render(c, b.pki.Signer(pki.Hub))
	}
}

func (b *office) edoc(t testing.TB, serial int64) string {
	t.Helper()
	number, err := id.NewEdocNumber(b.Clock.Now(), "NARU000001", serial)
	require.NoError(t, err)
	return number.String()
}

// received makes intake and delivery know a document.
func (b *office) received(edocNum string) {
	at := timestamppb.New(b.Clock.Now().Add(-time.Hour))
	facts := &platformv1.DocumentFacts{
		EdocNum: edocNum, Sender: b.sender, Recipient: b.recipient, Circulation: true, SentAt: at, ReceivedAt: at,
		From:         &platformv1.Party{PlatformId: unittest.Platform, Address: senderAddr},
		To:           &platformv1.Party{PlatformId: unittest.Platform, Address: receiverAddr},
		DocumentHash: &platformv1.Digest{Algorithm: "SHA-256", Value: documentHash}, AttachmentHashes: attachments(),
	}
	b.accepted(edocNum)
	b.delivery.knows(edocNum, &deliveryv1.GetReceivedResponse{Facts: facts})
}

// registered makes circulation know that the hub holds a document; readTimeRegistered, that the hub holds the read time; read,
// the read time itself.
func (b *office) registered(edocNum string) {
	b.told(edocNum, &circulationv1.GetRegistrationResponse{RegisteredAt: timestamppb.New(b.Clock.Now())})
}

func (b *office) readTimeRegistered(edocNum string) {
	b.told(edocNum, &circulationv1.GetRegistrationResponse{ReadRegisteredAt: timestamppb.New(b.Clock.Now())})
}

func (b *office) read(edocNum string) {
	b.told(edocNum, &circulationv1.GetRegistrationResponse{ReadAt: timestamppb.New(b.Clock.Now())})
}

func (b *office) told(edocNum string, fact *circulationv1.GetRegistrationResponse) {
	known := &circulationv1.GetRegistrationResponse{}
	if earlier, ok := b.circulation.known(edocNum); ok {
		known = proto.CloneOf(earlier)
	}
	proto.Merge(known, fact)
	b.circulation.knows(edocNum, known)
}

// circulated returns a document whose circulation record the hub holds.
func (b *office) circulated(t testing.TB, serial int64) string {
	t.Helper()
	number := b.edoc(t, serial)
	b.received(number)
	b.registered(number)
	return number
}

func (b *office) asSender(t testing.TB) certificatev1.CertificateServiceClient {
	t.Helper()
	return certificatev1.NewCertificateServiceClient(b.Sender(t, b.sender))
}

func (b *office) asRecipient(t testing.TB) certificatev1.CertificateServiceClient {
	t.Helper()
	return certificatev1.NewCertificateServiceClient(b.Recipient(t, b.recipient))
}

func ask(edocNum, requestID string) *certificatev1.RequestCertificateRequest {
	return &certificatev1.RequestCertificateRequest{EdocNum: edocNum, Reason: reasonText, RequestId: requestID}
}

// ended requests a certificate and waits until the request has ended.
func ended(t testing.TB, c certificatev1.CertificateServiceClient, edocNum, requestID string) *certificatev1.Certificate {
	t.Helper()
	r, err := c.RequestCertificate(t.Context(), ask(edocNum, requestID))
	require.NoError(t, err)
	return awaitEnd(t, c, r.GetCertificate().GetId())
}

func awaitEnd(t testing.TB, c certificatev1.CertificateServiceClient, certificateID string) *certificatev1.Certificate {
	t.Helper()
	var got *certificatev1.Certificate
	await.Require(t, unittest.Patience, func() bool {
		answer, err := c.GetCertificate(t.Context(), &certificatev1.GetCertificateRequest{Id: certificateID})
		require.NoError(t, err)
		got = answer.GetCertificate()
		return got.GetState() != certificatev1.CertificateState_CERTIFICATE_STATE_REQUESTED
	})
	return got
}

func hubFault(k fault.Kind, r hubv1.Reason) error {
	return fault.New(k, "hub", r, "", fault.WithMetadata("errCode", "ERR-01-501"))
}

// count runs a query that returns one number.
func (b *office) count(t testing.TB, sql string, args ...any) int {
	t.Helper()
	var n int
	require.NoError(t, b.Owner.QueryRow(t.Context(), sql, args...).Scan(&n))
	return n
}

package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/rest"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	sandbox "github.com/naru-relay/naru/services/sandbox/archive" //nolint:depguard // the test holds this unit against the sandbox of the outside world
	"github.com/naru-relay/naru/services/sandbox/pki"             //nolint:depguard // the test holds this unit against the sandbox of the outside world
	"github.com/naru-relay/naru/services/sandbox/scenario"        //nolint:depguard // the test holds this unit against the sandbox of the outside world
)

const (
	express    = platformv1.Lane_LANE_EXPRESS
	memberID   = "naru-relay"
	ownerName  = "시험용 나루"
	password   = "invented-password"
	adminToken = "admin-token-of-the-test"
	senderAddr = "office.naru"
)

// bundle is a running unit with a real sandbox archive and fakes of its neighbours.
type bundle struct {
	*unittest.Bench
	service   *service
	archive   *pgtest.DB
	scenarios *scenario.Set
	content   *fakeContent
	delivery  *fakeDelivery
	// requests counts the calls to the archive by method and path.
	requests  *requests
	serial    int64
	sender    string
	recipient string
}

type requests struct {
	mu    sync.Mutex
	count map[string]int
}

func (r *requests) of(call string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count[call]
}

func (r *requests) counting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		r.count[q.Method+" "+q.URL.Path]++
		r.mu.Unlock()
		next.ServeHTTP(w, q)
	})
}

const submitting, lookingUp = "POST /archive/documents", "GET /archive/documents"

func setup(t testing.TB, change ...func(c *Config)) *bundle {
	t.Helper()
	now := clock.NewFake(clock.System().Now())
	b := &bundle{
		scenarios: scenario.NewSet(), content: &fakeContent{files: map[string]file{}}, delivery: &fakeDelivery{},
		requests: &requests{count: map[string]int{}}, sender: unittest.NewID(), recipient: unittest.NewID(),
	}
	b.archive = pgtest.New(t, "sandbox_archive", pg.Source{Name: "sandbox_archive", FS: sandbox.Migrations})
	authority, err := pki.Open(pki.Options{Dir: filepath.Join(t.TempDir(), "pki"), Clock: now})
	require.NoError(t, err)
	cfg := sandbox.Default()
	cfg.AdminTokenFile, cfg.DocumentDir = config.InlineSecret(adminToken), filepath.Join(t.TempDir(), "documents")
	logs := &unittest.Log{}
	system, err := sandbox.New(t.Context(), sandbox.Deps{
		Base: scenario.Base{DB: b.archive.App, Clock: now, Log: logs.Logger(), Scenarios: b.scenarios}, Config: cfg, Authority: authority,
	})
	require.NoError(t, err)
	server := httptest.NewServer(b.requests.counting(system.Handler()))
	t.Cleanup(server.Close)
	door, err := rest.New(rest.Options{BaseURL: server.URL, HTTP: server.Client()})
	require.NoError(t, err)
	require.NoError(t, door.WithBearer(adminToken).JSON(t.Context(), http.MethodPost, "/sandbox/archive/members", nil,
		map[string]string{"memberId": memberID, "name": ownerName, "password": password}, nil))

	b.Bench = unittest.New(t, Unit, unittest.WithClock(now),
		unittest.Neighbour("content", func(r grpc.ServiceRegistrar) { contentv1.RegisterContentServiceServer(r, b.content) }),
		unittest.Neighbour("delivery", func(r grpc.ServiceRegistrar) { deliveryv1.RegisterDeliveryLookupServiceServer(r, b.delivery) }),
		unittest.Config(func(c *Config) {
			c.Archive.Name, c.Archive.BaseURL, c.Archive.MemberID, c.Archive.Owner = pki.ArchiveName, server.URL, memberID, ownerName
			c.Archive.PasswordFile = config.InlineSecret(password)
			c.Certificates.Issuers = []archivecert.IssuerConfig{{Name: pki.ArchiveName, Profile: archivecert.Format, Roots: []string{authority.RootPath(pki.Archive)}}}
			c.Deposits.Interval, c.Deposits.FirstBackoff, c.Deposits.MaxBackoff = config.Duration(20*time.Millisecond), config.Duration(10*time.Millisecond), config.Duration(20*time.Millisecond)
			c.Deposits.Failures, c.Deposits.Pause = 1000, config.Duration(50*time.Millisecond)
			for _, one := range change {
				one(c)
			}
			require.NoError(t, c.Validate())
		}))
	b.service = b.second(t)
	return b
}

// second builds the unit's service again, as a second replica has it, without its loops.
func (b *bundle) second(t testing.TB) *service {
	t.Helper()
	s, err := build(t.Context(), b.Env, b.Config.(*Config))
	require.NoError(t, err)
	return s
}

func (b *bundle) misbehave(t testing.TB, s scenario.Scenario) {
	t.Helper()
	s.ID = string(s.Kind)
	require.NoError(t, b.scenarios.Put(s))
}

func hashOf(content []byte) string {
	digest := sha256.Sum256(content)
	return hex.EncodeToString(digest[:])
}

// document is an accepted document with its content at the content unit.
func (b *bundle) document(t testing.TB, content string, attachments ...string) *platformv1.DocumentFacts {
	t.Helper()
	b.serial++
	number, err := id.NewEdocNumber(b.Clock.Now(), "NARU000001", b.serial)
	require.NoError(t, err)
	facts := &platformv1.DocumentFacts{
		EdocNum: number.String(), Sender: b.sender, Actor: b.sender, Lane: express, ViewingMode: platformv1.ViewingMode_VIEWING_MODE_RELAY,
		From: &platformv1.Party{PlatformId: unittest.Platform, Address: senderAddr}, Recipient: b.recipient,
		DocumentHash: &platformv1.Digest{Algorithm: "SHA-256", Value: hashOf([]byte(content))}, DocumentContent: b.content.add([]byte(content)),
		AcceptedAt: timestamppb.New(b.Clock.Now()),
	}
	for _, attachment := range attachments {
		facts.AttachmentHashes = append(facts.AttachmentHashes, &platformv1.Digest{Algorithm: "SHA-256", Value: hashOf([]byte(attachment))})
		facts.AttachmentContents = append(facts.AttachmentContents, b.content.add([]byte(attachment)))
	}
	return facts
}

// resolve has the recipient found here, and the document wait for its deposit.
func (b *bundle) resolve(t testing.TB, facts *platformv1.DocumentFacts, ordinal uint32) {
	t.Helper()
	b.Deliver(t, express, journal.Fact{
		Subject: facts.GetEdocNum(), Ordinal: ordinal, Sender: facts.GetSender(), Actor: "unit:delivery", OccurredAt: b.Clock.Now(),
		Message: &deliveryv1.DepositAwaited{Facts: facts, ResolvedAt: timestamppb.New(b.Clock.Now()), Choices: ordinal},
	})
}

// end has delivery state that a document has ended.
func (b *bundle) end(t testing.TB, facts *platformv1.DocumentFacts, message proto.Message) {
	t.Helper()
	b.Deliver(t, express, journal.Fact{
		Subject: facts.GetEdocNum(), Sender: facts.GetSender(), Actor: "unit:delivery", OccurredAt: b.Clock.Now(), Message: message,
	})
}

// row is a deposit as it stands.
type row struct {
	state, lastError, reason string
	attempt                  int
	uncertain                bool
}

func (b *bundle) row(t testing.TB, number string) (r row) {
	t.Helper()
	const read = `select state, coalesce(last_error, ''), coalesce(reason, ''), attempt, uncertain from deposit where edoc_num = $1`
	require.NoError(t, b.App.QueryRow(t.Context(), read, number).Scan(&r.state, &r.lastError, &r.reason, &r.attempt, &r.uncertain))
	return r
}

func (b *bundle) awaitRow(t testing.TB, number string, good func(r row) bool) {
	t.Helper()
	await.Require(t, unittest.Patience, func() bool { return good(b.row(t, number)) })
}

func (b *bundle) registrations(t testing.TB, facts *platformv1.DocumentFacts) (n int) {
	t.Helper()
	require.NoError(t, b.archive.App.QueryRow(t.Context(), `select count(*) from document where hash = $1`, facts.GetDocumentHash().GetValue()).Scan(&n))
	return n
}

func (b *bundle) awaitDeposited(t testing.TB, n int) []*archivev1.DocumentDeposited {
	t.Helper()
	return unittest.AwaitFacts[*archivev1.DocumentDeposited](t, b.Bench, n)
}

// outcomes are the recorded attempts that deposited nothing.
func (b *bundle) outcomes(t testing.TB) []string {
	t.Helper()
	var outcomes []string
	for _, attempted := range unittest.Facts[*archivev1.DepositAttempted](t, b.Bench) {
		outcomes = append(outcomes, attempted.GetOutcome())
	}
	return outcomes
}

// file is an upload. bytes gives its content; state and failure tell what is wrong with it.
type file struct {
	bytes   func() io.Reader
	size    int64
	hash    string
	state   contentv1.UploadState
	failure error
}

// fakeContent plays the content unit.
type fakeContent struct {
	contentv1.UnimplementedContentServiceServer
	mu    sync.Mutex
	files map[string]file
	// read is called with each piece that is streamed.
	read func()
}

func (f *fakeContent) add(content []byte) string {
	return f.put(file{bytes: func() io.Reader { return bytes.NewReader(content) }, size: int64(len(content)), hash: hashOf(content)})
}

func (f *fakeContent) put(one file) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one.state == 0 {
		one.state = contentv1.UploadState_UPLOAD_STATE_READY
	}
	upload := unittest.NewID()
	f.files[upload] = one
	return upload
}

func (f *fakeContent) change(upload string, change func(one *file)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.files[upload]
	change(&one)
	f.files[upload] = one
}

// pause holds up what is read from now on until goOn is closed; reading tells that something is read.
func (f *fakeContent) pause() (reading <-chan struct{}, goOn chan<- struct{}) {
	begun, ended := make(chan struct{}), make(chan struct{})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read = func() {
		select {
		case begun <- struct{}{}:
		case <-ended:
		}
		<-ended
	}
	return begun, ended
}

func (f *fakeContent) GetContents(_ context.Context, r *contentv1.GetContentsRequest) (*contentv1.GetContentsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer := &contentv1.GetContentsResponse{}
	for _, upload := range r.GetIds() {
		if one, known := f.files[upload]; known {
			answer.Contents = append(answer.Contents, &contentv1.Content{
				Id: upload, State: one.state, Size: one.size, Hash: &platformv1.Digest{Algorithm: "SHA-256", Value: one.hash}, MediaType: "application/pdf",
			})
		}
	}
	return answer, nil
}

func (f *fakeContent) ReadContent(r *contentv1.ReadContentRequest, stream grpc.ServerStreamingServer[contentv1.ReadContentResponse]) error {
	f.mu.Lock()
	one, told := f.files[r.GetId()], f.read
	f.mu.Unlock()
	content, piece := one.bytes(), make([]byte, 128<<10)
	for {
		n, err := content.Read(piece)
		if n > 0 {
			if err := stream.Send(&contentv1.ReadContentResponse{Data: piece[:n]}); err != nil {
				return err
			}
		}
		if told != nil {
			told()
		}
		switch {
		case one.failure != nil:
			return one.failure
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// fakeDelivery plays delivery's look-up.
type fakeDelivery struct {
	deliveryv1.UnimplementedDeliveryLookupServiceServer
	mu       sync.Mutex
	received *platformv1.DocumentFacts
}

func (f *fakeDelivery) GetReceived(_ context.Context, r *deliveryv1.GetReceivedRequest) (*deliveryv1.GetReceivedResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.received.GetEdocNum() != r.GetEdocNum() {
		return nil, fault.New(fault.NotFound, "delivery", deliveryv1.Reason_REASON_ITEM_NOT_FOUND, "")
	}
	return &deliveryv1.GetReceivedResponse{Facts: f.received}, nil
}

package intake

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	archiveName = "시험용 전자문서보관소"
	testCI      = "Q0lURVNUQ0lURVNUQ0lURVNUQ0lURVNUQ0lURVNUQ0lURVNUQ0lURVNUQ0lURVNUQ0lURVNUQ0lURVNUQ0lURQ=="
	testTitle   = "가상 건강검진 안내"
	// memberName is what the archive calls the senders of these tests.
	memberName = "가상상사"
)

// archive is a certified archive of the tests.
type archive struct {
	root   *cmstest.Authority
	signer archivecert.Signer
	at     time.Time
}

func newArchive(t testing.TB, at time.Time) *archive {
	t.Helper()
	root := cmstest.NewRoot(t, "시험용 루트", at)
	return &archive{root: root, signer: archivecert.Signer(root.Signer(t, archiveName, at)), at: at}
}

func (a *archive) rootFile(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "root.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Certificate.Raw}), 0o600))
	return file
}

// issue returns a registration certificate of a document registered a minute ago.
func (a *archive) issue(t testing.TB, hash string, edit ...func(*archivecert.Statement)) []byte {
	t.Helper()
	s := archivecert.Statement{
		CertificateNumber: "R-1", DocumentID: "doc-1", Issuer: archiveName, Owner: memberName, Hash: hash,
		RegisteredAt: a.at.Add(-time.Minute), ValidFrom: a.at.Add(-time.Minute), ValidUntil: a.at.AddDate(1, 0, 0),
	}
	for _, change := range edit {
		change(&s)
	}
	der, err := archivecert.IssueRegistration(s, a.signer, a.at)
	require.NoError(t, err)
	return der
}

// world is a running unit with one sender and its viewing system.
type world struct {
	*unittest.Bench
	archive *archive
	// address seals archive memberships as the address unit does, and roles knows who may act for organisations.
	address *unittest.Maker
	roles   *fakeRoles
	// sender and system are principal ids. The sender has a registered address, and the viewing system serves it.
	sender, system string
	client         intakev1.IntakeServiceClient
}

const senderAddressText = "office@가상상사"

func newWorld(t *testing.T, opts ...unittest.Option) *world {
	t.Helper()
	return newWorldOf(t, nil, opts...)
}

// newWorldOf is a world that accepts certificates of more archives.
func newWorldOf(t *testing.T, more []archivecert.IssuerConfig, opts ...unittest.Option) *world {
	t.Helper()
	now := clock.System().Now()
	w := &world{archive: newArchive(t, now), address: unittest.NewMaker(t, sealedMemberships, domain), sender: unittest.NewID(), system: unittest.NewID(), roles: &fakeRoles{}}
	roots := w.archive.rootFile(t)
	opts = append([]unittest.Option{unittest.Config(func(c *Config) {
		c.Archive.Issuers = append(more, archivecert.IssuerConfig{Name: archiveName, Profile: archivecert.Format, Roots: []string{roots}})
	}), unittest.Neighbour("address", func(r grpc.ServiceRegistrar) {
		w.address.Register(r)
		addressv1.RegisterAddressServiceServer(r, w.roles)
	}), unittest.WithClock(clock.NewFake(now))}, opts...)
	w.Bench = unittest.New(t, Unit, opts...)
	w.join(t, w.sender, w.system)
	w.client = intakev1.NewIntakeServiceClient(w.Sender(t, w.sender))
	return w
}

// join makes the unit know a sender with a registered address, and a viewing system that serves it.
func (w *world) join(t testing.TB, sender, system string) {
	t.Helper()
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS,
		w.principal(1, &gatewayv1.PrincipalChanged{Id: sender, Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, Address: senderAddressText}),
		w.principal(1, &gatewayv1.PrincipalChanged{Id: system, Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM, Senders: []string{sender}}))
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.recorded(t, sender, 1, membership(archiveName, memberName)))
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.registered(sender, senderAddressText, w.archive.at.Add(-time.Hour)))
}

func membership(archive, member string) *addressv1.ArchiveMembership {
	return &addressv1.ArchiveMembership{Archive: archive, Member: member}
}

// recorded states archive memberships as they were recorded for the so many-th time.
func (w *world) recorded(t testing.TB, principal string, times uint32, memberships ...*addressv1.ArchiveMembership) journal.Fact {
	t.Helper()
	plain, err := proto.Marshal(&addressv1.ArchiveMemberships{Memberships: memberships})
	require.NoError(t, err)
	return journal.Fact{Subject: principal, Ordinal: times, OccurredAt: w.archive.at, Message: &addressv1.ArchiveMembershipsRecorded{
		Principal: principal, SealedMemberships: w.address.Seal(t, principal, plain),
	}}
}

func (w *world) principal(version uint32, p *gatewayv1.PrincipalChanged) journal.Fact {
	return journal.Fact{Subject: p.GetId(), Ordinal: version, OccurredAt: w.archive.at, Message: p}
}

func (w *world) registered(principal, address string, from time.Time) journal.Fact {
	return journal.Fact{Subject: address, OccurredAt: w.archive.at, Message: &addressv1.AddressRegistered{
		Address: address, PlatformId: unittest.Platform, ValidFrom: timestamppb.New(from), Principal: principal,
	}}
}

func (w *world) withdrawn(principal, address string, until time.Time) journal.Fact {
	return journal.Fact{Subject: address, OccurredAt: w.archive.at, Message: &addressv1.AddressWithdrawn{
		Address: address, ValidUntil: timestamppb.New(until), Principal: principal,
	}}
}

// item returns a good item of the world's sender, about a new document.
func (w *world) item(t testing.TB, key string, edit ...func(*intakev1.SendItem)) *intakev1.SendItem {
	t.Helper()
	hash := randomHash()
	item := &intakev1.SendItem{
		OwnKey: key, Recipient: &platformv1.RecipientIdentifier{Ci: proto.String(testCI)}, Title: testTitle,
		DocumentType: platformv1.DocumentType_DOCUMENT_TYPE_GENERAL, Category: platformv1.DocumentCategory_DOCUMENT_CATEGORY_NOTICE,
		DocumentHash:            &platformv1.Digest{Algorithm: "SHA-256", Value: hash},
		Viewing:                 &intakev1.Viewing{Url: "https://view.example/doc?id=1", ViewingSystem: w.system},
		RegistrationCertificate: w.archive.issue(t, hash),
	}
	for _, change := range edit {
		change(item)
	}
	return item
}

func (w *world) send(t testing.TB, item *intakev1.SendItem) *intakev1.Acceptance {
	t.Helper()
	resp, err := w.client.Send(t.Context(), &intakev1.SendRequest{Item: item})
	require.NoError(t, err)
	return resp.GetAcceptance()
}

func (w *world) refused(t testing.TB, item *intakev1.SendItem) *fault.Error {
	t.Helper()
	_, err := w.client.Send(t.Context(), &intakev1.SendRequest{Item: item})
	require.Error(t, err)
	return fault.As(err)
}

func (w *world) count(t testing.TB, table string) int {
	t.Helper()
	var n int
	require.NoError(t, w.App.QueryRow(t.Context(), `select count(*) from `+table).Scan(&n))
	return n
}

func randomHash() string {
	var seed [16]byte
	_, _ = rand.Read(seed[:])
	sum := sha256.Sum256(seed[:])
	return hex.EncodeToString(sum[:])
}

func fieldsOf(violations []fault.Violation) string {
	var fields []string
	for _, v := range violations {
		fields = append(fields, v.Field)
	}
	return strings.Join(fields, " ")
}

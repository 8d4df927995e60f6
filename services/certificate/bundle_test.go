package certificate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/pkg/tsp"
	"github.com/naru-relay/naru/pkg/tsp/tsptest"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/sandbox/certpdf" //nolint:depguard // the test holds this unit against the sandbox of the outside world
	"github.com/naru-relay/naru/services/sandbox/pki"     //nolint:depguard // the test holds this unit against the sandbox of the outside world
)

// fakeArchive plays the archive unit: it issues one document, in pieces.
type fakeArchive struct {
	archivev1.UnimplementedDepositLookupServiceServer
	mu     sync.Mutex
	digest string
	// registration is the certificate of which digest is.
	registration []byte
	document     []byte
	original     func() []byte
	err          error
	issued       int
}

func (f *fakeArchive) GetDeposit(context.Context, *archivev1.GetDepositRequest) (*archivev1.GetDepositResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.digest == "" {
		return nil, fault.New(fault.NotFound, "archive", nil, "")
	}
	return &archivev1.GetDepositResponse{Digest: f.digest, RegistrationCertificate: f.registration}, nil
}

func (f *fakeArchive) IssueDocument(_ *archivev1.IssueDocumentRequest, stream grpc.ServerStreamingServer[archivev1.IssueDocumentResponse]) error {
	f.mu.Lock()
	document, original, err := f.document, f.original, f.err
	f.issued++
	f.mu.Unlock()
	if err != nil {
		return err
	}
	for piece := range bytes.Lines(document) {
		if err := stream.Send(&archivev1.IssueDocumentResponse{Data: piece}); err != nil {
			return err
		}
	}
	return stream.Send(&archivev1.IssueDocumentResponse{Issued: &archivev1.IssuedDocument{OriginalCertificate: original(), MediaType: "application/pdf"}})
}

func (f *fakeArchive) set(change func(*fakeArchive)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// fakeContent plays the content unit, which keeps files under their ids.
type fakeContent struct {
	contentv1.UnimplementedContentServiceServer
	mu       sync.Mutex
	files    map[string][]byte
	retained []string
	until    time.Time
}

func (f *fakeContent) GetContents(_ context.Context, r *contentv1.GetContentsRequest) (*contentv1.GetContentsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer := &contentv1.GetContentsResponse{}
	for _, id := range r.GetIds() {
		if f.files[id] != nil {
			answer.Contents = append(answer.Contents, &contentv1.Content{Id: id, State: contentv1.UploadState_UPLOAD_STATE_READY, MediaType: "application/pdf"})
		}
	}
	return answer, nil
}

func (f *fakeContent) RetainContents(_ context.Context, r *contentv1.RetainContentsRequest) (*contentv1.RetainContentsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.until = r.GetUntil().AsTime()
	answer := &contentv1.RetainContentsResponse{}
	for _, id := range r.GetIds() {
		if f.files[id] != nil {
			answer.Ids = append(answer.Ids, id)
		}
	}
	f.retained = answer.GetIds()
	return answer, nil
}

func (f *fakeContent) ReadContent(r *contentv1.ReadContentRequest, stream grpc.ServerStreamingServer[contentv1.ReadContentResponse]) error {
	f.mu.Lock()
	content := f.files[r.GetId()]
	f.mu.Unlock()
	if content == nil {
		return fault.New(fault.NotFound, "content", contentv1.Reason_REASON_CONTENT_NOT_FOUND, "")
	}
	for piece := range bytes.Lines(content) {
		if err := stream.Send(&contentv1.ReadContentResponse{Data: piece}); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeContent) forget(ids ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		delete(f.files, id)
	}
}

// workshop is an office that assembles bundles of one document.
type workshop struct {
	*office
	t        *testing.T
	archive  *fakeArchive
	content  *fakeContent
	tsa      *tsptest.Authority
	tsaRoot  *cmstest.Authority
	document []byte
	first    []byte
	second   []byte
	ids      []string
}

func hashOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func newWorkshop(t *testing.T, change ...func(c *Config)) *workshop {
	t.Helper()
	w := &workshop{
		t:       t,
		archive: &fakeArchive{digest: hashOf([]byte("registration"))}, content: &fakeContent{files: map[string][]byte{}},
		document: []byte("%PDF-1.4\n시험용 문서\n%%EOF\n"), first: []byte("%PDF-1.4\n첨부 1\n"), second: []byte("%PDF-1.4\n첨부 2\n"),
		ids: []string{unittest.NewID(), unittest.NewID(), unittest.NewID()},
	}
	for i, content := range [][]byte{w.document, w.first, w.second} {
		w.content.files[w.ids[i]] = content
	}
	at := time.Now() //nolint:forbidigo // the bench's clock begins about now
	w.tsaRoot = cmstest.NewRoot(t, "시험용 시점확인 루트", at)
	w.tsa = tsptest.New(t, w.tsaRoot.TimeStamper(t, "시험용 시점확인센터", at), func() time.Time { return w.Clock.Now() })
	folder := t.TempDir()
	roots := cmstest.WritePEM(t, folder, "tsa-root.pem", w.tsaRoot)
	w.office = setupWith(t, w.archive, w.content, func(c *Config, store *pki.Store) {
		c.Bundles.Signer = SignerConfig{CertificateFile: store.LeafPath(pki.Relay), KeyFile: store.KeyPath(pki.Relay)}
		c.Verification.TrustDir, c.Verification.Verifier = "../../e2e/vectors/trust", "시험용 나루"
		c.Bundles.Renewal.Interval = config.Duration(10 * time.Millisecond)
		c.Bundles.TimeStamps = tsp.Config{Authorities: []tsp.AuthorityConfig{{Name: "tsa", URL: w.tsa.URL, RootsFile: roots}}}
		c.Bundles.Archives = archivecert.Config{Issuers: []archivecert.IssuerConfig{{
			Name: pki.ArchiveName, Profile: archivecert.Format, Roots: []string{store.RootPath(pki.Archive)},
		}}}
		for _, one := range change {
			one(c)
		}
	})
	w.archive.document, w.archive.original = w.document, w.genuineOriginal
	w.hub.issue = w.issueFor(func(*certpdf.Circulation) {})
	return w
}

// issueFor has the hub certify the workshop's document; change may bend what it states.
func (w *workshop) issueFor(change func(*certpdf.Circulation)) func(*hubv1.IssueDistributionCertificateRequest, int) (*hubv1.IssueDistributionCertificateResponse, error) {
	return func(r *hubv1.IssueDistributionCertificateRequest, _ int) (*hubv1.IssueDistributionCertificateResponse, error) {
		c := w.office.content(r)
		c.Hash, c.AttachmentHashes = hashOf(w.document), []string{hashOf(w.second), hashOf(w.first)}
		change(&c)
		return w.render(c, w.pki.Signer(pki.Hub))
	}
}

// statement of the archive about the document.
func (w *workshop) statement() archivecert.Statement {
	now := w.Clock.Now().Truncate(time.Microsecond)
	return archivecert.Statement{
		CertificateNumber: "O-1", DocumentID: "doc-1", Issuer: pki.ArchiveName, Owner: "시험용 나루", OnBehalfOf: senderAddr,
		Hash: hashOf(w.document), AttachmentHashes: []string{hashOf(w.first), hashOf(w.second)},
		RegisteredAt: now.Add(-2 * time.Hour), ValidFrom: now, ValidUntil: now.AddDate(1, 0, 0),
	}
}

func (w *workshop) originalOf(s archivecert.Statement, registration string) []byte {
	signer := w.pki.Signer(pki.Archive)
	der, err := archivecert.IssueOriginal(s, registration, archivecert.Signer{Key: signer.Key, Chain: signer.Chain}, w.Clock.Now())
	require.NoError(w.t, err)
	return der
}

func (w *workshop) genuineOriginal() []byte { return w.originalOf(w.statement(), w.archive.digest) }

// deposited is a received document that this relay deposited.
func (w *workshop) deposited(t *testing.T, serial int64) string {
	t.Helper()
	number := w.circulated(t, serial)
	answer, _ := w.delivery.known(number)
	facts := answer.GetFacts()
	facts.DocumentContent, facts.AttachmentContents = w.ids[0], w.ids[1:]
	facts.DocumentHash = &platformv1.Digest{Algorithm: "SHA-256", Value: hashOf(w.document)}
	facts.AttachmentHashes = []*platformv1.Digest{{Algorithm: "SHA-256", Value: hashOf(w.first)}, {Algorithm: "SHA-256", Value: hashOf(w.second)}}
	return number
}

func (w *workshop) bundles(t *testing.T) certificatev1.BundleServiceClient {
	t.Helper()
	return certificatev1.NewBundleServiceClient(w.Sender(t, w.sender))
}

func (w *workshop) request(t *testing.T, number, requestID string) *certificatev1.Bundle {
	t.Helper()
	r, err := w.bundles(t).RequestBundle(t.Context(), &certificatev1.RequestBundleRequest{EdocNum: number, Reason: reasonText, RequestId: requestID})
	require.NoError(t, err)
	return r.GetBundle()
}

func (w *workshop) await(t *testing.T, id string, until func(*certificatev1.Bundle) bool) *certificatev1.Bundle {
	t.Helper()
	var got *certificatev1.Bundle
	await.Require(t, unittest.Patience, func(ctx context.Context) error {
		answer, err := w.bundles(t).GetBundle(ctx, &certificatev1.GetBundleRequest{Id: id})
		if got = answer.GetBundle(); err == nil && !until(got) {
			err = fmt.Errorf("it is %s", got)
		}
		return err
	})
	return got
}

func hasEnded(b *certificatev1.Bundle) bool {
	return b.GetState() != certificatev1.BundleState_BUNDLE_STATE_REQUESTED
}

func (w *workshop) download(t *testing.T, id string) ([]byte, *platformv1.ContentHeader, error) {
	t.Helper()
	stream, err := w.bundles(t).DownloadBundle(t.Context(), &certificatev1.DownloadBundleRequest{Id: id})
	require.NoError(t, err)
	var content []byte
	var header *platformv1.ContentHeader
	for {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return content, header, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if piece.GetChunk().GetHeader() != nil {
			header = piece.GetChunk().GetHeader()
		}
		content = append(content, piece.GetChunk().GetData()...)
	}
}

// trust is whom a verifier outside of the relay trusts.
func (w *workshop) trust(t *testing.T) *bundle.Trust {
	t.Helper()
	trust, err := bundle.LoadTrust(w.folder)
	require.NoError(t, err)
	trust.TimeStamps.Roots = w.tsaRoot.Pool()
	return trust
}

func (w *workshop) verify(t *testing.T, content []byte) *bundle.Report {
	t.Helper()
	report, err := bundle.Verify(t.Context(), bytes.NewReader(content), int64(len(content)), bundle.Options{Trust: w.trust(t), At: w.Clock.Now()})
	require.NoError(t, err)
	return report
}

// A party gets a bundle that anybody can verify; the relay keeps the documents for it.
func TestBundle(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	number := w.deposited(t, 1)
	made := w.request(t, number, "b-1")
	got := w.await(t, made.GetId(), hasEnded)
	require.Equal(t, certificatev1.BundleState_BUNDLE_STATE_ISSUED, got.GetState(), got.String())
	require.Equal(t, certNum, got.GetCertNum())
	content, header, err := w.download(t, got.GetId())
	require.NoError(t, err)
	require.Equal(t, number+".asice", header.GetFileName())
	require.EqualValues(t, len(content), header.GetSize())
	report := w.verify(t, content)
	require.True(t, report.Valid, "%v", report.Checks)
	require.Equal(t, number, report.Bundle.EdocNum)
	require.Len(t, report.Bundle.Parts, 5)
	require.ElementsMatch(t, w.ids, w.content.retained)
	require.Equal(t, w.Clock.Now().AddDate(0, 0, 3650).Truncate(time.Second), w.content.until.Truncate(time.Second))

	again := w.request(t, number, "b-1")
	require.Equal(t, got.GetId(), again.GetId())
	second, _, err := w.download(t, got.GetId())
	require.NoError(t, err)
	require.Equal(t, content, second, "the same bytes each time")

	events := unittest.AwaitFacts[*certificatev1.BundleIssued](t, w.Bench, 1)
	require.Equal(t, got.GetId(), events[0].GetBundle())
	list, err := w.bundles(t).ListBundles(t.Context(), &certificatev1.ListBundlesRequest{EdocNum: number})
	require.NoError(t, err)
	require.Len(t, list.GetBundles(), 1)
}

// When this relay has the document no more, the archive issues it once more; an attachment that is gone before is left out.
func TestBundleOfWhatIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.content.forget(w.ids[0], w.ids[1])
	number := w.deposited(t, 1)
	got := w.await(t, w.request(t, number, "b-1").GetId(), hasEnded)
	require.Equal(t, certificatev1.BundleState_BUNDLE_STATE_ISSUED, got.GetState(), got.String())
	content, _, err := w.download(t, got.GetId())
	require.NoError(t, err)
	report := w.verify(t, content)
	require.True(t, report.Valid, "%v", report.Checks)
	require.Equal(t, "1 of 2 are not in the bundle, only their hashes", report.Check(bundle.CheckAttachments).Detail)
	require.Equal(t, 2, w.archive.issued, "once to measure, once to hand out")
	w.archive.set(func(f *fakeArchive) {
		f.err = fault.New(fault.Unavailable, "archive", archivev1.Reason_REASON_ARCHIVE_UNAVAILABLE, "")
	})
	_, _, err = w.download(t, got.GetId())
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
}

// Whoever is away is waited for, and who it is can be seen. No clock of this machine takes the authority's place.
func TestBundleWaits(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.archive.set(func(f *fakeArchive) {
		f.err = fault.New(fault.Unavailable, "archive", archivev1.Reason_REASON_ARCHIVE_UNAVAILABLE, "")
	})
	w.tsa.Away(true)
	made := w.request(t, w.deposited(t, 1), "b-1")
	waitsFor := func(what certificatev1.BundleWait) func(*certificatev1.Bundle) bool {
		return func(b *certificatev1.Bundle) bool { return b.GetWaitsFor() == what }
	}
	w.await(t, made.GetId(), waitsFor(certificatev1.BundleWait_BUNDLE_WAIT_ORIGINAL_CERTIFICATE))
	w.archive.set(func(f *fakeArchive) { f.err = nil })
	got := w.await(t, made.GetId(), waitsFor(certificatev1.BundleWait_BUNDLE_WAIT_TIME_STAMP))
	_, _, err := w.download(t, made.GetId())
	require.Equal(t, fault.Conflict, fault.KindOf(err))
	require.Nil(t, got.GetStampedAt())
	w.tsa.Away(false)
	got = w.await(t, made.GetId(), hasEnded)
	require.Equal(t, certificatev1.BundleState_BUNDLE_STATE_ISSUED, got.GetState())
}

// What the archive issues is judged: by itself, and whether it is about this document and this registration.
func TestBundleIsNotMadeOfWrongThings(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(w *workshop)
		failed []string
	}{
		"another document": {func(w *workshop) { w.archive.document = []byte("another") }, []string{"document_hash"}},
		"another registration": {func(w *workshop) {
			w.archive.original = func() []byte { return w.originalOf(w.statement(), hashOf(nil)) }
		}, []string{"original_registration"}},
		"about another document": {func(w *workshop) {
			s := w.statement()
			s.Hash = hashOf(nil)
			w.archive.original = func() []byte { return w.originalOf(s, w.archive.digest) }
		}, []string{"original_hash"}},
		"about other attachments": {func(w *workshop) {
			s := w.statement()
			s.AttachmentHashes = nil
			w.archive.original = func() []byte { return w.originalOf(s, w.archive.digest) }
		}, []string{"original_hash"}},
		"by somebody else": {func(w *workshop) {
			signer := w.pki.Signer(pki.Hub)
			der, err := archivecert.IssueOriginal(w.statement(), w.archive.digest, archivecert.Signer{Key: signer.Key, Chain: signer.Chain}, w.Clock.Now())
			require.NoError(w.t, err)
			w.archive.original = func() []byte { return der }
		}, []string{"original_foreign"}},
		"no certificate": {func(w *workshop) { w.archive.original = func() []byte { return []byte("no certificate") } }, []string{"original_format"}},
		"expired": {func(w *workshop) {
			s := w.statement()
			s.ValidFrom, s.ValidUntil = s.ValidFrom.Add(-time.Hour), s.ValidFrom.Add(-time.Minute)
			w.archive.original = func() []byte { return w.originalOf(s, w.archive.digest) }
		}, []string{"original_expired"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			tc.change(w)
			got := w.await(t, w.request(t, w.deposited(t, 1), "b-1").GetId(), hasEnded)
			require.Equal(t, certificatev1.BundleState_BUNDLE_STATE_FAILED, got.GetState())
			require.Equal(t, "CHECK_FAILED", got.GetReason())
			require.Len(t, unittest.AwaitFacts[*certificatev1.BundleFailed](t, w.Bench, 1), 1)
			attempts := unittest.Facts[*certificatev1.BundleAttempted](t, w.Bench)
			require.Equal(t, tc.failed, attempts[len(attempts)-1].GetFailed())
		})
	}
}

// Whoever is no party learns nothing, and a document that its sender registered itself has no bundle here.
func TestBundleIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	number := w.deposited(t, 1)
	ask := func(c certificatev1.BundleServiceClient, number string) error {
		_, err := c.RequestBundle(t.Context(), &certificatev1.RequestBundleRequest{EdocNum: number, Reason: reasonText, RequestId: "b-" + number[len(number)-3:]})
		return err
	}
	stranger := certificatev1.NewBundleServiceClient(w.Sender(t, unittest.NewID()))
	require.Equal(t, fault.NotFound, fault.KindOf(ask(stranger, number)))
	w.archive.set(func(f *fakeArchive) { f.digest = "" })
	err := ask(w.bundles(t), number)
	require.Equal(t, "NOT_DEPOSITED_HERE", fault.As(err).Reason)
	require.Equal(t, 1, w.count(t, `select count(*) from certificate_refusal where outcome = 'not_deposited'`))
	require.Zero(t, w.count(t, `select count(*) from bundle`))
	none := setup(t)
	err = ask(certificatev1.NewBundleServiceClient(none.Sender(t, none.sender)), none.circulated(t, 1))
	require.Equal(t, "BUNDLES_NOT_OFFERED", fault.As(err).Reason)
}

// A distribution certificate that fails ends the bundle.
func TestBundleWithoutDistributionCertificate(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.hub.issue = w.issueFor(func(c *certpdf.Circulation) { c.Hash = hashOf(nil) })
	got := w.await(t, w.request(t, w.deposited(t, 1), "b-1").GetId(), hasEnded)
	require.Equal(t, certificatev1.BundleState_BUNDLE_STATE_FAILED, got.GetState())
	require.Equal(t, "CHECK_FAILED", got.GetReason())
	require.Zero(t, w.archive.issued)
}

package archive_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/archiveclient"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/services/sandbox/archive"
	"github.com/naru-relay/naru/services/sandbox/pki"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

const (
	adminToken = "admin-token-of-the-test"
	memberID   = "gasang-office"
	memberName = "가상구청 시험과"
	password   = "invented-password"
)

var (
	start = time.Date(2026, 3, 2, 1, 2, 3, 456789000, time.UTC)
	text  = []byte("모바일 고지서 시험 본문\n")
)

type bundle struct {
	deps     archive.Deps
	system   *archive.System
	server   *httptest.Server
	clock    *clock.Fake
	verifier *archivecert.Verifier
	db       *pgtest.DB
	log      *bytes.Buffer
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{clock: clock.NewFake(start), log: &bytes.Buffer{}}
	b.db = pgtest.New(t, "sandbox_archive", pg.Source{Name: "sandbox_archive", FS: archive.Migrations})
	authority, err := pki.Open(pki.Options{Dir: filepath.Join(t.TempDir(), "pki"), Clock: b.clock})
	require.NoError(t, err)
	cfg := archive.Default()
	cfg.AdminTokenFile = config.InlineSecret(adminToken)
	cfg.DocumentDir = filepath.Join(t.TempDir(), "documents")
	cfg.MaxDocumentBytes = 1 << 20
	b.deps = archive.Deps{
		Base:   scenario.Base{DB: b.db.App, Clock: b.clock, Log: slog.New(slog.NewJSONHandler(b.log, nil)), Scenarios: scenario.NewSet()},
		Config: cfg, Authority: authority,
	}
	b.restart(t)
	b.verifier, err = archivecert.New(archivecert.Options{
		Issuers: []archivecert.Issuer{{Name: pki.ArchiveName, Profile: archivecert.Format, Roots: authority.Pool(pki.Archive)}}, Clock: b.clock,
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, b.putMember(t, memberID, memberName, password))
	return b
}

// restart builds a new system on the same state.
func (b *bundle) restart(t *testing.T) {
	t.Helper()
	system, err := archive.New(t.Context(), b.deps)
	require.NoError(t, err)
	b.system = system
	b.server = httptest.NewServer(system.Handler())
	t.Cleanup(b.server.Close)
}

func (b *bundle) client(t *testing.T, member, password string) *archiveclient.Client {
	t.Helper()
	client, err := archiveclient.New(archiveclient.Options{
		BaseURL: b.server.URL, HTTP: b.server.Client(), MemberID: member, Password: password,
	})
	require.NoError(t, err)
	return client
}

func (b *bundle) call(t *testing.T, method, path, token, contentType string, body []byte) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.server.URL+path, bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", contentType)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := b.server.Client().Do(request)
	require.NoError(t, err)
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode, answer
}

func (b *bundle) admin(t *testing.T, method, path string, body any) (int, []byte) {
	t.Helper()
	encoded, err := json.Marshal(body)
	require.NoError(t, err)
	return b.call(t, method, path, adminToken, "application/json", encoded)
}

func (b *bundle) putMember(t *testing.T, id, name, password string) int {
	t.Helper()
	status, _ := b.admin(t, http.MethodPost, "/sandbox/archive/members", map[string]string{"memberId": id, "name": name, "password": password})
	return status
}

func (b *bundle) token(t *testing.T) string {
	t.Helper()
	status, body := b.call(t, http.MethodPost, "/archive/login", "", "application/json",
		[]byte(`{"memberId":"`+memberID+`","password":"`+password+`"}`))
	require.Equal(t, http.StatusOK, status)
	var answer struct {
		Token string `json:"token"`
	}
	require.NoError(t, json.Unmarshal(body, &answer))
	return answer.Token
}

func (b *bundle) storedFiles(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(b.deps.Config.DocumentDir)
	require.NoError(t, err)
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func submission(content []byte, attachments ...string) archiveclient.Submission {
	return archiveclient.Submission{
		FileName: "고지서.pdf", MediaType: "application/pdf", AttachmentHashes: attachments,
		Open: func() (io.Reader, error) { return bytes.NewReader(content), nil },
	}
}

func hashOf(content []byte) string {
	digest := sha256.Sum256(content)
	return hex.EncodeToString(digest[:])
}

func reasonOf(t *testing.T, body []byte) string {
	t.Helper()
	var problem struct {
		Reason string `json:"reason"`
	}
	require.NoError(t, json.Unmarshal(body, &problem))
	return problem.Reason
}

// A depositor for others names them, and finds what it registered under its own reference or by its hash; the same bytes under
// another reference are another registration.
func TestDepositForAnother(t *testing.T) {
	t.Parallel()
	b := setup(t)
	client := b.client(t, memberID, password)
	s := submission(text)
	s.Reference, s.OnBehalfOf, s.Hash = "20260302_NARU000001_0000000000001", "office.naru", hashOf(text)
	first, err := client.Submit(t.Context(), s)
	require.NoError(t, err)
	require.Len(t, first.AnswerDigest, 64)
	registration, err := b.verifier.Registration(first.RegistrationCertificate, start)
	require.NoError(t, err)
	require.Equal(t, memberName, registration.Owner)
	require.Equal(t, "office.naru", registration.OnBehalfOf)
	again, err := client.Submit(t.Context(), s)
	require.NoError(t, err)
	require.True(t, again.Duplicate)
	require.Equal(t, first.RegistrationCertificate, again.RegistrationCertificate)

	b.clock.Advance(time.Minute)
	s.Reference = "20260302_NARU000001_0000000000002"
	second, err := client.Submit(t.Context(), s)
	require.NoError(t, err)
	require.NotEqual(t, first.DocumentID, second.DocumentID)
	found, err := client.FindByReference(t.Context(), s.Reference)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, second.RegistrationCertificate, found[0].RegistrationCertificate)
	found, err = client.FindByHash(t.Context(), hashOf(text))
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Equal(t, first.DocumentID, found[0].DocumentID)
	found, err = client.FindByReference(t.Context(), "unknown")
	require.NoError(t, err)
	require.Empty(t, found)
	require.Equal(t, http.StatusCreated, b.putMember(t, "other", "다른 기관", password))
	found, err = b.client(t, "other", password).FindByHash(t.Context(), hashOf(text))
	require.NoError(t, err)
	require.Empty(t, found, "another member's")

	other := submission([]byte("other"))
	other.Reference = s.Reference
	_, err = client.Submit(t.Context(), other)
	require.Equal(t, archiveclient.Refused, archiveclient.FailureOf(err))
	_, err = b.client(t, memberID, "wrong-password").Submit(t.Context(), s)
	require.Equal(t, archiveclient.Unauthorised, archiveclient.FailureOf(err))
	require.NotContains(t, err.Error(), "wrong-password")
}

// A member registers a document, finds it again after a restart, and gets it issued with an original certificate.
func TestRegisterAndIssue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	attachment := strings.Repeat("AB", 32)
	d, err := b.client(t, memberID, password).Submit(t.Context(), submission(text, attachment))
	require.NoError(t, err)
	require.False(t, d.Duplicate)
	require.Equal(t, hashOf(text), d.Hash)
	require.Equal(t, int64(len(text)), d.Size)
	registration, err := b.verifier.Registration(d.RegistrationCertificate, start)
	require.NoError(t, err)
	_, err = registration.Covers(hashOf(text), []string{attachment})
	require.NoError(t, err)
	require.Equal(t, d.DocumentID, registration.DocumentID)
	require.Equal(t, d.CertificateNumber, registration.CertificateNumber)
	require.Equal(t, memberName, registration.Owner)
	require.Equal(t, start, registration.RegisteredAt)
	require.Equal(t, []string{d.DocumentID}, b.storedFiles(t))

	b.restart(t)
	b.clock.Advance(time.Hour)
	client := b.client(t, memberID, password)
	again, err := client.Document(t.Context(), d.DocumentID)
	require.NoError(t, err)
	require.Equal(t, d.RegistrationCertificate, again.RegistrationCertificate)
	status, der := b.call(t, http.MethodGet, "/archive/documents/"+d.DocumentID+"/registration-certificate", b.token(t), "", nil)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, d.RegistrationCertificate, der)

	var content bytes.Buffer
	issued, err := client.Issue(t.Context(), d.DocumentID, &content)
	require.NoError(t, err)
	require.Equal(t, text, content.Bytes())
	require.Equal(t, "고지서.pdf", issued.FileName)
	original, err := b.verifier.Original(issued.OriginalCertificate, b.clock.Now())
	require.NoError(t, err)
	require.NoError(t, original.Covers(hashOf(text), []string{attachment}))
	require.Equal(t, registration.Digest, original.RegistrationCertificateDigest)
	require.Equal(t, start, original.RegisteredAt)
	require.Equal(t, start.Add(time.Hour), original.ValidFrom)
	require.NotEqual(t, registration.CertificateNumber, original.CertificateNumber)
}

// The same bytes of the same member are registered once; other members and other attachments make other registrations.
func TestSubmitIsIdempotent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	client := b.client(t, memberID, password)
	first, err := client.Submit(t.Context(), submission(text))
	require.NoError(t, err)
	b.clock.Advance(time.Minute)
	second, err := client.Submit(t.Context(), submission(text))
	require.NoError(t, err)
	require.True(t, second.Duplicate)
	require.Equal(t, first.DocumentID, second.DocumentID)
	require.Equal(t, first.RegistrationCertificate, second.RegistrationCertificate)

	_, err = client.Submit(t.Context(), submission(text, strings.Repeat("ab", 32)))
	var problem *archiveclient.Problem
	require.ErrorAs(t, err, &problem)
	require.Equal(t, http.StatusConflict, problem.Status)
	require.Equal(t, "ATTACHMENTS_DIFFER", problem.Reason)
	require.Len(t, b.storedFiles(t), 1)

	require.Equal(t, http.StatusCreated, b.putMember(t, "another", "가상상사", password))
	other, err := b.client(t, "another", password).Submit(t.Context(), submission(text))
	require.NoError(t, err)
	require.NotEqual(t, first.DocumentID, other.DocumentID)
	require.Len(t, b.storedFiles(t), 2)

	// Ten submissions at the same time make one registration.
	content := []byte("동시에 오는 문서")
	results := make(chan string, 10)
	for range cap(results) {
		go func() {
			d, err := client.Submit(t.Context(), submission(content))
			if err != nil {
				results <- err.Error()
				return
			}
			results <- d.DocumentID
		}()
	}
	one := <-results
	for range cap(results) - 1 {
		require.Equal(t, one, <-results)
	}
	require.Len(t, b.storedFiles(t), 3)
}

// A document belongs to its depositor; for everybody else it does not exist.
func TestDocumentsAreTheMembersOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d, err := b.client(t, memberID, password).Submit(t.Context(), submission(text))
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, b.putMember(t, "another", "가상상사", password))
	stranger := b.client(t, "another", password)
	for _, id := range []string{d.DocumentID, "0190b3f0-0000-7000-8000-000000000000", "not-an-id"} {
		_, err := stranger.Issue(t.Context(), id, io.Discard)
		var problem *archiveclient.Problem
		require.ErrorAs(t, err, &problem)
		require.Equal(t, http.StatusNotFound, problem.Status)
		require.Equal(t, "DOCUMENT_NOT_FOUND", problem.Reason)
		_, err = stranger.Document(t.Context(), id)
		require.ErrorAs(t, err, &problem)
		require.Equal(t, http.StatusNotFound, problem.Status)
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var problem *archiveclient.Problem
	for _, who := range [][2]string{{memberID, "another-password"}, {"nobody", password}, {"nobody", strings.Repeat("x", 300)}} {
		require.ErrorAs(t, b.client(t, who[0], who[1]).Login(t.Context()), &problem)
		require.Equal(t, http.StatusUnauthorized, problem.Status)
		require.Equal(t, "LOG_IN_REFUSED", problem.Reason)
	}
	token := b.token(t)
	status, _ := b.call(t, http.MethodGet, "/archive/documents/x", token, "", nil)
	require.Equal(t, http.StatusNotFound, status)
	b.clock.Advance(30 * time.Minute)
	status, body := b.call(t, http.MethodGet, "/archive/documents/x", token, "", nil)
	require.Equal(t, http.StatusUnauthorized, status)
	require.Equal(t, "TOKEN_INVALID", reasonOf(t, body))
	status, _ = b.call(t, http.MethodGet, "/archive/documents/x", "", "", nil)
	require.Equal(t, http.StatusUnauthorized, status)

	// A client whose token has expired logs in again by itself.
	client := b.client(t, memberID, password)
	require.NoError(t, client.Login(t.Context()))
	b.clock.Advance(time.Hour)
	_, err := client.Submit(t.Context(), submission(text))
	require.NoError(t, err)

	// A new password replaces the old one.
	require.Equal(t, http.StatusOK, b.putMember(t, memberID, memberName, "a-newer-password"))
	require.Error(t, b.client(t, memberID, password).Login(t.Context()))
	require.NoError(t, b.client(t, memberID, "a-newer-password").Login(t.Context()))
	b.server.Close() // so that nobody writes the log any more
	require.NotContains(t, b.log.String(), password)
}

func TestSubmitRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token := b.token(t)
	const boundary = "grenze"
	part := func(name, body string) string {
		return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + body + "\r\n"
	}
	const meta = `{"fileName":"a.pdf","mediaType":"application/pdf"}`
	for _, tc := range []struct{ name, body, reason string }{
		{"no parts", "--" + boundary + "--\r\n", "FORM_INVALID"},
		{"document first", part("document", "x") + part("meta", meta), "FORM_INVALID"},
		{"meta alone", part("meta", meta), "FORM_INVALID"},
		{"unknown name in meta", part("meta", `{"fileName":"a","mediaType":"b","extra":1}`) + part("document", "x"), "FORM_INVALID"},
		{"meta not JSON", part("meta", "{") + part("document", "x"), "FORM_INVALID"},
		{"no file name", part("meta", `{"mediaType":"b"}`) + part("document", "x"), "FORM_INVALID"},
		{"line feed in media type", part("meta", `{"fileName":"a","mediaType":"b\nc: d"}`) + part("document", "x"), "FORM_INVALID"},
		{"attachment hash", part("meta", `{"fileName":"a","mediaType":"b","attachmentHashes":["ab"]}`) + part("document", "x"), "FORM_INVALID"},
		{"eleven attachments", part("meta", `{"fileName":"a","mediaType":"b","attachmentHashes":["`+strings.Repeat(strings.Repeat("a", 64)+`","`, 10)+strings.Repeat("a", 64)+`"]}`) + part("document", "x"), "FORM_INVALID"},
		{"empty document", part("meta", meta) + part("document", ""), "FORM_INVALID"},
		{"third part", part("meta", meta) + part("document", "x") + part("more", "x"), "FORM_INVALID"},
		{"expected hash differs", part("meta", `{"fileName":"a","mediaType":"b","hash":"`+hashOf(text)+`"}`) + part("document", "x"), "HASH_MISMATCH"},
		{"document too large", part("meta", meta) + part("document", strings.Repeat("x", 1<<20+1)), "DOCUMENT_TOO_LARGE"},
	} {
		status, body := b.call(t, http.MethodPost, "/archive/documents", token, "multipart/form-data; boundary="+boundary,
			[]byte(tc.body+"--"+boundary+"--\r\n"))
		require.Equal(t, http.StatusBadRequest, status, tc.name)
		require.Equal(t, tc.reason, reasonOf(t, body), tc.name)
	}
	// The body ends in the middle of the document.
	status, body := b.call(t, http.MethodPost, "/archive/documents", token, "multipart/form-data; boundary="+boundary,
		[]byte(part("meta", meta)+strings.TrimSuffix(part("document", "half"), "\r\n")))
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "FORM_INVALID", reasonOf(t, body))
	status, _ = b.call(t, http.MethodPost, "/archive/documents", token, "application/json", []byte(meta))
	require.Equal(t, http.StatusBadRequest, status)
	require.Empty(t, b.storedFiles(t), "what is refused leaves nothing behind")
}

// Bytes that were changed on disk are never issued.
func TestIssueRefusesDamage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	client := b.client(t, memberID, password)
	d, err := client.Submit(t.Context(), submission(text))
	require.NoError(t, err)
	path := filepath.Join(b.deps.Config.DocumentDir, d.DocumentID)
	for _, damage := range []func() error{
		func() error { return os.WriteFile(path, append([]byte("x"), text[1:]...), 0o600) },
		func() error { return os.Remove(path) },
	} {
		require.NoError(t, damage())
		_, err = client.Issue(t.Context(), d.DocumentID, io.Discard)
		var problem *archiveclient.Problem
		require.ErrorAs(t, err, &problem)
		require.Equal(t, http.StatusInternalServerError, problem.Status)
		require.Equal(t, "DOCUMENT_DAMAGED", problem.Reason)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	b := setup(t)
	client := b.client(t, memberID, password)
	d, err := client.Submit(t.Context(), submission(text))
	require.NoError(t, err)
	issued, err := client.Issue(t.Context(), d.DocumentID, io.Discard)
	require.NoError(t, err)
	verdict := func(der []byte, hash string) archiveclient.Verdict {
		v, err := client.Verify(t.Context(), der, hash)
		require.NoError(t, err)
		return *v
	}
	require.Equal(t, archiveclient.Verdict{Valid: true, Issued: true, Failures: []string{}, Kind: "registration"}, verdict(d.RegistrationCertificate, ""))
	require.Equal(t, archiveclient.Verdict{Valid: true, Issued: true, Failures: []string{}, Kind: "original"}, verdict(issued.OriginalCertificate, strings.ToUpper(d.Hash)))
	require.Equal(t, archiveclient.Verdict{Issued: true, Failures: []string{"hash"}, Kind: "original"}, verdict(issued.OriginalCertificate, strings.Repeat("ab", 32)))
	forged := bytes.Clone(d.RegistrationCertificate)
	forged[len(forged)-1] ^= 1
	require.Equal(t, archiveclient.Verdict{Failures: []string{"signature"}}, verdict(forged, ""))
	require.Equal(t, archiveclient.Verdict{Failures: []string{"format"}}, verdict([]byte("본문"), ""))

	// This certificate is signed with the archive's own key but was never issued.
	registration, err := b.verifier.Registration(d.RegistrationCertificate, start)
	require.NoError(t, err)
	unknown, err := archivecert.IssueRegistration(registration.Statement, archivecert.Signer(b.deps.Authority.Signer(pki.Archive)), start)
	require.NoError(t, err)
	require.Equal(t, archiveclient.Verdict{Failures: []string{}, Kind: "registration"}, verdict(unknown, ""))

	b.clock.Advance(2 * 365 * 24 * time.Hour)
	require.Equal(t, []string{"expired"}, verdict(issued.OriginalCertificate, "").Failures)
}

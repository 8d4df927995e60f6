package hub_test

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/services/sandbox/hub"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

const (
	adminToken = "admin-token-of-the-test"
	naru       = "naru-01-relay"
	peer       = "peer-01-relay"
)

// noon is 2026-03-02 12:00:00 KST.
var noon = time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)

// drawn renders a certificate as readable text, so that tests see its content without the real renderer.
type drawn struct{}

func (drawn) RenderFigures(_ context.Context, d hub.FiguresDraft) ([]byte, error) {
	return fmt.Appendf(nil, "%%PDF-1.7\n%%\xe2\xe3\n%s|%s|%s|%v|%s", d.Eaddr, d.Name, d.Period, d.Figures, d.Fault), nil
}

func (drawn) RenderCertificate(_ context.Context, d hub.CertificateDraft) ([]byte, error) {
	return fmt.Appendf(nil, "%%PDF-1.7\n%%\xe2\xe3\n%s|%s|%s|%s|%s|%s|%s", d.Number, d.Circulation.EdocNum, d.Circulation.ContentHash,
		d.Circulation.SendName, d.Circulation.RecvName, d.Reason, d.Fault), nil
}

// verdicts accepts a pair whose document is "the document".
type verdicts struct{}

func (verdicts) VerifyPair(_ context.Context, p hub.Pair) ([]hub.Check, error) {
	same := string(p.Document) == "the document"
	check := hub.Check{Name: "document.hash", Passed: same}
	if !same {
		check.Detail = "other_document"
	}
	return []hub.Check{check}, nil
}

type bundle struct {
	t         testing.TB
	clock     *clock.Fake
	scenarios *scenario.Set
	system    *hub.System
	server    *httptest.Server
	db        *pgxpool.Pool
	logged    *bytes.Buffer
	tokens    map[string]string
}

func setup(t testing.TB, adjust ...func(*hub.Config)) *bundle {
	t.Helper()
	b := &bundle{t: t, clock: clock.NewFake(noon), scenarios: scenario.NewSet(), logged: &bytes.Buffer{}, tokens: map[string]string{}}
	b.db = pgtest.New(t, "sandbox_hub", pg.Source{Name: "hub", FS: hub.Migrations}).App
	cfg := hub.Default()
	cfg.AdminTokenFile = config.InlineSecret(adminToken)
	for _, a := range adjust {
		a(&cfg)
	}
	var err error
	b.system, err = hub.New(t.Context(), hub.Deps{
		Base:   scenario.Base{DB: b.db, Clock: b.clock, Log: slog.New(slog.NewJSONHandler(b.logged, nil)), Scenarios: b.scenarios},
		Config: cfg, Renderer: drawn{}, Verifier: verdicts{},
	})
	require.NoError(t, err)
	b.server = httptest.NewServer(b.system.Handler())
	t.Cleanup(b.server.Close)
	for _, p := range []string{naru, peer} {
		resp, _ := b.send(http.MethodPost, "/sandbox/platforms", adminHeader(), "application/json",
			fmt.Appendf(nil, `{"platformId":%q,"clientId":"ID-%s","clientSecret":"SECRET-%s","name":"시험용 중계자"}`, p, p, p))
		require.Equal(t, http.StatusNoContent, resp.StatusCode)
		b.tokens[p] = b.login(p)
	}
	return b
}

func adminHeader() http.Header { return http.Header{"Authorization": {"Bearer " + adminToken}} }

func (b *bundle) send(method, path string, header http.Header, contentType string, body []byte) (*http.Response, []byte) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, bytes.NewReader(body))
	require.NoError(b.t, err)
	for k, v := range header {
		req.Header[k] = v
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := b.server.Client().Do(req)
	require.NoError(b.t, err)
	defer func() { require.NoError(b.t, resp.Body.Close()) }()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	return resp, answer
}

// header returns the headers of every call of the hub interface.
func (b *bundle) header(platform string) http.Header {
	h := http.Header{}
	h.Set("platform-id", platform)
	h.Set("req-UUID", uuid.NewString())
	h.Set("req-date", "2026-03-02 12:00:00")
	if token := b.tokens[platform]; token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	return h
}

type answer struct {
	ResultCode int      `json:"resultCode"`
	ErrCode    string   `json:"errCode"`
	ErrMsg     string   `json:"errMsg"`
	Name       string   `json:"name"`
	Type       int      `json:"type"`
	RegDate    string   `json:"regDate"`
	Eaddrs     []string `json:"eaddrs"`
	// of the token answer
	AccessToken, AccessExpireDate     string
	RefreshToken, RefreshExpireDate   string
	AccessExpiresIn, RefreshExpiresIn int

	CertNum      string `json:"certNum"`
	Valid        bool   `json:"valid"`
	Checks       []hub.Check
	Addresses    []hub.PlatformAddress
	Circulations []struct {
		EdocNum string `json:"edocNum"`
		Result  int    `json:"result"`
	} `json:"circulations"`
}

func (a answer) results() []int {
	out := []int{}
	for _, c := range a.Circulations {
		out = append(out, c.Result)
	}
	return out
}

// call makes one JSON call of the hub interface; the answer must be HTTP 200.
func (b *bundle) call(platform, method, path, body string) answer {
	b.t.Helper()
	return b.callAs(b.header(platform), method, path, "application/json", []byte(body))
}

func (b *bundle) callAs(header http.Header, method, path, contentType string, body []byte) answer {
	b.t.Helper()
	resp, raw := b.send(method, path, header, contentType, body)
	require.Equal(b.t, http.StatusOK, resp.StatusCode, string(raw))
	var a answer
	require.NoError(b.t, json.Unmarshal(raw, &a), string(raw))
	return a
}

func (b *bundle) login(platform string) string {
	b.t.Helper()
	a := b.call(platform, http.MethodPost, "/auth/token",
		fmt.Sprintf(`{"grantType":0,"clientId":"ID-%s","clientSecret":"SECRET-%s"}`, platform, platform))
	require.Equal(b.t, 1, a.ResultCode, a.ErrCode)
	return a.AccessToken
}

// ciOf invents the CI of somebody.
func ciOf(who string) string {
	sum := sha512.Sum512([]byte(who))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (b *bundle) registerPerson(platform, eaddr, idn, regDate string) answer {
	b.t.Helper()
	return b.call(platform, http.MethodPost, "/api/eaddr",
		fmt.Sprintf(`{"idn":%q,"eaddr":%q,"name":"강나루","type":0,"regDate":%q,"birthDate":"1990-01-02","phone":"010-0000-0001"}`, idn, eaddr, regDate))
}

// inspect reads a /sandbox path into v.
func (b *bundle) inspect(path string, v any) {
	b.t.Helper()
	resp, raw := b.send(http.MethodGet, path, adminHeader(), "", nil)
	require.Equal(b.t, http.StatusOK, resp.StatusCode, string(raw))
	require.NoError(b.t, json.Unmarshal(raw, v))
}

func edoc(serial int) string { return fmt.Sprintf("20260302_NARU000001_%013d", serial) }

// mixed builds a multipart/mixed body from (Content-Disposition, Content-Type, content) triples.
func mixed(t testing.TB, parts ...[3]string) (contentType string, body []byte) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for _, p := range parts {
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {p[0]}, "Content-Type": {p[1]}})
		require.NoError(t, err)
		_, err = io.Copy(part, strings.NewReader(p[2]))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return "multipart/mixed; boundary=" + w.Boundary(), buf.Bytes()
}

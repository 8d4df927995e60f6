package viewing_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/rest"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/certs"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/viewingkit"
	"github.com/naru-relay/naru/services/sandbox/scenario"
	"github.com/naru-relay/naru/services/sandbox/viewing"
)

const (
	adminToken = "admin-token-of-the-test"
	content    = "%PDF-1.7 시험용 안내문"
	number     = "20260302_NARU000001_0000000000001"
)

var (
	noon        = time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)
	recipientCI = strings.Repeat("Ab+/", 22)
)

// relay accepts one token, "good", for one recipient.
type relay struct {
	mu      sync.Mutex
	reports []viewingkit.ReadReport
}

func hexHash(s string) viewingkit.Hash {
	d := sha256.Sum256([]byte(s))
	return viewingkit.Hash{Algorithm: "SHA-256", Value: hex.EncodeToString(d[:])}
}

func (r *relay) VerifyToken(_ context.Context, token, _ string) (viewingkit.Verified, error) {
	if token != "good" {
		return viewingkit.Verified{}, &rest.Problem{Problem: fault.Problem{Status: http.StatusForbidden}}
	}
	return viewingkit.Verified{
		EdocNum: number, VerificationID: "v", VerifiedAt: noon, DocumentHash: hexHash(content), RegisteredHash: hexHash(content),
		Recipient: viewingkit.Recipient{CI: recipientCI},
	}, nil
}

func (r *relay) ReportRead(_ context.Context, report viewingkit.ReadReport) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports = append(r.reports, report)
	return nil
}

func (r *relay) seen() []viewingkit.ReadReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.reports)
}

type bundle struct {
	t         *testing.T
	relay     *relay
	scenarios *scenario.Set
	server    *httptest.Server
}

func setup(t *testing.T, leaf *certs.Leaf) *bundle {
	t.Helper()
	b := &bundle{t: t, relay: &relay{}, scenarios: scenario.NewSet()}
	cfg := viewing.Default()
	cfg.AdminTokenFile = config.InlineSecret(adminToken)
	cfg.Senders = []viewing.Sender{{ID: "sender", SecretFile: config.InlineSecret("sender-secret")}}
	cfg.MaxDocumentBytes = 1 << 20
	cfg.ReportPoll = config.Duration(5 * time.Millisecond)
	db := pgtest.New(t, "sandbox_viewing", viewing.Sources()...)
	system, err := viewing.New(t.Context(), viewing.Deps{
		Base:   scenario.Base{DB: db.App, Clock: clock.NewFake(noon), Log: slog.New(slog.DiscardHandler), Scenarios: b.scenarios},
		Config: cfg, Relay: b.relay,
	})
	require.NoError(t, err)
	b.server = httptest.NewUnstartedServer(system.Handler())
	if leaf != nil {
		_, certificate, key := leaf.Files()
		pair, err := tls.LoadX509KeyPair(certificate, key)
		require.NoError(t, err)
		b.server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
		b.server.StartTLS()
	} else {
		b.server.Start()
	}
	t.Cleanup(b.server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- system.Tasks()[0].Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
	return b
}

func (b *bundle) do(client *http.Client, method, url string, header http.Header, body []byte) (int, []byte) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, url, bytes.NewReader(body))
	require.NoError(b.t, err)
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := client.Do(req)
	require.NoError(b.t, err)
	answer, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	require.NoError(b.t, resp.Body.Close())
	return resp.StatusCode, answer
}

func form(t *testing.T, meta, document string) (contentType string, body []byte) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	require.NoError(t, w.WriteField("meta", meta))
	require.NoError(t, w.WriteField("document", document))
	require.NoError(t, w.Close())
	return w.FormDataContentType(), buf.Bytes()
}

func goodMeta() string {
	return fmt.Sprintf(`{"recipient":{"ci":%q},"edocHash":{"algorithm":"SHA-256","value":%q},"fileName":"a.pdf"}`, recipientCI, hexHash(content).Value)
}

func (b *bundle) store(client *http.Client, auth, meta string) (int, map[string]any) {
	b.t.Helper()
	contentType, body := form(b.t, meta, content)
	status, raw := b.do(client, http.MethodPost, b.server.URL+"/documents", http.Header{"Authorization": {auth}, "Content-Type": {contentType}}, body)
	var answer map[string]any
	require.NoError(b.t, json.Unmarshal(raw, &answer), string(raw))
	return status, answer
}

// stored stores a document, and returns its viewing URL and id.
func (b *bundle) stored() (url, id string) {
	b.t.Helper()
	status, answer := b.store(b.server.Client(), "Bearer sender-secret", goodMeta())
	require.Equal(b.t, http.StatusCreated, status)
	return answer["viewingUrl"].(string), answer["documentId"].(string)
}

func (b *bundle) inspect() map[string]any {
	b.t.Helper()
	status, raw := b.do(b.server.Client(), http.MethodGet, b.server.URL+"/sandbox/views", http.Header{"Authorization": {"Bearer " + adminToken}}, nil)
	require.Equal(b.t, http.StatusOK, status)
	var views map[string]any
	require.NoError(b.t, json.Unmarshal(raw, &views))
	return views
}

func TestStoredDocumentIsShownOverTLS(t *testing.T) {
	t.Parallel()
	ca := certs.NewCA(t, "viewing test")
	b := setup(t, ca.Leaf([]string{"127.0.0.1"}))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: ca.Pool()}}}
	status, answer := b.store(client, "Basic c2VuZGVyOnNlbmRlci1zZWNyZXQ=", goodMeta()) // sender:sender-secret
	require.Equal(t, http.StatusCreated, status)
	url := answer["viewingUrl"].(string)
	require.True(t, strings.HasPrefix(url, "https://127.0.0.1:"), url)

	status, body := b.do(client, http.MethodPost, url+"?token=bad", nil, nil)
	require.Equal(t, http.StatusForbidden, status)
	require.NotContains(t, string(body), content)
	status, body = b.do(client, http.MethodPost, url+"?token=good", nil, nil)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, content, string(body))
	await.Require(t, 10*time.Second, func() bool { return len(b.relay.seen()) == 1 })
	report := b.relay.seen()[0]
	require.Equal(t, hexHash(content), report.ShownHash)
	require.Equal(t, noon, report.ReadAt)
	require.Equal(t, number, report.EdocNum)
}

func TestStoringIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	tests := []struct {
		name, auth, meta string
		status           int
	}{
		{"no credentials", "", goodMeta(), 401},
		{"wrong secret", "Bearer guess", goodMeta(), 401},
		{"secret of another name", "Basic b3RoZXI6c2VuZGVyLXNlY3JldA==", goodMeta(), 401}, // other:sender-secret
		{"hash of another document", "Bearer sender-secret", strings.Replace(goodMeta(), hexHash(content).Value, hexHash("x").Value, 1), 400},
		{"no recipient", "Bearer sender-secret", `{"recipient":{}}`, 400},
		{"two recipients", "Bearer sender-secret", strings.Replace(goodMeta(), `{"ci"`, `{"businessNumber":"1234567891","ci"`, 1), 400},
		{"unknown field", "Bearer sender-secret", strings.Replace(goodMeta(), `{`, `{"colour":1,`, 1), 400},
		{"malformed number", "Bearer sender-secret", strings.Replace(goodMeta(), `{`, `{"edocNum":"1",`, 1), 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, answer := b.store(b.server.Client(), tt.auth, tt.meta)
			require.Equal(t, tt.status, status)
			require.NotContains(t, fmt.Sprint(answer), recipientCI)
		})
	}
	contentType, body := form(t, goodMeta(), strings.Repeat("x", 2<<20))
	status, _ := b.do(b.server.Client(), http.MethodPost, b.server.URL+"/documents",
		http.Header{"Authorization": {"Bearer sender-secret"}, "Content-Type": {contentType}}, body)
	require.Equal(t, http.StatusBadRequest, status)
}

func TestMisbehaviour(t *testing.T) {
	t.Parallel()
	foreign := "20260302_NARU000001_0000000000099"
	tests := []struct {
		name     string
		scenario scenario.Scenario
		body     string
		report   *viewingkit.ReadReport // without verification id, log digest and time of the report, which is noon
	}{
		{"none", scenario.Scenario{}, content, &viewingkit.ReadReport{EdocNum: number, ReadAt: noon, ShownHash: hexHash(content)}},
		{
			"other bytes are shown and their hash reported", scenario.Scenario{Kind: scenario.ShowOtherBytes},
			"시험용: 등록된 문서가 아닙니다\n", &viewingkit.ReadReport{EdocNum: number, ReadAt: noon, ShownHash: hexHash("시험용: 등록된 문서가 아닙니다\n")},
		},
		{
			"too early", scenario.Scenario{Kind: scenario.ReportEarly, Delay: scenario.Delay(time.Minute)},
			content, &viewingkit.ReadReport{EdocNum: number, ReadAt: noon.Add(-time.Minute), ShownHash: hexHash(content)},
		},
		{
			"for a foreign document", scenario.Scenario{Kind: scenario.ReportForeignDocument, Body: foreign},
			content, &viewingkit.ReadReport{EdocNum: foreign, ReadAt: noon, ShownHash: hexHash(content)},
		},
		{"never", scenario.Scenario{Kind: scenario.NeverReport}, content, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			url, _ := b.stored()
			if tt.scenario.Kind != "" {
				tt.scenario.ID = "s"
				require.NoError(t, b.scenarios.Put(tt.scenario))
			}
			// Nobody is shown anything by a GET, whatever is misbehaved.
			_, asked := b.do(b.server.Client(), http.MethodGet, url+"?token=good", nil, nil)
			require.Contains(t, string(asked), `<form method="post">`)
			status, body := b.do(b.server.Client(), http.MethodPost, url+"?token=good", nil, nil)
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, tt.body, string(body))
			want := 1
			if tt.report == nil {
				// The next honest view is reported. If the first one had been reported too, there would be two.
				b.do(b.server.Client(), http.MethodPost, url+"?token=good", nil, nil)
			}
			await.Require(t, 10*time.Second, func() bool { return len(b.relay.seen()) == want })
			if tt.report != nil {
				got := b.relay.seen()[0]
				got.VerificationID, got.LogDigest = "", ""
				tt.report.ReportedAt = noon
				require.Equal(t, *tt.report, got)
			}
			await.Require(t, 10*time.Second, func() bool {
				reports := b.inspect()["reports"].(map[string]any)
				return len(reports["DELIVERED"].([]any)) == want && len(reports["PENDING"].([]any)) == 0
			})
			require.Equal(t, true, b.inspect()["chainIntact"])
		})
	}
}

func TestConfigNamesItsProblems(t *testing.T) {
	t.Parallel()
	c := viewing.Config{BaseURL: "http://viewing.example", Senders: []viewing.Sender{{ID: "a"}}}
	err := c.Validate()
	for _, path := range []string{"admin_token_file", "base_url", "senders[0]", "max_document_bytes"} {
		require.ErrorContains(t, err, path)
	}
}

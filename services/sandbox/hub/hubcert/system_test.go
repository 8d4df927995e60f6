package hubcert_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/services/sandbox/hub"
	"github.com/naru-relay/naru/services/sandbox/pki"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// world is a hub on real sockets with real certificates.
type world struct {
	bundle
	scenarios *scenario.Set
	server    *httptest.Server
	token     string
}

const edocNum = "20260302_NARU000001_0000000000001"

func setupWorld(t *testing.T) *world {
	t.Helper()
	w := &world{bundle: setup(t), scenarios: scenario.NewSet()}
	cfg := hub.Default()
	cfg.AdminTokenFile = config.InlineSecret("admin")
	system, err := hub.New(t.Context(), hub.Deps{
		Base: scenario.Base{
			DB: pgtest.New(t, "sandbox_hub", pg.Source{Name: "hub", FS: hub.Migrations}).App, Clock: clock.NewFake(now),
			Log: slog.New(slog.DiscardHandler), Scenarios: w.scenarios,
		}, Config: cfg, Renderer: w.renderer, Verifier: w.verifier,
	})
	require.NoError(t, err)
	w.server = httptest.NewServer(system.Handler())
	t.Cleanup(w.server.Close)
	require.NoError(t, system.PutPlatform(t.Context(), hub.Platform{PlatformID: "naru-01-relay", ClientID: "id", ClientSecret: "secret", Name: "시험용"}))
	w.token = w.call("/auth/token", map[string]any{"grantType": 0, "clientId": "id", "clientSecret": "secret"})["accessToken"].(string)
	for _, eaddr := range []string{"sender", "recipient"} {
		a := w.call("/api/eaddr", map[string]any{"idn": strings.Repeat(eaddr[:1], 85) + "A==", "eaddr": eaddr, "name": "강나루", "type": 0, "regDate": "2026-03-01 00:00:00"})
		require.NotContains(t, a, "errCode")
	}
	a := w.call("/api/circulation", map[string]any{"circulations": []any{map[string]any{
		"edocNum": edocNum, "subject": "시험 안내문", "sendEaddr": "sender", "recvEaddr": "recipient", "docType": 0,
		"sendPlatformId": "naru-01-relay", "recvPlatformId": "naru-01-relay", "contentHash": hashOf(document),
		"sendDate": "2026-03-02 10:00:00", "recvDate": "2026-03-02 10:00:00", "readDate": "2026-03-02 11:00:00",
	}}})
	require.Equal(t, []any{map[string]any{"edocNum": edocNum, "result": 1.0}}, a["circulations"])
	return w
}

func (w *world) post(path, contentType string, body []byte) (header http.Header, answer []byte) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.server.URL+path, bytes.NewReader(body))
	require.NoError(w.t, err)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("platform-id", "naru-01-relay")
	req.Header.Set("req-UUID", uuid.NewString())
	req.Header.Set("req-date", now.Format(time.DateTime))
	req.Header.Set("Authorization", "Bearer "+w.token)
	resp, err := w.server.Client().Do(req)
	require.NoError(w.t, err)
	answer, err = io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	require.NoError(w.t, resp.Body.Close())
	return resp.Header, answer
}

func (w *world) call(path string, body any) map[string]any {
	w.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(w.t, err)
	_, answer := w.post(path, "application/json", raw)
	var out map[string]any
	require.NoError(w.t, json.Unmarshal(answer, &out), string(answer))
	return out
}

func (w *world) certificate() []byte {
	w.t.Helper()
	header, answer := w.post("/api/cert", "application/json", fmt.Appendf(nil, `{"edocNum":%q,"eaddr":"sender"}`, edocNum))
	_, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	require.NoError(w.t, err)
	parts := multipart.NewReader(bytes.NewReader(answer), params["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			require.Fail(w.t, "no PDF", string(answer))
		}
		require.NoError(w.t, err)
		if part.Header.Get("Content-Type") == "application/pdf" {
			pdf, err := io.ReadAll(part)
			require.NoError(w.t, err)
			return pdf
		}
	}
}

func (w *world) verifyOverHTTP(pdf []byte) (valid bool, failed []string) {
	w.t.Helper()
	var buf bytes.Buffer
	form := multipart.NewWriter(&buf)
	for name, content := range map[string][]byte{"distribution": pdf, "original": w.original(document, pki.Archive), "document": []byte(document)} {
		part, err := form.CreateFormFile(name, name)
		require.NoError(w.t, err)
		_, err = part.Write(content)
		require.NoError(w.t, err)
	}
	require.NoError(w.t, form.Close())
	_, raw := w.post("/api/cert/verify", form.FormDataContentType(), buf.Bytes())
	var answer struct {
		ResultCode int
		Valid      bool
		Checks     []hub.Check
	}
	require.NoError(w.t, json.Unmarshal(raw, &answer))
	require.Equal(w.t, 1, answer.ResultCode, string(raw))
	failed = []string{}
	for _, c := range answer.Checks {
		if !c.Passed {
			failed = append(failed, c.Name)
		}
	}
	return answer.Valid, failed
}

func TestHubIssuesAndVerifiesOverSockets(t *testing.T) {
	t.Parallel()
	w := setupWorld(t)
	lost := []string{"hash.distribution_document", "hash.distribution_original"}
	tests := []struct {
		kind scenario.Kind
		want []string
	}{
		{"", []string{}},
		{scenario.CertificateForged, append([]string{"distribution.intact"}, lost...)},
		{scenario.CertificateOtherDocument, lost},
		{scenario.CertificateExpired, []string{"distribution.valid"}},
		{scenario.CertificateForeignSigner, append([]string{"distribution.trusted"}, lost...)},
	}
	for _, tt := range tests {
		t.Run("scenario "+string(tt.kind), func(t *testing.T) {
			if tt.kind != "" {
				require.NoError(t, w.scenarios.Put(scenario.Scenario{ID: "s", Kind: tt.kind, Match: scenario.Match{EdocNum: edocNum}}))
			}
			valid, failed := w.verifyOverHTTP(w.certificate())
			require.Equal(t, tt.want, failed)
			require.Equal(t, tt.kind == "", valid)
		})
	}
	valid, failed := w.verifyOverHTTP(w.render(draft(nil)))
	require.False(t, valid)
	require.Equal(t, []string{"distribution.issued_by_hub"}, failed, "genuine by all signs, but not issued by this hub")
}

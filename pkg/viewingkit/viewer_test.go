package viewingkit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
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
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/viewingkit"
)

const (
	token    = "header.payload.signature-of-the-test"
	document = "%PDF-1.7 시험용 문서"
	number   = "20260302_NARU000001_0000000000001"
)

var recipientCI = strings.Repeat("Ab+/", 22)

type stage struct {
	diary  *diary
	clock  *clock.Fake
	relay  *relayServer
	shelf  *shelf
	log    *notedLog
	outbox viewingkit.Outbox
	server *httptest.Server
	logged *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func hash256(content string) map[string]any {
	d := sha256.Sum256([]byte(content))
	return map[string]any{"algorithm": "SHA-256", "value": strings.ToUpper(hex.EncodeToString(d[:]))}
}

func hash512(content string) map[string]any {
	d := sha512.Sum512([]byte(content))
	return map[string]any{"algorithm": "SHA-512", "value": hex.EncodeToString(d[:])}
}

// answered is the relay's answer about the good token.
func answered() map[string]any {
	return map[string]any{
		"edocNum": number, "verificationId": "ver-1", "verifiedAt": "2026-03-02T01:00:00.123455Z",
		"documentHash": hash256(document), "attachmentHashes": []any{}, "registeredHash": hash256(document),
		"registrationCertificateDigest": strings.Repeat("ab", 32),
		"recipient":                     map[string]any{"ci": recipientCI},
		"viewingDeadline":               "2026-04-01T00:00:00.000000Z", "somethingNew": true,
	}
}

func setup(t *testing.T) *stage {
	t.Helper()
	d := &diary{}
	s := &stage{
		diary: d, clock: clock.NewFake(morning), relay: newRelayServer(t, d), logged: &lockedBuffer{},
		shelf: &shelf{diary: d, content: []byte(document), document: viewingkit.Document{
			ID: "doc", Recipient: viewingkit.Recipient{CI: recipientCI}, ContentType: "application/pdf", FileName: "안내문.pdf",
		}},
	}
	s.relay.verified = answered()
	store, _ := inDatabase(t)
	s.log, s.outbox = &notedLog{Log: store, diary: d}, store
	logger := slog.New(slog.NewJSONHandler(s.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	client := s.relay.client(t)
	reporter, err := viewingkit.NewReporter(viewingkit.ReporterOptions{
		Relay: client, Outbox: s.outbox, Clock: s.clock, Log: logger, Poll: 5 * time.Millisecond,
	})
	require.NoError(t, err)
	viewer, err := viewingkit.NewViewer(viewingkit.ViewerOptions{
		Store: s.shelf, Relay: client, Log: s.log, Reporter: reporter, Clock: s.clock, Logger: logger,
	})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/view/{id}", viewer)
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- reporter.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
	return s
}

func (s *stage) view(t *testing.T, path string) (*http.Response, string) {
	t.Helper()
	return s.ask(t, http.MethodPost, path, nil)
}

func (s *stage) ask(t *testing.T, method, path string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.server.URL+path, nil)
	require.NoError(t, err)
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := s.server.Client().Do(req)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp, string(body)
}

func TestDocumentIsShownThenReported(t *testing.T) {
	t.Parallel()
	s := setup(t)
	resp, body := s.view(t, "/view/doc?token="+token)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, document, body)
	require.Equal(t, "application/pdf", resp.Header.Get("Content-Type"))
	require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
	require.Equal(t, "no-referrer", resp.Header.Get("Referrer-Policy"))

	await.Require(t, waitLimit, func() bool { _, reports := s.relay.seen(); return len(reports) == 1 })
	require.Equal(t, []string{"verify " + token, "find doc", "content doc", "log SHOW", "report"}, s.diary.read())
	_, reports := s.relay.seen()
	check := s.log.checks(t)[0]
	lower := hash256(document)
	lower["value"] = strings.ToLower(lower["value"].(string))
	require.Equal(t, map[string]any{
		"edocNum": number, "verificationId": "ver-1", "readAt": "2026-03-02T01:00:00.123456Z",
		"shownHash": lower, "logDigest": s.log.last[0].Digest, "reportedAt": "2026-03-02T01:00:00.123456Z",
	}, reports[0])
	require.True(t, check.RecipientSame)
	require.Equal(t, "ci", check.RecipientKind)
	require.NotNil(t, check.RegisteredHash)
	require.NotNil(t, check.SentHash)
	require.NotNil(t, check.ShownHash)
	require.NotContains(t, s.logged.String(), token)
	s.relay.set(func() { require.False(t, s.relay.traced, "which calls are recorded is the relay's to say") })
}

func TestNothingIsShownUnlessEverythingAgrees(t *testing.T) {
	t.Parallel()
	change := func(key string, value any) func(*stage) {
		return func(s *stage) { s.relay.verified[key] = value }
	}
	refusing := func(code ...int) func(*stage) { return func(s *stage) { s.relay.verifyCode = code } }
	verified := []string{"verify " + token}
	found := append(verified[:1:1], "find doc")
	opened := append(found[:2:2], "content doc")
	tests := []struct {
		name    string
		prepare func(*stage)
		path    string
		status  int
		reason  string
		diary   []string // before the log line
		outcome string
	}{
		{"no token", nil, "/view/doc", 401, "TOKEN_MISSING", nil, ""},
		{"empty token", nil, "/view/doc?token=", 401, "TOKEN_MISSING", nil, ""},
		{"two tokens", nil, "/view/doc?token=a&token=b", 401, "TOKEN_MISSING", nil, ""},
		{"a token too long", nil, "/view/doc?token=" + strings.Repeat("a", 1025), 401, "TOKEN_MISSING", nil, ""},
		{"refused token", refusing(403), "", 403, "TOKEN_REFUSED", verified, "REFUSED"},
		{"used token", refusing(409), "", 403, "TOKEN_REFUSED", verified, "REFUSED"},
		{"relay out of order", refusing(500), "", 503, "RELAY_UNAVAILABLE", verified, "UNVERIFIED"},
		{"answer without verification id", change("verificationId", ""), "", 503, "RELAY_UNAVAILABLE", verified, "UNVERIFIED"},
		{"unknown document", nil, "/view/other?token=" + token, 404, "DOCUMENT_UNKNOWN", append(verified[:1:1], "find other"), "REFUSED"},
		{"impossible document id", nil, "/view/a%0Ab?token=" + token, 404, "DOCUMENT_UNKNOWN", verified, "REFUSED"},
		{"store out of order", func(s *stage) { s.shelf.findErr = errors.New("disk") }, "", 503, "STORE_UNAVAILABLE", found, "REFUSED"},
		{"other recipient", change("recipient", map[string]any{"ci": "x" + recipientCI[1:]}), "", 403, "OTHER_RECIPIENT", found, "REFUSED"},
		{"recipient of another kind", change("recipient", map[string]any{"businessNumber": "1234567891"}), "", 403, "OTHER_RECIPIENT", found, "REFUSED"},
		{"no recipient", change("recipient", map[string]any{}), "", 403, "OTHER_RECIPIENT", found, "REFUSED"},
		{"other number", func(s *stage) { s.shelf.document.EdocNum = "20260302_NARU000001_0000000000002" }, "", 403, "OTHER_DOCUMENT", found, "REFUSED"},
		{"other certificate", func(s *stage) { s.shelf.document.CertificateDigest = strings.Repeat("cd", 32) }, "", 500, "OTHER_CERTIFICATE", found, "REFUSED"},
		{"bytes changed", func(s *stage) { s.shelf.content = []byte(document + " ") }, "", 500, "HASH_MISMATCH", opened, "REFUSED"},
		{"sent another document", change("documentHash", hash256("other")), "", 500, "HASH_MISMATCH", opened, "REFUSED"},
		{"registered another document", change("registeredHash", hash512("other")), "", 500, "HASH_MISMATCH", opened, "REFUSED"},
		{"hash without value", change("registeredHash", map[string]any{"algorithm": "SHA-256", "value": ""}), "", 500, "HASH_MISMATCH", opened, "REFUSED"},
		{"no registered hash", change("registeredHash", nil), "", 500, "HASH_MISMATCH", opened, "REFUSED"},
		{"unknown algorithm", change("documentHash", map[string]any{"algorithm": "MD5", "value": "ab"}), "", 500, "HASH_MISMATCH", opened, "REFUSED"},
		{"unreadable document", func(s *stage) { s.shelf.readErr = errors.New("disk") }, "", 503, "STORE_UNAVAILABLE", opened, "REFUSED"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			if tt.prepare != nil {
				tt.prepare(s)
			}
			if tt.path == "" {
				tt.path = "/view/doc?token=" + token
			}
			resp, body := s.view(t, tt.path)
			require.Equal(t, tt.status, resp.StatusCode)
			require.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"))
			require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
			var problem struct{ Reason string }
			require.NoError(t, json.Unmarshal([]byte(body), &problem))
			require.Equal(t, tt.reason, problem.Reason)
			want := tt.diary
			if tt.outcome != "" {
				want = append(want[:len(want):len(want)], "log "+tt.outcome)
				require.Equal(t, tt.reason, s.log.checks(t)[0].Reason)
			}
			require.Equal(t, want, s.diary.read())
			for _, secret := range []string{token, recipientCI} {
				require.NotContains(t, body, secret)
				require.NotContains(t, s.logged.String(), secret)
			}
			due, err := s.outbox.Due(t.Context(), morning.Add(time.Hour), 9)
			require.NoError(t, err)
			require.Empty(t, due)
		})
	}
}

func TestOtherAlgorithmOrSpellingOfTheSameDocumentAgrees(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.relay.verified["registeredHash"] = hash512(document)
	underscore := hash256(document)
	underscore["algorithm"] = "SHA_256"
	s.relay.verified["documentHash"] = underscore
	resp, _ := s.view(t, "/view/doc?token="+token)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	await.Require(t, waitLimit, func() bool { _, reports := s.relay.seen(); return len(reports) == 1 })
	_, reports := s.relay.seen()
	require.Equal(t, "SHA_256", reports[0]["shownHash"].(map[string]any)["algorithm"], "reported in the relay's spelling")
}

func TestCheckThatCannotBeRecordedShowsNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.log.err = errors.New("disk full")
	resp, body := s.view(t, "/view/doc?token="+token)
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.Contains(t, body, "LOG_UNAVAILABLE")
	require.NotContains(t, body, document)
}

// Whoever follows the link without pressing the button uses no token, makes no reading and leaves no record: a HEAD, a prefetch,
// a scanner of mail. A person opens the document afterwards.
func TestLookingAheadReadsNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	const link = "/view/doc?token=" + token
	for _, helper := range []struct {
		method string
		header http.Header
	}{
		{http.MethodHead, nil},
		{http.MethodGet, nil},
		{http.MethodGet, http.Header{"Accept": {"*/*"}, "User-Agent": {"Mozilla/5.0 (compatible; a scanner of mail)"}}},
		{http.MethodGet, http.Header{"Accept": {"application/pdf"}}},
		{http.MethodGet, http.Header{"Sec-Purpose": {"prefetch;prerender"}}},
		{http.MethodGet, http.Header{"Purpose": {"prefetch"}}},
		{http.MethodGet, http.Header{"Range": {"bytes=0-1023"}}},
	} {
		resp, body := s.ask(t, helper.method, link, helper.header)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, "text/html; charset=utf-8", resp.Header.Get("Content-Type"))
		require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
		require.NotContains(t, body, token)
		require.NotContains(t, body, document)
		require.Equal(t, helper.method == http.MethodGet, strings.Contains(body, `<form method="post">`))
	}
	for _, header := range []http.Header{{"Sec-Purpose": {"prefetch"}}, {"Purpose": {"Prefetch"}}, {"X-Moz": {"prefetch"}}, {"X-Purpose": {"preview"}}} {
		resp, body := s.ask(t, http.MethodPost, link, header)
		require.Equal(t, http.StatusForbidden, resp.StatusCode)
		require.Contains(t, body, "NOBODY_ASKS")
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodOptions} {
		resp, _ := s.ask(t, method, link, nil)
		require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)
		require.Equal(t, "GET, HEAD, POST", resp.Header.Get("Allow"))
	}
	require.Empty(t, s.diary.read())
	resp, body := s.view(t, link)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, document, body)
}

func TestVerificationIsRepeatedWithItsRequestID(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.relay.verifyCode = []int{503, 502}
	resp, _ := s.view(t, "/view/doc?token="+token)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	ids, _ := s.relay.seen()
	require.Len(t, ids, 3)
	require.Equal(t, ids[0], ids[2])
	s.view(t, "/view/doc?token="+token)
	ids, _ = s.relay.seen()
	require.NotEqual(t, ids[0], ids[3], "another request has another id")
}

func TestRevokedAccessTokenIsRenewed(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.view(t, "/view/doc?token="+token)
	s.relay.set(func() { s.relay.revoked = true })
	resp, _ := s.view(t, "/view/doc?token="+token)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	s.relay.set(func() { require.GreaterOrEqual(t, s.relay.tokensGiven, 2) })
}

func TestReportWaitsForTheRelay(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.relay.set(func() { s.relay.reportCode = []int{503, 429, 401, 401} })
	resp, _ := s.view(t, "/view/doc?token="+token)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	await.Require(t, waitLimit, func() bool { return s.relay.failuresLeft() == 3 })
	await.Require(t, waitLimit, func() bool {
		s.clock.Advance(10 * time.Second)
		_, reports := s.relay.seen()
		return len(reports) == 1
	})
	_, reports := s.relay.seen()
	require.Equal(t, "2026-03-02T01:00:00.123456Z", reports[0]["readAt"], "the read time stays what it was")
}

// A read time after the relay's present is in its past soon, so such a refusal is not final; nothing about the report changes but
// the clock it is sent by.
func TestReportByAClockAheadIsRepeated(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.relay.set(func() { s.relay.reportCode, s.relay.reason = []int{400, 400, 400}, "READ_TIME_OUT_OF_WINDOW" })
	resp, _ := s.view(t, "/view/doc?token="+token)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	await.Require(t, waitLimit, func() bool {
		s.clock.Advance(time.Second)
		_, reports := s.relay.seen()
		return len(reports) == 1
	})
	_, reports := s.relay.seen()
	require.Equal(t, "2026-03-02T01:00:00.123456Z", reports[0]["readAt"])
	sent, err := time.Parse(time.RFC3339Nano, reports[0]["reportedAt"].(string))
	require.NoError(t, err)
	require.True(t, sent.After(time.Date(2026, 3, 2, 1, 0, 1, 0, time.UTC)), "by the clock of the last attempt")
}

// A clock that is further ahead than a reading may heal ends visibly.
func TestReportByAWrongClockEnds(t *testing.T) {
	t.Parallel()
	refused := &rest.Problem{Problem: fault.Problem{Status: http.StatusBadRequest, Reason: "READ_TIME_OUT_OF_WINDOW"}}
	require.True(t, viewingkit.IsRefused(refused))
	require.True(t, viewingkit.MayHeal(refused))
	require.False(t, viewingkit.MayHeal(&rest.Problem{Problem: fault.Problem{Status: http.StatusBadRequest, Reason: "SHOWN_HASH_DIFFERS"}}))

	s := setup(t)
	store, _ := inDatabase(t)
	require.NoError(t, store.Put(t.Context(), viewingkit.PendingReport{
		ID: "0195f000-0000-7000-8000-000000000001", DueAt: morning, Report: viewingkit.ReadReport{EdocNum: number, ReadAt: morning},
	}))
	s.relay.set(func() { s.relay.reportCode, s.relay.reason = slices.Repeat([]int{400}, 100), "READ_TIME_OUT_OF_WINDOW" })
	reporter, err := viewingkit.NewReporter(viewingkit.ReporterOptions{
		Relay: s.relay.client(t), Outbox: store, Clock: s.clock, Log: slog.New(slog.DiscardHandler), Poll: 5 * time.Millisecond,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- reporter.Run(ctx) }()
	await.Require(t, waitLimit, func() bool {
		s.clock.Advance(time.Minute)
		kept, err := store.Reports(t.Context(), viewingkit.ReportRefused)
		return err == nil && len(kept) == 1
	})
	cancel()
	require.NoError(t, <-ended)
	require.True(t, s.clock.Now().After(morning.Add(15*time.Minute)))
}

func TestReportTheRelayRefusesIsKept(t *testing.T) {
	t.Parallel()
	s := setup(t)
	store, _ := inDatabase(t)
	require.NoError(t, store.Put(t.Context(), viewingkit.PendingReport{
		ID: "0195f000-0000-7000-8000-000000000001", DueAt: morning, Report: viewingkit.ReadReport{EdocNum: number, ReadAt: morning},
	}))
	s.relay.set(func() { s.relay.reportCode = []int{409} })
	reporter, err := viewingkit.NewReporter(viewingkit.ReporterOptions{
		Relay: s.relay.client(t), Outbox: store, Clock: s.clock, Log: slog.New(slog.DiscardHandler), Poll: 5 * time.Millisecond,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- reporter.Run(ctx) }()
	await.Require(t, waitLimit, func() bool {
		kept, err := store.Reports(t.Context(), viewingkit.ReportRefused)
		return err == nil && len(kept) == 1 && kept[0].LastError == "POST /v1/documents/"+number+":reportRead: 409 TOKEN_USED - x"
	})
	cancel()
	require.NoError(t, <-ended)
	_, reports := s.relay.seen()
	require.Empty(t, reports)
}

func TestReadTimeIsNotBeforeVerification(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.relay.verified["verifiedAt"] = "2026-03-02T01:00:00.223456Z"
	var viewing sync.WaitGroup
	viewing.Go(func() {
		if resp, err := s.server.Client().Post(s.server.URL+"/view/doc?token="+token, "", http.NoBody); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
	await.Require(t, waitLimit, func() bool { return len(s.log.checks(t)) == 1 })
	s.clock.Set(time.Date(2026, 3, 2, 1, 0, 0, 300000000, time.UTC))
	viewing.Wait()
	await.Require(t, waitLimit, func() bool { _, reports := s.relay.seen(); return len(reports) == 1 })
	_, reports := s.relay.seen()
	require.Equal(t, "2026-03-02T01:00:00.300000Z", reports[0]["readAt"])
}

func TestInterruptedViewIsNotRead(t *testing.T) {
	t.Parallel()
	s := setup(t)
	big := strings.Repeat("x", 24<<20) // more than the socket buffers hold
	s.shelf.content = []byte(big)
	s.relay.verified["documentHash"], s.relay.verified["registeredHash"] = hash256(big), hash256(big)
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", s.server.Listener.Addr().String())
	require.NoError(t, err)
	_, err = io.WriteString(conn, "POST /view/doc?token="+token+" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
	require.NoError(t, err)
	_, err = io.ReadFull(conn, make([]byte, 1000))
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	await.Require(t, waitLimit, func() bool { return len(s.log.checks(t)) == 2 })
	require.Equal(t, "INTERRUPTED", s.log.checks(t)[1].Outcome)
	due, err := s.outbox.Due(t.Context(), morning.Add(time.Hour), 9)
	require.NoError(t, err)
	require.Empty(t, due)
	_, reports := s.relay.seen()
	require.Empty(t, reports)
}

func TestRelayMustBeReachedSafely(t *testing.T) {
	t.Parallel()
	for base, ok := range map[string]bool{
		"https://relay.example": true, "http://127.0.0.1:1": true, "http://localhost:1": true, "http://[::1]:1": true,
		"http://relay.example": false, "ftp://127.0.0.1": false, "relay.example": false, "": false,
	} {
		_, err := viewingkit.NewRelay(rest.Options{BaseURL: base, ClientID: "a", ClientSecret: "b"})
		require.Equal(t, ok, err == nil, base)
	}
}

func TestUnauthorizedIsARefusalOnlyOfTheToken(t *testing.T) {
	t.Parallel()
	for reason, refused := range map[string]bool{"TOKEN_REPLAYED": true, "CLIENT_NOT_AUTHENTICATED": false, "": false} {
		err := &rest.Problem{Problem: fault.Problem{Status: http.StatusUnauthorized, Reason: reason}, Path: "/v1/viewing/tokens:verify"}
		require.Equal(t, refused, viewingkit.IsRefused(err), reason)
		require.False(t, viewingkit.IsRefused(&rest.Problem{Problem: fault.Problem{Status: http.StatusForbidden, Reason: reason}, Path: rest.TokenPath}))
	}
}

func TestWrongClientSecretIsNoRefusalOfTheToken(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c, err := viewingkit.NewRelay(rest.Options{BaseURL: s.relay.URL, ClientID: "viewer", ClientSecret: "wrong"})
	require.NoError(t, err)
	_, err = c.VerifyToken(t.Context(), token, "r")
	require.Error(t, err)
	require.False(t, viewingkit.IsRefused(err))
	require.NotContains(t, err.Error(), token)
}

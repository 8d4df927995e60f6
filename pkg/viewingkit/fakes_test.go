package viewingkit_test

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/naru-relay/naru/pkg/rest"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/viewingkit"
)

// diary records the order of events.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lines)
}

// relayServer is a relay's REST door whose answers the test chooses.
type relayServer struct {
	*httptest.Server
	diary *diary

	mu         sync.Mutex
	verifyCode []int // the next statuses, then 200
	reportCode []int
	// reason of a refusal; empty: TOKEN_USED.
	reason      string
	verified    map[string]any
	requestIDs  []string
	reports     []map[string]any
	tokensGiven int
	revoked     bool
	traced      bool
}

func newRelayServer(t *testing.T, d *diary) *relayServer {
	t.Helper()
	s := &relayServer{diary: d}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		id, secret, ok := r.BasicAuth()
		if !ok || id != "viewer" || secret != "viewer-secret" || r.FormValue("grant_type") != "client_credentials" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		s.mu.Lock()
		s.tokensGiven++
		s.revoked = false
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"at","token_type":"Bearer","expires_in":3600}`)
	})
	mux.HandleFunc("POST /v1/viewing/tokens:verify", s.verify)
	mux.HandleFunc("POST /v1/documents/", s.report)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *relayServer) answer(w http.ResponseWriter, r *http.Request, codes *[]int, body any) bool {
	status := http.StatusOK
	switch {
	case s.revoked || r.Header.Get("Authorization") != "Bearer at":
		status = http.StatusUnauthorized
	case len(*codes) > 0:
		status, *codes = (*codes)[0], (*codes)[1:]
	}
	if status != http.StatusOK {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"reason": cmp.Or(s.reason, "TOKEN_USED"), "detail": "x"})
		return false
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
	return true
}

func (s *relayServer) verify(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var req struct{ Token, RequestID string }
	_ = json.NewDecoder(r.Body).Decode(&req)
	s.requestIDs = append(s.requestIDs, req.RequestID)
	s.traced = s.traced || r.Header.Get("Traceparent") != ""
	s.diary.note("verify " + req.Token)
	s.answer(w, r, &s.verifyCode, s.verified)
}

func (s *relayServer) report(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var body map[string]any
	_ = json.NewDecoder(r.Body).Decode(&body)
	body["edocNum"] = strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v1/documents/"), ":reportRead")
	if s.answer(w, r, &s.reportCode, map[string]any{}) {
		s.diary.note("report")
		s.reports = append(s.reports, body)
	}
}

func (s *relayServer) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *relayServer) seen() (requestIDs []string, reports []map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requestIDs), slices.Clone(s.reports)
}

// failuresLeft returns how many more reports will be answered with a failure.
func (s *relayServer) failuresLeft() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.reportCode)
}

func (s *relayServer) client(t *testing.T) *viewingkit.RelayClient {
	t.Helper()
	c, err := viewingkit.NewRelay(rest.Options{BaseURL: s.URL, ClientID: "viewer", ClientSecret: "viewer-secret"})
	require.NoError(t, err)
	return c
}

// shelf is a store with one document, "doc".
type shelf struct {
	diary    *diary
	document viewingkit.Document
	content  []byte
	findErr  error
	readErr  error
}

func (s *shelf) Find(_ context.Context, id string) (viewingkit.Document, error) {
	s.diary.note("find " + id)
	if id != "doc" {
		return viewingkit.Document{}, viewingkit.ErrNoDocument
	}
	return s.document, s.findErr
}

func (s *shelf) Content(_ context.Context, id string) ([]byte, error) {
	s.diary.note("content " + id)
	return s.content, s.readErr
}

// notedLog records appends to another log in the diary, or fails.
type notedLog struct {
	viewingkit.Log
	diary *diary
	mu    sync.Mutex
	last  []viewingkit.Entry
	err   error
}

func (l *notedLog) Append(ctx context.Context, c viewingkit.Check) (viewingkit.Entry, error) {
	if l.err != nil {
		return viewingkit.Entry{}, l.err
	}
	e, err := l.Log.Append(ctx, c)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.diary.note("log " + c.Outcome)
	l.last = append(l.last, e)
	return e, err
}

func (l *notedLog) checks(t *testing.T) []viewingkit.Check {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var checks []viewingkit.Check
	for _, e := range l.last {
		c, err := e.Check()
		require.NoError(t, err)
		checks = append(checks, c)
	}
	return checks
}

// waitLimit limits every wait in tests.
const waitLimit = 10 * time.Second

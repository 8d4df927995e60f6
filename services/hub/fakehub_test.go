package hub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

const (
	testClient = "0123456789ABCDEF"
	testSecret = "SECRET-of-the-test-client"
)

// request is one call that a fakeHub received.
type request struct {
	method, path, query, token, requestID string
	body                                  []byte
	grant                                 int
}

// fakeHub is a minimal hub whose misbehaviour the tests write themselves.
type fakeHub struct {
	server *httptest.Server
	// answer serves every call except the token call, after the token was checked.
	answer func(w http.ResponseWriter, r *http.Request, body []byte)
	// onToken, if set, may serve the token call; it returns whether it did.
	onToken func(w http.ResponseWriter, grant int) bool
	minutes int

	mu     sync.Mutex
	seen   []request
	issued int
	good   map[string]bool
}

func newFakeHub(t testing.TB) *fakeHub {
	t.Helper()
	f := &fakeHub{good: map[string]bool{}, minutes: 43200}
	f.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) { writeJSON(w, `{"resultCode":1}`) }
	f.server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.server.Close)
	return f
}

func writeJSON(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, body)
}

func (f *fakeHub) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	seen := request{
		method: r.Method, path: r.URL.Path, query: r.URL.RawQuery, body: body, requestID: r.Header.Get("req-UUID"),
		token: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "),
	}
	if r.URL.Path == "/auth/token" {
		var asked struct {
			GrantType int `json:"grantType"`
		}
		_ = json.Unmarshal(body, &asked)
		seen.grant = asked.GrantType
	}
	f.mu.Lock()
	f.seen = append(f.seen, seen)
	good, answer, onToken := f.good[seen.token], f.answer, f.onToken
	f.mu.Unlock()
	switch {
	case r.URL.Path == "/auth/token":
		if onToken == nil || !onToken(w, seen.grant) {
			writeJSON(w, f.issue())
		}
	case !good:
		writeJSON(w, `{"resultCode":0,"errCode":"ERR-01-103","errMsg":"token"}`)
	default:
		answer(w, r, body)
	}
}

// issue makes one more token valid.
func (f *fakeHub) issue() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.issued++
	token := fmt.Sprintf("ACCESS-%d", f.issued)
	f.good[token] = true
	return fmt.Sprintf(`{"resultCode":1,"accessToken":%q,"accessExpiresIn":%d,"refreshToken":"REFRESH-%d","refreshExpiresIn":%d}`,
		token, f.minutes, f.issued, 2*f.minutes)
}

// answerBy changes how calls are answered from now on.
func (f *fakeHub) answerBy(answer func(w http.ResponseWriter, r *http.Request, body []byte)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// forget makes every token invalid.
func (f *fakeHub) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.good)
}

// calls returns the calls of a path so far.
func (f *fakeHub) calls(path string) []request {
	f.mu.Lock()
	defer f.mu.Unlock()
	var of []request
	for _, s := range f.seen {
		if s.path == path {
			of = append(of, s)
		}
	}
	return of
}

// echo answers a batch with result 1 for every item, after applying change.
func echo(change func(items []map[string]any) []map[string]any) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, _ *http.Request, body []byte) {
		var asked struct {
			Circulations []map[string]any `json:"circulations"`
		}
		_ = json.NewDecoder(bytes.NewReader(body)).Decode(&asked)
		var items []map[string]any
		for _, item := range asked.Circulations {
			items = append(items, map[string]any{"edocNum": item["edocNum"], "result": 1})
		}
		if change != nil {
			items = change(items)
		}
		answer, _ := json.Marshal(map[string]any{"resultCode": 1, "circulations": items})
		writeJSON(w, string(answer))
	}
}

// bench runs the unit against the fake.
func bench(t testing.TB, f *fakeHub, change func(*Config), options ...unittest.Option) *unittest.Bench {
	t.Helper()
	return benchAt(t, f.server.URL, change, options...)
}

func benchAt(t testing.TB, url string, change func(*Config), options ...unittest.Option) *unittest.Bench {
	t.Helper()
	return unittest.New(t, Unit, append(options, unittest.Config(func(c *Config) {
		c.Interface.BaseURL, c.ClientID, c.ClientSecretFile = url, testClient, config.InlineSecret(testSecret)
		c.Interface.Paths.Search = "/api/eaddr/search"
		c.Breaker.Failures = 1000
		if change != nil {
			change(c)
		}
	}))...)
}

func edoc(serial int) string { return fmt.Sprintf("20260302_NARU000001_%013d", serial) }

// as returns a client of the hub unit for a neighbouring unit.
func as(t testing.TB, b *unittest.Bench, unit string) hubv1.HubServiceClient {
	t.Helper()
	return hubv1.NewHubServiceClient(b.Unit(t, unit))
}

// storedOutcomes lists the attempts of an operation as "attempt outcome code", oldest first.
func storedOutcomes(t testing.TB, b *unittest.Bench, operation string) []string {
	t.Helper()
	rows, err := b.App.Query(t.Context(), `
		select q.attempt || ' ' || coalesce(r.outcome || ' ' || r.error_code, 'none')
		  from exchange_request q
		  left join exchange_response r on r.exchange = q.exchange and r.attempt = q.attempt
		 where q.operation = $1
		 order by q.exchange, q.attempt`, operation)
	require.NoError(t, err)
	defer rows.Close()
	var list []string
	for rows.Next() {
		var one string
		require.NoError(t, rows.Scan(&one))
		list = append(list, strings.TrimSpace(one))
	}
	require.NoError(t, rows.Err())
	return list
}

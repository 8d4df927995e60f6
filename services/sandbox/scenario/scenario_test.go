package scenario_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

const adminToken = "admin-token-of-the-test"

// bundle is a system with one path that counts the work done, behind a Set.
type bundle struct {
	set    *scenario.Set
	server *httptest.Server
	done   *atomic.Int64
}

func setup(t *testing.T) bundle {
	t.Helper()
	b := bundle{set: scenario.NewSet(), done: &atomic.Int64{}}
	work := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		b.done.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"resultCode":1}`)
	})
	mux := http.NewServeMux()
	mux.Handle("/sandbox/", scenario.RequireAdmin(adminToken, b.set.Handler()))
	mux.Handle("/", b.set.Middleware(work))
	b.server = httptest.NewServer(mux)
	t.Cleanup(b.server.Close)
	return b
}

func (b bundle) call(t *testing.T, method, path string, header http.Header, body string) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.server.URL+path, bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	for k, v := range header {
		req.Header[k] = v
	}
	// Without GetBody the transport cannot silently repeat the POST.
	req.GetBody = nil
	resp, err := b.server.Client().Do(req)
	if err != nil {
		return nil, "", err
	}
	defer func() { require.NoError(t, resp.Body.Close()) }()
	answer, err := io.ReadAll(resp.Body)
	return resp, string(answer), err
}

func asAdmin() http.Header { return http.Header{"Authorization": {"Bearer " + adminToken}} }

func TestTransportScenarios(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		scenario    scenario.Scenario
		wantLost    bool
		wantStatus  int
		wantType    string
		wantBody    string
		wantWorkRun int64
	}{
		{"down drops the connection", scenario.Scenario{Kind: scenario.Down}, true, 0, "", "", 0},
		{"down with a status answers it", scenario.Scenario{Kind: scenario.Down, HTTPStatus: 503}, false, 503, "text/plain; charset=utf-8", "unavailable\n", 0},
		{
			"a failure travels with 200", scenario.Scenario{Kind: scenario.FailureOK, ErrCode: "ERR-01-103", ErrMsg: "m"}, false, 200,
			"application/json", `{"errCode":"ERR-01-103","errMsg":"m","resultCode":0}`, 0,
		},
		{
			"a failure travels as text", scenario.Scenario{Kind: scenario.TextPlain, ErrCode: "ERR-01-501", ErrMsg: "m"}, false, 200,
			"text/plain; charset=utf-8", `{"errCode":"ERR-01-501","errMsg":"m","resultCode":0}`, 0,
		},
		{
			"a body of its own is sent as it is", scenario.Scenario{Kind: scenario.FailureOK, Body: "<a/>", ContentType: "text/xml", HTTPStatus: 500},
			false, 500, "text/xml", "<a/>", 0,
		},
		{"an answer is lost after the work", scenario.Scenario{Kind: scenario.AnswerLost}, true, 0, "", "", 1},
		{"slow answers rightly", scenario.Scenario{Kind: scenario.Slow, Delay: scenario.Delay(30 * time.Millisecond)}, false, 200, "application/json", `{"resultCode":1}`, 1},
		{"business scenarios pass", scenario.Scenario{Kind: scenario.ItemResult, Result: 5}, false, 200, "application/json", `{"resultCode":1}`, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			tt.scenario.ID = "s"
			require.NoError(t, b.set.Put(tt.scenario))
			began := time.Now() //nolint:forbidigo // measures the real delay
			resp, body, err := b.call(t, http.MethodPost, "/api/x", nil, "{}")
			require.Equal(t, tt.wantWorkRun, b.done.Load())
			if tt.wantLost {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				require.Equal(t, tt.wantStatus, resp.StatusCode)
				require.Equal(t, tt.wantType, resp.Header.Get("Content-Type"))
				require.Equal(t, tt.wantBody, body)
			}
			require.GreaterOrEqual(t, time.Since(began), time.Duration(tt.scenario.Delay))

			if tt.scenario.Kind != scenario.ItemResult {
				before := b.done.Load()
				_, body, err = b.call(t, http.MethodPost, "/api/x", nil, "{}")
				require.NoError(t, err, "the scenario is spent after one call")
				require.Equal(t, `{"resultCode":1}`, body)
				require.Equal(t, before+1, b.done.Load())
			}
		})
	}
}

func TestGarbageBodyIsNoJSON(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.set.Put(scenario.Scenario{ID: "g", Kind: scenario.GarbageBody}))
	resp, body, err := b.call(t, http.MethodGet, "/", nil, "")
	require.NoError(t, err)
	require.Equal(t, "application/json", resp.Header.Get("Content-Type"))
	require.False(t, json.Valid([]byte(body)))
}

func TestTakeCountsMatches(t *testing.T) {
	t.Parallel()
	type ask struct {
		key  string
		item int
		want bool
	}
	tests := []struct {
		name     string
		scenario scenario.Scenario
		asks     []ask
	}{
		{"once by default", scenario.Scenario{}, []ask{{"a", 1, true}, {"a", 1, false}}},
		{"n times", scenario.Scenario{Times: 2}, []ask{{"a", 1, true}, {"b", 2, true}, {"c", 3, false}}},
		{"after skipping", scenario.Scenario{Skip: 2}, []ask{{"a", 1, false}, {"a", 2, false}, {"a", 3, true}, {"a", 4, false}}},
		{"forever", scenario.Scenario{Forever: true, Times: 1}, []ask{{"a", 1, true}, {"a", 1, true}, {"a", 1, true}}},
		{"only its key", scenario.Scenario{Match: scenario.Match{EdocNum: "b"}}, []ask{{"a", 1, false}, {"b", 1, true}}},
		{"only its item", scenario.Scenario{Match: scenario.Match{Item: 3}}, []ask{{"a", 2, false}, {"a", 3, true}}},
		{"never by a fact the asker does not know", scenario.Scenario{Match: scenario.Match{Path: "/api/x"}}, []ask{{"a", 1, false}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set := scenario.NewSet()
			tt.scenario.ID, tt.scenario.Kind, tt.scenario.Result = "s", scenario.ItemResult, 7
			require.NoError(t, set.Put(tt.scenario))
			taken := 0
			for i, a := range tt.asks {
				sc, ok := set.TakeItem(scenario.ItemResult, a.key, a.item)
				require.Equal(t, a.want, ok, "ask %d", i)
				if ok {
					taken++
					require.Equal(t, 7, sc.Result)
				}
				_, other := set.Take(scenario.CertificateForged, a.key)
				require.False(t, other)
			}
			require.Equal(t, taken, set.List()[0].Taken)
		})
	}
}

func TestPutRefusesWhatCannotBeMeant(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		put   scenario.Scenario
		field string
	}{
		{"unknown kind", scenario.Scenario{ID: "a", Kind: "explode"}, "kind"},
		{"bad id", scenario.Scenario{ID: "a/b", Kind: scenario.Down}, "id"},
		{"slow without delay", scenario.Scenario{ID: "a", Kind: scenario.Slow}, "delay"},
		{"item result without code", scenario.Scenario{ID: "a", Kind: scenario.ItemResult}, "result"},
		{"status out of range", scenario.Scenario{ID: "a", Kind: scenario.Down, HTTPStatus: 99}, "httpStatus"},
		{"two different keys", scenario.Scenario{ID: "a", Kind: scenario.Down, Match: scenario.Match{Key: "x", EdocNum: "y"}}, "match.edocNum"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := scenario.NewSet().Put(tt.put)
			require.ErrorIs(t, err, fault.Invalid)
			var f *fault.Error
			require.ErrorAs(t, err, &f)
			require.Equal(t, tt.field, f.Violations[0].Field)
		})
	}
}

func TestAdminAPIKeepsAndRemovesScenarios(t *testing.T) {
	t.Parallel()
	b := setup(t)
	resp, _, err := b.call(t, http.MethodPut, "/sandbox/scenarios/one", nil, `{"kind":"down"}`)
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	require.Empty(t, b.set.List())

	resp, _, err = b.call(t, http.MethodPut, "/sandbox/scenarios/one", asAdmin(),
		`{"kind":"slow","delay":"1ms","match":{"path":"/api/*","method":"GET"},"times":3}`)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	_, _, err = b.call(t, http.MethodGet, "/api/thing", nil, "")
	require.NoError(t, err)

	_, body, err := b.call(t, http.MethodGet, "/sandbox/scenarios", asAdmin(), "")
	require.NoError(t, err)
	require.JSONEq(t, `{"scenarios":[{"id":"one","kind":"slow","delay":"1ms","match":{"path":"/api/*","method":"GET"},
		"times":3,"seen":1,"taken":1}]}`, body)

	for _, bad := range []string{`{"kind":"slow","delay":"soon"}`, `{"kind":"down","colour":"red"}`, `{"kind":"down"}{}`, `[`} {
		resp, body, err = b.call(t, http.MethodPut, "/sandbox/scenarios/two", asAdmin(), bad)
		require.NoError(t, err)
		require.Equal(t, http.StatusBadRequest, resp.StatusCode, bad)
		require.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"), body)
	}
	resp, _, err = b.call(t, http.MethodDelete, "/sandbox/scenarios/one", asAdmin(), "")
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	resp, _, err = b.call(t, http.MethodDelete, "/sandbox/scenarios/one", asAdmin(), "")
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}

func TestRequireAdminWithoutTokenIsClosed(t *testing.T) {
	t.Parallel()
	door := scenario.RequireAdmin("", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/sandbox/x", nil)
	r.Header.Set("Authorization", "Bearer ")
	w := httptest.NewRecorder()
	door.ServeHTTP(w, r)
	require.Equal(t, http.StatusUnauthorized, w.Code)
}

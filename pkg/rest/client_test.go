package rest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/rest"
	"github.com/naru-relay/naru/pkg/testkit/golden"

	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

// door is a REST door that issues tokens and answers other calls with a handler.
type door struct {
	*httptest.Server
	tokens int // issued so far
}

func newDoor(t *testing.T, answer http.HandlerFunc) *door {
	t.Helper()
	d := &door{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if id != "client" || secret != "secret" || r.FormValue("grant_type") != "client_credentials" {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"type":"x","title":"Unauthorized","status":401,"detail":"the client is unknown","reason":"INVALID_CLIENT"}`)
			return
		}
		d.tokens++
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "token-" + string(rune('0'+d.tokens)), "token_type": "Bearer", "expires_in": 900})
	})
	mux.HandleFunc("/", answer)
	d.Server = httptest.NewServer(mux)
	t.Cleanup(d.Close)
	return d
}

func (d *door) client(t *testing.T, id, secret string) *rest.Client {
	t.Helper()
	c, err := rest.New(rest.Options{BaseURL: d.URL, HTTP: d.Client(), ClientID: id, ClientSecret: secret})
	require.NoError(t, err)
	return c
}

var traceparent = regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-01$`)

// A call carries one cached token, JSON, the escaped path and the given trace. Answers of a newer relay with unknown fields are
// accepted.
func TestCall(t *testing.T) {
	t.Parallel()
	var seen []*http.Request
	d := newDoor(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		seen = append(seen, r)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"edocNum":"n","state":"DOCUMENT_STATE_READ","readAt":"2026-03-02T01:02:03.000004Z","notKnownYet":1}`)
	})
	c := d.client(t, "client", "secret")
	trace := rest.NewTrace()
	ctx := rest.WithTrace(t.Context(), trace)
	for range 2 {
		var status statusv1.DocumentStatus
		require.NoError(t, c.Call(ctx, http.MethodPost, "/v1/documents/a%2Fb", url.Values{"x": {"1 2"}}, &statusv1.BatchGetStatusRequest{EdocNums: []string{"n"}}, &status))
		require.Equal(t, statusv1.DocumentState_DOCUMENT_STATE_READ, status.GetState())
	}
	require.Equal(t, 1, d.tokens)
	require.Len(t, seen, 2)
	var spans []string
	for _, r := range seen {
		require.Equal(t, "Bearer token-1", r.Header.Get("Authorization"))
		require.Equal(t, "application/json", r.Header.Get("Content-Type"))
		require.Equal(t, "/v1/documents/a%2Fb", r.URL.EscapedPath())
		require.Equal(t, "1 2", r.URL.Query().Get("x"))
		raw, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.JSONEq(t, `{"edocNums":["n"]}`, string(raw))
		parts := traceparent.FindStringSubmatch(r.Header.Get("Traceparent"))
		require.Len(t, parts, 3)
		require.Equal(t, trace.String(), parts[1])
		spans = append(spans, parts[2])
	}
	require.NotEqual(t, spans[0], spans[1])

	require.NoError(t, c.WithBearer("session").JSON(t.Context(), http.MethodGet, "/v1/inbox", nil, nil, nil))
	require.Equal(t, "Bearer session", seen[2].Header.Get("Authorization"))
	require.NotContains(t, seen[2].Header.Get("Traceparent"), trace.String())
}

// A token that the door refuses is replaced once; a second refusal is returned.
func TestTokenRenewal(t *testing.T) {
	t.Parallel()
	revoked := map[string]bool{"Bearer token-1": true}
	d := newDoor(t, func(w http.ResponseWriter, r *http.Request) {
		if revoked[r.Header.Get("Authorization")] {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{}`)
	})
	c := d.client(t, "client", "secret")
	require.NoError(t, c.JSON(t.Context(), http.MethodPost, "/v1/x", nil, map[string]int{"a": 1}, nil))
	require.Equal(t, 2, d.tokens)
	revoked["Bearer token-2"], revoked["Bearer token-3"] = true, true
	var problem *rest.Problem
	require.ErrorAs(t, c.JSON(t.Context(), http.MethodGet, "/v1/x", nil, nil, nil), &problem)
	require.Equal(t, http.StatusUnauthorized, problem.Status)
	require.Equal(t, 3, d.tokens)
}

// Wrong credentials are reported as the token endpoint's problem, which does not repeat them.
func TestWrongCredentials(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(http.ResponseWriter, *http.Request) {})
	err := d.client(t, "client", "wr0ng-s3cret").JSON(t.Context(), http.MethodGet, "/v1/x", nil, nil, nil)
	require.Equal(t, "INVALID_CLIENT", rest.Reason(err))
	require.EqualError(t, err, "POST /oauth2/token: 401 INVALID_CLIENT - the client is unknown")
	require.NotContains(t, err.Error(), "wr0ng-s3cret")
}

// Every violation, every further value and the trace are on separate lines. No text from a door can control a terminal.
func TestProblemLines(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"type":"https://naru-relay.github.io/errors/intake/invalid-item","title":"Bad Request","status":400,
			"detail":"the item breaks two rules","instance":"4bf92f3577b34da6a3ce929d0e0e4736","reason":"INVALID_ITEM",
			"violations":[{"field":"title","rule":"string.min_len","message":"value length must be at least 1"},
			              {"field":"viewing.url","message":"must be https\u001b[2J"},{"field":"","rule":"recipient.exactly_one","message":"exactly one"}],
			"metadata":{"existingEdocNum":"20260302_NARU000001_0000000000001"}}`)
	})
	err := d.client(t, "", "").JSON(t.Context(), http.MethodPost, "/v1/documents", nil, map[string]int{}, nil)
	var problem *rest.Problem
	require.ErrorAs(t, err, &problem)
	golden.Equal(t, []byte(strings.Join(problem.Lines(), "\n")+"\n"), "problem.txt")
	_, again := rest.Retryable(err)
	require.False(t, again)
}

// An answer that is not a problem document is reported by its status. A call to a busy door may be repeated.
func TestOtherFailures(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/busy":
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/moved":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "/proxy":
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "<html>")
		default:
			_, _ = io.WriteString(w, "no JSON")
		}
	})
	c := d.client(t, "", "")
	get := func(path string) error {
		return c.JSON(t.Context(), http.MethodGet, path, nil, nil, &struct{}{})
	}
	pause, again := rest.Retryable(get("/busy"))
	require.True(t, again)
	require.Equal(t, 2*time.Second, pause)
	require.EqualError(t, get("/moved"), "GET /moved: 302 Found")
	require.EqualError(t, get("/proxy"), "GET /proxy: 502 Bad Gateway")
	err := get("/text")
	require.ErrorContains(t, err, "not what was expected")
	_, again = rest.Retryable(err)
	require.False(t, again)
	d.Close()
	err = get("/busy")
	var lost *rest.TransportError
	require.ErrorAs(t, err, &lost)
	_, again = rest.Retryable(err)
	require.True(t, again)
}

// The size of answers is limited.
func TestLimits(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/pdf")
		size := 100
		if r.URL.Path == "/json" {
			size = rest.MaxAnswerBytes + 1
		}
		_, _ = w.Write(make([]byte, size))
	})
	c := d.client(t, "", "")
	var got bytes.Buffer
	media, err := c.Download(t.Context(), "/pdf", 100, &got)
	require.NoError(t, err)
	require.Equal(t, "application/pdf", media)
	require.Equal(t, 100, got.Len())
	_, err = c.Download(t.Context(), "/pdf", 99, io.Discard)
	require.ErrorIs(t, err, rest.ErrAnswerTooLarge)
	require.ErrorIs(t, c.JSON(t.Context(), http.MethodGet, "/json", nil, nil, nil), rest.ErrAnswerTooLarge)
	narrow, err := rest.New(rest.Options{BaseURL: d.URL, HTTP: d.Client(), MaxAnswer: 99})
	require.NoError(t, err)
	require.ErrorIs(t, narrow.JSON(t.Context(), http.MethodGet, "/pdf", nil, nil, nil), rest.ErrAnswerTooLarge)
	require.ErrorIs(t, narrow.WithBearer("t").JSON(t.Context(), http.MethodGet, "/pdf", nil, nil, nil), rest.ErrAnswerTooLarge)
	require.ErrorContains(t, c.JSON(t.Context(), http.MethodGet, "/pdf", nil, nil, nil), "it is not JSON")
}

// A form is streamed, built again if a token is renewed, and a refusal is returned as the door's problem document.
func TestUpload(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(w http.ResponseWriter, r *http.Request) {
		file, header, err := r.FormFile("part")
		switch {
		case err != nil || header.Header.Get("Content-Type") != "text/x":
			w.WriteHeader(http.StatusTeapot)
			return
		case r.Header.Get("Authorization") == "Bearer token-1":
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		raw, _ := io.ReadAll(file)
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]int{"size": len(raw)})
	})
	var answer struct{ Size int }
	upload := func(c *rest.Client, contentType string, content func() io.Reader) error {
		return c.Upload(t.Context(), "/up", func() ([]rest.Part, error) {
			return []rest.Part{{Name: "part", ContentType: contentType, Content: content()}}, nil
		}, &answer)
	}
	five := func() io.Reader { return strings.NewReader("12345") }
	require.NoError(t, upload(d.client(t, "", ""), "text/x", five))
	require.Equal(t, 5, answer.Size)
	answer.Size = 0
	require.NoError(t, upload(d.client(t, "client", "secret"), "text/x", five))
	require.Equal(t, 5, answer.Size)
	require.Equal(t, 2, d.tokens)
	require.ErrorContains(t, upload(d.client(t, "", ""), "text/y", five), "418")
	broken := func() io.Reader { return io.MultiReader(strings.NewReader("1"), errorReader{}) }
	require.ErrorContains(t, upload(d.client(t, "", ""), "text/x", broken), "disk")
	none := func() ([]rest.Part, error) { return nil, errors.New("no such file") }
	require.ErrorContains(t, d.client(t, "", "").Upload(t.Context(), "/up", none, &answer), "no such file")
}

// An answer that arrives before the door has read the whole body is not trusted.
func TestUploadDisbelieves(t *testing.T) {
	t.Parallel()
	d := newDoor(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{}`)
	})
	large := bytes.Repeat([]byte("x"), 8<<20)
	require.Error(t, d.client(t, "", "").Upload(t.Context(), "/up", func() ([]rest.Part, error) {
		return []rest.Part{{Name: "part", ContentType: "text/x", Content: bytes.NewReader(large)}}, nil
	}, &struct{}{}))
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, errors.New("disk") }

func TestNewRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		o    rest.Options
	}{
		{"plain http to elsewhere", rest.Options{BaseURL: "http://relay.example", HTTP: http.DefaultClient}},
		{"a name that only looks like here", rest.Options{BaseURL: "http://localhost.example", HTTP: http.DefaultClient}},
		{"plain http to the network", rest.Options{BaseURL: "http://192.0.2.1", HTTP: http.DefaultClient}},
		{"every address of a machine, which is none to call", rest.Options{BaseURL: "http://0.0.0.0:1", HTTP: http.DefaultClient}},
		{"no scheme", rest.Options{BaseURL: "relay.example", HTTP: http.DefaultClient}},
		{"no HTTP client", rest.Options{BaseURL: "https://relay.example"}},
		{"id without a secret", rest.Options{BaseURL: "https://relay.example", HTTP: http.DefaultClient, ClientID: "a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := rest.New(tt.o)
			require.Error(t, err)
		})
	}
	for _, here := range []string{"http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "https://relay.example"} {
		_, err := rest.New(rest.Options{BaseURL: here, HTTP: http.DefaultClient})
		require.NoError(t, err, here)
	}
}

// The door writes the problem document; whatever it contains, its lines can be shown safely.
func FuzzProblemLines(f *testing.F) {
	f.Add(`{"reason":"X","violations":[{"field":"a","message":"b"}]}`)
	f.Add(`{"violations":[{"message":"\u001b]0;x\u0007\n\u009b31m"}],"metadata":{"\n":"\r"}}`)
	f.Add(`[`)
	f.Fuzz(func(t *testing.T, body string) {
		d := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, body)
		}))
		defer d.Close()
		c, err := rest.New(rest.Options{BaseURL: d.URL, HTTP: d.Client()})
		require.NoError(t, err)
		var problem *rest.Problem
		require.ErrorAs(t, c.JSON(t.Context(), http.MethodGet, "/x", nil, nil, nil), &problem)
		require.Equal(t, http.StatusConflict, problem.Status)
		for _, line := range problem.Lines() {
			require.NotRegexp(t, `\p{Cc}`, line)
		}
	})
}

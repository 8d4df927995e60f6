package hubclient_test

import (
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/services/hub/internal/hubclient"
)

func serve(t testing.TB, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func stamp() hubclient.Stamp {
	return hubclient.Stamp{RequestID: uuid.New(), At: time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)}
}

func TestSendCarriesTheHeadersOfTheInterface(t *testing.T) {
	t.Parallel()
	var header http.Header
	var body, uri string
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		header, uri = r.Header.Clone(), r.RequestURI
		content, _ := io.ReadAll(r.Body)
		body = string(content)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, `{"resultCode":1}`)
	})
	c := client(t, func(c *hubclient.Config) { c.BaseURL = server.URL + "/hub/" })
	call, err := c.Withdraw("a", stamp().At)
	require.NoError(t, err)
	s := stamp()
	got, err := c.Send(t.Context(), call, s, "TOKEN")
	require.NoError(t, err)
	require.Equal(t, hubclient.Answer{Status: 200, ContentType: "text/plain; charset=utf-8", Body: []byte(`{"resultCode":1}`)}, got)
	require.Equal(t, "/hub/api/eaddr", uri)
	require.Equal(t, platform, header.Get("platform-id"))
	require.Equal(t, s.RequestID.String(), header.Get("req-UUID"))
	require.Equal(t, "2026-03-02 12:00:00", header.Get("req-date"))
	require.Equal(t, "Bearer TOKEN", header.Get("Authorization"))
	require.Equal(t, string(call.Body), body)

	record := string(c.Record(call, s))
	require.NotContains(t, record, "TOKEN")
	require.True(t, strings.HasSuffix(record, "\r\n\r\n"+body))
	require.Contains(t, record, "req-UUID: "+s.RequestID.String())
}

func TestSendThatDoesNotSucceed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		handle http.HandlerFunc
		detail string
	}{
		{"connection dropped", func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler) //nolint:forbidigo // how net/http is told to drop a connection
		}, "the connection did not hold"},
		{"slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "the hub did not answer in time"},
		{"too large", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, 70<<10))
		}, "the answer is larger than accepted"},
		{"cut", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"resultCode":1}`)
		}, "the connection did not hold"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, tt.handle)
			c := client(t, func(c *hubclient.Config) {
				c.BaseURL, c.AnswerTimeout, c.MaxAnswerBytes = server.URL, config.Duration(200*time.Millisecond), 64<<10
			})
			_, err := c.Send(t.Context(), c.Owner("secret#address"), stamp(), "TOKEN")
			require.ErrorIs(t, err, hubclient.ErrUnknown)
			require.ErrorContains(t, err, tt.detail)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestSendDoesNotFollowRedirects(t *testing.T) {
	t.Parallel()
	asked := 0
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	c := client(t, func(c *hubclient.Config) { c.BaseURL = server.URL })
	got, err := c.Send(t.Context(), c.Owner("a"), stamp(), "TOKEN")
	require.NoError(t, err)
	require.Equal(t, 1, asked)
	require.ErrorIs(t, hubclient.ReadResult(got), hubclient.ErrUnknown)
}

func TestSendVerifiesTheHub(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"resultCode":1}`)
	}))
	t.Cleanup(server.Close)
	foreign := client(t, func(c *hubclient.Config) { c.BaseURL = server.URL })
	_, err := foreign.Send(t.Context(), foreign.Owner("a"), stamp(), "")
	require.ErrorContains(t, err, "TLS certificate was not accepted")

	roots := filepath.Join(t.TempDir(), "roots.pem")
	require.NoError(t, os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	pinned := client(t, func(c *hubclient.Config) { c.BaseURL, c.RootsFile = server.URL, roots })
	got, err := pinned.Send(t.Context(), pinned.Owner("a"), stamp(), "")
	require.NoError(t, err)
	require.NoError(t, hubclient.ReadResult(got))
}

func TestSendEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := client(t, func(c *hubclient.Config) { c.BaseURL = server.URL })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := c.Send(ctx, c.Owner("a"), stamp(), "")
	require.ErrorIs(t, err, hubclient.ErrUnknown)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

package delivery

import (
	"encoding/base64"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
)

// An unanswered round is over before another replica may claim it.
func TestRoundIsShorterThanItsLease(t *testing.T) {
	t.Parallel()
	require.Less(t, maxNoticeTimeout, roundTime)
	require.Less(t, roundTime+givenTimeout, noticeLease)
}

// A name that leads to this machine is found out when it is dialled, which no earlier look at it can vouch for; where private
// addresses are allowed it is called.
func TestPrivateAddressIsFoundWhenDialled(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			asked.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	notice := Default().Notice
	notice.URL, notice.SecretFile = "http://localhost:"+port, secretOfTests(t)
	h, err := newHook(notice.Hook, notice.Workers, notice.Timeout.Std(), clock.System())
	require.NoError(t, err)
	err = h.post(t.Context(), uuid.New(), body{})
	require.Equal(t, "the address is not public, and allow_private is not set", reasonOf(err))
	require.Zero(t, asked.Load())

	notice.AllowPrivate = true
	h, err = newHook(notice.Hook, notice.Workers, notice.Timeout.Std(), clock.System())
	require.NoError(t, err)
	require.NoError(t, h.post(t.Context(), uuid.New(), body{}))
}

// What a round is told of a failure names neither the URL nor what stands in it.
func TestFailureNamesNoURL(t *testing.T) {
	t.Parallel()
	notice := Default().Notice
	notice.URL, notice.SecretFile, notice.Timeout = "http://127.0.0.1:1/hook?key=canary", secretOfTests(t), config.Duration(time.Second)
	notice.AllowPrivate = true
	h, err := newHook(notice.Hook, notice.Workers, notice.Timeout.Std(), clock.System())
	require.NoError(t, err)
	err = h.post(t.Context(), uuid.New(), body{})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "canary")
}

func secretOfTests(t *testing.T) config.SecretFile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte("whsec_"+base64.StdEncoding.EncodeToString(make([]byte, minKey))), 0o600))
	file := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(file, []byte("notice:\n  url: https://messaging.example\n  secret_file: "+path+"\n"), 0o600))
	loaded := Default()
	require.NoError(t, config.Load(file, loaded))
	return loaded.Notice.SecretFile
}

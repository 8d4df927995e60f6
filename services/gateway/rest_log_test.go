package gateway

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// publicLog serves a log as a unit does.
type publicLog struct {
	platformv1.UnimplementedLogServiceServer
}

func (publicLog) GetCheckpoint(context.Context, *platformv1.GetCheckpointRequest) (*platformv1.GetCheckpointResponse, error) {
	return &platformv1.GetCheckpointResponse{Checkpoint: "naru/x/intake/1\n5\n…\n"}, nil
}

func (publicLog) GetStampedCheckpoint(context.Context, *platformv1.GetStampedCheckpointRequest) (*platformv1.GetStampedCheckpointResponse, error) {
	return &platformv1.GetStampedCheckpointResponse{Checkpoint: "naru/x/intake/1\n3\n…\n", TimeStamp: []byte{0x30, 0}}, nil
}

func (publicLog) GetTile(_ context.Context, r *platformv1.GetTileRequest) (*platformv1.GetTileResponse, error) {
	if r.GetIndex() > 1000 {
		return nil, fault.New(fault.NotFound, "intake", fault.Word("TILE_NOT_FOUND"), "the log has not grown so far")
	}
	return &platformv1.GetTileResponse{Hashes: []byte(strings.Repeat(string('a'+r.GetLevel()), 32*int(r.GetWidth())))}, nil
}

// A unit's log is served to anybody as C2SP tlog-tiles, and may be kept by caches for as long as it is true.
func TestPublicLog(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const of = "/.well-known/naru/intake/log/"
	const text, octets = "text/plain; charset=utf-8", "application/octet-stream"
	const forEver = "public, max-age=31536000, immutable"
	for path, want := range map[string]struct{ body, contentType, cache string }{
		"checkpoint":             {"naru/x/intake/1\n5\n…\n", text, "public, max-age=1"},
		"stamped-checkpoint":     {"naru/x/intake/1\n3\n…\n", text, "public, max-age=1"},
		"stamped-checkpoint.tst": {"0\x00", "application/vnd.etsi.timestamp-token", "public, max-age=1"},
		"tile/0/000.p/2":         {strings.Repeat("a", 64), octets, forEver},
		"tile/1/000":             {strings.Repeat("b", 32*256), octets, forEver},
		"tile/0/x001/000.p/1":    {strings.Repeat("a", 32), octets, forEver},
	} {
		got := w.call(t, http.MethodGet, of+path, "", "")
		require.Equal(t, http.StatusOK, got.status, "%s: %s", path, got.body)
		require.Equal(t, want.body, got.body, path)
		require.Equal(t, want.contentType, got.header.Get("Content-Type"), path)
		require.Equal(t, want.cache, got.header.Get("Cache-Control"), path)
	}
	for path, want := range map[string]struct {
		status int
		reason string
	}{
		of + "tile/0/x001/001":  {http.StatusNotFound, "TILE_NOT_FOUND"},
		of + "tile/0/0":         {http.StatusNotFound, "NO_SUCH_ROUTE"},
		of + "tile/entries/000": {http.StatusNotFound, "NO_SUCH_ROUTE"},
		of:                      {http.StatusNotFound, "NO_SUCH_ROUTE"},
		"/.well-known/naru/nobody/log/checkpoint": {http.StatusNotFound, "NO_SUCH_ROUTE"},
		"/.well-known/naru/status/log/checkpoint": {http.StatusServiceUnavailable, "UNAVAILABLE"},
	} {
		got := w.call(t, http.MethodGet, path, "", "")
		require.Equal(t, want.status, got.status, "%s: %s", path, got.body)
		require.Equal(t, want.reason, got.json(t)["reason"], path)
		require.NotContains(t, got.header.Get("Cache-Control"), "max-age", path)
	}
	require.Equal(t, http.StatusMethodNotAllowed, w.call(t, http.MethodPost, of+"checkpoint", "", "{}").status)
}

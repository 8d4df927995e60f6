package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
)

// fetchError is a file of the log that could not be read.
type fetchError struct {
	path  string
	cause error
}

// Error names the file.
func (e *fetchError) Error() string { return "read " + e.path + ": " + e.cause.Error() }

// Unwrap returns the cause.
func (e *fetchError) Unwrap() error { return e.cause }

// remote reads tiles of a published log; package tlog believes none that does not lead to the root.
type remote struct {
	ctx   context.Context //nolint:containedctx // tlog's readers have none; remote lives for one look
	fetch Fetch
	// held are the tiles that are asked for again and again: those that are not full, and those above the leaves.
	held map[tlog.Tile][]byte
}

// Height implements tlog.TileReader.
func (r *remote) Height() int { return tileHeight }

// SaveTiles implements tlog.TileReader.
func (r *remote) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles implements tlog.TileReader.
func (r *remote) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	contents := make([][]byte, len(wanted))
	for i, tile := range wanted {
		content, held := r.held[tile]
		if !held {
			path := journal.TilePath(tile)
			var err error
			if content, err = r.fetch(r.ctx, path); err != nil {
				return nil, &fetchError{path, err}
			}
		}
		if tile.L > 0 || tile.W < 1<<tileHeight {
			r.held[tile] = content
		}
		contents[i] = content
	}
	return contents, nil
}

const (
	// maxFileBytes bounds a file of a log: the largest are time stamps with their certificates.
	maxFileBytes = 64 << 10
	// maxPause bounds how long a relay that is busy is waited for before it is asked again.
	maxPause = 30 * time.Second
	tries    = 10
)

// FromRelay reads a unit's log at a relay's REST door. A relay that has no room now is asked again when it says.
func FromRelay(client *http.Client, baseURL, unit string) Fetch {
	base := strings.TrimSuffix(baseURL, "/") + "/.well-known/naru/" + unit + "/log/"
	return func(ctx context.Context, path string) ([]byte, error) {
		for try := 1; ; try++ {
			content, pause, err := get(ctx, client, base+path)
			if pause == 0 || try == tries {
				return content, err
			}
			if err := lifecycle.Wait(ctx, pause); err != nil {
				return nil, fmt.Errorf("wait for a busy relay: %w", err)
			}
		}
	}
}

// get reads one file; pause is how long to wait before it is asked for again, 0 for never.
func get(ctx context.Context, client *http.Client, url string) (content []byte, pause time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, fmt.Errorf("address of the log: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, 0, fmt.Errorf("not reached: %w", err)
	}
	defer response.Body.Close()
	content, err = io.ReadAll(io.LimitReader(response.Body, maxFileBytes+1))
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("answer did not arrive whole: %w", err)
	case response.StatusCode == http.StatusNotFound && ofLog(content):
		return nil, 0, ErrNotThere
	case response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusServiceUnavailable:
		return nil, pauseOf(response), fmt.Errorf("answered with status %d", response.StatusCode)
	case response.StatusCode != http.StatusOK:
		return nil, 0, fmt.Errorf("answered with status %d", response.StatusCode)
	case len(content) > maxFileBytes:
		return nil, 0, errors.New("answer is too long")
	}
	return content, 0, nil
}

// ofLog says whether it is the log that answers that there is no such file, and not something else at that address.
func ofLog(problem []byte) bool {
	var told struct {
		Reason string `json:"reason"`
	}
	return json.Unmarshal(problem, &told) == nil && slices.Contains([]string{"LOG_EMPTY", "LOG_NOT_STAMPED", "TILE_NOT_FOUND"}, told.Reason)
}

func pauseOf(response *http.Response) time.Duration {
	seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		seconds = 1
	}
	return min(time.Duration(seconds)*time.Second, maxPause)
}

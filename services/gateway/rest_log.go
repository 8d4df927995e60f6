package gateway

import (
	"context"
	"net/http"
	"strings"

	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/gateway"
	"github.com/naru-relay/naru/pkg/journal"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// logInfix parts the unit from what is wanted of its log.
const logInfix = "/log/"

// Names under a unit's log, besides its tiles.
const (
	logCheckpoint = "checkpoint"
	logStamped    = "stamped-checkpoint"
	logStamp      = "stamped-checkpoint.tst"
)

// How long answers may be kept by whoever stands between: a checkpoint is followed by the next one within a second, a tile of one
// width never changes.
const (
	cacheCheckpoint = "public, max-age=1"
	cacheTile       = "public, max-age=31536000, immutable"
)

// logPath tells the unit and what is wanted of its log.
func logPath(path string) (unit, wanted string, ok bool) {
	rest, ok := strings.CutPrefix(path, keySetPrefix)
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, logInfix)
}

// logEndpoint publishes a unit's log (C2SP tlog-tiles, without entries): hashes and signatures, for anybody.
func (d *restDoor) logEndpoint(w http.ResponseWriter, r *http.Request) {
	unit, wanted, _ := logPath(r.URL.Path)
	answer := published{contentType: "text/plain; charset=utf-8", cache: cacheCheckpoint}
	switch wanted {
	case logCheckpoint:
		answer.read = func(ctx context.Context, conn grpc.ClientConnInterface) ([]byte, error) {
			read, err := platformv1.NewLogServiceClient(conn).GetCheckpoint(ctx, &platformv1.GetCheckpointRequest{})
			return []byte(read.GetCheckpoint()), err
		}
	case logStamped:
		answer.read = func(ctx context.Context, conn grpc.ClientConnInterface) ([]byte, error) {
			read, err := platformv1.NewLogServiceClient(conn).GetStampedCheckpoint(ctx, &platformv1.GetStampedCheckpointRequest{})
			return []byte(read.GetCheckpoint()), err
		}
	case logStamp:
		answer.contentType = "application/vnd.etsi.timestamp-token"
		answer.read = func(ctx context.Context, conn grpc.ClientConnInterface) ([]byte, error) {
			read, err := platformv1.NewLogServiceClient(conn).GetStampedCheckpoint(ctx, &platformv1.GetStampedCheckpointRequest{})
			return read.GetTimeStamp(), err
		}
	default:
		tile, err := journal.ParseTilePath(wanted)
		if err != nil {
			gateway.Miss(r.Context(), w, d.door.missed)
			return
		}
		answer.contentType, answer.cache = "application/octet-stream", cacheTile
		answer.read = func(ctx context.Context, conn grpc.ClientConnInterface) ([]byte, error) {
			read, err := platformv1.NewLogServiceClient(conn).GetTile(ctx, &platformv1.GetTileRequest{
				Level: int32(tile.L), Index: tile.N, Width: int32(tile.W), //nolint:gosec // bounded by the path's form
			})
			return read.GetHashes(), err
		}
	}
	d.publish(w, r, unit, answer)
}

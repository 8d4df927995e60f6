package unit

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// logService shows the unit's log to anybody: hashes, signed.
type logService struct {
	platformv1.UnsafeLogServiceServer
	unit string
	db   *pgxpool.Pool
	// publication says which checkpoints are shown.
	publication journal.Publication
}

var _ platformv1.LogServiceServer = (*logService)(nil)

func (s *logService) GetCheckpoint(ctx context.Context, _ *platformv1.GetCheckpointRequest) (*platformv1.GetCheckpointResponse, error) {
	newest, err := s.publication.Newest(ctx, s.db)
	if err != nil {
		return nil, err
	}
	if newest.N == 0 {
		return nil, fault.New(fault.NotFound, s.unit, fault.Word("LOG_EMPTY"), "no checkpoint of this log is cosigned by all witnesses that it needs yet")
	}
	return &platformv1.GetCheckpointResponse{Checkpoint: newest.Published()}, nil
}

func (s *logService) GetStampedCheckpoint(ctx context.Context, _ *platformv1.GetStampedCheckpointRequest) (*platformv1.GetStampedCheckpointResponse, error) {
	stamp, known, err := journal.NewestStamp(ctx, s.db)
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, fault.New(fault.NotFound, s.unit, fault.Word("LOG_NOT_STAMPED"), "no checkpoint of this log is time-stamped yet")
	}
	return &platformv1.GetStampedCheckpointResponse{Checkpoint: stamp.Published, TimeStamp: stamp.Token}, nil
}

func (s *logService) GetTile(ctx context.Context, r *platformv1.GetTileRequest) (*platformv1.GetTileResponse, error) {
	tile := tlog.Tile{L: int(r.GetLevel()), N: r.GetIndex(), W: int(r.GetWidth())}
	hashes, err := journal.ReadTile(ctx, s.db, tile)
	if errors.Is(err, journal.ErrNoTile) {
		return nil, fault.New(fault.NotFound, s.unit, fault.Word("TILE_NOT_FOUND"), "the log has not grown so far")
	}
	if err != nil {
		return nil, err
	}
	return &platformv1.GetTileResponse{Hashes: hashes}, nil
}

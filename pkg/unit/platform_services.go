package unit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/page"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/rpc"
	"github.com/naru-relay/naru/pkg/sealed"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// keyService publishes a unit's public keys, and its data keys to the units that may open what it seals.
type keyService struct {
	platformv1.UnsafeKeyServiceServer
	unit Unit
	keys *keys.Store
	ring *sealed.Keyring
	// verifierKeys of the unit's log.
	verifierKeys []string
}

var _ platformv1.KeyServiceServer = (*keyService)(nil)

func (s *keyService) GetKeySet(ctx context.Context, r *platformv1.GetKeySetRequest) (*platformv1.GetKeySetResponse, error) {
	names := s.unit.Signers
	var published []authn.PublicKey
	for _, name := range names {
		found, err := s.keys.PublicKeys(ctx, name)
		if errors.Is(err, keys.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read public keys of %s: %w", name, err)
		}
		for _, key := range found {
			published = append(published, authn.PublicKey{ID: key.KeyID, Purpose: key.Name, Key: key.Key})
		}
	}
	set, err := authn.KeySet(published...)
	if err != nil {
		return nil, fmt.Errorf("write the key set: %w", err)
	}
	return &platformv1.GetKeySetResponse{Jwks: string(set), VerifierKeys: s.verifierKeys}, nil
}

func (s *keyService) GetDataKey(ctx context.Context, r *platformv1.GetDataKeyRequest) (*platformv1.GetDataKeyResponse, error) {
	return GiveDataKey(ctx, s.unit.Name, s.ring, r)
}

func (h *host) keySetOf(unit string) authn.KeySource {
	return func(ctx context.Context) ([]byte, error) {
		conn, err := h.env.Dial(unit)
		if err != nil {
			return nil, err
		}
		return rpc.KeySource(conn)(ctx)
	}
}

// parkedService shows the operator the parked events of the unit's consumers.
type parkedService struct {
	platformv1.UnsafeParkedEventServiceServer
	unit    string
	db      *pgxpool.Pool
	engine  *inbox.Engine
	journal *journal.Journal
	clock   clock.Clock
}

var _ platformv1.ParkedEventServiceServer = (*parkedService)(nil)

func pageTokenInvalid(unit string) error {
	return fault.New(fault.Invalid, unit, fault.Word("PAGE_TOKEN_INVALID"), "pageToken is not one this relay gave")
}

type parkedPlace struct {
	At time.Time `json:"at"`
	ID uuid.UUID `json:"id"`
}

func (s *parkedService) ListParkedEvents(ctx context.Context, r *platformv1.ListParkedEventsRequest) (*platformv1.ListParkedEventsResponse, error) {
	place, err := page.After(r.GetPageToken(), parkedPlace{}, pageTokenInvalid(s.unit))
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := inbox.ListParked(ctx, s.db, r.GetGivenUp(), place.At, place.ID, size+1)
	if err != nil {
		return nil, err
	}
	found, next, err := page.Cut(found, size, func(last inbox.Parked) parkedPlace { return parkedPlace{At: last.ParkedAt, ID: last.ID} })
	if err != nil {
		return nil, err
	}
	answer := &platformv1.ListParkedEventsResponse{NextPageToken: next}
	for _, p := range found {
		shown := &platformv1.ParkedEvent{
			Id: p.ID.String(), Consumer: p.Consumer, Kind: p.Kind, Subject: p.Subject, Ordinal: p.Ordinal, Reason: p.Reason, ParkedAt: timestamppb.New(p.ParkedAt),
		}
		if !p.GivenUpAt.IsZero() {
			shown.GivenUpAt = timestamppb.New(p.GivenUpAt)
		}
		answer.Events = append(answer.Events, shown)
	}
	return answer, nil
}

func (s *parkedService) parse(texts []string) ([]uuid.UUID, error) {
	ids, err := id.ParseAll(texts)
	if err != nil {
		return nil, fault.New(fault.Invalid, s.unit, fault.InvalidRequest, "ids holds what is no UUID", fault.Wrap(err))
	}
	return ids, nil
}

func (s *parkedService) GiveUpParkedEvents(ctx context.Context, r *platformv1.GiveUpParkedEventsRequest) (*platformv1.GiveUpParkedEventsResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	ids, err := s.parse(r.GetIds())
	if err != nil {
		return nil, err
	}
	given, err := inbox.GiveUp(ctx, s.journal, ids, caller.ID, r.GetReason(), s.clock.Now())
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	return &platformv1.GiveUpParkedEventsResponse{GivenUp: int32(given)}, nil //nolint:gosec // at most a hundred
}

func (s *parkedService) ReplayParkedEvents(ctx context.Context, r *platformv1.ReplayParkedEventsRequest) (*platformv1.ReplayParkedEventsResponse, error) {
	ids, err := s.parse(r.GetIds())
	if err != nil {
		return nil, err
	}
	answer := &platformv1.ReplayParkedEventsResponse{}
	for _, parkedID := range ids {
		settled, err := s.engine.Replay(ctx, parkedID)
		switch {
		case errors.Is(err, inbox.ErrNotParked):
		case err != nil:
			return nil, err
		case settled:
			answer.Replayed++
		default:
			answer.StillParked++
		}
	}
	return answer, nil
}

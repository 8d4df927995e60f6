package unittest

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Maker stands for a unit that seals: it seals with real keys of its own and serves them to those who may open.
type Maker struct {
	platformv1.UnimplementedKeyServiceServer
	ring *sealed.Keyring
}

// NewMaker makes a maker of the named unit's purposes, e.g. "intake".
func NewMaker(t testing.TB, name string) *Maker {
	t.Helper()
	return &Maker{ring: Keyring(t, name, clock.System(), nil)}
}

// Keyring is that of a unit, in a schema of its own; source, which may be nil, gives the keys of others.
func Keyring(t testing.TB, name string, now clock.Clock, source sealed.KeySource) *sealed.Keyring {
	t.Helper()
	db := pgtest.New(t, name, pg.Source{Name: "sealed", FS: sealed.Migrations})
	store, err := keys.Open(t.TempDir(), keys.Options{Create: true})
	require.NoError(t, err)
	kek, err := store.AEAD(t.Context(), "kek")
	require.NoError(t, err)
	ring, err := sealed.New(sealed.Deps{Unit: name, DB: db.App, KEK: kek, Clock: now, Source: source})
	require.NoError(t, err)
	return ring
}

// Register serves the maker's keys; give it to Neighbour, together with the neighbour's other fakes.
func (m *Maker) Register(r grpc.ServiceRegistrar) { platformv1.RegisterKeyServiceServer(r, m) }

// Seal seals as the maker.
func (m *Maker) Seal(t testing.TB, purpose sealed.Purpose, subject string, plaintext []byte) []byte {
	t.Helper()
	value, err := m.ring.Box().Seal(t.Context(), purpose, subject, plaintext)
	require.NoError(t, err)
	return value
}

// GetDataKey gives a key to a unit that may open what it seals.
func (m *Maker) GetDataKey(ctx context.Context, r *platformv1.GetDataKeyRequest) (*platformv1.GetDataKeyResponse, error) {
	keyID, err := uuid.Parse(r.GetKeyId())
	if err != nil {
		return nil, err
	}
	key, purpose, err := m.ring.Export(ctx, keyID, authn.CallingUnit(ctx))
	if err != nil {
		return nil, err
	}
	return &platformv1.GetDataKeyResponse{Purpose: string(purpose), Key: key}, nil
}

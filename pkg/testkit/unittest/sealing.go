package unittest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/unit"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Maker stands for a unit that seals: it seals with real keys of its own and serves them to those who may open.
type Maker struct {
	platformv1.UnimplementedKeyServiceServer
	purpose sealed.Purpose
	ring    *sealed.Keyring
}

// NewMaker makes the maker of a purpose, e.g. of "intake.title", whose values the readers may open.
func NewMaker(t testing.TB, purpose sealed.Purpose, readers ...string) *Maker {
	t.Helper()
	return &Maker{purpose: purpose, ring: Keyring(t, sealed.Deps{
		Unit: purpose.Maker(), Makes: []sealed.Rule{{Purpose: purpose, Readers: readers}}, Clock: clock.System(),
	})}
}

// Keyring is that of a unit, in a schema of its own and under a key-encryption key of its own.
func Keyring(t testing.TB, deps sealed.Deps) *sealed.Keyring {
	t.Helper()
	deps.DB = pgtest.New(t, deps.Unit, pg.Source{Name: "sealed", FS: sealed.Migrations}).App
	store, err := keys.Open(t.TempDir(), keys.Options{Create: true})
	require.NoError(t, err)
	deps.KEK, err = store.AEAD(t.Context(), "kek")
	require.NoError(t, err)
	ring, err := sealed.New(deps)
	require.NoError(t, err)
	return ring
}

// Register serves the maker's keys; give it to Neighbour, together with the neighbour's other fakes.
func (m *Maker) Register(r grpc.ServiceRegistrar) { platformv1.RegisterKeyServiceServer(r, m) }

// Seal seals as the maker.
func (m *Maker) Seal(t testing.TB, subject string, plaintext []byte) []byte {
	t.Helper()
	value, err := m.ring.Box().Seal(t.Context(), m.purpose, subject, plaintext)
	require.NoError(t, err)
	return value
}

// GetDataKey gives a key to a unit that may open what it seals.
func (m *Maker) GetDataKey(ctx context.Context, r *platformv1.GetDataKeyRequest) (*platformv1.GetDataKeyResponse, error) {
	return unit.GiveDataKey(ctx, m.purpose.Maker(), m.ring, r)
}

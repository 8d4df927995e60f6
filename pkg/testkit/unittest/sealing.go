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
	return NewMakerOf(t, sealed.Rule{Purpose: purpose, Readers: readers})
}

// NewMakerOf makes the maker of several purposes of one unit. Seal seals the first of them.
func NewMakerOf(t testing.TB, rules ...sealed.Rule) *Maker {
	t.Helper()
	purpose := rules[0].Purpose
	return &Maker{purpose: purpose, ring: Keyring(t, sealed.Deps{Unit: purpose.Maker(), Makes: rules, Clock: clock.System()})}
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
	return m.SealFor(t, m.purpose, subject, plaintext)
}

// SealFor seals as the maker, for one of its purposes.
func (m *Maker) SealFor(t testing.TB, purpose sealed.Purpose, subject string, plaintext []byte) []byte {
	t.Helper()
	value, err := m.ring.Box().Seal(t.Context(), purpose, subject, plaintext)
	require.NoError(t, err)
	return value
}

// GetDataKey gives a key to a unit that may open what it seals.
func (m *Maker) GetDataKey(ctx context.Context, r *platformv1.GetDataKeyRequest) (*platformv1.GetDataKeyResponse, error) {
	return unit.GiveDataKey(ctx, m.purpose.Maker(), m.ring, r)
}

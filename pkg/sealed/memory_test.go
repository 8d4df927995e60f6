package sealed

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/naru-relay/naru/pkg/clock"
)

// memory is a store of one unit's schema, shared by its replicas.
type memory struct {
	mu      sync.Mutex
	rows    []row
	lookups int
	broken  error
}

func (m *memory) insert(_ context.Context, r row) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, old := range m.rows {
		if old.id == r.id || (r.madeHere && old.madeHere && old.purpose == r.purpose && old.month.Equal(r.month)) {
			return m.broken
		}
	}
	m.rows = append(m.rows, r)
	return m.broken
}

func (m *memory) forget(_ context.Context, now time.Time) ([]uuid.UUID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var gone []uuid.UUID
	m.rows = slices.DeleteFunc(m.rows, func(r row) bool {
		over := !r.ends.IsZero() && r.ends.Before(now)
		if over {
			gone = append(gone, r.id)
		}
		return over
	})
	return gone, m.broken
}

func (m *memory) made(_ context.Context, p Purpose, month time.Time) (row, bool, error) {
	return m.find(func(r row) bool { return r.madeHere && r.purpose == p && r.month.Equal(month) })
}

func (m *memory) byID(_ context.Context, keyID uuid.UUID) (row, bool, error) {
	return m.find(func(r row) bool { return r.id == keyID })
}

func (m *memory) find(match func(row) bool) (row, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lookups++
	for _, r := range m.rows {
		if match(r) {
			return r, true, m.broken
		}
	}
	return row{}, false, m.broken
}

func newKEK(t testing.TB) tink.AEAD {
	t.Helper()
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	require.NoError(t, err)
	kek, err := aead.New(handle)
	require.NoError(t, err)
	return kek
}

// unit is what one unit's replicas share.
type unit struct {
	name  string
	store *memory
	kek   tink.AEAD
	clock *clock.Fake
	calls int
}

func newUnit(t testing.TB, name string) *unit {
	t.Helper()
	return &unit{name: name, store: &memory{}, kek: newKEK(t), clock: clock.NewFake(time.Date(2026, 1, 31, 23, 59, 59, 0, time.UTC))}
}

// replica starts a process of the unit that asks maker for keys.
func (u *unit) replica(t testing.TB, maker *Keyring) *Keyring {
	t.Helper()
	var source KeySource
	if maker != nil {
		source = KeySourceFunc(func(ctx context.Context, keyID uuid.UUID) ([]byte, Purpose, error) {
			u.calls++
			return maker.Export(ctx, keyID, u.name)
		})
	}
	k, err := newKeyring(Deps{Unit: u.name, KEK: u.kek, Clock: u.clock, Source: source}, u.store)
	require.NoError(t, err)
	return k
}

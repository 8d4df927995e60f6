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

// memory is the key store of one unit's schema, shared by its replicas.
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

// Purposes of two makers.
const (
	testTitle       Purpose = "intake.title"
	testIdentifier  Purpose = "intake.identifier"
	testMember      Purpose = "address.member"
	testBlindCI     Purpose = "address.blind_ci"
	testBlindPerson Purpose = "address.blind_person"

	testLife = 460 * 24 * time.Hour
)

// depsOf adds what the named unit makes and opens.
func depsOf(unit string, deps Deps) Deps {
	deps.Unit = unit
	deps.Makes = map[string][]Rule{
		"intake": {
			{Purpose: testTitle, Readers: []string{"delivery", "viewing"}},
			{Purpose: testIdentifier, Readers: []string{"viewing"}, Life: testLife},
		},
		"address": {
			{Purpose: testMember, Readers: []string{"address"}},
			{Purpose: testBlindCI, Index: true}, {Purpose: testBlindPerson, Index: true},
		},
	}[unit]
	deps.Opens = map[string][]Purpose{
		"delivery": {testTitle}, "viewing": {testTitle, testIdentifier},
		// The hub claims to open this purpose, but its maker gives it no keys.
		"hub": {testTitle},
	}[unit]
	return deps
}

func newKEK(t testing.TB) tink.AEAD {
	t.Helper()
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	require.NoError(t, err)
	kek, err := aead.New(handle)
	require.NoError(t, err)
	return kek
}

// unit is what the replicas of one unit share.
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
		source = func(ctx context.Context, _ string, keyID uuid.UUID) (Key, error) {
			u.calls++
			return maker.Export(ctx, keyID, u.name)
		}
	}
	k, err := newKeyring(depsOf(u.name, Deps{KEK: u.kek, Clock: u.clock, Source: source}), u.store)
	require.NoError(t, err)
	return k
}

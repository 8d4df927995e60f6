package sealed

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
)

// Replicas that start at the same time use the same key, and each reads its store only until it knows the key.
func TestMakingRace(t *testing.T) {
	t.Parallel()
	u := newUnit(t, "intake")
	const replicas, callers = 8, 8
	ids := make([]uuid.UUID, replicas*callers)
	var wg sync.WaitGroup
	for r := range replicas {
		k := u.replica(t, nil)
		for c := range callers {
			wg.Go(func() {
				if value, err := k.Box().Seal(t.Context(), testTitle, "d", []byte("x")); err == nil {
					ids[r*callers+c], _ = keyIDOf(value)
				}
			})
		}
	}
	wg.Wait()
	require.Len(t, u.store.rows, 1)
	for _, got := range ids {
		require.Equal(t, u.store.rows[0].id, got)
	}
	before := u.store.lookups
	k := u.replica(t, nil)
	for range 100 {
		_, err := k.Box().Seal(t.Context(), testTitle, "d", []byte("x"))
		require.NoError(t, err)
	}
	require.Equal(t, before+1, u.store.lookups)
}

// Prepare makes the keys of this month and the next, so that the change of months needs no query.
func TestPrepare(t *testing.T) {
	t.Parallel()
	u := newUnit(t, "address")
	k := u.replica(t, nil)
	require.NoError(t, k.Prepare(t.Context()))
	require.NoError(t, u.replica(t, nil).Prepare(t.Context()))
	months := map[Purpose][]string{}
	for _, r := range u.store.rows {
		months[r.purpose] = append(months[r.purpose], r.month.Format("2006-01"))
	}
	none := []string{"0001-01"}
	require.Equal(t, map[Purpose][]string{
		testMember: {"2026-01", "2026-02"}, testBlindCI: none, testBlindPerson: none,
	}, months)

	u.store.broken = errors.New("no database")
	u.clock.Advance(time.Second)
	_, err := k.Box().Seal(t.Context(), testMember, "m", []byte("x"))
	require.NoError(t, err)
	u.clock.Advance(31 * 24 * time.Hour)
	require.ErrorContains(t, k.Prepare(t.Context()), "no database")
}

// A failure is not cached: the next call tries again.
func TestRecovers(t *testing.T) {
	t.Parallel()
	u := newUnit(t, "intake")
	k := u.replica(t, nil)
	u.store.broken = errors.New("no database")
	_, err := k.Box().Seal(t.Context(), testTitle, "d", nil)
	require.ErrorContains(t, err, "no database")
	u.store.broken = nil
	_, err = k.Box().Seal(t.Context(), testTitle, "d", nil)
	require.NoError(t, err)

	value, err := k.Box().Seal(t.Context(), testTitle, "d", []byte("x"))
	require.NoError(t, err)
	down := true
	reader, err := newKeyring(depsOf("viewing", Deps{KEK: newKEK(t), Clock: u.clock, Source: func(ctx context.Context, _ string, keyID uuid.UUID) (Key, error) {
		if down {
			return Key{}, fault.New(fault.Unavailable, "intake", nil, "")
		}
		return k.Export(ctx, keyID, "viewing")
	}}), &memory{})
	require.NoError(t, err)
	_, err = reader.Box().Open(t.Context(), testTitle, "d", value)
	require.ErrorIs(t, err, fault.Unavailable)
	down = false
	_, err = reader.Box().Open(t.Context(), testTitle, "d", value)
	require.NoError(t, err)
}

// If the first caller gives up, the others who wait for the key still get it.
func TestImpatientCaller(t *testing.T) {
	t.Parallel()
	maker := newUnit(t, "intake").replica(t, nil)
	value, err := maker.Box().Seal(t.Context(), testTitle, "d", []byte("x"))
	require.NoError(t, err)
	asked, answer := make(chan struct{}), make(chan struct{})
	reader, err := newKeyring(depsOf("viewing", Deps{KEK: newKEK(t), Clock: clock.System(), Source: func(ctx context.Context, _ string, keyID uuid.UUID) (Key, error) {
		close(asked)
		<-answer
		if err := ctx.Err(); err != nil {
			return Key{}, err
		}
		return maker.Export(ctx, keyID, "viewing")
	}}), &memory{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := reader.Box().Open(ctx, testTitle, "d", value); first <- err }()
	<-asked
	go func() { _, err := reader.Box().Open(t.Context(), testTitle, "d", value); second <- err }()
	cancel()
	require.ErrorIs(t, <-first, context.Canceled)
	close(answer)
	require.NoError(t, <-second)
}

// A wrapped key is bound to its row: rows cannot be exchanged, and another unit's key-encryption key opens none of them.
func TestWrappedKeysAreBound(t *testing.T) {
	t.Parallel()
	u := newUnit(t, "intake")
	k := u.replica(t, nil)
	require.NoError(t, k.Prepare(t.Context()))
	u.store.rows[0].wrapped, u.store.rows[1].wrapped = u.store.rows[1].wrapped, u.store.rows[0].wrapped
	_, err := u.replica(t, nil).Export(t.Context(), u.store.rows[0].id, "viewing")
	require.ErrorIs(t, err, fault.Corrupt)
	u.kek = newKEK(t)
	_, err = u.replica(t, nil).Export(t.Context(), u.store.rows[2].id, "viewing")
	require.ErrorIs(t, err, fault.Corrupt)
}

// An answer of a key source that is not a key of the purpose is refused.
func TestBadSource(t *testing.T) {
	t.Parallel()
	maker := newUnit(t, "intake").replica(t, nil)
	value, err := maker.Box().Seal(t.Context(), testTitle, "d", []byte("x"))
	require.NoError(t, err)
	for name, answer := range map[string]struct {
		bytes   []byte
		purpose Purpose
		want    string
	}{
		"short key":     {make([]byte, 31), testTitle, "KEY_MISMATCH"},
		"other purpose": {make([]byte, 32), testMember, "KEY_MISMATCH"},
		"wrong key":     {make([]byte, 32), testTitle, "SEALED_UNREADABLE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reader, err := newKeyring(depsOf("viewing", Deps{KEK: newKEK(t), Clock: clock.System(), Source: func(_ context.Context, maker string, _ uuid.UUID) (Key, error) {
				require.Equal(t, "intake", maker)
				return Key{Bytes: answer.bytes, Purpose: answer.purpose}, nil
			}}), &memory{})
			require.NoError(t, err)
			_, err = reader.Box().Open(t.Context(), testTitle, "d", value)
			require.ErrorIs(t, err, fault.Corrupt)
			require.Equal(t, answer.want, fault.ReasonOf(err))
		})
	}
}

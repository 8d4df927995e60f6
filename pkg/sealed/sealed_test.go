package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
)

// A reader opens what the maker sealed. It asks for the key once, also after a restart.
func TestSealOpen(t *testing.T) {
	t.Parallel()
	intake, viewing := newUnit(t, "intake"), newUnit(t, "viewing")
	maker := intake.replica(t, nil)
	reader := viewing.replica(t, maker)
	for _, text := range []string{"", "a", strings.Repeat("제목", 50)} {
		value, err := maker.Box().Seal(t.Context(), testTitle, "doc-1", []byte(text))
		require.NoError(t, err)
		require.Len(t, value, len(text)+Overhead)
		got, err := reader.Box().Open(t.Context(), testTitle, "doc-1", value)
		require.NoError(t, err)
		require.Equal(t, text, string(got))
		got, err = viewing.replica(t, maker).Box().Open(t.Context(), testTitle, "doc-1", value)
		require.NoError(t, err)
		require.Equal(t, text, string(got))
	}
	require.Equal(t, 1, viewing.calls)
	require.Len(t, viewing.store.rows, 1)
	require.False(t, viewing.store.rows[0].madeHere)
	require.NotEqual(t, intake.store.rows[0].wrapped, viewing.store.rows[0].wrapped, "each unit wraps under its own key")
}

// The format is the documented one: another implementation of AES-256-GCM opens a value.
func TestFormat(t *testing.T) {
	t.Parallel()
	intake := newUnit(t, "intake").replica(t, nil)
	value, err := intake.Box().Seal(t.Context(), testTitle, "doc-1", []byte("text"))
	require.NoError(t, err)
	require.Equal(t, byte(1), value[0])
	keyID, err := keyIDOf(value)
	require.NoError(t, err)
	require.Equal(t, keyID[:], value[1:17])
	key, err := intake.Export(t.Context(), keyID, "viewing")
	require.NoError(t, err)
	require.Equal(t, testTitle, key.Purpose)

	block, err := aes.NewCipher(key.Bytes)
	require.NoError(t, err)
	gcm, err := cipher.NewGCM(block)
	require.NoError(t, err)
	got, err := gcm.Open(nil, value[17:29], value[29:], []byte("intake.title\x00doc-1"))
	require.NoError(t, err)
	require.Equal(t, "text", string(got))

	again, err := intake.Box().Seal(t.Context(), testTitle, "doc-1", []byte("text"))
	require.NoError(t, err)
	require.NotEqual(t, value, again)
}

// A value opens only for its purpose and subject, and not after a single bit has changed.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	maker := newUnit(t, "intake").replica(t, nil)
	reader := newUnit(t, "viewing").replica(t, maker)
	value, err := maker.Box().Seal(t.Context(), testTitle, "doc-1", []byte("secret title"))
	require.NoError(t, err)
	open := func(p Purpose, subject string, value []byte) error {
		_, err := reader.Box().Open(t.Context(), p, subject, value)
		if err != nil {
			require.NotContains(t, err.Error(), "secret title")
		}
		return err
	}
	require.NoError(t, open(testTitle, "doc-1", value))
	require.ErrorIs(t, open(testTitle, "doc-2", value), fault.Corrupt)
	require.ErrorIs(t, open(testIdentifier, "doc-1", value), fault.Corrupt)
	for i := range value {
		changed := append([]byte(nil), value...)
		changed[i] ^= 1
		want := fault.Corrupt
		if 1 <= i && i <= 16 {
			want = fault.NotFound // the change hit the key id
		}
		require.ErrorIs(t, open(testTitle, "doc-1", changed), want, "byte %d", i)
	}
	for n := range value {
		require.ErrorIs(t, open(testTitle, "doc-1", value[:n]), fault.Corrupt)
	}

	fresh := newUnit(t, "viewing").replica(t, maker)
	_, err = fresh.Box().Open(t.Context(), testIdentifier, "doc-1", value)
	require.ErrorIs(t, err, fault.Corrupt, "a key fetched for the wrong purpose")
	_, err = fresh.Box().Open(t.Context(), testTitle, "doc-1", value)
	require.NoError(t, err, "and is not remembered under it")
}

// A new month has a new key; old values still open.
func TestMonths(t *testing.T) {
	t.Parallel()
	u := newUnit(t, "address")
	k := u.replica(t, nil)
	january, err := k.Box().Seal(t.Context(), testMember, "m", []byte("old"))
	require.NoError(t, err)
	u.clock.Advance(time.Second) // 2026-02-01T00:00:00Z
	february, err := k.Box().Seal(t.Context(), testMember, "m", []byte("new"))
	require.NoError(t, err)
	later, err := k.Box().Seal(t.Context(), testMember, "m", []byte("new"))
	require.NoError(t, err)
	require.NotEqual(t, january[1:17], february[1:17])
	require.Equal(t, february[1:17], later[1:17])
	got, err := u.replica(t, nil).Box().Open(t.Context(), testMember, "m", january)
	require.NoError(t, err)
	require.Equal(t, "old", string(got))
	require.Equal(t, time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), u.store.rows[1].month)
}

// Only its maker can seal a purpose, only its readers can open it, and only they get its keys.
func TestRights(t *testing.T) {
	t.Parallel()
	units := []string{"intake", "address", "delivery", "viewing", "hub", "status"}
	for p, readers := range map[Purpose][]string{
		testTitle: {"delivery", "viewing"}, testIdentifier: {"viewing"}, testMember: {"address"}, testBlindCI: nil, testBlindPerson: nil,
	} {
		index := readers == nil
		makerUnit := newUnit(t, p.Maker())
		maker := makerUnit.replica(t, nil)
		require.NoError(t, maker.Prepare(t.Context()))
		for _, name := range units {
			k := maker
			if name != p.Maker() {
				k = newUnit(t, name).replica(t, maker)
			}
			_, err := k.Box().Seal(t.Context(), p, "s", []byte("x"))
			require.Equal(t, name == p.Maker() && !index, err == nil, "%s seals %s", name, p)
			_, err = k.Index().Blind(t.Context(), p, "x")
			require.Equal(t, name == p.Maker() && index, err == nil, "%s indexes %s", name, p)

			mayOpen := slices.Contains(readers, name)
			if !index {
				value, err := maker.Box().Seal(t.Context(), p, "s", []byte("x"))
				require.NoError(t, err)
				_, err = k.Box().Open(t.Context(), p, "s", value)
				require.Equal(t, mayOpen, err == nil, "%s opens %s", name, p)
			}
			for _, r := range makerUnit.store.rows {
				if r.purpose == p {
					_, err = maker.Export(t.Context(), r.id, name)
					require.Equal(t, mayOpen, err == nil, "%s gets %s", name, p)
					require.Equal(t, !mayOpen, errors.Is(err, fault.Denied))
				}
			}
		}
	}
}

// A reader does not pass its keys on. Unknown purposes and keys are refused.
func TestExportRefuses(t *testing.T) {
	t.Parallel()
	maker := newUnit(t, "intake").replica(t, nil)
	reader := newUnit(t, "viewing").replica(t, maker)
	value, err := maker.Box().Seal(t.Context(), testTitle, "d", []byte("x"))
	require.NoError(t, err)
	_, err = reader.Box().Open(t.Context(), testTitle, "d", value)
	require.NoError(t, err)
	keyID, err := keyIDOf(value)
	require.NoError(t, err)
	_, err = reader.Export(t.Context(), keyID, "delivery")
	require.ErrorIs(t, err, fault.NotFound)
	require.Equal(t, "KEY_NOT_FOUND", fault.ReasonOf(err))
	_, err = maker.Export(t.Context(), uuid.UUID{1}, "viewing")
	require.ErrorIs(t, err, fault.NotFound)

	_, err = maker.Box().Seal(t.Context(), "nonsense", "d", nil)
	require.ErrorContains(t, err, "does not seal")
	_, err = maker.Box().Seal(t.Context(), testTitle, "", nil)
	require.ErrorContains(t, err, "no subject")
	_, err = maker.Box().Seal(t.Context(), testTitle, "d", make([]byte, MaxPlaintext+1))
	require.ErrorContains(t, err, "more than")
	_, err = keyIDOf([]byte{2})
	require.Error(t, err)
}

// An exported key is a copy: changing it has no effect on the keyring.
func TestExportCopies(t *testing.T) {
	t.Parallel()
	maker := newUnit(t, "intake").replica(t, nil)
	value, err := maker.Box().Seal(t.Context(), testTitle, "d", []byte("x"))
	require.NoError(t, err)
	keyID, err := keyIDOf(value)
	require.NoError(t, err)
	first, err := maker.Export(t.Context(), keyID, "viewing")
	require.NoError(t, err)
	kept := slices.Clone(first.Bytes)
	clear(first.Bytes)
	second, err := maker.Export(t.Context(), keyID, "viewing")
	require.NoError(t, err)
	require.Equal(t, kept, second.Bytes)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	_, err := New(Deps{})
	require.ErrorContains(t, err, "database")
	_, err = newKeyring(Deps{}, &memory{})
	require.ErrorContains(t, err, "required")
	_, err = newKeyring(Deps{Unit: "viewing", KEK: newKEK(t), Clock: clock.System(), Opens: []Purpose{"title"}}, &memory{})
	require.ErrorContains(t, err, `purpose "title"`)
}

// A unit's declarations about sealing are checked before it makes a key.
func TestCheck(t *testing.T) {
	t.Parallel()
	readers := []string{"viewing"}
	for name, tt := range map[string]struct {
		makes []Rule
		opens []Purpose
		want  string
	}{
		"no maker":             {makes: []Rule{{Purpose: "title", Readers: readers}}, want: "maker.what"},
		"another maker":        {makes: []Rule{{Purpose: "hub.title", Readers: readers}}, want: "maker.what"},
		"capitals":             {makes: []Rule{{Purpose: "intake.Title", Readers: readers}}, want: "maker.what"},
		"too long":             {makes: []Rule{{Purpose: Purpose("intake." + strings.Repeat("x", 57)), Readers: readers}}, want: "maker.what"},
		"twice":                {makes: []Rule{{Purpose: "intake.title", Readers: readers}, {Purpose: "intake.title", Readers: readers}}, want: "twice"},
		"opened by nobody":     {makes: []Rule{{Purpose: "intake.title"}}, want: "opened by nobody"},
		"an index with reader": {makes: []Rule{{Purpose: "intake.x", Index: true, Readers: readers}}, want: "blind index"},
		"an index with an end": {makes: []Rule{{Purpose: "intake.x", Index: true, Life: time.Hour}}, want: "blind index"},
		"opens its own":        {opens: []Purpose{"intake.title"}, want: "maker.what"},
		"opens twice":          {opens: []Purpose{"hub.x", "hub.x"}, want: "twice"},
	} {
		require.ErrorContains(t, Check("intake", tt.makes, tt.opens), tt.want, name)
	}
	require.NoError(t, Check("intake", []Rule{{Purpose: Purpose("intake." + strings.Repeat("x", 56)), Readers: readers}}, []Purpose{"hub.x"}))
}

// Open fails without a panic for any bytes that were not sealed.
func FuzzOpen(f *testing.F) {
	u := newUnit(f, "address")
	k := u.replica(f, nil)
	value, err := k.Box().Seal(f.Context(), testMember, "m", []byte("text"))
	require.NoError(f, err)
	f.Add(value)
	f.Add([]byte{})
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := k.Box().Open(t.Context(), testMember, "m", data)
		if string(data) == string(value) {
			require.NoError(t, err)
			require.Equal(t, "text", string(got))
			return
		}
		require.Error(t, err)
		require.Contains(t, []fault.Kind{fault.Corrupt, fault.NotFound}, fault.KindOf(err))
	})
}

func BenchmarkSeal(b *testing.B) {
	k := newUnit(b, "intake").replica(b, nil)
	text := []byte(strings.Repeat("x", 64))
	for b.Loop() {
		if _, err := k.Box().Seal(b.Context(), testTitle, "20260101_Relay00001_0000000000042", text); err != nil {
			b.Fatal(err)
		}
	}
}

// keyIDOf returns the id of the key under which a value was sealed.
func keyIDOf(value []byte) (uuid.UUID, error) {
	keyID, _, err := split(value)
	return keyID, err
}

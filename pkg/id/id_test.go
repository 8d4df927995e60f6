package id_test

import (
	"bytes"
	"regexp"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/id"
)

// New returns UUIDv7 values in increasing byte order.
func TestNew(t *testing.T) {
	t.Parallel()
	last := id.New()
	require.Equal(t, uuid.Version(7), last.Version())
	for range 10_000 {
		next := id.New()
		require.Negative(t, bytes.Compare(last[:], next[:]))
		last = next
	}
}

// Ids are read in their order; one that is no UUID lets none through.
func TestParseAll(t *testing.T) {
	t.Parallel()
	one, two := id.New(), id.New()
	ids, err := id.ParseAll([]string{two.String(), one.String()})
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{two, one}, ids)

	ids, err = id.ParseAll([]string{one.String(), "no id"})
	require.ErrorContains(t, err, "id 2 of 2")
	require.Empty(t, ids)
}

// A number carries the day in KST: in the evening of UTC it is already tomorrow in Korea.
func TestNewEdocNumber(t *testing.T) {
	t.Parallel()
	n, err := id.NewEdocNumber(time.Date(2026, 12, 31, 15, 0, 0, 0, time.UTC), "Relay00001", 42)
	require.NoError(t, err)
	require.Equal(t, "20270101_Relay00001_0000000000042", n.String())
	require.Equal(t, time.Date(2027, 1, 1, 0, 0, 0, 0, id.KST), n.Date())
	require.Equal(t, "Relay00001", n.Code())
	require.Equal(t, int64(42), n.Serial())

	n, err = id.NewEdocNumber(time.Date(2026, 12, 31, 14, 59, 59, 0, time.UTC), "Relay00001", id.MaxSerial)
	require.NoError(t, err)
	require.Equal(t, "20261231_Relay00001_9999999999999", n.String())
}

func TestNewEdocNumberRefuses(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, id.KST)
	tests := []struct {
		name   string
		date   time.Time
		code   string
		serial int64
	}{
		{name: "a negative serial", date: day, code: "Relay00001", serial: -1},
		{name: "a serial of fourteen digits", date: day, code: "Relay00001", serial: id.MaxSerial + 1},
		{name: "a short code", date: day, code: "Relay", serial: 1},
		{name: "a code with an underscore", date: day, code: "Relay_0001", serial: 1},
		{name: "a year of five digits", date: day.AddDate(9000, 0, 0), code: "Relay00001", serial: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := id.NewEdocNumber(tt.date, tt.code, tt.serial)
			require.Error(t, err)
		})
	}
}

func TestParseEdocNumber(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		in    string
		fails string
	}{
		{name: "canonical", in: "20260228_abcXYZ0189_0000000000000"},
		{name: "leap day", in: "20280229_abcXYZ0189_0000000000001"},
		{name: "empty", in: "", fails: "characters"},
		{name: "one character more", in: "20260228_abcXYZ0189_00000000000001", fails: "characters"},
		{name: "no leap day", in: "20260229_abcXYZ0189_0000000000001", fails: "calendar"},
		{name: "month 13", in: "20261301_abcXYZ0189_0000000000001", fails: "calendar"},
		{name: "year zero", in: "00000101_abcXYZ0189_0000000000001", fails: "calendar"},
		{name: "date with a sign", in: "+2026022_abcXYZ0189_0000000000001", fails: "digits"},
		{name: "hyphens", in: "20260228-abcXYZ0189-0000000000001", fails: "underscore"},
		{name: "code with punctuation", in: "20260228_abcXYZ018._0000000000001", fails: "code"},
		{name: "code beyond ASCII", in: "20260228_abcXYZ01é_0000000000001", fails: "code"},
		{name: "serial with a sign", in: "20260228_abcXYZ0189_+000000000001", fails: "serial"},
		{name: "serial with a space", in: "20260228_abcXYZ0189_ 000000000001", fails: "serial"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n, err := id.ParseEdocNumber(tt.in)
			if tt.fails != "" {
				require.ErrorContains(t, err, tt.fails)
				require.Empty(t, n)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.in, n.String())
		})
	}
}

// A value that was never parsed returns zero values.
func TestMalformedEdocNumber(t *testing.T) {
	t.Parallel()
	for _, n := range []id.EdocNumber{"", "x", "2026022x_abcXYZ0189_000000000000x"} {
		require.True(t, n.Date().IsZero())
		require.Zero(t, n.Serial())
	}
	require.Empty(t, id.EdocNumber("x").Code())
}

func TestValidCode(t *testing.T) {
	t.Parallel()
	require.True(t, id.ValidCode("aZ09aZ09aZ"))
	for _, code := range []string{"", "aZ09aZ09a", "aZ09aZ09aZZ", "aZ09aZ09a_"} {
		require.False(t, id.ValidCode(code), code)
	}
}

// Whatever the parser accepts has the canonical form, and can be composed again from its parts.
func FuzzParseEdocNumber(f *testing.F) {
	for _, seed := range []string{"20260228_abcXYZ0189_0000000000042", "20260229_abcXYZ0189_0000000000042", "", "________"} {
		f.Add(seed)
	}
	form := regexp.MustCompile(`^[0-9]{8}_[A-Za-z0-9]{10}_[0-9]{13}$`)
	f.Fuzz(func(t *testing.T, s string) {
		n, err := id.ParseEdocNumber(s)
		if err != nil {
			return
		}
		require.Regexp(t, form, s)
		again, err := id.NewEdocNumber(n.Date(), n.Code(), n.Serial())
		require.NoError(t, err)
		require.Equal(t, s, again.String())
	})
}

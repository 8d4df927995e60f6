package jws_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/jws"
)

func TestNumericDate(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]time.Time{
		"1767225600":          time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		"1767225600.25":       time.Date(2026, 1, 1, 0, 0, 0, 250_000_000, time.UTC),
		"1767225600.000001":   time.Date(2026, 1, 1, 0, 0, 0, 1000, time.UTC),
		"1.7672256005e9":      time.Date(2026, 1, 1, 0, 0, 0, 500_000_000, time.UTC),
		"0":                   time.Unix(0, 0).UTC(),
		"253402300799":        time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		"1767225600.99999999": time.Date(2026, 1, 1, 0, 0, 1, 0, time.UTC),
	} {
		var got jws.NumericDate
		require.NoError(t, json.Unmarshal([]byte(written), &got), written)
		require.Equal(t, want, got.Time, written)
	}
	for _, bad := range []string{`"1767225600"`, "-1", "253402300800", "1e400", "true", "{}", `"NaN"`} {
		var got jws.NumericDate
		require.Error(t, json.Unmarshal([]byte(bad), &got), bad)
	}
}

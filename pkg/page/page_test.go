package page

import (
	"encoding/base64"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

type spot struct {
	Number string `json:"n"`
}

func spotOf(number string) spot { return spot{Number: number} }

// If one item more was found than fits on a page, the list is cut, and the token continues after the last item shown.
func TestPages(t *testing.T) {
	t.Parallel()
	items, next, err := Cut([]string{"a", "b", "c"}, 2, spotOf)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, items)
	at, err := After(next, spot{"z"}, errors.New("invalid"))
	require.NoError(t, err)
	require.Equal(t, spot{"b"}, at)

	items, next, err = Cut([]string{"a", "b"}, 2, spotOf)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, items)
	require.Empty(t, next)
	at, err = After(next, spot{"z"}, errors.New("invalid"))
	require.NoError(t, err)
	require.Equal(t, spot{"z"}, at)

	require.Equal(t, 7, Size(7))
	require.Equal(t, DefaultSize, Size(0))
}

// A text that is no token of this package is the caller's error.
func TestForeignTokens(t *testing.T) {
	t.Parallel()
	invalid := errors.New("invalid")
	for _, token := range []string{"%", "e30", base64.RawURLEncoding.EncodeToString([]byte(`"b"`)), base64.RawURLEncoding.EncodeToString([]byte(`{"n":""}`))} {
		_, err := After(token, spot{}, invalid)
		require.ErrorIs(t, err, invalid, token)
	}
}

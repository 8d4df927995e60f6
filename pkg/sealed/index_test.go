package sealed

import (
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"
)

// A blind index is HMAC-SHA-256 of the length-prefixed parts. It is equal in every replica and differs by purpose.
func TestBlind(t *testing.T) {
	t.Parallel()
	u := newUnit(t, "address")
	k := u.replica(t, nil)
	got, err := k.Index().Blind(t.Context(), testBlindPerson, "홍길동", "19000101")
	require.NoError(t, err)
	again, err := u.replica(t, nil).Index().Blind(t.Context(), testBlindPerson, "홍길동", "19000101")
	require.NoError(t, err)
	require.Equal(t, got, again)

	key, err := u.kek.Decrypt(u.store.rows[0].wrapped, wrapContext(u.store.rows[0].id, testBlindPerson))
	require.NoError(t, err)
	h := hmac.New(sha256.New, key)
	h.Write([]byte("\x00\x00\x00\x00\x00\x00\x00\x09홍길동\x00\x00\x00\x00\x00\x00\x00\x0819000101"))
	require.Equal(t, h.Sum(nil), got)

	for _, parts := range [][]string{{"홍길동1", "9000101"}, {"홍길동19000101"}, {"19000101", "홍길동"}} {
		other, err := k.Index().Blind(t.Context(), testBlindPerson, parts...)
		require.NoError(t, err)
		require.NotEqual(t, got, other)
	}
	other, err := k.Index().Blind(t.Context(), testBlindCI, "홍길동", "19000101")
	require.NoError(t, err)
	require.NotEqual(t, got, other)

	_, err = k.Index().Blind(t.Context(), testBlindPerson)
	require.ErrorContains(t, err, "nothing to index")
	_, err = k.Index().Blind(t.Context(), testBlindPerson, "홍길동", "")
	require.ErrorContains(t, err, "part 1 is empty")
}

package sealed

import (
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"
)

// A blind index is HMAC-SHA-256 of the framed parts, equal in every replica and different by purpose.
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

func TestNormalise(t *testing.T) {
	t.Parallel()
	require.Equal(t, "19000101", NormaliseDigits("1900-01-01"))
	require.Equal(t, "1234567890", NormaliseDigits("123-45-67890 "))
	require.Equal(t, "0123", NormaliseDigits("０１２３"))
	require.Empty(t, NormaliseDigits("abc"))
	for _, phone := range []string{"010-1234-5678", "010 1234 5678", "+82 10-1234-5678", "+82 (0)10 1234 5678", "＋82-10-1234-5678", "01012345678"} {
		require.Equal(t, "01012345678", NormalisePhone(phone), phone)
	}
	require.Equal(t, "8210", NormalisePhone("8210"), "without + it is not an international number")
}

// Normalising twice is normalising once, for any text.
func FuzzNormalise(f *testing.F) {
	for _, seed := range []string{"홍길동", "+82 10-1234-5678", "０１０", " a  b ", "\xff", "\u1112\u1161"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		require.Equal(t, NormalisePhone(s), NormalisePhone(NormalisePhone(s)))
		for _, r := range NormaliseDigits(s) {
			require.True(t, '0' <= r && r <= '9')
		}
	})
}

package text_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/text"
)

func TestDigits(t *testing.T) {
	t.Parallel()
	require.Equal(t, "19000101", text.Digits("1900-01-01"))
	require.Equal(t, "1234567890", text.Digits("123-45-67890 "))
	require.Equal(t, "0123", text.Digits("０１２３"))
	require.Empty(t, text.Digits("abc"))
}

func TestPhone(t *testing.T) {
	t.Parallel()
	for _, phone := range []string{"010-1234-5678", "010 1234 5678", "+82 10-1234-5678", "+82 (0)10 1234 5678", "＋82-10-1234-5678", "01012345678"} {
		require.Equal(t, "01012345678", text.Phone(phone), phone)
	}
	require.Equal(t, "8210", text.Phone("8210"), "without + it is not an international number")
}

func TestDay(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"19900102": "19900102", "1990-01-02": "19900102", "20000229": "20000229", "19000101": "19000101"} {
		got, ok := text.Day(given)
		require.True(t, ok, given)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{"", "19900230", "19001301", "20230229", "18991231", "0000-01-02", "1990/01/02", "199001021", "90-01-02", "1990-1-2"} {
		_, ok := text.Day(bad)
		require.False(t, ok, bad)
	}
}

// The expected check digits were computed by hand. For 100000000 the sum is 1, so the check digit is 9. For 999999999 it is 9
// times 31 plus 4, the tens of the ninth product, which is 283, so the check digit is 7. A wrong digit in any place is detected.
func TestBusinessNumber(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"1000000009": "1000000009", "999-99-99997": "9999999997", "123-45-67891": "1234567891"} {
		got, ok := text.BusinessNumber(given)
		require.True(t, ok, given)
		require.Equal(t, want, got)
		require.Equal(t, want, text.CompleteBusinessNumber(want[:9]))
	}
	for place := range 10 {
		wrong := []byte("9999999997")
		wrong[place] = '0' + (wrong[place]-'0'+1)%10
		_, ok := text.BusinessNumber(string(wrong))
		require.False(t, ok, "%s", wrong)
	}
	for _, bad := range []string{"", "123456789", "12345678911", "１２３４５６７８９１", "123 45 67891"} {
		_, ok := text.BusinessNumber(bad)
		require.False(t, ok, bad)
	}
}

// For any text, normalising twice is the same as normalising once.
func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"+82 10-1234-5678", "０１０", "1990-01-02", "123-45-67891", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		require.Equal(t, text.Phone(s), text.Phone(text.Phone(s)))
		for _, form := range []func(string) (string, bool){text.Day, text.BusinessNumber} {
			if got, ok := form(s); ok {
				again, still := form(got)
				require.True(t, still)
				require.Equal(t, got, again)
			}
		}
	})
}

package text_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/text"
)

func TestLine(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                          "",
		"국세 고지":                     "국세 고지",
		"국세\u3000고지":                "국세 고지",
		"a\u00a0b\u2007c\u202fd":    "a b c d",
		" a ":                       " a ",
		" \u00a0\u3000":             "",
		"\u3164\u115f\u2800 \ufe0f": "",
		"각":                         "각",
		"Nguyễn Thị":                "Nguyễn Thị",
		"\U0002a6d6 \u4dae 龘 ☂ 🧾":   "\U0002a6d6 \u4dae 龘 ☂ 🧾",
		"O’Neil-Kim (주)":            "O’Neil-Kim (주)",
		"\ue000":                    "\ue000",
	} {
		got, ok := text.Line(given)
		require.True(t, ok, "%+q", given)
		require.Equal(t, want, got, "%+q", given)
	}
	decomposed := strings.Repeat("\u1100\u1161\u11a8", 14)
	got, ok := text.Line(decomposed)
	require.True(t, ok)
	require.Equal(t, 14, utf8.RuneCountInString(got))
}

func TestLineRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"a\nb", "a\rb", "a\tb", "a\x00b", "\x7f", "a\u0085b", "a\u2028b", "a\u2029b", "a\u200bb", "a\u200db", "\ufeffa", "a\u00adb", "a\u202eb", "a\u2066b", "a\u061cb",
		"\U000e0041a", "\u00a0\u200b", "a\ufffdb", "a\xffb",
	} {
		got, ok := text.Line(bad)
		require.False(t, ok, "%+q", bad)
		_, again := text.Line(got)
		require.False(t, again, "%+q is not refused the second time", bad)
	}
}

func TestWord(t *testing.T) {
	t.Parallel()
	got, ok := text.Word("가상구청_세무과")
	require.True(t, ok)
	require.Equal(t, "가상구청_세무과", got)
	for _, empty := range []string{"", " ", "\u00a0", "\u3164"} {
		got, ok = text.Word(empty)
		require.True(t, ok, "%+q", empty)
		require.Empty(t, got)
	}
	for _, bad := range []string{"a b", " a", "a\u3000b", "a\u00a0", "a\u200b"} {
		_, ok := text.Word(bad)
		require.False(t, ok, "%+q", bad)
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	require.True(t, text.Same("국세\u3000고지 ", "국세 고지"))
	require.True(t, text.Same("\u1100\u1161", "가"))
	require.False(t, text.Same("국세고지", "국세 고지"))
	require.False(t, text.Same("a", "A"))
}

// Names that people write differently have one key; different names have different ones.
func TestFold(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"O'Neil", "O’NEIL", "o`neil", "Ｏ＇Ｎｅｉｌ", "O ʼNeil"},
		{"Kim Min-su", "KIM MIN SU", "kim min‐su", "Kim  Minsu", "Kim Min−su", "Kim\u00a0Min\u2011su"},
		{"홍길동", " 홍 길동", "\u1112\u1169\u11bc\u1100\u1175\u11af\u1103\u1169\u11bc", "홍길동\u3000"},
		{"Straße", "STRASSE"},
		{"Anna・Maria", "Anna·Maria"},
		{"ﾅﾙ", "ナル"},
	} {
		for _, name := range same[1:] {
			require.Equal(t, text.Fold(same[0]), text.Fold(name), "%+q", name)
		}
	}
	seen := map[string]bool{}
	for _, name := range []string{"홍길동", "홍길순", "Nguyen", "Nguyễn", "Kim", "Kimm"} {
		require.False(t, seen[text.Fold(name)], name)
		seen[text.Fold(name)] = true
	}
}

// A normalised text does not change when it is normalised again, and an accepted text contains nothing that is refused.
func FuzzLine(f *testing.F) {
	for _, seed := range []string{"국세\u3000고지", "a\u200bb", "\u1100\u1161\u11a8", "\u3164", "\xff", " a "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := text.Line(s)
		again, still := text.Line(got)
		require.Equal(t, got, again)
		require.Equal(t, ok, still)
		require.Equal(t, text.Fold(s), text.Fold(text.Fold(s)))
		if ok && utf8.ValidString(s) {
			require.True(t, text.Same(s, got))
			require.NotContains(t, got, "\u00a0")
		}
	})
}

// Package text is the one rule for text that people write and read: titles, names, reasons, addresses. Every door brings such
// text into its form and refuses what has none, before anything counts its characters; readers of certificates compare in that
// form.
//
// The form is Unicode NFC with U+0020 for each kind of space. A decomposed name of 14 Hangul syllables has 14 characters in it,
// not 28, and U+3000 or U+00A0 between two words is a space. Text that shows nothing is empty.
//
// Refused is what a reader cannot see and what changes the line that he sees: control characters (Cc), format characters (Cf,
// among them zero-width characters and those that turn the direction of writing), and the separators of lines and paragraphs (Zl,
// Zp). Every other character is text, whether a font has it or not.
package text

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Line brings a line of text into its form. It is false for a text that holds what a line may not.
func Line(s string) (string, bool) {
	if plain(s) {
		if strings.Trim(s, " ") == "" {
			return "", true
		}
		return s, true
	}
	s = norm.NFC.String(s)
	shows := false
	clean := strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Zs, r):
			return ' '
		case refused(r):
			return -1
		}
		shows = shows || !blank(r)
		return r
	}, s)
	if strings.ContainsFunc(s, refused) {
		return s, false
	}
	if !shows {
		return "", true
	}
	return clean, true
}

// Word brings a text without spaces, such as an address, into its form: that of a line. It is false also for one with a space.
func Word(s string) (string, bool) {
	word, ok := Line(s)
	return word, ok && !strings.Contains(word, " ")
}

// Same reports whether two lines read the same: in their form, with one space for several and none around.
func Same(a, b string) bool {
	return a == b || squeeze(a) == squeeze(b)
}

func squeeze(s string) string {
	line, _ := Line(s)
	return strings.Join(strings.Fields(line), " ")
}

// plain reports whether s is printable ASCII, which is in its form already.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func refused(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar
}

// blank characters show nothing: those that renderers ignore, such as the Hangul fillers, and the empty Braille pattern.
func blank(r rune) bool {
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) || r == '\u2800'
}

package sheet

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// dangerous are what a spreadsheet program takes for the beginning of a formula, in either width.
const dangerous = "=+-@\t\r＝＋－＠"

// LikesFormula tells a text that a spreadsheet program may take for a formula.
func LikesFormula(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	if strings.ContainsRune(dangerous, first) {
		return true
	}
	// Some skip white space before it.
	inner, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(s, unicode.IsSpace))
	return strings.ContainsRune("=@＝＠", inner)
}

// valueOf reads a cell as its column wants it.
func valueOf(kind Kind, c cell) (string, Code) {
	value := trimmed(c.text)
	switch {
	case c.problem != 0:
		return "", c.problem
	case utf8.RuneCountInString(value) > MaxCharacters:
		return "", TooLong
	case kind == Phone:
		return phone(value)
	case LikesFormula(c.text):
		return "", LikeFormula
	default:
		return value, 0
	}
}

var international = regexp.MustCompile(`^[+＋][0-9][0-9() .-]*$`)

// phone gives a number its leading zero back, which a spreadsheet program takes from what looks to it like a number: no Korean
// number of ten digits begins with 1.
func phone(value string) (string, Code) {
	if LikesFormula(value) && !international.MatchString(value) {
		return "", LikeFormula
	}
	if len(value) == 10 && value[0] == '1' && strings.Trim(value, "0123456789") == "" {
		return "0" + value, 0
	}
	return value, 0
}

// fold is a header as it is compared.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || strings.ContainsRune("_-·*\ufeff\u200b", r) {
			return -1
		}
		return r
	}, cases.Fold().String(norm.NFKC.String(s)))
}

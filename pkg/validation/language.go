package validation

import (
	"strconv"
	"strings"

	"github.com/naru-relay/naru/pkg/paper"
)

// Language of a report's pages. Why a check failed is told in English in all of them, in the words of the report for machines.
type Language string

// The languages.
const (
	// Both has every sentence in Korean and in English.
	Both    Language = ""
	Korean  Language = "ko"
	English Language = "en"
)

// sheet is drawn in a language.
type sheet struct {
	*paper.Sheet
	language Language
}

// say is a word or a title in the language of the report.
func (l Language) say(korean, english string) string {
	switch l {
	case Korean:
		return korean
	case English:
		return english
	default:
		return korean + " / " + english
	}
}

// row has a short name before what is said. In both languages the names are Korean: there is room for one.
func (s sheet) row(korean, english, said string) {
	if s.language == English {
		korean = english
	}
	// What was not verified may say nothing.
	if strings.TrimSpace(said) == "" {
		said = "—"
	}
	s.Row(korean, said)
}

// sentences are told one below the other in both languages.
func (s sheet) sentences(korean, english string, indent int) {
	if s.language != English {
		s.Text(korean, indent)
	}
	if s.language != Korean {
		s.Text(english, indent)
	}
}

func (s sheet) heading(number int, korean, english string) {
	s.Heading(strconv.Itoa(number) + ". " + s.language.say(korean, english))
}

// Package locale is everything that the pages say, in Korean and in English. A text is made of both, so one that lacks a language
// does not compile, and a page that names a text that is not there does not either.
//
// Naru is certified by nobody: no text calls the operator or an address 공인 (a test searches for it).
package locale

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/id"
)

// Language of a page.
type Language int

// The languages; Korean is for everybody who asks for none of them.
const (
	Korean Language = iota
	English
)

// Text is what a page says, in every language.
type Text struct{ ko, en string }

func both(ko, en string) Text { return Text{ko: ko, en: en} }

// Given is a text that an operator's settings gave in both languages.
func Given(ko, en string) Text { return both(ko, en) }

// Say is the text in the language.
func (l Language) Say(t Text) string {
	if l == English {
		return t.en
	}
	return t.ko
}

// All is the text in every language, for what people write in any of them.
func (t Text) All() []string { return []string{t.ko, t.en} }

// Tag names the language (BCP 47).
func (l Language) Tag() string { return l.Say(both("ko", "en")) }

// Other is the language to which a reader may change.
func (l Language) Other() Language { return English - l }

// Named is the language with a tag; false for one in which the pages are not written.
func Named(tag string) (Language, bool) {
	switch tag {
	case "ko":
		return Korean, true
	case "en":
		return English, true
	default:
		return Korean, false
	}
}

// Accepted is the language of ours that a reader's Accept-Language (RFC 9110 12.5.4) prefers.
func Accepted(header string) Language {
	best, weight := Korean, 0.0
	for part := range strings.SplitSeq(header, ",") {
		tag, parameters, _ := strings.Cut(part, ";")
		primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		language, ours := Named(primary)
		q := quality(parameters)
		if ours && q > weight {
			best, weight = language, q
		}
	}
	return best
}

// quality is the weight of a language; 1 where none can be read.
func quality(parameters string) float64 {
	value, given := strings.CutPrefix(strings.TrimSpace(parameters), "q=")
	if !given {
		return 1
	}
	q, err := strconv.ParseFloat(value, 64)
	if err != nil || q < 0 || q > 1 {
		return 1
	}
	return q
}

// Time writes a moment with its zone, Korea's, so that nobody takes it for their own.
func (l Language) Time(at time.Time) string {
	at = at.In(id.KST)
	if l == English {
		return at.Format("2 January 2006, 15:04") + " KST"
	}
	return fmt.Sprintf("%d년 %d월 %d일 %s (한국 표준시)", at.Year(), at.Month(), at.Day(), at.Format("15:04"))
}

// Clock writes the time of a day with its zone.
func (l Language) Clock(at time.Time) string {
	return at.In(id.KST).Format("15:04") + l.Say(both(" (한국 표준시)", " KST"))
}

// Day is the calendar day of a moment in Korea, as forms write it.
func Day(at time.Time) string { return at.In(id.KST).Format(time.DateOnly) }

// DayOf is when a calendar day begins in Korea; false where the text is none.
func DayOf(text string) (time.Time, bool) {
	at, err := time.ParseInLocation(time.DateOnly, text, id.KST)
	return at, err == nil
}

// Size writes a number of bytes.
func (l Language) Size(bytes int64) string {
	switch {
	case bytes < 1<<10:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1<<20:
		return fmt.Sprintf("%.0f KB", float64(bytes)/(1<<10))
	default:
		return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20))
	}
}

package proof

import (
	"errors"
	"time"
)

// timeLayout of signed content: UTC, always with six digits of a second.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// Time writes a time in its one spelling.
func Time(t time.Time) string { return t.UTC().Format(timeLayout) }

// ParseTime reads what Time writes, and nothing else.
func ParseTime(text string) (time.Time, error) {
	at, err := time.Parse(timeLayout, text)
	if err != nil || Time(at) != text {
		return time.Time{}, errors.New("a time is not in its form")
	}
	return at, nil
}

package text

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// Digits keeps the digits of a text and makes full-width ones ASCII, so punctuation in numbers does not matter.
func Digits(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKC.String(s) {
		if '0' <= r && r <= '9' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Phone gives the national digits of a Korean telephone number: +82 10-1234-5678 and 010 1234 5678 are the same.
func Phone(s string) string {
	digits := Digits(s)
	if strings.HasPrefix(strings.TrimSpace(norm.NFKC.String(s)), "+") && strings.HasPrefix(digits, "82") {
		return "0" + strings.TrimPrefix(strings.TrimPrefix(digits, "82"), "0")
	}
	return digits
}

// Day brings a date since 1900 into the form YYYYMMDD; YYYY-MM-DD is understood too. It is false for what is no day of the
// calendar.
func Day(s string) (string, bool) {
	for _, layout := range []string{"20060102", time.DateOnly} {
		if day, err := time.Parse(layout, s); err == nil && day.Year() >= 1900 {
			return day.Format("20060102"), true
		}
	}
	return s, false
}

// weights of the first nine digits of a business registration number (사업자등록번호) in its check digit.
var weights = [...]int{1, 3, 7, 1, 3, 7, 1, 3, 5}

// BusinessNumber brings a business registration number into its ten digits; hyphens are left out. It is false where the check
// digit, which is the last one, is not that of the others.
func BusinessNumber(s string) (string, bool) {
	number := strings.ReplaceAll(s, "-", "")
	if len(number) != len(weights)+1 || strings.Trim(number, "0123456789") != "" {
		return s, false
	}
	return number, number == CompleteBusinessNumber(number[:len(weights)])
}

// CompleteBusinessNumber adds the check digit to the first nine digits of a business registration number.
func CompleteBusinessNumber(nine string) string {
	digit := func(i int) int { return int(nine[i] - '0') }
	sum := digit(8) * weights[8] / 10
	for i, weight := range weights {
		sum += digit(i) * weight
	}
	return nine + strconv.Itoa((10-sum%10)%10)
}

// Package id makes and reads the identifiers of Naru: UUIDv7 for what is ours, and the edoc number for what is exchanged with the
// outside world.
package id

import (
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// New makes a UUIDv7: ordered by creation time, so that inserts stay at one end of an index and tables can be partitioned on it.
// Identifiers of one process are strictly increasing. It panics only if the operating system has no randomness left to give.
func New() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// ParseAll reads ids as they are written; the first that is no UUID is an error.
func ParseAll(texts []string) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, len(texts))
	for i, text := range texts {
		var err error
		if ids[i], err = uuid.Parse(text); err != nil {
			return nil, fmt.Errorf("id %d of %d: %w", i+1, len(texts), err)
		}
	}
	return ids, nil
}

// KST is Korea Standard Time, in which the date of an edoc number is written. Korea has no daylight saving time, so a fixed zone
// needs no time zone database.
var KST = time.FixedZone("KST", 9*60*60)

// Layout of an edoc number: 20260105_ABCDE12345_0000000000042.
const (
	edocLength   = 33
	codeStart    = 9
	codeEnd      = 19
	serialStart  = 20
	serialDigits = edocLength - serialStart
	dateLayout   = "20060102"

	// MaxSerial is the greatest serial thirteen digits can hold.
	MaxSerial int64 = 9_999_999_999_999
)

// EdocNumber is the 전자문서번호: YYYYMMDD_<code>_<serial>, 33 ASCII characters. The date is a KST date, the code (ten characters of
// A-Z a-z 0-9) names the issuing relay, the serial has thirteen digits. A value obtained from ParseEdocNumber or NewEdocNumber is
// well formed; the accessors give zero values for one that is not.
type EdocNumber string

// NewEdocNumber composes the number for a serial drawn by the relay with the given code at the instant date, whose KST day is
// taken.
func NewEdocNumber(date time.Time, code string, serial int64) (EdocNumber, error) {
	if serial < 0 || serial > MaxSerial {
		return "", fmt.Errorf("composing an edoc number: serial is outside 0..%d", MaxSerial)
	}
	return ParseEdocNumber(fmt.Sprintf("%s_%s_%0*d", date.In(KST).Format(dateLayout), code, serialDigits, serial))
}

// ParseEdocNumber accepts exactly the canonical form and an existing calendar date. Its errors name the part that is wrong and
// never repeat the input.
func ParseEdocNumber(s string) (EdocNumber, error) {
	if len(s) != edocLength {
		return "", fmt.Errorf("edoc number has %d characters instead of %d", len(s), edocLength)
	}
	if s[codeStart-1] != '_' || s[serialStart-1] != '_' {
		return "", fmt.Errorf("edoc number lacks an underscore after its date or its code")
	}
	if !all(s[:codeStart-1], isDigit) {
		return "", fmt.Errorf("edoc number's date is not eight digits")
	}
	date, err := time.ParseInLocation(dateLayout, s[:codeStart-1], KST)
	if err != nil || date.Year() < 1 {
		return "", fmt.Errorf("edoc number's date is not in the calendar")
	}
	if !all(s[codeStart:codeEnd], isCode) {
		return "", fmt.Errorf("edoc number's code is not ten letters or digits")
	}
	if !all(s[serialStart:], isDigit) {
		return "", fmt.Errorf("edoc number's serial is not thirteen digits")
	}
	return EdocNumber(s), nil
}

// String is the canonical form.
func (n EdocNumber) String() string { return string(n) }

// Date is midnight KST of the number's day.
func (n EdocNumber) Date() time.Time {
	if len(n) != edocLength {
		return time.Time{}
	}
	date, err := time.ParseInLocation(dateLayout, string(n[:codeStart-1]), KST)
	if err != nil {
		return time.Time{}
	}
	return date
}

// Code names the issuing relay.
func (n EdocNumber) Code() string {
	if len(n) != edocLength {
		return ""
	}
	return string(n[codeStart:codeEnd])
}

// Serial is the number's serial, 0 when malformed.
func (n EdocNumber) Serial() int64 {
	if len(n) != edocLength {
		return 0
	}
	serial, err := strconv.ParseInt(string(n[serialStart:]), 10, 64)
	if err != nil {
		return 0
	}
	return serial
}

// ValidCode reports whether s can be the code part of an edoc number: ten characters of A-Z a-z 0-9.
func ValidCode(s string) bool { return len(s) == codeEnd-codeStart && all(s, isCode) }

func all(s string, allowed func(byte) bool) bool {
	for i := range len(s) {
		if !allowed(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isCode(c byte) bool {
	return isDigit(c) || ('A' <= c && c <= 'Z') || ('a' <= c && c <= 'z')
}

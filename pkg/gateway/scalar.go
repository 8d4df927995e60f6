package gateway

import (
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// rule is a broken rule and what it wants.
type rule struct{ name, wants string }

var (
	ruleNone      = rule{}
	ruleNumber    = rule{"json.number", "must be an integer"}
	ruleRange     = rule{"json.range", "is outside the range of its type"}
	ruleEnum      = rule{"json.enum", "is not a name of the enumeration"}
	ruleBase64    = rule{"json.base64", "must be base64"}
	ruleTimestamp = rule{"json.timestamp", "must be a time such as 2026-01-02T03:04:05.000000Z, between the years 1 and 9999"}
	ruleDuration  = rule{"json.duration", "must be a duration in seconds such as \"1.5s\""}
	ruleNUL       = rule{"json.nul", "must not hold the character U+0000"}
	ruleUTF8      = rule{"json.utf8", "must be valid UTF-8"}
	ruleBool      = rule{"json.type", "must be true or false"}
)

// integer is how JSON writes one without fraction, exponent or a negative zero.
var integer = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

// checkInteger judges an integer as it is written, inside or outside of quotes.
func checkInteger(kind protoreflect.Kind, written string) rule {
	if len(written) > 20 || !integer.MatchString(written) {
		if integer.MatchString(written) {
			return ruleRange
		}
		return ruleNumber
	}
	var err error
	switch kind { //nolint:exhaustive // the integer kinds
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		_, err = strconv.ParseInt(written, 10, 32)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		_, err = strconv.ParseInt(written, 10, 64)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		_, err = strconv.ParseUint(written, 10, 32)
	default:
		_, err = strconv.ParseUint(written, 10, 64)
	}
	if err != nil {
		return ruleRange
	}
	return ruleNone
}

// jsonNumber is RFC 8259 §6.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// checkFloat judges a floating-point number as it is written.
func checkFloat(kind protoreflect.Kind, written string) rule {
	if len(written) > 400 || !jsonNumber.MatchString(written) {
		return rule{"json.number", "must be a number"}
	}
	bits := 64
	if kind == protoreflect.FloatKind {
		bits = 32
	}
	if _, err := strconv.ParseFloat(written, bits); err != nil {
		return ruleRange
	}
	return ruleNone
}

func isInteger(kind protoreflect.Kind) bool {
	switch kind { //nolint:exhaustive // all others are none
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind, protoreflect.Uint32Kind, protoreflect.Fixed32Kind,
		protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return true
	default:
		return false
	}
}

// checkString judges the characters of a string field.
func checkString(value string) rule {
	if strings.IndexByte(value, 0) >= 0 {
		return ruleNUL
	}
	return ruleNone
}

func checkEnum(enum protoreflect.EnumDescriptor, name string) rule {
	if enum.Values().ByName(protoreflect.Name(name)) == nil {
		return ruleEnum
	}
	return ruleNone
}

// checkBytes wants standard or URL-safe base64, with padding or without, in one line.
func checkBytes(value string) rule {
	encoding := base64.StdEncoding
	if strings.ContainsAny(value, "-_") {
		encoding = base64.URLEncoding
	}
	if len(value)%4 != 0 {
		encoding = encoding.WithPadding(base64.NoPadding)
	}
	if strings.ContainsAny(value, "\r\n") {
		return ruleBase64
	}
	if _, err := encoding.DecodeString(value); err != nil {
		return ruleBase64
	}
	return ruleNone
}

// timestamp is RFC 3339 with at most nine fractional digits and capital T and Z, as protojson wants it.
var timestamp = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$`)

func checkTimestamp(value string) rule {
	if !timestamp.MatchString(value) {
		return ruleTimestamp
	}
	t, err := time.Parse(time.RFC3339Nano, value)
	if err != nil || t.UTC().Year() < 1 || t.UTC().Year() > 9999 {
		return ruleTimestamp
	}
	return ruleNone
}

// duration is protobuf's JSON form: seconds with at most nine fractional digits.
var duration = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,9})?s$`)

// maxDurationSeconds is that of google.protobuf.Duration, 10,000 years.
const maxDurationSeconds = 315_576_000_000

func checkDuration(value string) rule {
	if !duration.MatchString(value) {
		return ruleDuration
	}
	seconds, fraction, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(value, "-"), "s"), ".")
	whole, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || whole > maxDurationSeconds || (whole == maxDurationSeconds && strings.Trim(fraction, "0") != "") {
		return ruleDuration
	}
	return ruleNone
}

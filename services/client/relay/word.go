package relay

import (
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// TimeLayout is RFC 3339 UTC with exactly six fractional digits.
const TimeLayout = "2006-01-02T15:04:05.000000Z"

// Time formats a time as the API does; an absent time is empty.
func Time(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().UTC().Truncate(time.Microsecond).Format(TimeLayout)
}

// Word returns an enum value without the enum's prefix: ADDRESS_STATE_REGISTERED becomes REGISTERED.
func Word(value protoreflect.Enum) string {
	described := value.Descriptor().Values().ByNumber(value.Number())
	if described == nil {
		return "UNKNOWN"
	}
	zero := value.Descriptor().Values().ByNumber(0)
	prefix := ""
	if zero != nil {
		prefix = strings.TrimSuffix(string(zero.Name()), "UNSPECIFIED")
	}
	return strings.TrimPrefix(string(described.Name()), prefix)
}

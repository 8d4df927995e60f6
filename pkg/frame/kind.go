package frame

import (
	"fmt"
	"strings"
	"unicode"

	"google.golang.org/protobuf/proto"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Kind is the full name of an event's message, e.g. naru.intake.v1.DocumentAccepted. With subject and ordinal it is an event's
// identity.
type Kind string

// KindOf is the kind of the events that carry message.
func KindOf(message proto.Message) Kind {
	return Kind(message.ProtoReflect().Descriptor().FullName())
}

// Payload decodes the message that an event carries.
func Payload[M proto.Message](e *platformv1.Event) (M, error) {
	var none M
	message, _ := none.ProtoReflect().New().Interface().(M)
	if err := proto.Unmarshal(e.GetPayload(), message); err != nil {
		return none, fmt.Errorf("decode %s: %w", KindOf(none), err)
	}
	return message, nil
}

// Unit is the unit that states facts of this kind.
func (k Kind) Unit() string {
	parts := strings.Split(string(k), ".")
	if len(parts) != 4 || parts[0] != "naru" {
		return ""
	}
	return parts[1]
}

// Subject is naru.<unit>.<version>.<event>.<lane>, e.g. naru.intake.v1.document_accepted.express.
func (k Kind) Subject(lane platformv1.Lane) string {
	cut := strings.LastIndexByte(string(k), '.') + 1
	return string(k[:cut]) + snake(string(k[cut:])) + "." + LaneName(lane)
}

// LaneName is the lane's part of a subject and of a consumer's name.
func LaneName(lane platformv1.Lane) string {
	if lane == platformv1.Lane_LANE_BULK {
		return "bulk"
	}
	return "express"
}

// Lanes are all lanes.
func Lanes() []platformv1.Lane {
	return []platformv1.Lane{platformv1.Lane_LANE_EXPRESS, platformv1.Lane_LANE_BULK}
}

func snake(camel string) string {
	var b strings.Builder
	for i, r := range camel {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

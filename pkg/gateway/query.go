package gateway

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/naru-relay/naru/pkg/fault"
)

// maxQueryValues bounds the values of a query.
const maxQueryValues = 500

// checkQuery judges every query parameter against the request's fields that neither path nor body give: lowerCamel names, dots
// for fields of messages, one value unless the field is a list, and the same rules for values as in a body.
func (r *Route) checkQuery(raw string) []fault.Violation {
	if raw == "" {
		return nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return []fault.Violation{{Field: "?", Rule: "query.syntax", Message: "is not a query"}}
	}
	var violations []fault.Violation
	add := func(path string, broken rule) {
		if broken != ruleNone && len(violations) < maxViolations {
			violations = append(violations, fault.Violation{Field: path, Rule: broken.name, Message: broken.wants})
		}
	}
	total := 0
	for _, name := range slices.Sorted(maps.Keys(values)) {
		given := values[name]
		total += len(given)
		field := r.parameter(name)
		switch {
		case field == nil:
			add(printable(nameText(name)), rule{"query.unknown", "is not a parameter of this request"})
			continue
		case len(given) > 1 && !field.IsList():
			add(name, rule{"query.repeated", "is given more than once"})
		}
		for i, value := range given {
			path := name
			if field.IsList() {
				path += "[" + strconv.Itoa(i) + "]"
			}
			add(path, checkParameter(field, value))
		}
	}
	if total > maxQueryValues {
		add("?", rule{"query.length", "has more than 500 values"})
	}
	return violations
}

func nameText(name string) text {
	if !utf8.ValidString(name) {
		return text{fault: ruleUTF8.name}
	}
	return text{value: name}
}

// parameter finds the field a query parameter names, nil when there is none that a query may give.
func (r *Route) parameter(name string) protoreflect.FieldDescriptor {
	if r.bodyField == "*" {
		return nil
	}
	message := r.RPC.Input()
	parts := strings.Split(name, ".")
	for i, part := range parts {
		field := message.Fields().ByJSONName(part)
		if field == nil || (i == 0 && r.bound[field.Name()]) || field.IsMap() {
			return nil
		}
		inner := field.Message()
		leaf := inner == nil || inner.FullName() == "google.protobuf.Timestamp" || inner.FullName() == "google.protobuf.Duration" || wrapper(inner) != nil
		switch {
		case i == len(parts)-1 && leaf && (inner == nil || !field.IsList()):
			return field
		case leaf || field.IsList() || i == len(parts)-1 || !walkable(inner):
			return nil
		}
		message = inner
	}
	return nil
}

func checkParameter(field protoreflect.FieldDescriptor, value string) rule {
	if !utf8.ValidString(value) {
		return ruleUTF8
	}
	if inner := field.Message(); inner != nil {
		switch {
		case inner.FullName() == "google.protobuf.Timestamp":
			return checkTimestamp(value)
		case inner.FullName() == "google.protobuf.Duration":
			return checkDuration(value)
		default:
			field = wrapper(inner)
		}
	}
	switch kind := field.Kind(); {
	case kind == protoreflect.StringKind:
		return checkString(value)
	case kind == protoreflect.BytesKind:
		return checkBytes(value)
	case kind == protoreflect.EnumKind:
		return checkEnum(field.Enum(), value)
	case kind == protoreflect.BoolKind:
		return checkKey(kind, value)
	case isInteger(kind):
		return checkInteger(kind, value)
	default:
		return checkFloat(kind, value)
	}
}

package rpc

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/naru-relay/naru/pkg/fault"
)

// Violations checks a message against its protovalidate rules, and its strings for U+0000. It returns every violation with its
// path as JSON writes it, never with the value. The error means that the rules themselves do not work. The rules of a message are
// compiled once in a process.
func Violations(message proto.Message) ([]fault.Violation, error) {
	violations := nuls(message.ProtoReflect(), "", nil)
	// Range has a random order.
	slices.SortFunc(violations, func(a, b fault.Violation) int { return strings.Compare(a.Field, b.Field) })
	err := protovalidate.Validate(message)
	if err == nil {
		return violations, nil
	}
	var broken *protovalidate.ValidationError
	if !errors.As(err, &broken) {
		// The error text of a rule that cannot be evaluated may show the value.
		return nil, fmt.Errorf("judging %s: its rules cannot be evaluated", message.ProtoReflect().Descriptor().FullName())
	}
	for _, v := range broken.Violations {
		violations = append(violations, fault.Violation{
			Field: jsonPath(message.ProtoReflect().Descriptor(), v.Proto.GetField()), Rule: v.Proto.GetRuleId(), Message: wants(v.Proto),
		})
	}
	return violations, nil
}

// CheckRules compiles the rules of messages and of all messages inside them, and reports those that do not compile. Violations
// would report them only with the first message that has the field.
func CheckRules(messages ...protoreflect.MessageDescriptor) error {
	var problems error
	seen := make(map[protoreflect.FullName]bool)
	for len(messages) > 0 {
		message := messages[0]
		messages = messages[1:]
		if seen[message.FullName()] {
			continue
		}
		seen[message.FullName()] = true
		var wrong *protovalidate.CompilationError
		if err := protovalidate.Validate(dynamicpb.NewMessage(message)); errors.As(err, &wrong) {
			problems = errors.Join(problems, fmt.Errorf("rules of %s: %w", message.FullName(), wrong))
		}
		for i := range message.Fields().Len() {
			field := message.Fields().Get(i)
			if field.IsMap() {
				field = field.MapValue()
			}
			if inner := field.Message(); inner != nil {
				messages = append(messages, inner)
			}
		}
	}
	return problems
}

// ruleNUL applies to every string: PostgreSQL cannot store U+0000 in a text, so it is refused here.
const ruleNUL = "string.nul"

// nuls finds the strings of a message that contain U+0000, keys of maps included.
func nuls(m protoreflect.Message, path string, found []fault.Violation) []fault.Violation {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		inner := field.JSONName()
		if path != "" {
			inner = path + "." + inner
		}
		switch {
		case field.IsList():
			if field.Kind() == protoreflect.StringKind || field.Message() != nil {
				for i := range value.List().Len() {
					found = nulsOf(value.List().Get(i), field, inner+"["+strconv.Itoa(i)+"]", found)
				}
			}
		case field.IsMap():
			value.Map().Range(func(key protoreflect.MapKey, element protoreflect.Value) bool {
				found = nulsOf(key.Value(), field.MapKey(), inner+"[*]", found)
				found = nulsOf(element, field.MapValue(), inner+"[*]", found)
				return true
			})
		default:
			found = nulsOf(value, field, inner, found)
		}
		return true
	})
	return found
}

func nulsOf(value protoreflect.Value, field protoreflect.FieldDescriptor, path string, found []fault.Violation) []fault.Violation {
	switch {
	case field.Message() != nil:
		return nuls(value.Message(), path, found)
	case field.Kind() == protoreflect.StringKind && strings.IndexByte(value.String(), 0) >= 0:
		return append(found, fault.Violation{Field: path, Rule: ruleNUL, Message: "must not hold the character U+0000"})
	default:
		return found
	}
}

// wants is the rule's own message; the rules in our protos always have one.
func wants(v *validate.Violation) string {
	if v.GetMessage() == "" {
		return "does not keep the rule " + v.GetRuleId()
	}
	return v.GetMessage()
}

// jsonPath writes a field path as JSON has it, e.g. items[3].documentHash.value. Keys of maps come from the caller and are left
// out.
func jsonPath(message protoreflect.MessageDescriptor, path *validate.FieldPath) string {
	var b strings.Builder
	for _, element := range path.GetElements() {
		name := element.GetFieldName()
		var field protoreflect.FieldDescriptor
		if message != nil {
			field = message.Fields().ByNumber(protoreflect.FieldNumber(element.GetFieldNumber()))
		}
		message = nil
		if field != nil {
			name = field.JSONName()
			message = field.Message()
			if field.IsMap() {
				message = field.MapValue().Message()
			}
		}
		if b.Len() > 0 && name != "" {
			b.WriteByte('.')
		}
		b.WriteString(name)
		switch subscript := element.GetSubscript().(type) {
		case *validate.FieldPathElement_Index:
			b.WriteString("[" + strconv.FormatUint(subscript.Index, 10) + "]")
		case nil:
		default:
			b.WriteString("[*]")
		}
	}
	return b.String()
}

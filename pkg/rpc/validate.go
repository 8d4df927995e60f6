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

// Check brings the texts of a message into their form (pkg/text) and finds every rule that the message breaks: those of its
// texts, U+0000 in any string, times that are none, and its protovalidate rules. A violation has its path as JSON writes it, and
// never the value. A value that a rule cannot calculate with, such as two times too far apart, breaks it. The error means that
// the rules themselves do not work. The rules of a message are compiled once in a process.
func Check(message proto.Message) ([]fault.Violation, error) {
	violations := checkFields(message.ProtoReflect(), "", nil)
	// Range has a random order.
	slices.SortFunc(violations, func(a, b fault.Violation) int { return strings.Compare(a.Field, b.Field) })
	err := protovalidate.Validate(message)
	if err == nil {
		return violations, nil
	}
	var broken *protovalidate.ValidationError
	var incalculable *protovalidate.RuntimeError
	if errors.As(err, &incalculable) {
		if len(violations) == 0 {
			violations = append(violations, fault.Violation{Rule: ruleRange, Message: "holds values that are too far out to be calculated with"})
		}
		return violations, nil
	}
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

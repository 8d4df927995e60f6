package rpc

import (
	"strconv"
	"strings"
	"sync"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/text"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Rules of fields beside those that protovalidate has.
const (
	// ruleRange: a time or a duration outside of what its type can hold (years 1 to 9999).
	ruleRange = "range"
	// ruleNUL applies to every string: PostgreSQL cannot store U+0000 in a text, so it is refused here.
	ruleNUL = "string.nul"
)

// form is what a kind of text is brought into.
type form struct {
	bring         func(string) (string, bool)
	rule, message string
}

var forms = map[platformv1.Text]form{
	platformv1.Text_TEXT_LINE:            {text.Line, "text.line", "must be one line without control characters, invisible ones and signs that turn the direction of writing"},
	platformv1.Text_TEXT_WORD:            {text.Word, "text.word", "must be a word without spaces, control characters, invisible ones and signs that turn the direction of writing"},
	platformv1.Text_TEXT_DAY:             {optional(text.Day), "text.day", "must be a day of the calendar since 1900, as YYYYMMDD or YYYY-MM-DD"},
	platformv1.Text_TEXT_PHONE:           {func(s string) (string, bool) { return text.Phone(s), true }, "text.phone", "must be a telephone number"},
	platformv1.Text_TEXT_BUSINESS_NUMBER: {optional(text.BusinessNumber), "text.business_number", "must be ten digits, the last of which is the check digit of the others"},
}

// optional leaves the empty text to the other rules of its field.
func optional(bring func(string) (string, bool)) func(string) (string, bool) {
	return func(s string) (string, bool) {
		if s == "" {
			return s, true
		}
		return bring(s)
	}
}

// fieldRule is what the protos say of a field that holds strings or messages.
type fieldRule struct {
	text platformv1.Text
	// apart fields hold items that are checked one by one elsewhere, so that one does not hinder the others.
	apart bool
}

var fieldRules sync.Map // of fieldRule by protoreflect.FieldDescriptor

func fieldRulesOf(field protoreflect.FieldDescriptor) fieldRule {
	if known, ok := fieldRules.Load(field); ok {
		return known.(fieldRule) //nolint:forcetypeassert // nothing else is stored
	}
	var of fieldRule
	of.text, _ = proto.GetExtension(field.Options(), platformv1.E_Text).(platformv1.Text)
	if rules, ok := proto.GetExtension(field.Options(), validate.E_Field).(*validate.FieldRules); ok {
		of.apart = rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS || rules.GetRepeated().GetItems().GetIgnore() == validate.Ignore_IGNORE_ALWAYS
	}
	fieldRules.Store(field, of)
	return of
}

// checkFields brings texts into their form and finds the strings and times of a message that break a rule, keys of maps included.
func checkFields(m protoreflect.Message, path string, found []fault.Violation) []fault.Violation {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		of := fieldRulesOf(field)
		if of.apart {
			return true
		}
		inner := field.JSONName()
		if path != "" {
			inner = path + "." + inner
		}
		switch {
		case field.IsList():
			if field.Kind() == protoreflect.StringKind || field.Message() != nil {
				list := value.List()
				for i := range list.Len() {
					var formed protoreflect.Value
					formed, found = checkField(list.Get(i), field, of.text, inner+"["+strconv.Itoa(i)+"]", found)
					if formed.IsValid() {
						list.Set(i, formed)
					}
				}
			}
		case field.IsMap():
			value.Map().Range(func(key protoreflect.MapKey, element protoreflect.Value) bool {
				_, found = checkField(key.Value(), field.MapKey(), platformv1.Text_TEXT_UNSPECIFIED, inner+"[*]", found)
				_, found = checkField(element, field.MapValue(), platformv1.Text_TEXT_UNSPECIFIED, inner+"[*]", found)
				return true
			})
		default:
			var formed protoreflect.Value
			formed, found = checkField(value, field, of.text, inner, found)
			if formed.IsValid() {
				m.Set(field, formed)
			}
		}
		return true
	})
	return found
}

// checkField checks one string, or the message in its place. It gives the text's form where that is another.
func checkField(value protoreflect.Value, field protoreflect.FieldDescriptor, kind platformv1.Text, path string, found []fault.Violation) (protoreflect.Value, []fault.Violation) {
	if field.Message() != nil {
		if inner, timed := value.Message().Interface().(interface{ CheckValid() error }); timed && inner.CheckValid() != nil {
			return protoreflect.Value{}, append(found, fault.Violation{Field: path, Rule: ruleRange, Message: "must be a time between the years 1 and 9999, or a duration of at most 10,000 years"})
		}
		return protoreflect.Value{}, checkFields(value.Message(), path, found)
	}
	if field.Kind() != protoreflect.StringKind {
		return protoreflect.Value{}, found
	}
	given := value.String()
	form, ok := given, strings.IndexByte(given, 0) < 0
	rule, message := ruleNUL, "must not hold the character U+0000"
	if of, known := forms[kind]; known {
		form, ok = of.bring(given)
		rule, message = of.rule, of.message
	}
	if !ok {
		found = append(found, fault.Violation{Field: path, Rule: rule, Message: message})
	}
	if form == given {
		return protoreflect.Value{}, found
	}
	return protoreflect.ValueOfString(form), found
}

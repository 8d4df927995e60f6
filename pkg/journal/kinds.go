package journal

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/naru-relay/naru/pkg/frame"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Rule is what the proto says about a kind of fact.
type Rule struct {
	Kind    frame.Kind
	Public  bool
	Readers []string
}

// ReadBy reports whether a unit may read facts of this kind.
func (r Rule) ReadBy(unit string) bool { return slices.Contains(r.Readers, unit) }

// RuleOf reads the rule of a kind; a kind without one may not be stated.
func RuleOf(message proto.Message) (Rule, error) {
	kind := frame.KindOf(message)
	options, ok := message.ProtoReflect().Descriptor().Options().(*descriptorpb.MessageOptions)
	if !ok || !proto.HasExtension(options, platformv1.E_Fact) {
		return Rule{}, fmt.Errorf("%s does not say whether it is public: option (naru.platform.v1.fact) is missing", kind)
	}
	fact, _ := proto.GetExtension(options, platformv1.E_Fact).(*platformv1.Fact)
	switch fact.GetVisibility() {
	case platformv1.Visibility_VISIBILITY_PUBLIC:
		return Rule{Kind: kind, Public: true, Readers: fact.GetReaders()}, nil
	case platformv1.Visibility_VISIBILITY_PRIVATE:
		if len(fact.GetReaders()) > 0 {
			return Rule{}, fmt.Errorf("%s is private and names readers", kind)
		}
		return Rule{Kind: kind}, nil
	default:
		return Rule{}, fmt.Errorf("%s does not say whether it is public", kind)
	}
}

// RuleOfKind reads the rule of a kind by its name.
func RuleOfKind(kind frame.Kind) (Rule, error) {
	found, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(kind))
	if err != nil {
		return Rule{}, fmt.Errorf("look for %s: %w", kind, err)
	}
	return RuleOf(found.Zero().Interface())
}

// Rules returns the rules of all kinds that a unit states, or an error with everything that is wrong with them.
func Rules(unit string, stated []proto.Message) (map[frame.Kind]Rule, error) {
	rules := make(map[frame.Kind]Rule, len(stated))
	var problems []error
	for _, message := range stated {
		rule, err := RuleOf(message)
		if err == nil && rule.Kind.Unit() != unit && (rule.Public || rule.Kind.Unit() != "platform") {
			err = fmt.Errorf("%s is not of %s", rule.Kind, unit)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		rules[rule.Kind] = rule
	}
	return rules, errors.Join(problems...)
}

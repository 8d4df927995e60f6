package gateway

import (
	"strconv"
	"strings"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/naru-relay/naru/pkg/fault"
)

const (
	// maxDepth bounds nesting; the deepest request of this API has six levels.
	maxDepth = 32
	// maxViolations bounds what a walk keeps; a fault reports fewer.
	maxViolations = 1000
	// maxNameRunes bounds how much of an unknown member's name is reported.
	maxNameRunes = 60
	// maxPlaceRunes bounds how much of the path is reported at which a walk ended; every path of this API is shorter.
	maxPlaceRunes = 120
	// aMember stands for a member among positions in what is skipped.
	aMember = -1
)

// walk checks a JSON body against the message it will become, and reports everything that is wrong, in the order of the body:
// syntax (json.syntax, nothing after it is checked), unknown members (json.unknown), repeated members (json.duplicate), wrong
// types (json.type), numbers, enum names, base64, times, durations, UTF-8, lone surrogates, U+0000 in strings, two members of a
// oneof, and nesting over 32 levels. Only lowerCamel member names and only names of enums are accepted. Null is the same as
// leaving a member out. Violations hold paths and never values. protojson accepts a body without violations.
func (w *walker) walk(message protoreflect.MessageDescriptor) {
	if err := w.message("", message, 0); err != nil {
		w.syntax("")
	} else if w.peek() != 0 || w.pos < len(w.data) {
		w.syntax("")
	}
}

type walker struct {
	scanner
	violations []fault.Violation
	broken     bool
	// items is the list whose elements are judged apart, nil for none; item is the element being judged, and spoiled are those
	// that have something wrong.
	items   protoreflect.FieldDescriptor
	item    *spoiledItem
	spoiled []spoiledItem
	// skipped are the positions, from the outside in, of a value inside one that is being skipped.
	skipped []int
}

func (w *walker) add(path string, r rule) {
	if w.item != nil {
		w.item.add(path, r)
		return
	}
	if r != ruleNone && len(w.violations) < maxViolations {
		w.violations = append(w.violations, fault.Violation{Field: path, Rule: r.name, Message: r.wants})
	}
}

// syntax notes, once, that the body ends being JSON here; the innermost path wins.
func (w *walker) syntax(path string) {
	if !w.broken {
		w.broken = true
		w.endItem()
		w.add(w.place(path), rule{"json.syntax", "is not JSON from byte " + strconv.Itoa(w.pos) + " on"})
	}
}

// fail notes the place of a syntax error and ends the walk.
func (w *walker) fail(path string) error {
	w.syntax(path)
	return errSyntax
}

func (w *walker) message(path string, message protoreflect.MessageDescriptor, depth int) error {
	switch message.FullName() {
	case "google.protobuf.Timestamp":
		return w.quoted(path, depth, checkTimestamp)
	case "google.protobuf.Duration":
		return w.quoted(path, depth, checkDuration)
	}
	if wrapped := wrapper(message); wrapped != nil {
		return w.scalar(path, wrapped, depth)
	}
	if !walkable(message) {
		w.add(path, rule{"json.unsupported", "cannot be given in JSON"})
		return w.skip(path, depth)
	}
	if w.peek() != '{' {
		w.add(path, rule{"json.type", "must be an object"})
		return w.skip(path, depth)
	}
	seen := make(map[protoreflect.FieldNumber]bool)
	oneofs := make(map[int]bool)
	return w.object(path, depth, func(name text) error {
		field := message.Fields().ByJSONName(name.value)
		if name.fault != "" || field == nil || ofDoor(field) {
			unknown := join(path, printable(name))
			w.add(unknown, rule{"json.unknown", "is not a member of this object"})
			return w.skip(unknown, depth+1)
		}
		inner := join(path, field.JSONName())
		if seen[field.Number()] {
			w.add(inner, rule{"json.duplicate", "is given twice"})
			return w.skip(inner, depth+1)
		}
		seen[field.Number()] = true
		if w.peek() == 'n' {
			if w.literal("null") != nil {
				return w.fail(inner)
			}
			return nil
		}
		if group := field.ContainingOneof(); group != nil {
			if oneofs[group.Index()] {
				w.add(inner, rule{"json.oneof", "excludes another member that is given too"})
			}
			oneofs[group.Index()] = true
		}
		return w.field(inner, field, depth+1)
	})
}

func (w *walker) field(path string, field protoreflect.FieldDescriptor, depth int) error {
	switch {
	case field.IsList():
		return w.list(path, field, depth)
	case field.IsMap():
		return w.mapping(path, field, depth)
	default:
		return w.single(path, field, depth)
	}
}

func (w *walker) single(path string, field protoreflect.FieldDescriptor, depth int) error {
	if message := field.Message(); message != nil {
		return w.message(path, message, depth)
	}
	return w.scalar(path, field, depth)
}

func (w *walker) list(path string, field protoreflect.FieldDescriptor, depth int) error {
	if w.peek() != '[' {
		w.add(path, rule{"json.type", "must be a list"})
		return w.skip(path, depth)
	}
	return w.array(path, depth, func(index int) error {
		at := path + "[" + strconv.Itoa(index) + "]"
		if field == w.items {
			return w.apart(at, index, field, depth+1)
		}
		return w.single(at, field, depth+1)
	})
}

func (w *walker) mapping(path string, field protoreflect.FieldDescriptor, depth int) error {
	if w.peek() != '{' {
		w.add(path, rule{"json.type", "must be an object"})
		return w.skip(path, depth)
	}
	seen := make(map[string]bool)
	return w.object(path, depth, func(name text) error {
		// Keys are the caller's values, so they are not reported.
		inner := path + "[*]"
		switch {
		case name.fault != "":
			w.add(inner, charactersRule(name.fault))
		case seen[name.value]:
			w.add(inner, rule{"json.duplicate", "is given twice"})
		default:
			w.add(inner, checkKey(field.MapKey().Kind(), name.value))
		}
		seen[name.value] = true
		return w.single(inner, field.MapValue(), depth+1)
	})
}

func checkKey(kind protoreflect.Kind, name string) rule {
	switch kind { //nolint:exhaustive // the other kinds of keys are integers
	case protoreflect.StringKind:
		return checkString(name)
	case protoreflect.BoolKind:
		if name != "true" && name != "false" {
			return ruleBool
		}
		return ruleNone
	default:
		return checkInteger(kind, name)
	}
}

func (w *walker) scalar(path string, field protoreflect.FieldDescriptor, depth int) error {
	kind := field.Kind()
	switch kind { //nolint:exhaustive // numbers follow
	case protoreflect.StringKind:
		return w.quoted(path, depth, checkString)
	case protoreflect.BytesKind:
		return w.quoted(path, depth, checkBytes)
	case protoreflect.EnumKind:
		return w.quoted(path, depth, func(name string) rule { return checkEnum(field.Enum(), name) })
	case protoreflect.BoolKind:
		return w.boolean(path, depth)
	}
	check := func(written string) rule { return checkFloat(kind, written) }
	if isInteger(kind) {
		check = func(written string) rule { return checkInteger(kind, written) }
	}
	c := w.peek()
	switch {
	case c == '"':
		return w.quoted(path, depth, check)
	case c == '-' || (c >= '0' && c <= '9'):
		written, err := w.number()
		if err != nil {
			return w.fail(path)
		}
		w.add(path, check(written))
		return nil
	default:
		w.add(path, rule{"json.type", "must be a number"})
		return w.skip(path, depth)
	}
}

func (w *walker) boolean(path string, depth int) error {
	var err error
	switch w.peek() {
	case 't':
		err = w.literal("true")
	case 'f':
		err = w.literal("false")
	default:
		w.add(path, ruleBool)
		return w.skip(path, depth)
	}
	if err != nil {
		return w.fail(path)
	}
	return nil
}

// quoted judges a value that is written as a string.
func (w *walker) quoted(path string, depth int, check func(string) rule) error {
	if w.peek() != '"' {
		w.add(path, rule{"json.type", "must be a string"})
		return w.skip(path, depth)
	}
	t, err := w.string()
	switch {
	case err != nil:
		return w.fail(path)
	case t.fault != "":
		w.add(path, charactersRule(t.fault))
	default:
		w.add(path, check(t.value))
	}
	return nil
}

func charactersRule(name string) rule {
	if name == ruleUTF8.name {
		return ruleUTF8
	}
	return rule{name, "must not hold half of a surrogate pair"}
}

// object reads an object; member is called at each value.
func (w *walker) object(path string, depth int, member func(name text) error) error {
	return w.sequence(path, depth, '}', func(int) error {
		name, err := w.string()
		if err != nil || w.take(':') != nil {
			return w.fail(path)
		}
		return member(name)
	})
}

// array reads a list; element is called at each value.
func (w *walker) array(path string, depth int, element func(index int) error) error {
	return w.sequence(path, depth, ']', element)
}

func (w *walker) sequence(path string, depth int, end byte, one func(index int) error) error {
	if depth >= maxDepth {
		w.endItem()
		w.add(w.place(path), rule{"json.depth", "is nested deeper than 32 levels"})
		w.broken = true
		return errSyntax
	}
	w.pos++
	if w.peek() == end {
		w.pos++
		return nil
	}
	for index := 0; ; index++ {
		w.peek()
		if err := one(index); err != nil {
			return err
		}
		switch w.peek() {
		case ',':
			w.pos++
		case end:
			w.pos++
			return nil
		default:
			return w.fail(path)
		}
	}
}

// skip passes over a value that means nothing here, so that what follows is judged too.
func (w *walker) skip(path string, depth int) error {
	var err error
	c := w.peek()
	switch {
	case c == '{':
		return w.object(path, depth, func(text) error { return w.skipAt(aMember, path, depth+1) })
	case c == '[':
		return w.array(path, depth, func(index int) error { return w.skipAt(index, path, depth+1) })
	case c == '"':
		_, err = w.string()
	case c == 't':
		err = w.literal("true")
	case c == 'f':
		err = w.literal("false")
	case c == 'n':
		err = w.literal("null")
	case c == '-' || (c >= '0' && c <= '9'):
		_, err = w.number()
	default:
		err = errSyntax
	}
	if err != nil {
		return w.fail(path)
	}
	return nil
}

// skipAt skips the value at a position of the value at path that is being skipped. It remembers positions and does not write
// them into the path, because hardly any of the many paths in a body is ever reported.
func (w *walker) skipAt(position int, path string, depth int) error {
	w.skipped = append(w.skipped, position)
	err := w.skip(path, depth)
	w.skipped = w.skipped[:len(w.skipped)-1]
	return err
}

// place is the path of a value inside the one at path, cut. Members are not named: where nothing is known of an object its
// names may be values, as keys of maps are.
func (w *walker) place(path string) string {
	for _, position := range w.skipped {
		if position == aMember {
			path += "[*]"
		} else {
			path += "[" + strconv.Itoa(position) + "]"
		}
	}
	if runes := []rune(path); len(runes) > maxPlaceRunes {
		return string(runes[:maxPlaceRunes]) + "…"
	}
	return path
}

// wrapper gives the field of a wrapper type (google.protobuf.StringValue and its like), nil for others.
func wrapper(message protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	if message.ParentFile().Path() != "google/protobuf/wrappers.proto" {
		return nil
	}
	return message.Fields().ByName("value")
}

// walkable reports whether a message is written as an object of its own members: of the well-known types only Empty is.
func walkable(message protoreflect.MessageDescriptor) bool {
	return !strings.HasPrefix(string(message.FullName()), "google.protobuf.") || message.FullName() == "google.protobuf.Empty"
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// printable makes a caller's member name safe to report.
func printable(name text) string {
	if name.fault != "" {
		return "?"
	}
	runes := []rune(name.value)
	if len(runes) > maxNameRunes {
		runes = append(runes[:maxNameRunes:maxNameRunes], '…')
	}
	for i, r := range runes {
		if !unicode.IsPrint(r) {
			runes[i] = '?'
		}
	}
	return string(runes)
}

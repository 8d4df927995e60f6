package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// TimeLayout is how times are written: RFC 3339, UTC, exactly six fractional digits. Digits beyond are cut off, not rounded.
const TimeLayout = "2006-01-02T15:04:05.000000Z07:00"

// Marshal writes a message as the API shows it (see the package comment). protojson.Unmarshal reads the same message back, except
// for times finer than a microsecond.
func Marshal(message proto.Message) ([]byte, error) {
	e := encoder{}
	if err := e.message(message.ProtoReflect()); err != nil {
		return nil, fmt.Errorf("writing %s as JSON: %w", message.ProtoReflect().Descriptor().FullName(), err)
	}
	return e.out.Bytes(), nil
}

type encoder struct{ out bytes.Buffer }

func (e *encoder) message(m protoreflect.Message) error {
	switch v := m.Interface().(type) {
	case *timestamppb.Timestamp:
		if err := v.CheckValid(); err != nil {
			return err
		}
		e.text(v.AsTime().Truncate(time.Microsecond).Format(TimeLayout))
		return nil
	case *durationpb.Duration:
		return e.standard(v)
	}
	if wrapper(m.Descriptor()) != nil || !walkable(m.Descriptor()) {
		return e.standard(m.Interface())
	}
	e.out.WriteByte('{')
	first := true
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if !shown(m, field) {
			continue
		}
		if !first {
			e.out.WriteByte(',')
		}
		first = false
		e.text(field.JSONName())
		e.out.WriteByte(':')
		if err := e.field(field, m.Get(field)); err != nil {
			return fmt.Errorf("%s: %w", field.JSONName(), err)
		}
	}
	e.out.WriteByte('}')
	return nil
}

// shown reports whether a field is written: fields that are set, and zero values that have a meaning.
func shown(m protoreflect.Message, field protoreflect.FieldDescriptor) bool {
	if m.Has(field) {
		return true
	}
	if field.HasPresence() {
		return false
	}
	if field.IsList() || field.IsMap() {
		return true
	}
	switch field.Kind() { //nolint:exhaustive // numbers and booleans are the rest
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.EnumKind:
		return false
	default:
		return true
	}
}

// standard leaves the well-known types to protojson, without its random white space.
func (e *encoder) standard(m proto.Message) error {
	raw, err := protojson.Marshal(m)
	if err != nil {
		return err
	}
	return json.Compact(&e.out, raw)
}

func (e *encoder) field(field protoreflect.FieldDescriptor, value protoreflect.Value) error {
	switch {
	case field.IsList():
		return e.list(field, value.List())
	case field.IsMap():
		return e.mapping(field, value.Map())
	default:
		return e.single(field, value)
	}
}

func (e *encoder) list(field protoreflect.FieldDescriptor, list protoreflect.List) error {
	e.out.WriteByte('[')
	for i := range list.Len() {
		if i > 0 {
			e.out.WriteByte(',')
		}
		if err := e.single(field, list.Get(i)); err != nil {
			return err
		}
	}
	e.out.WriteByte(']')
	return nil
}

func (e *encoder) mapping(field protoreflect.FieldDescriptor, m protoreflect.Map) error {
	var keys []string
	values := make(map[string]protoreflect.Value, m.Len())
	m.Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
		keys = append(keys, key.String())
		values[key.String()] = value
		return true
	})
	slices.Sort(keys)
	e.out.WriteByte('{')
	for i, key := range keys {
		if i > 0 {
			e.out.WriteByte(',')
		}
		e.text(key)
		e.out.WriteByte(':')
		if err := e.single(field.MapValue(), values[key]); err != nil {
			return err
		}
	}
	e.out.WriteByte('}')
	return nil
}

func (e *encoder) single(field protoreflect.FieldDescriptor, value protoreflect.Value) error {
	switch field.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return e.message(value.Message())
	case protoreflect.BoolKind:
		e.out.WriteString(strconv.FormatBool(value.Bool()))
	case protoreflect.StringKind:
		e.text(value.String())
	case protoreflect.BytesKind:
		e.out.WriteString(`"` + base64.StdEncoding.EncodeToString(value.Bytes()) + `"`)
	case protoreflect.EnumKind:
		e.enum(field.Enum(), value.Enum())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		e.out.WriteString(strconv.FormatInt(value.Int(), 10))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		e.out.WriteString(strconv.FormatUint(value.Uint(), 10))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		e.out.WriteString(`"` + strconv.FormatInt(value.Int(), 10) + `"`)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		e.out.WriteString(`"` + strconv.FormatUint(value.Uint(), 10) + `"`)
	case protoreflect.FloatKind:
		e.float(value.Float(), 32)
	case protoreflect.DoubleKind:
		e.float(value.Float(), 64)
	default:
		return fmt.Errorf("kind %s has no JSON form", field.Kind())
	}
	return nil
}

// enum writes the name, or the number of a value this build does not know yet.
func (e *encoder) enum(enum protoreflect.EnumDescriptor, number protoreflect.EnumNumber) {
	if value := enum.Values().ByNumber(number); value != nil {
		e.text(string(value.Name()))
		return
	}
	e.out.WriteString(strconv.FormatInt(int64(number), 10))
}

func (e *encoder) float(value float64, bits int) {
	switch {
	case math.IsNaN(value):
		e.text("NaN")
	case math.IsInf(value, 1):
		e.text("Infinity")
	case math.IsInf(value, -1):
		e.text("-Infinity")
	default:
		e.out.WriteString(strconv.FormatFloat(value, 'g', -1, bits))
	}
}

// text writes a string; protobuf has made sure it is UTF-8.
func (e *encoder) text(value string) {
	encoder := json.NewEncoder(&e.out)
	encoder.SetEscapeHTML(false)
	// Writing a string cannot fail, and the newline that Encode adds is removed.
	if encoder.Encode(value) == nil {
		e.out.Truncate(e.out.Len() - 1)
	}
}

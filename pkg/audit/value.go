package audit

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// absent is a column that is null, or a field that is not set.
const absent = ""

// timeForm is the text form in which times can be compared.
const timeForm = "2006-01-02T15:04:05.000000Z"

// field reads a path of a message as text; a field that is not set is absent.
func field(m protoreflect.Message, path string) string {
	head, rest, deeper := strings.Cut(path, ".")
	fd := m.Descriptor().Fields().ByName(protoreflect.Name(head))
	if fd == nil || !m.Has(fd) {
		return absent
	}
	v := m.Get(fd)
	if deeper {
		return field(v.Message(), rest)
	}
	return text(fd, v)
}

func text(fd protoreflect.FieldDescriptor, v protoreflect.Value) string {
	if fd.IsList() {
		elements := make([]string, v.List().Len())
		for i := range elements {
			elements[i] = one(fd, v.List().Get(i))
		}
		return listed(elements)
	}
	return one(fd, v)
}

// listed is the text of a list; like a list that is not set, one without elements is absent.
func listed(elements []string) string {
	if len(elements) == 0 {
		return absent
	}
	return fmt.Sprintf("%q", elements)
}

// one is the text of a single value.
func one(fd protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch fd.Kind() {
	case protoreflect.MessageKind:
		if t, ok := v.Message().Interface().(*timestamppb.Timestamp); ok {
			return t.AsTime().Format(timeForm)
		}
		encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(v.Message().Interface())
		if err != nil {
			return absent
		}
		return hex.EncodeToString(encoded)
	case protoreflect.EnumKind:
		return strconv.Itoa(int(v.Enum()))
	case protoreflect.BytesKind:
		return hex.EncodeToString(v.Bytes())
	default:
		return v.String()
	}
}

// column reads a value of a row as PostgreSQL writes it in JSON, in the form of field.
func column(raw json.RawMessage) string {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return string(raw)
	}
	switch v := v.(type) {
	case nil:
		return absent
	case string:
		if t, err := time.Parse("2006-01-02T15:04:05.999999999Z07:00", v); err == nil {
			return t.UTC().Format(timeForm)
		}
		return strings.TrimPrefix(v, `\x`)
	case bool:
		return strconv.FormatBool(v)
	case []any:
		elements := make([]string, len(v))
		for i := range v {
			elements[i] = fmt.Sprint(v[i])
		}
		return listed(elements)
	default:
		return string(raw)
	}
}

// less orders texts: numbers by size, everything else, times included, as text.
func less(a, b string) bool {
	x, errX := strconv.ParseInt(a, 10, 64)
	y, errY := strconv.ParseInt(b, 10, 64)
	if errX == nil && errY == nil {
		return cmp.Less(x, y)
	}
	return a < b
}

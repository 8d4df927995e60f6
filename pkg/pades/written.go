package pades

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// written is an object in the notation of files. Strings are always hexadecimal: in UTF-16 the octets of many Korean syllables
// are parentheses and backslashes. The entries of a dictionary are in the order of their names, so that the same object is always
// written alike.
func written(o any) string {
	switch o := o.(type) {
	case pdfName:
		return "/" + escaped(o)
	case reference:
		return fmt.Sprintf("%d 0 R", int(o))
	case oldReference:
		return fmt.Sprintf("%d %d R", o.number, o.generation)
	case float64:
		return strconv.FormatFloat(o, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(o)
	case plainText:
		return "<" + hex.EncodeToString([]byte(o)) + ">"
	case hexText:
		return "<" + o.digits + ">"
	case array:
		values := make([]string, len(o))
		for i, v := range o {
			values[i] = written(v)
		}
		return "[" + strings.Join(values, " ") + "]"
	case dict:
		var b strings.Builder
		b.WriteString("<<")
		for _, key := range slices.Sorted(maps.Keys(o)) {
			value := written(o[key])
			b.WriteString("/" + escaped(key))
			if regular(value[0]) {
				b.WriteByte(' ')
			}
			b.WriteString(value)
		}
		b.WriteString(">>")
		return b.String()
	case stream:
		d := maps.Clone(o.dict)
		d["Length"] = float64(len(o.data))
		return written(d) + "\nstream\n" + string(o.data) + "\nendstream"
	default:
		return "null"
	}
}

func escaped(name pdfName) string {
	var b strings.Builder
	for i := range len(name) {
		if needsEscape(name[i]) {
			fmt.Fprintf(&b, "#%02x", name[i])
			continue
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

package jws

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"strings"
	"unicode/utf8"
)

var errJSON = errors.New("not a JSON object with each name once")

// members reads one JSON object more strictly than encoding/json, which repairs what is no UTF-8 and takes the last of two like
// names.
func members(raw []byte) (map[string]json.RawMessage, error) {
	var said map[string]json.RawMessage
	if !utf8.Valid(raw) || json.Unmarshal(raw, &said) != nil || said == nil || !unique(json.NewDecoder(bytes.NewReader(raw))) {
		return nil, errJSON
	}
	return said, nil
}

// Decode reads claims, one JSON object, into a struct by its very names, where encoding/json would take "ISS" for "iss", too. Its
// error repeats nothing.
func Decode(raw []byte, into any) error {
	said, err := members(raw)
	if err != nil {
		return err
	}
	for field := range reflect.TypeOf(into).Elem().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		maps.DeleteFunc(said, func(other string, _ json.RawMessage) bool { return other != name && strings.EqualFold(other, name) })
	}
	exact, err := json.Marshal(said)
	if err != nil || json.Unmarshal(exact, into) != nil {
		return errJSON
	}
	return nil
}

// unique reports whether no object of the next value, which is valid, says a name twice.
func unique(d *json.Decoder) bool {
	token, err := d.Token()
	opens, ok := token.(json.Delim)
	if err != nil || !ok {
		return err == nil
	}
	said := map[json.Token]bool{}
	for d.More() {
		if opens == '{' {
			name, err := d.Token()
			if err != nil || said[name] {
				return false
			}
			said[name] = true
		}
		if !unique(d) {
			return false
		}
	}
	_, err = d.Token() // the end of it
	return err == nil
}

package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// maxDepth bounds nesting, so that a hostile file cannot exhaust the stack.
const maxDepth = 32

// decoder walks a YAML tree and a Go value side by side. The library's own decoder stops at the first problem, and reports lines
// instead of paths.
type decoder struct {
	folder   string
	problems *Problems
	depth    int
}

func (d *decoder) value(path string, node ast.Node, into reflect.Value) {
	d.depth++
	defer func() { d.depth-- }()
	if d.depth > maxDepth {
		d.problems.Add(path, "is nested too deeply")
		return
	}
	switch n := node.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		d.problems.Add(path, "anchors, aliases, merges and tags are not supported")
		return
	case *ast.NullNode:
		d.null(path, into)
		return
	case *ast.MappingValueNode:
		d.mapping(path, []*ast.MappingValueNode{n}, into)
		return
	case *ast.MappingNode:
		d.mapping(path, n.Values, into)
		return
	case *ast.SequenceNode:
		d.sequence(path, n, into)
		return
	}
	if into.Kind() == reflect.Pointer {
		into = settle(into)
	}
	d.scalar(path, node, into)
}

// null resets a value that has a natural empty form. For other values a key without a value is probably a mistake.
func (d *decoder) null(path string, into reflect.Value) {
	switch into.Kind() { //nolint:exhaustive // every other kind has no empty form
	case reflect.Pointer, reflect.Map, reflect.Slice:
		into.SetZero()
	default:
		d.problems.Add(path, "has no value")
	}
}

// settle makes sure that a pointer points to a value, and returns that value.
func settle(into reflect.Value) reflect.Value {
	if into.IsNil() {
		into.Set(reflect.New(into.Type().Elem()))
	}
	return into.Elem()
}

func (d *decoder) mapping(path string, entries []*ast.MappingValueNode, into reflect.Value) {
	if into.Kind() == reflect.Pointer {
		into = settle(into)
	}
	isStruct := into.Kind() == reflect.Struct && !isScalar(into)
	isMap := into.Kind() == reflect.Map && into.Type().Key().Kind() == reflect.String
	if !isStruct && !isMap {
		d.problems.Add(path, "wants %s, not a mapping", wanted(into))
		return
	}
	var known map[string]reflect.Value
	if isStruct {
		known = make(map[string]reflect.Value)
		fields(into, func(name string, _ reflect.StructField, v reflect.Value) { known[name] = v })
	}
	seen := make(map[string]bool)
	for _, entry := range entries {
		key, ok := keyOf(entry)
		at := join(path, key)
		switch {
		case !ok:
			d.problems.Add(path, "keys have to be plain text")
		case seen[key]:
			d.problems.Add(at, "is given twice")
		case isMap:
			d.mapEntry(at, key, entry.Value, into)
		case !known[key].IsValid():
			d.problems.Add(at, "is not a known key")
		default:
			d.value(at, entry.Value, known[key])
		}
		seen[key] = true
	}
}

func (d *decoder) mapEntry(path, key string, node ast.Node, into reflect.Value) {
	if into.IsNil() {
		into.Set(reflect.MakeMap(into.Type()))
	}
	name := reflect.ValueOf(key).Convert(into.Type().Key())
	element := reflect.New(into.Type().Elem()).Elem()
	if old := into.MapIndex(name); old.IsValid() {
		element.Set(old)
	}
	d.value(path, node, element)
	into.SetMapIndex(name, element)
}

func (d *decoder) sequence(path string, node *ast.SequenceNode, into reflect.Value) {
	if into.Kind() == reflect.Pointer {
		into = settle(into)
	}
	if into.Kind() != reflect.Slice || isScalar(into) {
		d.problems.Add(path, "wants %s, not a list", wanted(into))
		return
	}
	list := reflect.MakeSlice(into.Type(), len(node.Values), len(node.Values))
	for i, item := range node.Values {
		d.value(fmt.Sprintf("%s[%d]", path, i), item, list.Index(i))
	}
	into.Set(list)
}

func keyOf(entry *ast.MappingValueNode) (string, bool) {
	switch key := entry.Key.(type) {
	case *ast.StringNode:
		return key.Value, true
	case *ast.IntegerNode, *ast.BoolNode:
		return key.GetToken().Value, true
	default:
		return "", false
	}
}

// fields visits the exported fields of a struct under their YAML names; embedded structs tagged inline are visited as if their
// fields were the struct's own.
func fields(v reflect.Value, visit func(name string, field reflect.StructField, value reflect.Value)) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, flags, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case !field.IsExported() || name == "-":
		case flags == "inline" && field.Type.Kind() == reflect.Struct:
			fields(v.Field(i), visit)
		default:
			if name == "" {
				name = strings.ToLower(field.Name)
			}
			visit(name, field, v.Field(i))
		}
	}
}

// finish applies the environment and reads the secret files, defaults included.
func (d *decoder) finish(path string, v reflect.Value, env func(string) (string, bool)) {
	if d.depth++; d.depth > maxDepth {
		d.depth--
		return
	}
	defer func() { d.depth-- }()
	switch v.Kind() { //nolint:exhaustive // nothing else holds fields
	case reflect.Pointer:
		if !v.IsNil() {
			d.finish(path, v.Elem(), env)
		}
	case reflect.Slice:
		for i := range v.Len() {
			d.finish(fmt.Sprintf("%s[%d]", path, i), v.Index(i), env)
		}
	case reflect.Map:
		d.finishMap(path, v, env)
	case reflect.Struct:
		d.finishStruct(path, v, env)
	}
}

func (d *decoder) finishStruct(path string, v reflect.Value, env func(string) (string, bool)) {
	if secret, ok := v.Addr().Interface().(*SecretFile); ok {
		if err := secret.read(d.folder); err != nil {
			d.problems.Add(path, "%v", err)
		}
		return
	}
	if isScalar(v) {
		return
	}
	fields(v, func(name string, field reflect.StructField, value reflect.Value) {
		at := join(path, name)
		if field.Type == reflect.TypeFor[SecretFile]() && !strings.HasSuffix(name, "_file") {
			d.problems.Add(at, "names a secret file, so its key has to end in _file")
		}
		d.override(at, field, value, env)
		d.finish(at, value, env)
	})
}

func (d *decoder) finishMap(path string, v reflect.Value, env func(string) (string, bool)) {
	for iter := v.MapRange(); iter.Next(); {
		element := reflect.New(v.Type().Elem()).Elem()
		element.Set(iter.Value())
		d.finish(join(path, iter.Key().String()), element, env)
		v.SetMapIndex(iter.Key(), element)
	}
}

func (d *decoder) override(path string, field reflect.StructField, value reflect.Value, env func(string) (string, bool)) {
	name := field.Tag.Get("env")
	if name == "" {
		return
	}
	text, ok := env(name)
	if !ok || text == "" {
		return
	}
	switch target := value.Addr().Interface().(type) {
	case *SecretFile:
		*target = SecretAt(text)
	case *Secret:
		d.problems.Add(path, "a secret cannot come from the environment, only the path of its file")
	default:
		if value.Kind() != reflect.String {
			d.problems.Add(path, "only addresses and paths of secret files can come from the environment")
			return
		}
		value.SetString(text)
	}
}

// isScalar reports types that are written as one YAML scalar although their Go kind is none.
func isScalar(v reflect.Value) bool {
	if !v.CanAddr() {
		return false
	}
	switch v.Addr().Interface().(type) {
	case *SecretFile, encoding.TextUnmarshaler:
		return true
	default:
		return false
	}
}

func wanted(v reflect.Value) string {
	switch {
	case v.Type() == reflect.TypeFor[time.Duration](), v.Type() == reflect.TypeFor[Duration]():
		return `a duration such as "30s"`
	case isScalar(v):
		return "a single value"
	}
	switch v.Kind() { //nolint:exhaustive // the default names the rest
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number, not negative"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "text (in quotes if it looks like a number or a date)"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "a mapping"
	default:
		return "a value of another form"
	}
}

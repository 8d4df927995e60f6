package config

import (
	"encoding"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// scalar sets one single value, strictly: no number becomes text and no text a number.
func (d *decoder) scalar(path string, node ast.Node, into reflect.Value) {
	text, isText := textOf(node)
	switch target := into.Addr().Interface().(type) {
	case *SecretFile:
		if !isText {
			d.problems.Add(path, "wants the path of a file")
			return
		}
		*target = SecretAt(text)
		return
	case *Secret:
		d.problems.Add(path, "secrets are not written in a configuration file, only the path of a file that holds one")
		return
	case *time.Duration:
		d.unmarshal(path, text, (*Duration)(target))
		return
	case encoding.TextUnmarshaler:
		if !isText {
			text = node.GetToken().Value
		}
		d.unmarshal(path, text, target)
		return
	}
	if !assign(node, into) {
		d.problems.Add(path, "wants %s", wanted(into))
	}
}

func (d *decoder) unmarshal(path, text string, target encoding.TextUnmarshaler) {
	if err := target.UnmarshalText([]byte(text)); err != nil {
		d.problems.Add(path, "%v", err)
	}
}

// textOf gives the text of a plain, quoted or block scalar.
func textOf(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	default:
		return "", false
	}
}

func assign(node ast.Node, into reflect.Value) bool {
	switch into.Kind() { //nolint:exhaustive // the default refuses the rest
	case reflect.String:
		text, ok := textOf(node)
		if ok {
			into.SetString(text)
		}
		return ok
	case reflect.Bool:
		n, ok := node.(*ast.BoolNode)
		if ok {
			into.SetBool(n.Value)
		}
		return ok
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, ok := integer(node)
		if !ok || into.OverflowInt(i) {
			return false
		}
		into.SetInt(i)
		return true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		i, ok := integer(node)
		if !ok || i < 0 || into.OverflowUint(uint64(i)) {
			return false
		}
		into.SetUint(uint64(i))
		return true
	case reflect.Float32, reflect.Float64:
		f, ok := number(node)
		if !ok || into.OverflowFloat(f) {
			return false
		}
		into.SetFloat(f)
		return true
	default:
		return false
	}
}

// integer reads decimal digits with optional sign and underscores. Other bases invite mistakes (some read a leading zero as
// octal).
func integer(node ast.Node) (int64, bool) {
	n, ok := node.(*ast.IntegerNode)
	if !ok {
		return 0, false
	}
	i, err := strconv.ParseInt(strings.ReplaceAll(n.GetToken().Value, "_", ""), 10, 64)
	return i, err == nil
}

func number(node ast.Node) (float64, bool) {
	if i, ok := integer(node); ok {
		return float64(i), true
	}
	n, ok := node.(*ast.FloatNode)
	if !ok || math.IsNaN(n.Value) || math.IsInf(n.Value, 0) {
		return 0, false
	}
	return n.Value, true
}

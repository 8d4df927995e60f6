// Package config reads one strict YAML file over the defaults a program already holds.
//
// Strict means: an unknown key, a key given twice, a value of the wrong type, an anchor, an alias or a second document is a
// problem, and all problems of a file are reported together, each with its YAML path and never with the value. Secrets are not
// written in the file: a field of type SecretFile, whose key ends in _file, names the file that holds one. Durations are written
// as "30s".
//
// The environment may override addresses and the paths of secrets only: a field with the struct tag env:"NAME", of a string type
// or SecretFile, takes the value of that variable when it is set and not empty.
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFileBytes bounds a configuration file; the real ones have a few kilobytes.
const maxFileBytes = 1 << 20

// Validator is a configuration that can judge itself. Load calls Validate on the whole after reading, so Validate finds the
// secrets loaded; problems are best collected in a Problems, with nested parts taken in by Problems.Within.
type Validator interface {
	Validate() error
}

// Load reads the YAML file at path into the struct `into` points to, which holds the defaults; keys the file does not name keep
// them, a list in the file replaces the default list, a map is merged key by key. An empty path means the defaults alone. Paths
// of secret files that are not absolute start at the folder of the configuration file. The error is a joined list of *Problem.
func Load(path string, into any) error {
	return load(path, into, os.LookupEnv)
}

func load(path string, into any, env func(string) (string, bool)) error {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() || target.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("loading configuration: %T is not a pointer to a struct", into)
	}
	d := &decoder{problems: &Problems{}}
	if path != "" {
		root, err := parse(path)
		if err != nil {
			return fmt.Errorf("loading configuration %s: %w", path, err)
		}
		d.folder = filepath.Dir(path)
		if root != nil {
			d.value("", root, target.Elem())
		}
	}
	d.finish("", target.Elem(), env)
	if v, ok := into.(Validator); ok {
		d.problems.Within("", v.Validate())
	}
	if err := d.problems.Err(); err != nil {
		return fmt.Errorf("loading configuration %s: %w", path, err)
	}
	return nil
}

// parse returns the root of the only document, nil when the file has none.
func parse(path string) (ast.Node, error) {
	data, err := readBounded(path, maxFileBytes)
	if err != nil {
		return nil, err
	}
	return parseBytes(data)
}

func parseBytes(data []byte) (ast.Node, error) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) && syntax.GetToken() != nil {
			position := syntax.GetToken().Position
			return nil, fmt.Errorf("line %d column %d: %s", position.Line, position.Column, syntax.GetMessage())
		}
		return nil, errors.New("not YAML")
	}
	var root ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.CommentType || doc.Body.Type() == ast.NullType:
		case root != nil:
			return nil, errors.New("more than one YAML document")
		default:
			root = doc.Body
		}
	}
	return root, nil
}

// readBounded reads a file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s is not a regular file of at most %d bytes", path, limit)
	}
	return os.ReadFile(path) //nolint:gosec // the path comes from the operator
}

// Marshal shows a configuration as YAML with its secrets redacted, for -print-config.
func Marshal(v any) ([]byte, error) {
	out, err := yaml.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("showing configuration: %w", err)
	}
	return out, nil
}

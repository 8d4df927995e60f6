// Command newunit lays a new unit: a folder under services with what every unit has, and its lines in services/registry. What is written from the
// list of units is to be written anew then (make lists); make unit does both. A unit is removed by deleting its folder and
// its lines.
package main

import (
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
)

//go:embed template
var templates embed.FS

// registryFile is where the units are listed.
const registryFile = "services/registry/registry.go"

var unitName = regexp.MustCompile(`^[a-z]{1,20}$`)

func main() {
	name := flag.String("name", "", "name of the unit: a-z, at most 20")
	root := flag.String("root", ".", "folder of the checkout")
	flag.Parse()
	if err := lay(*root, *name); err != nil {
		fmt.Fprintln(os.Stderr, "newunit:", err)
		os.Exit(1)
	}
}

// lay writes the folder of a unit and lists it.
func lay(root, name string) error {
	if !unitName.MatchString(name) {
		return fmt.Errorf("%q is no name of a unit: 1 to 20 letters a-z (make unit NAME=ferry)", name)
	}
	folder := filepath.Join(root, "services", name)
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already", folder)
	}
	if err := enlist(filepath.Join(root, registryFile), name); err != nil {
		return err
	}
	return fs.WalkDir(templates, "template", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return write(folder, name, path)
	})
}

// write fills one template; a template's path says where its file goes, NAME is the unit's.
func write(folder, name, path string) error {
	text, err := template.ParseFS(templates, path)
	if err != nil {
		return fmt.Errorf("read the template: %w", err)
	}
	relative := strings.TrimSuffix(strings.TrimPrefix(path, "template/"), ".tmpl")
	file := filepath.Join(folder, filepath.FromSlash(strings.ReplaceAll(relative, "NAME", name)))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // source code
		return fmt.Errorf("make the folder: %w", err)
	}
	made, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return errors.Join(text.Execute(made, struct{ Name string }{name}), made.Close())
}

// enlist adds a unit to the registry: its import, in the order of the alphabet, and its line, as the last before the gateway.
func enlist(file, name string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the registry: %w", err)
	}
	const prefix = "\t\"github.com/naru-relay/naru/services/"
	lines := strings.SplitAfter(string(raw), "\n")
	var listed strings.Builder
	imported, last := false, false
	for i, line := range lines {
		ours := strings.HasPrefix(line, prefix)
		if !imported && (ours && line > prefix+name+"\"\n" || !ours && i > 0 && strings.HasPrefix(lines[i-1], prefix)) {
			listed.WriteString(prefix + name + "\"\n")
			imported = true
		}
		if !last && imported && line == "\t}\n" {
			listed.WriteString("\t\t" + name + ".Unit,\n")
			last = true
		}
		listed.WriteString(line)
	}
	if !imported || !last {
		return fmt.Errorf("%s does not look as it should: its imports, or the end of its list, were not found", file)
	}
	return os.WriteFile(file, []byte(listed.String()), 0o644) //nolint:gosec // source code
}

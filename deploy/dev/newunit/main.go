// Command newunit creates a new unit: a folder under services with the files that every unit has, and its lines in
// services/registry. Afterwards the files generated from the list of units must be written again (make lists); make unit does
// both. To remove a unit, delete its folder and its lines.
package main

import (
	"embed"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
)

//go:embed template
var templates embed.FS

// registryFile lists the units.
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

// lay creates the folder of a unit and adds the unit to the registry.
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

// write renders one template. The template's path determines the file's path; NAME in it stands for the unit's name.
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

// enlist adds a unit to the registry: its import, and its line before the gateway's.
func enlist(file, name string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the registry: %w", err)
	}
	const firstImport, list, end = "\t\"github.com/naru-relay/naru/services/", "return []unit.Unit{\n", "\t}\n"
	imports, rest, found := strings.Cut(string(raw), firstImport)
	head, listed, hasList := strings.Cut(rest, list)
	units, tail, hasEnd := strings.Cut(listed, end)
	if !found || !hasList || !hasEnd {
		return fmt.Errorf("%s does not look as it should: its imports, or its list, were not found", file)
	}
	// Formatting sorts the import into its place.
	formatted, err := format.Source([]byte(imports + firstImport + name + "\"\n" + firstImport + head + list + units + "\t\t" + name + ".Unit,\n" + end + tail))
	if err != nil {
		return fmt.Errorf("format the registry: %w", err)
	}
	return os.WriteFile(file, formatted, 0o644) //nolint:gosec // source code
}

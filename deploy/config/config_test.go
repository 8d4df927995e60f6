// Package config_test checks every settings file of this folder and of the units against the programs that read them.
package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/registry"
	"github.com/naru-relay/naru/services/sandbox/run"
)

// program reads one settings file.
type program struct {
	// text of the settings; empty for the file in this folder with the program's name.
	text string
	// defaults returns a pointer to the settings before a file is read.
	defaults func() any
	// ours lists the paths whose value in the file is not the default: required values, and placeholders for them.
	ours []string
}

func programs() map[string]program {
	all := map[string]program{
		"platform": {"", func() any { return unit.DefaultProcess() }, []string{
			"platform_id", "secrets_dir", "bus.url", "bus.ca_file", "keys.dir", "time_stamps.authorities", "witnesses.outside", "network.authority_file", "network.identities", "network.address", "ops_listen",
		}},
		"sandbox-hub": {"", func() any { return run.Hub().Defaults() }, []string{
			"listen", "database_url_file", "owner_url_file", "pki_dir", "system.admin_token_file",
		}},
		"sandbox-archive": {"", func() any { return run.Archive().Defaults() }, []string{
			"listen", "database_url_file", "owner_url_file", "pki_dir", "system.admin_token_file", "system.document_dir",
		}},
		"sandbox-tsa": {"", func() any { return run.TSA().Defaults() }, []string{
			"listen", "database_url_file", "owner_url_file", "pki_dir", "system.admin_token_file",
		}},
		"sandbox-viewing": {"", func() any { return run.Viewing().Defaults() }, []string{
			"listen", "certificate_file", "key_file", "database_url_file", "owner_url_file", "system.admin_token_file", "system.base_url", "system.senders",
			"system.relay.base_url", "system.relay.client_id", "system.relay.client_secret_file",
		}},
		"sandbox-idp": {"", func() any { return run.IDP().Defaults() }, []string{
			"listen", "database_url_file", "owner_url_file", "keys_dir", "system.issuer", "system.admin_token_file", "system.pairwise_secret_file",
			"system.notice_secret_file", "system.clients",
		}},
	}
	for _, u := range registry.Units() {
		all[u.Name] = program{u.Settings, func() any { return u.NewConfig() }, yours(u.Settings)}
	}
	return all
}

// Every program has a file, and every file has a program.
func TestFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.yaml")
	require.NoError(t, err)
	var wanted []string
	for name, p := range programs() {
		if p.text == "" {
			wanted = append(wanted, name+".yaml")
		}
	}
	require.ElementsMatch(t, wanted, files)
}

// A file loads strictly and validates, has every field with a comment, and holds the defaults except for values that the operator
// must choose.
func TestFileIsTrue(t *testing.T) {
	t.Parallel()
	for name, p := range programs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := []byte(p.text)
			if p.text == "" {
				var err error
				raw, err = os.ReadFile(name + ".yaml")
				require.NoError(t, err)
			}
			var document map[string]any
			require.NoError(t, yaml.Unmarshal(raw, &document))
			require.Empty(t, missing("", reflect.TypeOf(p.defaults()).Elem(), document), "fields that the file does not name")
			require.Empty(t, uncommented(string(raw)), "fields without a comment")

			loaded := p.defaults()
			require.NoError(t, config.Load(placed(t, string(raw)), loaded))
			if own, ok := loaded.(config.Validator); ok {
				require.NoError(t, own.Validate())
			}
			require.ElementsMatch(t, p.ours, differing("", reflect.ValueOf(p.defaults()).Elem(), reflect.ValueOf(loaded).Elem()), "fields that are not the default")
		})
	}
}

var absolute = regexp.MustCompile(`/(etc|var/lib)/naru[a-z-]*/[A-Za-z0-9_./-]+`)

// placed writes the file into a folder of the test, together with the files that it names.
func placed(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	text = absolute.ReplaceAllStringFunc(text, func(path string) string {
		own := filepath.Join(dir, path)
		content := "a secret of sixteen characters or more\n"
		if strings.HasSuffix(path, "notice_secret") {
			content = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n"
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(own), 0o700))
		if filepath.Ext(path) != "" || strings.Contains(path, "/secrets/") {
			require.NoError(t, os.WriteFile(own, []byte(content), 0o600))
		}
		return own
	})
	file := filepath.Join(dir, "settings.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// fields returns the settable fields of a struct by their keys. A struct that is a value, such as a secret's file, has none.
func fields(t reflect.Type) map[string]reflect.StructField {
	named := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(t) {
		if key, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); key != "" && key != "-" && f.IsExported() {
			named[key] = f
		}
	}
	return named
}

// missing lists the keys of t that a document lacks. A map or list of structs must have an element, which is checked too.
func missing(path string, t reflect.Type, node any) []string {
	switch {
	case t.Kind() == reflect.Struct && len(fields(t)) > 0:
		document, _ := node.(map[string]any)
		var found []string
		for key, f := range fields(t) {
			at := strings.TrimPrefix(path+"."+key, ".")
			value, there := document[key]
			if !there {
				found = append(found, at)
				continue
			}
			found = append(found, missing(at, f.Type, value)...)
		}
		return found
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		list, _ := node.([]any)
		if len(list) == 0 {
			return []string{path + "[0]"}
		}
		return missing(path+"[0]", t.Elem(), list[0])
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Struct:
		entries, _ := node.(map[string]any)
		for key, value := range entries {
			return missing(path+"."+key, t.Elem(), value)
		}
		return []string{path + ".*"}
	}
	return nil
}

// yours lists the paths that a file marks as not the default.
func yours(text string) []string {
	var found []string
	var path []string
	marked := false
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			marked = strings.HasSuffix(line, " Yours.")
			continue
		}
		if key := plainKey.FindStringSubmatch(line); key != nil {
			depth := len(key[1]) / 2
			path = append(path[:min(depth, len(path))], key[2])
			if marked || strings.HasSuffix(line, " Yours.") {
				found = append(found, strings.Join(path, "."))
			}
		}
		marked = false
	}
	return found
}

var plainKey = regexp.MustCompile(`^(\s*)([a-z_]+):`)

var keyLine = regexp.MustCompile(`^\s*(- )?[a-z_]+:(\s|$)`)

// uncommented lists keys without a comment on their line or the line before.
func uncommented(text string) []string {
	var found []string
	before := ""
	for n, line := range strings.Split(text, "\n") {
		if keyLine.MatchString(line) && !strings.Contains(line, " #") && !strings.HasPrefix(strings.TrimSpace(before), "#") {
			found = append(found, fmt.Sprintf("line %d: %s", n+1, line))
		}
		before = line
	}
	return found
}

// differing lists the paths at which two settings differ, descending into structs.
func differing(path string, a, b reflect.Value) []string {
	if a.Kind() == reflect.Struct && len(fields(a.Type())) > 0 {
		var found []string
		for key, f := range fields(a.Type()) {
			found = append(found, differing(strings.TrimPrefix(path+"."+key, "."), a.FieldByIndex(f.Index), b.FieldByIndex(f.Index))...)
		}
		return found
	}
	empty := (a.Kind() == reflect.Slice || a.Kind() == reflect.Map) && a.Len() == 0 && b.Len() == 0
	if empty || reflect.DeepEqual(a.Interface(), b.Interface()) {
		return nil
	}
	return []string{path}
}

// A setting that names a file is looked for with -check: it is a secret's, or says that it is read, or stands here with a reason.
func TestNamedFilesAreLookedFor(t *testing.T) {
	t.Parallel()
	elsewhere := []string{
		"bootstrap_admin_file", // written, not read
		"owner_url_file",       // only where the process migrates, which says so itself
	}
	var visit func(at string, of reflect.Type)
	visit = func(at string, of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Map {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || of == reflect.TypeFor[config.SecretFile]() {
			return
		}
		for key, field := range fields(of) {
			named := strings.HasSuffix(key, "_file") && field.Type.Kind() == reflect.String
			require.True(t, !named || field.Tag.Get("reads") == "file" || slices.Contains(elsewhere, key), "%s.%s names a file, which -check does not look for", at, key)
			visit(at+"."+key, field.Type)
		}
	}
	for name, p := range programs() {
		visit(name, reflect.TypeOf(p.defaults()))
	}
}

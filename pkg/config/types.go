package config

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"
)

// redacted stands for a secret wherever a configuration or a log is shown.
const redacted = "[redacted]"

// maxSecretBytes bounds a secret file: passwords and client secrets, not documents.
const maxSecretBytes = 64 << 10

// Secret is text that is never shown: formatting, logging, YAML and JSON print [redacted]. It cannot be written in a
// configuration file; use SecretFile. Convert it with string(s) only where a library needs the secret.
type Secret string

// String hides the secret.
func (Secret) String() string { return redacted }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return redacted }

// LogValue hides the secret from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the secret from encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalYAML hides the secret from YAML.
func (Secret) MarshalYAML() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// SecretFile names a file that holds a secret. Load reads it; one newline at its end is not part of the secret. Where a
// configuration is shown it is the path. The zero value names no file and holds an empty secret.
type SecretFile struct {
	path   string
	secret Secret
}

// SecretAt is a default that names a file. Load reads it unless the configuration names another.
func SecretAt(path string) SecretFile { return SecretFile{path: path} }

// InlineSecret holds a secret that has no file, for composition in code (a private server with generated passwords) and for
// tests.
func InlineSecret(s Secret) SecretFile { return SecretFile{secret: s} }

// Path is the file's path as configured.
func (f SecretFile) Path() string { return f.path }

// Value is the secret.
func (f SecretFile) Value() Secret { return f.secret }

// String is the path.
func (f SecretFile) String() string { return f.path }

// GoString is the path, so that %#v does not show the secret.
func (f SecretFile) GoString() string { return f.path }

// LogValue is the path.
func (f SecretFile) LogValue() slog.Value { return slog.StringValue(f.path) }

// MarshalText is the path.
func (f SecretFile) MarshalText() ([]byte, error) { return []byte(f.path), nil }

// read loads the secret, if a file is named; a relative path starts at folder.
func (f *SecretFile) read(folder string) error {
	if f.path == "" {
		return nil
	}
	path := f.path
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder, path)
	}
	data, err := readBounded(path, maxSecretBytes)
	if err != nil {
		return fmt.Errorf("reading the secret file: %w", err)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if text == "" {
		return errors.New("the secret file is empty")
	}
	f.secret = Secret(text)
	return nil
}

// Duration is a time.Duration written as "30s" or "1h30m".
type Duration time.Duration

// Std is the duration as package time has it.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String is the form of time.Duration.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText is the form of time.Duration.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the form of time.Duration.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return errors.New(`wants a duration such as "30s"`)
	}
	*d = Duration(parsed)
	return nil
}

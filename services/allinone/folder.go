package allinone

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/naru-relay/naru/pkg/durable"
	"github.com/naru-relay/naru/services/allinone/endpoints"
)

// folder is the relay's data folder.
type folder string

func (f folder) path(parts ...string) string {
	return filepath.Join(append([]string{string(f)}, parts...)...)
}

// lock holds the folder for one relay: a second one would write the settings and passwords of the first, and end by removing its
// endpoint file.
func (f folder) lock() (release func() error, err error) {
	if err := os.MkdirAll(f.path(), 0o755); err != nil { //nolint:gosec // see prepare
		return nil, fmt.Errorf("make folder: %w", err)
	}
	release, err = durable.TryLock(f.path("narud.lock"))
	var held *durable.HeldError
	if errors.As(err, &held) {
		return nil, fmt.Errorf("the folder %s is another narud's, %w: stop that one, or take another folder (-data)", f.path(), held)
	}
	return release, err
}

// prepare makes the folder. The private PostgreSQL may run as another user, so everybody may traverse the folder; the secrets
// below it stay unreadable to others.
func (f folder) prepare() error {
	for _, dir := range []string{"", "config", "sandbox"} {
		if err := os.MkdirAll(f.path(dir), 0o755); err != nil { //nolint:gosec // see above
			return fmt.Errorf("make folder: %w", err)
		}
	}
	for _, dir := range []string{"secrets", "keys", "nats", "demo", "tls", "traces"} {
		if err := os.MkdirAll(f.path(dir), 0o700); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
	}
	return nil
}

// secret reads a secret of the folder. It generates the secret at the first call.
func (f folder) secret(parts ...string) (string, error) {
	path := f.path(append([]string{"secrets"}, parts...)...)
	raw, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(raw)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read secret: %w", err)
	}
	made := rand.Text()
	return made, f.keep(path, made)
}

// keep writes a secret file.
func (f folder) keep(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make folder of secrets: %w", err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return fmt.Errorf("write secret: %w", err)
	}
	return nil
}

// writeJSON writes a file for which others wait. The file appears complete or not at all.
func (f folder) writeJSON(mode os.FileMode, v any, parts ...string) error {
	if err := endpoints.WriteJSON(f.path(parts...), mode, v); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(parts...), err)
	}
	return nil
}

const noticeSecretFile = "notice_webhook_secret"

// noticeSecret is the Standard Webhooks secret with which notices are signed.
func (f folder) noticeSecret() (string, error) {
	raw, err := f.secret("sandbox", "notice_key")
	if err != nil {
		return "", err
	}
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(raw))
	return secret, f.keep(f.path("secrets", noticeSecretFile), secret)
}

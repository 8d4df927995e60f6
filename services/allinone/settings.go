package allinone

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/naru-relay/naru/pkg/durable"
	"github.com/naru-relay/naru/services/allinone/endpoints"
)

// writtenFile keeps, for each file of settings, the digests of what narud wrote there: the one before and the newest. A file that
// has another was edited.
const writtenFile = ".written.json"

// writeSettings writes files of settings, by name, but those that a person has edited. What was edited stays if narud would write
// what it wrote before the edit; if not, the two would contradict each other, and nothing is written until a person has decided.
func (r *Relay) writeSettings(ctx context.Context, settings map[string]string) error {
	record := r.folder.path("config", writtenFile)
	written := map[string][]string{}
	if err := endpoints.ReadJSON(record, &written); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read what was written to settings: %w", err)
	}
	var fresh []string
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		file := filepath.Join("config", name)
		found, err := os.ReadFile(r.folder.path(file))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read settings: %w", err)
		}
		before, now := written[name], digest(settings[name])
		newest := len(before) > 0 && before[len(before)-1] == now
		switch {
		case err == nil && digest(string(found)) == now && newest:
		case err != nil || digest(string(found)) == now || slices.Contains(before, digest(string(found))):
			written[name] = append(before[max(0, len(before)-1):], now)
			fresh = append(fresh, name)
		case newest:
			r.log.LogAttrs(ctx, slog.LevelWarn, "edited settings are kept", slog.String("file", file))
		default:
			problems = append(problems, fmt.Errorf("%s was edited, and what narud has to write there has changed since (another address?): "+
				"start with the same addresses as before, or move the file away and edit the new one", r.folder.path(file)))
		}
	}
	if len(problems) > 0 || len(fresh) == 0 {
		return errors.Join(problems...)
	}
	// The digests come first: a file that was written without them would look edited.
	if err := endpoints.WriteJSON(record, 0o600, written); err != nil {
		return fmt.Errorf("keep what is written to settings: %w", err)
	}
	for _, name := range fresh {
		if err := durable.WriteFile(r.folder.path("config", name), []byte(settings[name]), 0o600); err != nil {
			return fmt.Errorf("write settings: %w", err)
		}
	}
	return nil
}

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

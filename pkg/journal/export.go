package journal

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/naru-relay/naru/pkg/keys"
)

// Files of an exported log, in one folder for all units.
const (
	CheckpointSuffix = ".checkpoint"
	KeysSuffix       = ".vkey"
)

// ExportTo writes a log's newest cosigned checkpoint to <unit>.checkpoint, replacing the file as a whole, and its verifier keys
// to <unit>.vkey: first the log's own key, then the key of its cosignatures. Both files are public.
func ExportTo(dir string, key *keys.NoteKey) func(unit string, c Checkpoint) error {
	place := func(name, content string) error {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path+".new", []byte(content), 0o644); err != nil { //nolint:gosec // public
			return fmt.Errorf("export %s: %w", name, err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			return fmt.Errorf("export %s: %w", name, err)
		}
		return nil
	}
	return func(unit string, c Checkpoint) error {
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // public
			return fmt.Errorf("export checkpoint: %w", err)
		}
		if err := place(unit+KeysSuffix, key.Public+"\n"+key.PublicCosigner+"\n"); err != nil {
			return err
		}
		// Only the witness's signature is written: who has stolen the log's key can make the log's own.
		return place(unit+CheckpointSuffix, c.Cosigned)
	}
}

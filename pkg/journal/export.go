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
	// StampedSuffix is of the newest checkpoint with a time stamp, StampSuffix of its token (DER).
	StampedSuffix = ".stamped.checkpoint"
	StampSuffix   = ".stamped.checkpoint.tst"
)

// ExportTo writes a log's newest cosigned checkpoint to <unit>.checkpoint, replacing the file as a whole, and its verifier keys
// to <unit>.vkey: first the log's own key, then the key of its cosignatures. Both files are public.
func ExportTo(dir string, key *keys.NoteKey) func(unit string, c Checkpoint) error {
	return func(unit string, c Checkpoint) error {
		if err := place(dir, unit+KeysSuffix, key.Public+"\n"+key.PublicCosigner+"\n"); err != nil {
			return err
		}
		return place(dir, unit+CheckpointSuffix, c.Witnessed())
	}
}

// ExportStampsTo writes a log's newest time stamp to <unit>.stamped.checkpoint.tst and what it is over to
// <unit>.stamped.checkpoint. Who reads the two between the writes finds that they do not belong together, and reads again.
func ExportStampsTo(dir string) func(unit string, s Stamp) error {
	return func(unit string, s Stamp) error {
		if err := place(dir, unit+StampedSuffix, s.Published); err != nil {
			return err
		}
		return place(dir, unit+StampSuffix, string(s.Token))
	}
}

// ReadStamp reads a stamped checkpoint from a file, and its token from the file of the same name and .tst.
func ReadStamp(file string) (Stamp, error) {
	published, err := os.ReadFile(file) //nolint:gosec // the caller's own file
	if err != nil {
		return Stamp{}, fmt.Errorf("read a stamped checkpoint: %w", err)
	}
	token, err := os.ReadFile(file + ".tst") //nolint:gosec // the caller's own file
	if err != nil {
		return Stamp{}, fmt.Errorf("read a time stamp: %w", err)
	}
	return Stamp{Published: string(published), Token: token}, nil
}

// place replaces a file as a whole. It is public.
func place(dir, name, content string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // public
		return fmt.Errorf("export %s: %w", name, err)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path+".new", []byte(content), 0o644); err != nil { //nolint:gosec // public
		return fmt.Errorf("export %s: %w", name, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("export %s: %w", name, err)
	}
	return nil
}

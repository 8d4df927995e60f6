package demo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/naru-relay/naru/services/sandbox/viewing"
)

// maxHeaderBytes is how far into a file readers look for the header of a PDF (ISO 32000-1, annex H).
const maxHeaderBytes = 1024

// CheckDocument finds before anything is started what would end the demo halfway: a file that is no PDF, or larger than the
// sandbox's viewing system takes. Empty is the demo's own document.
func CheckDocument(path string) error {
	if path == "" {
		return nil
	}
	file, err := os.Open(path) //nolint:gosec // the caller's own file
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	info, err := file.Stat()
	if err != nil {
		return err
	}
	head := make([]byte, maxHeaderBytes)
	n, err := io.ReadFull(file, head)
	switch limit := viewing.Default().MaxDocumentBytes; {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no file", path)
	case info.Size() == 0:
		return fmt.Errorf("%s is empty", path)
	case info.Size() > limit:
		return fmt.Errorf("%s has %d bytes; the sandbox's viewing system takes at most %d", path, info.Size(), limit)
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("read %s: %w", path, err)
	case !bytes.Contains(head[:n], []byte("%PDF-")):
		return fmt.Errorf("%s is no PDF: it does not begin with %%PDF-", path)
	}
	return nil
}

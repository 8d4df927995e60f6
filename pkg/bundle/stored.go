package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/naru-relay/naru/pkg/asic"
)

// Stored is a file of a container that can be written later.
type Stored struct {
	Name string
	asic.Measure
	// Content is nil where the bytes are kept elsewhere.
	Content []byte
}

func (f file) stored() Stored {
	measure, _ := asic.MeasureOf(bytes.NewReader(f.content)) // bytes can be read
	return Stored{Name: f.name, Measure: measure, Content: f.content}
}

// Size of the container, in bytes.
func Size(files []Stored) int64 {
	measured := make([]asic.File, len(files))
	for i, f := range files {
		measured[i] = asic.File{Name: f.Name, Measure: f.Measure}
	}
	return asic.Size(measured)
}

// Write writes a container from files in their order, without the mimetype, which is its first. Contents that are kept
// elsewhere are opened by their names; one that is not what was measured ends the writing with an error.
func Write(ctx context.Context, to io.Writer, files []Stored, open func(ctx context.Context, name string) (io.ReadCloser, error)) error {
	w, err := asic.NewWriter(to)
	if err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	for _, f := range files {
		if err := f.write(ctx, w, open); err != nil {
			return fmt.Errorf("write bundle: %w", err)
		}
	}
	return w.Close()
}

func (f Stored) write(ctx context.Context, w *asic.Writer, open func(ctx context.Context, name string) (io.ReadCloser, error)) error {
	if f.Content != nil {
		return w.Add(f.Name, f.Measure, bytes.NewReader(f.Content))
	}
	content, err := open(ctx, f.Name)
	if err != nil {
		return err
	}
	return errors.Join(w.Add(f.Name, f.Measure, content), content.Close())
}

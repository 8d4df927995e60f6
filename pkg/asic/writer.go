package asic

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// File is a file of a container.
type File struct {
	// Name is its path, see namePattern.
	Name string
	Measure
	offset int64
}

// Measure is what has to be known of a file before it is written.
type Measure struct {
	Size   int64
	CRC    uint32
	SHA256 [sha256.Size]byte
}

// MeasureOf reads a file to its end.
func MeasureOf(content io.Reader) (Measure, error) {
	m := newMeter()
	if _, err := io.Copy(m, content); err != nil {
		return Measure{}, fmt.Errorf("measure a file: %w", err)
	}
	return m.measure(), nil
}

// Writer writes a container from its beginning to its end.
type Writer struct {
	to     io.Writer
	at     int64
	files  []*File
	failed error
}

// NewWriter begins a container; the mimetype is its first file.
func NewWriter(to io.Writer) (*Writer, error) {
	w := &Writer{to: to}
	return w, w.AddBytes(Mimetype, []byte(MediaType))
}

// AddBytes adds a small file.
func (w *Writer) AddBytes(name string, content []byte) error {
	m, err := MeasureOf(bytes.NewReader(content))
	if err != nil {
		return err
	}
	return w.Add(name, m, bytes.NewReader(content))
}

// Add adds a file that was measured before. A content that differs from its measure is an error, after which nothing more can be
// written.
func (w *Writer) Add(name string, measure Measure, content io.Reader) error {
	if w.failed != nil {
		return w.failed
	}
	w.failed = w.add(name, measure, content)
	return w.failed
}

func (w *Writer) add(name string, measure Measure, content io.Reader) error {
	switch {
	case !validName(name):
		return fmt.Errorf("add to container: %q is no accepted name", name)
	case w.has(name):
		return fmt.Errorf("add to container: %s is there already", name)
	case len(w.files) == MaxFiles:
		return fmt.Errorf("add to container: more than %d files", MaxFiles)
	}
	f := &File{Name: name, Measure: measure, offset: w.at}
	if w.at+localBytes+int64(len(name))+measure.Size > MaxBytes {
		return ErrTooLarge
	}
	if err := w.write(f.local()); err != nil {
		return err
	}
	m := newMeter()
	n, err := io.Copy(io.MultiWriter(w.to, m), content)
	w.at += n
	if err != nil {
		return fmt.Errorf("add %s to container: %w", name, err)
	}
	if m.measure() != measure {
		return fmt.Errorf("add %s to container: its content is not the one that was measured", name)
	}
	w.files = append(w.files, f)
	return nil
}

// ErrTooLarge says that the files do not fit into one container.
var ErrTooLarge = errors.New("the files are too large for one container")

func (w *Writer) has(name string) bool {
	for _, f := range w.files {
		if sameName(f.Name, name) {
			return true
		}
	}
	return false
}

func (w *Writer) write(b []byte) error {
	n, err := w.to.Write(b)
	w.at += int64(n)
	if err != nil {
		return fmt.Errorf("write container: %w", err)
	}
	return nil
}

// Files lists what was added, in its order, the mimetype first.
func (w *Writer) Files() []*File { return w.files }

// Size of a container with these files and the mimetype, in bytes.
func Size(files []File) int64 {
	size := int64(endBytes)
	for _, f := range append([]File{{Name: Mimetype, Measure: Measure{Size: int64(len(MediaType))}}}, files...) {
		size += localBytes + centralBytes + 2*int64(len(f.Name)) + f.Size
	}
	return size
}

// Close writes the directory. The underlying writer stays open.
func (w *Writer) Close() error {
	if w.failed != nil {
		return w.failed
	}
	w.failed = errors.New("the container is closed")
	begin := w.at
	var directory []byte
	for _, f := range w.files {
		directory = append(directory, f.central()...)
	}
	if begin+int64(len(directory))+endBytes > MaxBytes {
		return ErrTooLarge
	}
	if err := w.write(directory); err != nil {
		return err
	}
	return w.write(end(len(w.files), begin, int64(len(directory))))
}

// meter measures what is written to it.
type meter struct {
	size int64
	crc  uint32
	sum  hash.Hash
}

func newMeter() *meter { return &meter{sum: sha256.New()} }

// Write implements io.Writer and never fails.
func (m *meter) Write(p []byte) (int, error) {
	m.size += int64(len(p))
	m.crc = crc32.Update(m.crc, table, p)
	_, _ = m.sum.Write(p)
	return len(p), nil
}

func (m *meter) measure() Measure {
	return Measure{Size: m.size, CRC: m.crc, SHA256: [sha256.Size]byte(m.sum.Sum(nil))}
}

package asic

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Container is an opened container: a ZIP archive in the one form of this package. Contents are not judged yet.
type Container struct {
	from  io.ReaderAt
	files []*File
}

// maxDirectoryBytes follows from the bounds on files and names.
const maxDirectoryBytes = MaxFiles * (centralBytes + maxNameBytes)

// Open reads the directory and compares every byte of the archive that is no file's content with what this package would write.
// It never reads a content. An error says what is wrong with the form; an error of from is returned as it is.
func Open(from io.ReaderAt, size int64) (*Container, error) {
	if size < endBytes || size > MaxBytes {
		return nil, malformed("too short or too long for a container")
	}
	last := make([]byte, endBytes)
	if err := readAt(from, last, size-endBytes); err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint32(last) != endSignature {
		return nil, malformed("does not end like a ZIP archive")
	}
	files := int(binary.LittleEndian.Uint16(last[10:]))
	length, begin := int64(binary.LittleEndian.Uint32(last[12:])), int64(binary.LittleEndian.Uint32(last[16:]))
	if files == 0 || files > MaxFiles || length > maxDirectoryBytes || begin+length != size-endBytes || !bytes.Equal(last, end(files, begin, length)) {
		return nil, malformed("end of the ZIP archive")
	}
	directory := make([]byte, length)
	if err := readAt(from, directory, begin); err != nil {
		return nil, err
	}
	c := &Container{from: from}
	for range files {
		f, rest, err := readCentral(directory)
		if err != nil {
			return nil, err
		}
		directory = rest
		if c.find(f.Name) != nil {
			return nil, malformed("a file is there twice")
		}
		c.files = append(c.files, f)
	}
	if len(directory) > 0 {
		return nil, malformed("something after the directory")
	}
	return c, c.checkLocal(begin)
}

// readCentral reads one entry of the directory in the one spelling it has.
func readCentral(directory []byte) (*File, []byte, error) {
	if len(directory) < centralBytes {
		return nil, nil, malformed("directory is cut off")
	}
	size, name := int64(binary.LittleEndian.Uint32(directory[24:])), int(binary.LittleEndian.Uint16(directory[28:]))
	if len(directory) < centralBytes+name {
		return nil, nil, malformed("directory is cut off")
	}
	f := &File{Name: string(directory[centralBytes : centralBytes+name]), offset: int64(binary.LittleEndian.Uint32(directory[42:]))}
	f.CRC, f.Size = binary.LittleEndian.Uint32(directory[16:]), size
	if !validName(f.Name) {
		return nil, nil, malformed("name of a file")
	}
	if !bytes.Equal(f.central(), directory[:centralBytes+name]) {
		return nil, nil, malformed("entry of the directory")
	}
	return f, directory[centralBytes+name:], nil
}

// checkLocal holds the files to their places, one after the other from the first byte to the directory, and their headers to the
// directory.
func (c *Container) checkLocal(directory int64) error {
	at := int64(0)
	for _, f := range c.files {
		header := f.local()
		if f.offset != at || at+int64(len(header))+f.Size > directory {
			return malformed("files overlap, or there is something between them")
		}
		found := make([]byte, len(header))
		if err := readAt(c.from, found, at); err != nil {
			return err
		}
		if !bytes.Equal(found, header) {
			return malformed("header of a file")
		}
		at += int64(len(header)) + f.Size
	}
	if at != directory {
		return malformed("something before the directory")
	}
	return nil
}

// Files in their order.
func (c *Container) Files() []*File { return c.files }

// Has reports whether there is a file.
func (c *Container) Has(name string) bool { return c.find(name) != nil }

func (c *Container) find(name string) *File {
	for _, f := range c.files {
		if sameName(f.Name, name) {
			return f
		}
	}
	return nil
}

// sameName compares as file systems do that ignore case: two such names would be one file there.
func sameName(a, b string) bool { return strings.EqualFold(a, b) }

// ErrNoFile says that a container has no such file.
var ErrNoFile = errors.New("there is no such file in the container")

// Open opens a file; the name is compared exactly. Its content is not judged: Measure it.
func (c *Container) Open(name string) (*io.SectionReader, error) {
	f := c.find(name)
	if f == nil || f.Name != name {
		return nil, fmt.Errorf("%w: %s", ErrNoFile, name)
	}
	return io.NewSectionReader(c.from, f.offset+localBytes+int64(len(f.Name)), f.Size), nil
}

// Read reads a small file whole.
func (c *Container) Read(name string, most int64) ([]byte, error) {
	content, err := c.Open(name)
	if err != nil {
		return nil, err
	}
	if content.Size() > most {
		return nil, fmt.Errorf("%s has more than %d bytes", name, most)
	}
	read := make([]byte, content.Size())
	return read, readAt(content, read, 0)
}

// Measure reads a file's content; Intact compares the result with what the archive says of it.
func (c *Container) Measure(name string) (Measure, error) {
	content, err := c.Open(name)
	if err != nil {
		return Measure{}, err
	}
	return MeasureOf(content)
}

// Intact reports whether a measured content is the one that the archive's directory describes.
func (f *File) Intact(m Measure) bool { return m.Size == f.Size && m.CRC == f.CRC }

// ErrForm is the kind of every error about the form of a container.
var ErrForm = errors.New("not a container in the accepted form")

func malformed(detail string) error { return fmt.Errorf("%w: %s", ErrForm, detail) }

// readAt fills a buffer. What ends before that is cut off, whatever the reader says of it.
func readAt(from io.ReaderAt, into []byte, at int64) error {
	n, err := from.ReadAt(into, at)
	if n == len(into) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read container: %w", err)
}

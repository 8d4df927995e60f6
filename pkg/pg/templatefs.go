package pg

import (
	"bytes"
	"io/fs"
)

// templateFS shows the files of another file system with their tokens replaced.
type templateFS struct {
	inner  fs.FS
	values map[string]string
}

// Open implements fs.FS.
func (t templateFS) Open(name string) (fs.File, error) {
	f, err := t.inner.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return f, err
	}
	defer func() { _ = f.Close() }()
	text, err := fs.ReadFile(t.inner, name)
	if err != nil {
		return nil, err
	}
	text, err = substitute(name, text, t.values)
	if err != nil {
		return nil, err
	}
	return &memFile{Reader: bytes.NewReader(text), info: memInfo{FileInfo: info, size: int64(len(text))}}, nil
}

type memFile struct {
	*bytes.Reader
	info memInfo
}

// Stat implements fs.File.
func (f *memFile) Stat() (fs.FileInfo, error) { return f.info, nil }

// Close implements fs.File.
func (f *memFile) Close() error { return nil }

type memInfo struct {
	fs.FileInfo
	size int64
}

// Size of the file after replacement.
func (i memInfo) Size() int64 { return i.size }

package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"strings"

	"github.com/naru-relay/naru/pkg/asic"
)

// entry is a file of a container that is taken apart.
type entry struct {
	name    string
	content []byte
}

func apart(container []byte) []entry {
	c := must(asic.Open(bytes.NewReader(container), int64(len(container))))
	var entries []entry
	for _, f := range c.Files() {
		entries = append(entries, entry{f.Name, must(c.Read(f.Name, f.Size))})
	}
	return entries
}

// together writes entries as a container in its one form. The first has to be the mimetype.
func together(entries []entry) []byte {
	var out bytes.Buffer
	w := must(asic.NewWriter(&out))
	for _, e := range entries[1:] {
		if err := w.AddBytes(e.name, e.content); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// edit changes the content of one file and nothing else.
func edit(container []byte, name string, change func([]byte) []byte) []byte {
	entries := apart(container)
	for i, e := range entries {
		if e.name == name {
			entries[i].content = change(bytes.Clone(e.content))
		}
	}
	return together(entries)
}

// flip changes one bit of a byte; a negative place counts from the end.
func flip(place int) func([]byte) []byte {
	return func(content []byte) []byte {
		at := place
		if at < 0 {
			at += len(content)
		}
		content[at] ^= 1
		return content
	}
}

// replace changes a text, which has to be there.
func replace(old, replacement string) func([]byte) []byte {
	return func(content []byte) []byte {
		if !bytes.Contains(content, []byte(old)) {
			panic("there is no " + old)
		}
		return bytes.Replace(content, []byte(old), []byte(replacement), 1)
	}
}

// without leaves a file out.
func without(container []byte, name string) []byte {
	var left []entry
	for _, e := range apart(container) {
		if e.name != name {
			left = append(left, e)
		}
	}
	return together(left)
}

// with adds a file before another.
func with(container []byte, before string, added entry) []byte {
	var entries []entry
	for _, e := range apart(container) {
		if e.name == before {
			entries = append(entries, added)
		}
		entries = append(entries, e)
	}
	return together(entries)
}

// restamped makes archive manifest and time stamp anew over what is there, so that what was changed is well stamped; change may
// bend the references first.
func restamped(container []byte, by stamper, change ...func([]asic.Reference) []asic.Reference) []byte {
	old := must(asic.Decode(contentOf(container, asic.ArchiveManifest)))
	media := map[string]string{}
	for _, f := range old.Files {
		media[f.Name] = f.MediaType
	}
	var references []asic.Reference
	entries := apart(container)
	for _, e := range entries {
		if e.name == asic.Mimetype || e.name == asic.ArchiveManifest || e.name == old.By {
			continue
		}
		if media[e.name] == "" {
			media[e.name] = "text/plain"
		}
		references = append(references, asic.Reference{Name: e.name, MediaType: media[e.name], SHA256: sha256.Sum256(e.content)})
	}
	for _, bend := range change {
		references = bend(references)
	}
	manifest := asic.References{By: old.By, Files: references}.Encode()
	token, _, err := by.Stamp(context.Background(), sha256.Sum256(manifest))
	if err != nil {
		panic(err)
	}
	for i, e := range entries {
		switch e.name {
		case asic.ArchiveManifest:
			entries[i].content = manifest
		case old.By:
			entries[i].content = token
		}
	}
	return together(entries)
}

func contentOf(container []byte, name string) []byte {
	for _, e := range apart(container) {
		if e.name == name {
			return e.content
		}
	}
	panic("there is no " + name)
}

// byZip writes a container as common tools do: everything that the strict form forbids is a choice here.
func byZip(container []byte, change func(*zip.FileHeader), more ...entry) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, e := range append(apart(container), more...) {
		h := &zip.FileHeader{Name: e.name, Method: zip.Store}
		if change != nil {
			change(h)
		}
		f := must(w.CreateHeader(h))
		must(f.Write(e.content))
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// bomb is a container whose document says it has many bytes more than the file.
func bomb(container []byte) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	w.RegisterCompressor(zip.Deflate, func(to io.Writer) (io.WriteCloser, error) { return flate.NewWriter(to, flate.BestCompression) })
	for _, e := range apart(container) {
		h := &zip.FileHeader{Name: e.name, Method: zip.Store}
		if strings.HasPrefix(e.name, "document/") {
			h.Method, e.content = zip.Deflate, make([]byte, 64<<20)
		}
		f := must(w.CreateHeader(h))
		must(f.Write(e.content))
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// directoryAt is where the directory of a container begins.
func directoryAt(container []byte) int {
	return int(binary.LittleEndian.Uint32(container[len(container)-6:]))
}

// repeated has the last file in its directory twice.
func repeated(container []byte) []byte {
	c := must(asic.Open(bytes.NewReader(container), int64(len(container))))
	last := c.Files()[len(c.Files())-1]
	length := 46 + len(last.Name)
	begin := len(container) - 22 - length
	out := append(bytes.Clone(container[:len(container)-22]), container[begin:begin+length]...)
	end := bytes.Clone(container[len(container)-22:])
	count := binary.LittleEndian.Uint16(end[8:]) + 1
	binary.LittleEndian.PutUint16(end[8:], count)
	binary.LittleEndian.PutUint16(end[10:], count)
	binary.LittleEndian.PutUint32(end[12:], binary.LittleEndian.Uint32(end[12:])+uint32(length)) //nolint:gosec // small
	return append(out, end...)
}

// renamed changes the name of a file, of the same length, in both its headers.
func renamed(container []byte, old, name string) []byte {
	if len(old) != len(name) {
		panic("names of one length")
	}
	return bytes.ReplaceAll(container, []byte(old), []byte(name))
}

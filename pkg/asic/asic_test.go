package asic_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/asic"
)

type file struct{ name, content string }

var files = []file{{"document/document.pdf", "%PDF-1.7 a document"}, {"empty.txt", ""}, {"META-INF/ASiCManifest001.xml", "<a/>"}}

func write(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := asic.NewWriter(&b)
	require.NoError(t, err)
	for _, f := range files {
		require.NoError(t, w.AddBytes(f.name, []byte(f.content)))
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func open(container []byte) (*asic.Container, error) {
	return asic.Open(bytes.NewReader(container), int64(len(container)))
}

// What is written can be read here and by others, and its size is known before.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	container := write(t, files...)
	c, err := open(container)
	require.NoError(t, err)
	theirs, err := zip.NewReader(bytes.NewReader(container), int64(len(container)))
	require.NoError(t, err)
	all := append([]file{{asic.Mimetype, asic.MediaType}}, files...)
	require.Len(t, c.Files(), len(all))
	require.Len(t, theirs.File, len(all))
	var measured []asic.File
	for i, f := range all {
		require.Equal(t, f.name, c.Files()[i].Name)
		content, err := c.Read(f.name, 100)
		require.NoError(t, err)
		require.Equal(t, f.content, string(content))
		m, err := c.Measure(f.name)
		require.NoError(t, err)
		require.True(t, c.Files()[i].Intact(m))
		r, err := theirs.File[i].Open()
		require.NoError(t, err)
		content, err = io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, f.content, string(content))
		if i > 0 {
			measured = append(measured, asic.File{Name: f.name, Measure: m})
		}
	}
	require.EqualValues(t, len(container), asic.Size(measured))

	_, err = c.Open("Document/document.pdf")
	require.ErrorIs(t, err, asic.ErrNoFile, "names are compared exactly")
	_, err = c.Read("document/document.pdf", 5)
	require.ErrorContains(t, err, "more than 5 bytes")
}

// Names that another system reads as something else are not written.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "/etc/passwd", "../a", "a/../b", "a//b", "a/", "a/.hidden", ".a", `a\b`, "C:a", "a b", "한글.pdf", "a\x00b", "a\n", "a/b/c/d/e", strings.Repeat("a", 101),
		"mimetype", "MIMETYPE", "Document/DOCUMENT.pdf",
	} {
		w, err := asic.NewWriter(io.Discard)
		require.NoError(t, err)
		require.NoError(t, w.AddBytes("document/document.pdf", nil))
		require.Error(t, w.AddBytes(name, nil), "%q", name)
		require.Error(t, w.Close(), "%q: nothing goes on after that", name)
	}
	require.False(t, asic.Signed("meta-inf/x"))
	require.True(t, asic.Signed("bundle.json"))
}

// A content that is not what was measured ends the container: its header was written already.
func TestAnotherContent(t *testing.T) {
	t.Parallel()
	m, err := asic.MeasureOf(strings.NewReader("one"))
	require.NoError(t, err)
	for _, content := range []string{"two", "on", "one more"} {
		w, err := asic.NewWriter(io.Discard)
		require.NoError(t, err)
		require.Error(t, w.Add("a", m, strings.NewReader(content)))
		require.Error(t, w.AddBytes("b", nil))
		require.Error(t, w.Close())
	}
}

// Archives that other readers would take, or read otherwise, are none of these containers.
func TestForms(t *testing.T) {
	t.Parallel()
	good := write(t, files...)
	at := func(signature string) int { return bytes.LastIndex(good, []byte(signature)) }
	directory, end := bytes.Index(good, []byte("PK\x01\x02")), at("PK\x05\x06")
	put16 := func(offset int, value uint16) []byte {
		changed := bytes.Clone(good)
		binary.LittleEndian.PutUint16(changed[offset:], value)
		return changed
	}
	compressed := func() []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		f, err := w.Create("mimetype")
		require.NoError(t, err)
		_, err = f.Write([]byte(asic.MediaType))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return b.Bytes()
	}
	between := bytes.Clone(good[:directory])
	between = append(append(between, "hidden"...), good[directory:]...)
	binary.LittleEndian.PutUint32(between[len(between)-6:], uint32(directory+6)) //nolint:gosec // a few hundred bytes
	for name, container := range map[string][]byte{
		"empty":                    {},
		"no archive":               bytes.Repeat([]byte("a"), 1000),
		"cut off":                  good[:len(good)-1],
		"without its beginning":    good[1:],
		"something before":         append([]byte("MZ"), good...),
		"something after":          append(bytes.Clone(good), 0),
		"something between":        between,
		"compressed, by a library": compressed(),
		"compression":              put16(8, 8),
		"compression in directory": put16(directory+10, 8),
		"encrypted":                put16(directory+8, 1),
		"a date":                   put16(directory+14, 0x5a21),
		"comment of the archive":   append(put16(len(good)-2, 1), 'c'),
		"files by one fewer":       put16(end+10, 3),
		"another disk":             put16(end+4, 1),
		"extra field":              put16(directory+30, 4),
		"attributes of a link":     put16(directory+40, 0xa1ff),
		"offset of another file":   put16(directory+42, 1),
	} {
		_, err := open(container)
		require.ErrorIs(t, err, asic.ErrForm, name)
	}
}

// A file that cannot be read is no container that is wrong.
func TestReadFailure(t *testing.T) {
	t.Parallel()
	_, err := asic.Open(failing{}, 1000)
	require.ErrorIs(t, err, errBroken)
	require.NotErrorIs(t, err, asic.ErrForm)
	container := write(t, files...)
	_, err = asic.Open(bytes.NewReader(container[:len(container)-9]), int64(len(container)))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

var errBroken = errors.New("the disk is broken")

type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) { return 0, errBroken }

// A manifest has one spelling.
func TestManifest(t *testing.T) {
	t.Parallel()
	r := asic.References{By: asic.Signature, Files: []asic.Reference{{Name: "a/b.pdf", MediaType: "application/pdf", SHA256: [32]byte{1}}}}
	got, err := asic.Decode(r.Encode())
	require.NoError(t, err)
	require.Equal(t, r, got)
	good := string(r.Encode())
	for name, changed := range map[string]string{
		"white space":     good + "\n",
		"other quotes":    strings.Replace(good, `"UTF-8"`, `'UTF-8'`, 1),
		"prefix":          strings.ReplaceAll(good, "asic:", "a:"),
		"comment":         strings.Replace(good, "</asic:ASiC", "<!-- --></asic:ASiC", 1),
		"entity":          strings.Replace(good, "a/b.pdf", "a/&#98;.pdf", 1),
		"path":            strings.Replace(good, "a/b.pdf", "../b.pdf", 1),
		"digest too long": strings.Replace(good, "AQAA", "AQAAAQAA", 1),
		"algorithm":       strings.Replace(good, "sha256", "sha512", 1),
		"cut off":         good[:len(good)-5],
		"no manifest":     "",
	} {
		require.NotEqual(t, good, changed, name)
		_, err := asic.Decode([]byte(changed))
		require.ErrorIs(t, err, asic.ErrForm, name)
	}
}

// Whatever opens whole is what this package writes of its files: a container has no second spelling.
func FuzzOpen(f *testing.F) {
	f.Add(write(f, files...))
	f.Add(write(f))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, container []byte) {
		c, err := open(container)
		if err != nil {
			require.ErrorIs(t, err, asic.ErrForm)
			return
		}
		var again bytes.Buffer
		var w *asic.Writer
		for i, file := range c.Files() {
			m, err := c.Measure(file.Name)
			require.NoError(t, err)
			if !file.Intact(m) {
				return
			}
			content, err := c.Open(file.Name)
			require.NoError(t, err)
			if i == 0 {
				said, err := io.ReadAll(content)
				require.NoError(t, err)
				if file.Name != asic.Mimetype || string(said) != asic.MediaType {
					return
				}
				w, err = asic.NewWriter(&again)
				require.NoError(t, err)
				continue
			}
			require.NoError(t, w.Add(file.Name, m, content))
		}
		require.NoError(t, w.Close())
		require.True(t, bytes.Equal(container, again.Bytes()))
	})
}

// Whatever is decoded is encoded as it was.
func FuzzDecode(f *testing.F) {
	f.Add(asic.References{By: asic.Signature, Files: []asic.Reference{{Name: "a", MediaType: "text/xml"}}}.Encode())
	f.Add([]byte(`<asic:ASiCManifest xmlns:asic="http://uri.etsi.org/02918/v1.2.1#"/>`))
	f.Fuzz(func(t *testing.T, manifest []byte) {
		r, err := asic.Decode(manifest)
		if err != nil {
			require.ErrorIs(t, err, asic.ErrForm)
			return
		}
		require.Equal(t, manifest, r.Encode())
	})
}

// The published vectors open like any container.
func TestVectorsOpen(t *testing.T) {
	t.Parallel()
	good, err := filepath.Glob("../../e2e/vectors/good/*.asice")
	require.NoError(t, err)
	require.NotEmpty(t, good)
	for _, path := range good {
		container, err := os.ReadFile(path)
		require.NoError(t, err)
		_, err = open(container)
		require.NoError(t, err, path)
	}
}

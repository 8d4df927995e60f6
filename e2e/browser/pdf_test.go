package browser

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf16"
)

// pdf is a document that is written object by object, to have exactly the features that a test is about. Number 1 is the
// catalogue, 2 the list of pages.
type pdf struct {
	// objects are the bodies; streams says which of them are streams.
	objects []string
	streams map[int]bool
	pages   []string
}

const a4 = "[0 0 600 800]" // nearly: round numbers are easier to look for

func newPDF() *pdf { return &pdf{objects: make([]string, 2), streams: map[int]bool{}} }

// add adds an object and returns its number.
func (p *pdf) add(format string, parts ...any) int {
	p.objects = append(p.objects, fmt.Sprintf(format, parts...))
	return len(p.objects)
}

func (p *pdf) stream(dictionary string, content []byte) int {
	n := p.add("<< %s /Length %d >>\nstream\n%s\nendstream", dictionary, len(content), content)
	p.streams[n] = true
	return n
}

// page adds a page with the fonts F1, F2, … and the picture P; 0 for none.
func (p *pdf) page(more, content string, picture int, fonts ...int) {
	var resources strings.Builder
	for i, font := range fonts {
		fmt.Fprintf(&resources, "/F%d %d 0 R ", i+1, font)
	}
	xobject := ""
	if picture != 0 {
		xobject = fmt.Sprintf("/XObject << /P %d 0 R >>", picture)
	}
	n := p.add("<< /Type /Page /Parent 2 0 R %s /Contents %d 0 R /Resources << /Font << %s >> %s >> >>", more, p.stream("", []byte(content)), resources.String(), xobject)
	p.pages = append(p.pages, fmt.Sprintf("%d 0 R", n))
}

// korean is a Korean font that is only named: the reader has to have one, and to know the encoding.
func (p *pdf) korean(encoding string) int {
	descriptor := p.add("<< /Type /FontDescriptor /FontName /HYSMyeongJo-Medium /Flags 6 /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 700 /StemV 80 /FontBBox [0 -148 1001 880] >>")
	descendant := p.add("<< /Type /Font /Subtype /CIDFontType0 /BaseFont /HYSMyeongJo-Medium /DW 1000 /FontDescriptor %d 0 R "+
		"/CIDSystemInfo << /Registry (Adobe) /Ordering (Korea1) /Supplement 2 >> >>", descriptor)
	return p.add("<< /Type /Font /Subtype /Type0 /BaseFont /HYSMyeongJo-Medium-%[1]s /Encoding /%[1]s /DescendantFonts [%[2]d 0 R] >>", encoding, descendant)
}

// write is a line of text in the first font.
func write(x, y, size int, encoded []byte) string {
	return fmt.Sprintf("BT /F1 %d Tf %d %d Td <%s> Tj ET\n", size, x, y, hex.EncodeToString(encoded))
}

// wide is a text in UTF-16, as the Unicode encodings of Korean fonts want it.
func wide(text string) (encoded []byte) {
	for _, unit := range utf16.Encode([]rune(text)) {
		encoded = binary.BigEndian.AppendUint16(encoded, unit)
	}
	return encoded
}

func (p *pdf) close() {
	p.objects[0] = "<< /Type /Catalog /Pages 2 0 R >>"
	p.objects[1] = fmt.Sprintf("<< /Type /Pages /MediaBox %s /Count %d /Kids [%s] >>", a4, len(p.pages), strings.Join(p.pages, " "))
}

// plain writes the document with a table of cross-references, which says where objects are but for what shift adds to it.
func (p *pdf) plain(shift int) []byte {
	p.close()
	var out bytes.Buffer
	out.WriteString("%PDF-1.7\n")
	table := "0000000000 65535 f \n"
	for i, body := range p.objects {
		table += fmt.Sprintf("%010d 00000 n \n", out.Len()+shift)
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	at := out.Len() + shift
	fmt.Fprintf(&out, "xref\n0 %d\n%strailer\n<< /Size %[1]d /Root 1 0 R >>\nstartxref\n%[3]d\n%%%%EOF\n", len(p.objects)+1, table, at)
	return out.Bytes()
}

// packed writes it with its objects in a compressed stream, and another one of cross-references.
func (p *pdf) packed() []byte {
	p.close()
	var out, index, bodies bytes.Buffer
	out.WriteString("%PDF-1.7\n")
	holder, references := len(p.objects)+1, len(p.objects)+2
	entries := []byte{0, 0, 0, 0, 0}
	entry := func(kind byte, at, generation int) {
		entries = append(entries, kind, byte(at>>16), byte(at>>8), byte(at), byte(generation)) //nolint:gosec // a small file
	}
	inside := 0
	for i, body := range p.objects {
		if p.streams[i+1] {
			entry(1, out.Len(), 0)
			fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, body)
			continue
		}
		entry(2, holder, inside)
		inside++
		fmt.Fprintf(&index, "%d %d ", i+1, bodies.Len())
		bodies.WriteString(body + "\n")
	}
	entry(1, out.Len(), 0)
	deflated := deflate(append(index.Bytes(), bodies.Bytes()...))
	fmt.Fprintf(&out, "%d 0 obj\n<< /Type /ObjStm /N %d /First %d /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream\nendobj\n", holder, inside, index.Len(), len(deflated), deflated)
	at := out.Len()
	entry(1, at, 0)
	deflated = deflate(entries)
	fmt.Fprintf(&out, "%d 0 obj\n<< /Type /XRef /W [1 3 1] /Size %d /Root 1 0 R /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n",
		references, references+1, len(deflated), deflated, at)
	return out.Bytes()
}

func deflate(content []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write(content) // into memory
	_ = w.Close()
	return out.Bytes()
}

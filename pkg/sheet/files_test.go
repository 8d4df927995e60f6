package sheet_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	mainSpace = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	typesHead = `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">`
	bookType  = `<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>`
	book      = `<workbook ` + mainSpace + ` xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>` +
		`<sheet name="숨김" sheetId="2" state="hidden" r:id="rId2"/><sheet name="명단" sheetId="1" r:id="rId1"/></sheets></workbook>`
	relations = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId2" Target="worksheets/hidden.xml"/><Relationship Id="rId1" Target="worksheets/sheet1.xml"/></Relationships>`
)

// part is one of an archive.
type part struct{ name, content string }

// workbook is the parts of an ordinary one with these rows.
func workbook(rows string, more ...part) []part {
	return append([]part{
		{"[Content_Types].xml", typesHead + bookType + `</Types>`}, {"xl/workbook.xml", book}, {"xl/_rels/workbook.xml.rels", relations},
		{"xl/worksheets/sheet1.xml", `<worksheet ` + mainSpace + `><sheetData>` + rows + `</sheetData></worksheet>`},
	}, more...)
}

// with replaces a part.
func with(parts []part, name, content string) []part {
	var all []part
	for _, p := range parts {
		if p.name == name {
			p.content = content
		}
		all = append(all, p)
	}
	return all
}

func pack(t testing.TB, parts ...part) []byte {
	t.Helper()
	var file bytes.Buffer
	w := zip.NewWriter(&file)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestCompression) })
	for _, p := range parts {
		to, err := w.Create(p.name)
		require.NoError(t, err)
		_, err = io.WriteString(to, p.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return file.Bytes()
}

// row writes a row of inline texts.
func row(number int, values ...string) string {
	cells := ""
	for i, v := range values {
		cells += fmt.Sprintf(`<c r="%c%d" t="inlineStr"><is><t>%s</t></is></c>`, 'A'+i, number, v)
	}
	return fmt.Sprintf(`<row r="%d">%s</row>`, number, cells)
}

// zeros packs so many zeros as well as can be.
func zeros(t testing.TB, size int) []byte {
	t.Helper()
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	require.NoError(t, err)
	for block := make([]byte, 1<<20); size > 0; size -= len(block) {
		_, err := w.Write(block[:min(size, len(block))])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return packed.Bytes()
}

// lying is an archive whose sheet says of itself what is not so.
func lying(t testing.TB, content []byte, packed []byte, said uint64) []byte {
	t.Helper()
	var file bytes.Buffer
	w := zip.NewWriter(&file)
	for _, p := range workbook("") {
		if p.name == "xl/worksheets/sheet1.xml" {
			to, err := w.CreateRaw(&zip.FileHeader{
				Name: p.name, Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(content), CompressedSize64: uint64(len(packed)), UncompressedSize64: said,
			})
			require.NoError(t, err)
			_, err = to.Write(packed)
			require.NoError(t, err)
			continue
		}
		to, err := w.Create(p.name)
		require.NoError(t, err)
		_, err = io.WriteString(to, p.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return file.Bytes()
}

// encryptedFlag marks every part as encrypted, as old packers do.
func encryptedFlag(file []byte) []byte {
	marked := bytes.Clone(file)
	for at := 0; ; {
		next := bytes.Index(marked[at:], []byte("PK\x01\x02"))
		if next < 0 {
			return marked
		}
		at += next
		flags := binary.LittleEndian.Uint16(marked[at+8:])
		binary.LittleEndian.PutUint16(marked[at+8:], flags|1)
		at += 4
	}
}

// compound is a file of the format in which old workbooks, and those with a password, are kept.
func compound(streams ...string) []byte {
	file := []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 504))
	for _, s := range streams {
		for _, c := range s {
			file = append(file, byte(c), 0)
		}
		file = append(file, 0, 0)
	}
	return file
}

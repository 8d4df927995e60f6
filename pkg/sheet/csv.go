package sheet

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/korean"
)

// mostFields bounds a line before it is cut: empty ones beyond the columns are nothing.
const mostFields = 256

func readCSV(content []byte, b *builder) error {
	text, err := decode(content)
	if err != nil {
		return err
	}
	delimiter, err := delimiterOf(text)
	if err != nil {
		return err
	}
	reader := csv.NewReader(bytes.NewReader(text))
	reader.Comma, reader.FieldsPerRecord, reader.ReuseRecord = delimiter, -1, true
	for number, end := 0, 0; ; {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return refuse(Damaged, "quotes that do not match")
		}
		// A spreadsheet program counts empty lines, which the reader leaves out, and a value of several lines once.
		line, _ := reader.FieldPos(0)
		number += line - end
		end = line
		cells := make([]cell, len(record))
		for i, value := range record {
			cells[i] = cell{column: i, text: strings.Clone(value)}
			end += strings.Count(value, "\n")
		}
		if err := b.add(number, cells); err != nil {
			return err
		}
	}
}

// decode brings a text into UTF-8: Korean spreadsheet programs write CP949.
func decode(content []byte) ([]byte, error) {
	if bytes.HasPrefix(content, []byte("\xff\xfe")) || bytes.HasPrefix(content, []byte("\xfe\xff")) {
		return nil, refuse(UnknownEncoding, "UTF-16")
	}
	if bytes.ContainsFunc(content, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\r\n", r) }) {
		return nil, refuse(NotASheet, "control characters")
	}
	if bytes.HasPrefix(content, []byte("%PDF-")) || bytes.HasPrefix(bytes.TrimSpace(content), []byte("<")) {
		return nil, refuse(NotASheet, "a document of another kind")
	}
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	if utf8.Valid(content) {
		return content, nil
	}
	text, err := korean.EUCKR.NewDecoder().Bytes(content) // with the extension of CP949 (WHATWG)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return nil, refuse(UnknownEncoding, "neither UTF-8 nor CP949")
	}
	return text, nil
}

// delimiterOf is what stands between the values: most often in the first line that has any of them. A line of more fields than
// any table has is refused before the reader makes them.
func delimiterOf(text []byte) (rune, error) {
	var found byte
	quoted, here := false, map[byte]int{}
	for _, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '\n':
			if found == 0 {
				found = mostOften(here)
			}
			clear(here)
		case c == ',' || c == ';' || c == '\t':
			if here[c]++; here[c] > mostFields {
				return 0, refuse(TooManyColumns, "a line of too many fields")
			}
		}
	}
	return rune(cmp.Or(found, mostOften(here), ',')), nil
}

func mostOften(counts map[byte]int) (found byte) {
	for _, c := range []byte{',', ';', '\t'} {
		if counts[c] > counts[found] {
			found = c
		}
	}
	return found
}

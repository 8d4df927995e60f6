package sheet

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

const (
	// mostParts of a workbook; one of a person has some twenty.
	mostParts = 500
	// mostRatio is how much smaller a part may be packed than it is; text of spreadsheets is packed to a tenth or a thirtieth.
	mostRatio = 150
	// smallPart is not judged by its ratio.
	smallPart = 64 << 10
	// mostDepth of elements, and mostToken bytes of one with its attributes, or of a text: a cell has 32,767 characters.
	mostDepth = 64
	mostToken = 256 << 10
)

// archive is an unpacked workbook's parts, of which no more is read than a workbook may have.
type archive struct {
	parts map[string]*zip.File
	left  int64
}

// openArchive judges an archive by its table of contents. What that says is a stranger's word: read counts again.
func openArchive(content []byte) (*archive, error) {
	reader, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, refuse(Damaged, "no archive")
	}
	if len(reader.File) > mostParts {
		return nil, refuse(TooLarge, "too many parts")
	}
	a := &archive{parts: map[string]*zip.File{}, left: MaxUnpacked}
	var packed, unpacked uint64
	for _, f := range reader.File {
		name := strings.ToLower(strings.TrimPrefix(f.Name, "/"))
		if a.parts[name] != nil {
			return nil, refuse(Damaged, "a part twice")
		}
		a.parts[name] = f
		if f.Flags&1 != 0 {
			return nil, refuse(Encrypted, "an encrypted part")
		}
		// Each for itself first, so that no sum overflows.
		if f.UncompressedSize64 > MaxUnpacked || f.CompressedSize64 > uint64(len(content)) {
			return nil, refuse(TooLarge, "a part")
		}
		packed, unpacked = packed+f.CompressedSize64, unpacked+f.UncompressedSize64
		if f.UncompressedSize64 > smallPart && f.UncompressedSize64 > mostRatio*f.CompressedSize64 {
			return nil, refuse(TooLarge, "a part is packed too well")
		}
	}
	switch {
	case packed > uint64(len(content)):
		return nil, refuse(TooLarge, "parts that overlap")
	case unpacked > MaxUnpacked:
		return nil, refuse(TooLarge, "unpacked")
	}
	return a, nil
}

// tokens reads the elements of a part; false where there is none.
func (a *archive) tokens(name string) (*tokens, bool, error) {
	f := a.parts[strings.ToLower(name)]
	if f == nil {
		return nil, false, nil
	}
	opened, err := f.Open()
	if err != nil {
		return nil, false, refuse(Damaged, "a part cannot be unpacked")
	}
	t := &tokens{archive: a, from: opened}
	t.decoder = xml.NewDecoder(t)
	return t, true, nil
}

// tokens are the elements of a part as they are read.
type tokens struct {
	archive *archive
	from    io.ReadCloser
	decoder *xml.Decoder
	depth   int
	// token is how many bytes the present one may still have.
	token int
}

var errTooMuch = errors.New("more than is read")

// Read counts what is unpacked.
func (t *tokens) Read(into []byte) (int, error) {
	if t.token <= 0 || t.archive.left <= 0 {
		return 0, errTooMuch
	}
	n, err := t.from.Read(into[:min(int64(len(into)), int64(t.token), t.archive.left)])
	t.token, t.archive.left = t.token-n, t.archive.left-int64(n)
	return n, err
}

// next is the next token; nil at the end. Namespaces do not count: the names are enough, and there are two sets of them.
func (t *tokens) next() (xml.Token, error) {
	t.token = mostToken
	token, err := t.decoder.Token()
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil
	case errors.Is(err, errTooMuch):
		return nil, refuse(TooLarge, "what a part unpacks to")
	case err != nil:
		return nil, refuse(Damaged, "a part is not well-formed")
	}
	switch token.(type) {
	case xml.StartElement:
		if t.depth++; t.depth > mostDepth {
			return nil, refuse(Damaged, "a part is too deep")
		}
	case xml.EndElement:
		t.depth--
	case xml.Directive: // no spreadsheet program writes a document type
		return nil, refuse(Damaged, "a part declares a document type")
	}
	return token, nil
}

// each calls fn with every element that begins, until the part ends.
func (t *tokens) each(fn func(xml.StartElement) error) error {
	for {
		token, err := t.next()
		if err != nil || token == nil {
			return err
		}
		if start, ok := token.(xml.StartElement); ok {
			if err := fn(start); err != nil {
				return err
			}
		}
	}
}

// within calls fn with every element within the one that has just begun.
func (t *tokens) within(fn func(xml.StartElement) error) error {
	for depth := t.depth; ; {
		token, err := t.next()
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case nil:
			return refuse(Damaged, "a part ends within an element")
		case xml.StartElement:
			if err := fn(token); err != nil {
				return err
			}
		case xml.EndElement:
			if t.depth < depth {
				return nil
			}
		}
	}
}

// text is all that is written in the element that has just begun.
func (t *tokens) text() (string, error) {
	var text strings.Builder
	for depth := t.depth; ; {
		token, err := t.next()
		if err != nil {
			return "", err
		}
		switch token := token.(type) {
		case nil:
			return "", refuse(Damaged, "a part ends within an element")
		case xml.CharData:
			if text.Len()+len(token) > mostToken {
				return "", refuse(TooLarge, "a text")
			}
			text.Write(token)
		case xml.EndElement:
			if t.depth < depth {
				return text.String(), nil
			}
		}
	}
}

func (t *tokens) close() { t.from.Close() }

// attribute is the value of one; empty where there is none.
func attribute(of xml.StartElement, name string) string {
	for _, a := range of.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

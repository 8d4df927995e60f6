package pades

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

const (
	// MaxBytes bounds a file that is signed or verified.
	MaxBytes = 64 << 20
	// maxValue bounds the value of a signature or time stamp, padding included.
	maxValue = 64 << 10
)

// File is a signed PDF, taken apart by its bytes alone into what the first signature covers, that signature, and what follows.
type File struct {
	// Content is every byte of the first signed revision but the signature's own value.
	Content []byte
	// CMS is the signature, without the padding of its place.
	CMS []byte
	// Rest says why what follows the first signed revision is not wholly made of updates that can be read; nil if it is, or if
	// nothing follows.
	Rest error

	pdf   []byte
	first seal
	value []byte // the hexadecimal text of the first signature, without its brackets
	later []revision
}

// seal is the place of a signature or document time stamp: its value with brackets, and where what it covers ends.
type seal struct{ from, to, end int }

// covered is what a signature there covers.
func (f *File) covered(s seal) []byte {
	content := make([]byte, 0, s.end-(s.to-s.from))
	return append(append(content, f.pdf[:s.from]...), f.pdf[s.to:s.end]...)
}

var (
	rangeKey     = []byte("/ByteRange")
	rangePattern = regexp.MustCompile(`^/ByteRange[\t\r\n ]*\[[\t\r\n ]*(\d{1,10})[\t\r\n ]+(\d{1,10})[\t\r\n ]+(\d{1,10})[\t\r\n ]+(\d{1,10})[\t\r\n ]*\]`)
)

// Errors of Open.
var (
	errTooLarge    = errors.New("file is too large")
	errNotPDF      = errors.New("not a PDF file")
	errUnsigned    = errors.New("no signature")
	errNotWhole    = errors.New("signature does not cover the whole file")
	errTwoRanges   = errors.New("more than one signature")
	errGap         = errors.New("gap of the signature is not its value")
	errRangeSyntax = errors.New("range of the signature cannot be read")
)

// Open takes a file apart. It holds the first signed revision to: one /ByteRange, a range that starts at the first byte and ends
// at the last of that revision, and between its two halves exactly one hexadecimal string that is the value of /Contents. So
// nothing can be hidden in the gap. Of what follows, every byte must belong to an update (File.Rest).
func Open(pdf []byte) (*File, error) {
	if len(pdf) > MaxBytes {
		return nil, errTooLarge
	}
	if !bytes.HasPrefix(pdf, []byte("%PDF-1.")) && !bytes.HasPrefix(pdf, []byte("%PDF-2.")) {
		return nil, errNotPDF
	}
	at := bytes.Index(pdf, rangeKey)
	if at < 0 {
		return nil, errUnsigned
	}
	found := rangePattern.FindSubmatch(pdf[at:min(at+128, len(pdf))])
	if found == nil {
		return nil, errRangeSyntax
	}
	var numbers [4]int
	for i := range numbers {
		numbers[i], _ = strconv.Atoi(string(found[i+1])) // ten digits at most
	}
	start, first, second, length := numbers[0], numbers[1], numbers[2], numbers[3]
	if start != 0 || first <= 0 || second <= first || length <= 0 || second+length > len(pdf) {
		return nil, errNotWhole
	}
	f := &File{pdf: pdf, first: seal{from: first, to: second, end: second + length}}
	if bytes.LastIndex(pdf[:f.first.end], rangeKey) != at {
		return nil, errTwoRanges
	}
	gap := pdf[first:second]
	if len(gap) < 4 || gap[0] != '<' || gap[len(gap)-1] != '>' || len(gap) > 2*maxValue+2 ||
		!bytes.HasSuffix(bytes.TrimRight(pdf[:first], "\t\r\n "), []byte("/Contents")) {
		return nil, errGap
	}
	f.value = gap[1 : len(gap)-1]
	var err error
	if f.CMS, err = valueOf(f.value); err != nil {
		return nil, err
	}
	f.Content = f.covered(f.first)
	if f.later, err = revisionsOf(pdf, f.first.end); err != nil {
		f.Rest = fmt.Errorf("what follows the signed revision is no update: %w", err)
	}
	return f, nil
}

// valueOf reads the hexadecimal text of a signature or time stamp: DER, and zero octets that fill its place.
func valueOf(digits []byte) ([]byte, error) {
	raw := make([]byte, hex.DecodedLen(len(digits)))
	if _, err := hex.Decode(raw, digits); err != nil {
		return nil, errors.New("value of the signature is not hexadecimal")
	}
	rest := cryptobyte.String(raw)
	var element cryptobyte.String
	if !rest.ReadASN1Element(&element, cbasn1.SEQUENCE) {
		return nil, errors.New("value of the signature is not DER")
	}
	if len(bytes.Trim(rest, "\x00")) != 0 {
		return nil, errors.New("bytes after the value of the signature")
	}
	return element, nil
}

package distcert

import (
	"bytes"
	"encoding/hex"
	"regexp"
	"strconv"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

const (
	// MaxBytes bounds a distribution certificate.
	MaxBytes = 20 << 20
	// maxSignatureBytes bounds the signature's value, padding included.
	maxSignatureBytes = 64 << 10
)

// signedFile is a PDF taken apart into what is signed, the signature's value, and the updates that follow.
type signedFile struct {
	// end of the revision that was signed.
	end       int
	byteRange [4]int
	// value is the gap's hexadecimal text without its brackets.
	value []byte
	// cms is the signature without its padding.
	cms []byte
	// bound tells that the signature names its certificate; known when it is verified.
	bound bool
	// content is every byte of the signed revision outside the gap.
	content []byte
	// updates are appended after it.
	updates []revision
}

var byteRangePattern = regexp.MustCompile(`^/ByteRange[\t\r\n ]*\[[\t\r\n ]*(\d{1,10})[\t\r\n ]+(\d{1,10})[\t\r\n ]+(\d{1,10})[\t\r\n ]+(\d{1,10})[\t\r\n ]*\]`)

// split finds the one signature by the bytes alone. It holds the file to: one /ByteRange in the signed revision, a range that
// starts at the first byte and ends at the last of that revision, and between its two halves exactly one hexadecimal string that
// is the value of /Contents. So nothing can be hidden in the gap. What follows the signed revision must be updates of which every
// byte is accounted for; what they may change is judged by judgeUpdates.
func split(pdf []byte) (*signedFile, *Failure) {
	if len(pdf) > MaxBytes {
		return nil, malformed("file is too large")
	}
	if !bytes.HasPrefix(pdf, []byte("%PDF-1.")) {
		return nil, malformed("not a PDF file")
	}
	key := []byte("/ByteRange")
	at := bytes.Index(pdf, key)
	if at < 0 {
		return nil, malformed("no signature")
	}
	found := byteRangePattern.FindSubmatch(pdf[at:min(at+128, len(pdf))])
	if found == nil {
		return nil, malformed("range of the signature cannot be read")
	}
	var f signedFile
	for i := range f.byteRange {
		f.byteRange[i], _ = strconv.Atoi(string(found[i+1])) // ten digits at most
	}
	start, first, second, length := f.byteRange[0], f.byteRange[1], f.byteRange[2], f.byteRange[3]
	if start != 0 || first <= 0 || second <= first || length <= 0 || second+length > len(pdf) {
		return nil, malformed("signature does not cover the whole file")
	}
	f.end = second + length
	if bytes.LastIndex(pdf[:f.end], key) != at {
		return nil, malformed("more than one signature")
	}
	gap := pdf[first:second]
	if len(gap) < 4 || gap[0] != '<' || gap[len(gap)-1] != '>' || len(gap) > 2*maxSignatureBytes+2 {
		return nil, malformed("gap of the signature is not its value")
	}
	if !bytes.HasSuffix(bytes.TrimRight(pdf[:first], "\t\r\n "), []byte("/Contents")) {
		return nil, malformed("gap of the signature is not its value")
	}
	f.value = gap[1 : len(gap)-1]
	raw := make([]byte, hex.DecodedLen(len(f.value)))
	if _, err := hex.Decode(raw, f.value); err != nil {
		return nil, malformed("value of the signature is not hexadecimal")
	}
	var failure *Failure
	if f.cms, failure = trimPadding(raw); failure != nil {
		return nil, failure
	}
	f.content = make([]byte, 0, f.end-len(gap))
	f.content = append(append(f.content, pdf[:first]...), pdf[second:f.end]...)
	var err error
	if f.updates, err = revisionsOf(pdf, f.end); err != nil {
		return nil, &Failure{Check: ErrFormat, Detail: "signature does not cover the whole file, and what follows is no update", Cause: err}
	}
	return &f, nil
}

// trimPadding cuts the zero octets that fill the reserved place after the DER value.
func trimPadding(raw []byte) ([]byte, *Failure) {
	rest := cryptobyte.String(raw)
	var element cryptobyte.String
	if !rest.ReadASN1Element(&element, cbasn1.SEQUENCE) {
		return nil, malformed("value of the signature is not DER")
	}
	if len(bytes.Trim(rest, "\x00")) != 0 {
		return nil, malformed("bytes after the value of the signature")
	}
	return element, nil
}

package certpdf

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// sign fills in ByteRange and Contents in place, with the value made over everything else; it moves no byte of the file.
func sign(pdf []byte, value func(content []byte) ([]byte, error)) ([]byte, error) {
	placeholder := fmt.Appendf(nil, "%d %d %d", rangePlaceholder, rangePlaceholder, rangePlaceholder)
	place := bytes.Repeat([]byte{'0'}, 2*signatureBytes)
	rangeAt, valueAt := bytes.Index(pdf, placeholder), bytes.Index(pdf, place)
	if rangeAt < 0 || valueAt < 1 || pdf[valueAt-1] != '<' || !bytes.HasPrefix(pdf[valueAt+len(place):], []byte{'>'}) {
		return nil, errors.New("sign file: place for the signature is missing")
	}
	gapStart, gapEnd := valueAt-1, valueAt+len(place)+1
	numbers := fmt.Appendf(nil, "%d %d %d", gapStart, gapEnd, len(pdf)-gapEnd)
	signed := bytes.Clone(pdf)
	copy(signed[rangeAt:], append(numbers, bytes.Repeat([]byte{' '}, len(placeholder)-len(numbers))...))

	der, err := value(slices.Concat(signed[:gapStart], signed[gapEnd:]))
	if err != nil {
		return nil, fmt.Errorf("sign file: %w", err)
	}
	if len(der) > signatureBytes {
		return nil, errors.New("sign file: signature is larger than its place")
	}
	hex.Encode(signed[valueAt:], der)
	return signed, nil
}

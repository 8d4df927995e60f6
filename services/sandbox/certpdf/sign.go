package certpdf

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/naru-relay/naru/pkg/cms"
)

// sign fills in ByteRange and Contents in place; it moves no byte of the file.
func sign(pdf []byte, opts Options) ([]byte, error) {
	placeholder := fmt.Appendf(nil, "%d %d %d", rangePlaceholder, rangePlaceholder, rangePlaceholder)
	value := bytes.Repeat([]byte{'0'}, 2*signatureBytes)
	rangeAt, valueAt := bytes.Index(pdf, placeholder), bytes.Index(pdf, value)
	if rangeAt < 0 || valueAt < 1 || pdf[valueAt-1] != '<' || !bytes.HasPrefix(pdf[valueAt+len(value):], []byte{'>'}) {
		return nil, errors.New("sign file: place for the signature is missing")
	}
	gapStart, gapEnd := valueAt-1, valueAt+len(value)+1
	numbers := fmt.Appendf(nil, "%d %d %d", gapStart, gapEnd, len(pdf)-gapEnd)
	signed := bytes.Clone(pdf)
	copy(signed[rangeAt:], append(numbers, bytes.Repeat([]byte{' '}, len(placeholder)-len(numbers))...))

	// PAdES puts the signing time into the dictionary's M and forbids it in the signed attributes.
	der, err := cms.SignWith(slices.Concat(signed[:gapStart], signed[gapEnd:]), opts.Signer, opts.Chain,
		cms.SignOptions{Detached: true, OmitSigningTime: true})
	if err != nil {
		return nil, fmt.Errorf("sign file: %w", err)
	}
	if len(der) > signatureBytes {
		return nil, errors.New("sign file: signature is larger than its place")
	}
	hex.Encode(signed[valueAt:], der)
	return signed, nil
}

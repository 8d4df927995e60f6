package certpdf

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/distcert"
)

// Circulation is the content of a certificate; distcert.Content documents formats and limits.
type Circulation = distcert.Content

// Options say who signs and when.
type Options struct {
	// Signer signs with its key; Chain[0] is its certificate.
	Signer crypto.Signer
	Chain  []*x509.Certificate
	// At is the signing time.
	At time.Time
	// LongTerm adds a revision with validation data and a document time stamp (PAdES B-LTA) by this signer; nil adds none.
	LongTerm *Stamper
}

// Stamper makes time stamps with its key; Chain[0] is its certificate.
type Stamper struct {
	Signer crypto.Signer
	Chain  []*x509.Certificate
}

// Render draws the certificate and signs it. It refuses content outside the limits. A character that no font has is drawn as a
// box with its code point. Errors never repeat a value.
func Render(c Circulation, opts Options) ([]byte, error) {
	if opts.Signer == nil || len(opts.Chain) == 0 || opts.At.IsZero() {
		return nil, errors.New("render certificate: signer, chain and time are required")
	}
	canonical, err := c.Canonical()
	if err != nil {
		return nil, fmt.Errorf("render certificate: %w", err)
	}
	twin, err := canonical.Encode()
	if err != nil {
		return nil, fmt.Errorf("render certificate: %w", err)
	}
	pages, err := compose(canonical)
	if err != nil {
		return nil, fmt.Errorf("render certificate: %w", err)
	}
	return seal(pages, attachment{titleCirculation, distcert.AttachmentName, twin}, opts)
}

// seal puts the twin to the drawn pages and signs both.
func seal(pages *sheet, twin attachment, opts Options) ([]byte, error) {
	drawn, err := pages.bytes()
	if err != nil {
		return nil, fmt.Errorf("render certificate: %w", err)
	}
	unsigned, err := assemble(drawn, twin, opts.At)
	if err != nil {
		return nil, fmt.Errorf("render certificate: %w", err)
	}
	// PAdES puts the signing time into the dictionary's M and forbids it in the signed attributes.
	signed, err := sign(unsigned, func(content []byte) ([]byte, error) {
		return cms.SignWith(content, opts.Signer, opts.Chain, cms.SignOptions{Detached: true, OmitSigningTime: true})
	})
	if err != nil {
		return nil, fmt.Errorf("render certificate: %w", err)
	}
	if opts.LongTerm == nil {
		return signed, nil
	}
	extended, err := extend(signed, opts)
	if err != nil {
		return nil, fmt.Errorf("render certificate: %w", err)
	}
	return extended, nil
}

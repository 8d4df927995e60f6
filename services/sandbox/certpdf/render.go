package certpdf

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

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
}

// Render draws the certificate and signs it. It refuses content outside the limits. A character that no font has is drawn as a
// box with its code point. Errors never repeat a value.
func Render(c Circulation, opts Options) ([]byte, error) {
	if opts.Signer == nil || len(opts.Chain) == 0 || opts.At.IsZero() {
		return nil, errors.New("render distribution certificate: signer, chain and time are required")
	}
	canonical, err := c.Canonical()
	if err != nil {
		return nil, fmt.Errorf("render distribution certificate: %w", err)
	}
	twin, err := canonical.Encode()
	if err != nil {
		return nil, fmt.Errorf("render distribution certificate: %w", err)
	}
	pages, err := compose(canonical)
	if err != nil {
		return nil, fmt.Errorf("render distribution certificate: %w", err)
	}
	drawn, err := pages.bytes()
	if err != nil {
		return nil, fmt.Errorf("render distribution certificate: %w", err)
	}
	unsigned, err := assemble(drawn, twin, opts.At)
	if err != nil {
		return nil, fmt.Errorf("render distribution certificate: %w", err)
	}
	signed, err := sign(unsigned, opts)
	if err != nil {
		return nil, fmt.Errorf("render distribution certificate: %w", err)
	}
	return signed, nil
}

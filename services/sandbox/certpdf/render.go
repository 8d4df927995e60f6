package certpdf

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/attestation"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/pades"
	"github.com/naru-relay/naru/pkg/paper"
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
	return seal(pages, titleCirculation, twinOf(titleCirculation, distcert.AttachmentName, twin), opts)
}

// seal puts the twin to the drawn pages and signs both.
func seal(pages *paper.Sheet, title string, twin paper.Attachment, opts Options) ([]byte, error) {
	drawn, err := pages.Bytes()
	if err != nil {
		return nil, fmt.Errorf("render certificate: %w", err)
	}
	unsigned, err := paper.Attach(drawn, twin, opts.At)
	if err != nil {
		return nil, fmt.Errorf("render certificate: %w", err)
	}
	signed, err := sign(unsigned, title, opts)
	if err != nil {
		return nil, fmt.Errorf("render certificate: %w", err)
	}
	return signed, nil
}

// sign adds the hub's signature and, for the long term, validation data and a time stamp.
func sign(pdf []byte, title string, opts Options) ([]byte, error) {
	ctx := context.Background() // nothing is asked: all keys are here
	signed, err := pades.Sign(ctx, pdf, pades.Options{
		Signer: opts.Signer, Chain: opts.Chain, At: opts.At, Field: title + " 서명", Reason: Mark + " " + title + " 발급",
	})
	if err != nil || opts.LongTerm == nil {
		return signed, err
	}
	return pades.Extend(ctx, signed, pades.Extension{
		Certificates: slices.Concat(opts.Chain, opts.LongTerm.Chain), Stamp: opts.LongTerm.stamp(opts.At), Field: "시점확인",
	})
}

// stamp makes time stamps of that time.
func (s *Stamper) stamp(at time.Time) pades.StampFunc {
	return func(_ context.Context, hash [sha256.Size]byte) ([]byte, error) {
		serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
		if err != nil {
			return nil, fmt.Errorf("draw serial number: %w", err)
		}
		return attestation.IssueTimeStamp(attestation.Stamp{Hash: hash, Serial: serial, At: at}, s.Signer, s.Chain)
	}
}

package validation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/pades"
	"github.com/naru-relay/naru/pkg/paper"
)

const (
	// MediaType of a report.
	MediaType = "application/pdf"
	// AttachmentName is the name of the report for machines in it.
	AttachmentName = "report.json"

	title = "전자증명서 검증보고서"
	field = "검증자 서명"
)

// Options of a report.
type Options struct {
	// Signer signs. Required of a signed report.
	Signer bundle.Signer
	// Stamper stamps the signature. Required of a signed report: its time is not its signer's to say.
	Stamper bundle.Stamper
	// Verifier is who verified, as the report calls it. Required.
	Verifier string
	// Mark is written across each page, e.g. 시험용; empty for none.
	Mark string
	// Language of the pages; default both.
	Language Language
}

// Sign draws a report and signs it. The error of an authority that does not answer is the stamper's.
func Sign(ctx context.Context, r *bundle.Report, opts Options) ([]byte, error) {
	if opts.Signer.Key == nil || opts.Stamper == nil || opts.Verifier == "" {
		return nil, errors.New("sign validation report: signer, authority and verifier are required")
	}
	unsigned, err := pages(r, opts, true)
	if err != nil {
		return nil, err
	}
	signed, err := pades.Sign(ctx, unsigned, pades.Options{
		Signer: opts.Signer.Key, Chain: opts.Signer.Chain, At: r.VerifiedAt, Field: field, Reason: title,
		Stamp: func(ctx context.Context, hash [32]byte) ([]byte, error) {
			der, _, err := opts.Stamper.Stamp(ctx, hash)
			return der, err
		},
	})
	if err != nil {
		return nil, fmt.Errorf("sign validation report: %w", err)
	}
	return signed, nil
}

// Unsigned draws a report that nobody signs, and says so on each of its pages: it proves nothing to anybody else.
func Unsigned(r *bundle.Report, opts Options) ([]byte, error) {
	if opts.Verifier == "" {
		return nil, errors.New("draw validation report: the verifier is required")
	}
	return pages(r, opts, false)
}

// pages draws the report and attaches the one for machines.
func pages(r *bundle.Report, opts Options, signed bool) ([]byte, error) {
	machine, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("draw validation report: %w", err)
	}
	drawn, err := draw(r, opts, signed).Bytes()
	if err != nil {
		return nil, fmt.Errorf("draw validation report: %w", err)
	}
	whole, err := paper.Attach(drawn, paper.Attachment{Title: title, Name: AttachmentName, Content: machine}, r.VerifiedAt)
	if err != nil {
		return nil, fmt.Errorf("draw validation report: %w", err)
	}
	return whole, nil
}

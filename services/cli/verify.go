package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/rest"
	"github.com/naru-relay/naru/services/client/sandbox"
)

type verifyFileCommand struct {
	File       string   `arg:"" type:"existingfile" help:"The bundle (.asice), a certificate by itself: distribution (.pdf), original or registration certificate (.p7m), a receipt or an extract of a viewing log (.txt)."`
	Document   string   `type:"existingfile" placeholder:"FILE" help:"The document that you hold yourself, to be compared with the one that is proved."`
	Attachment []string `type:"existingfile" placeholder:"FILE" help:"An attachment that you hold yourself; repeatable, in their order."`
	Trust      string   `type:"existingdir" placeholder:"FOLDER" help:"Folder with trust.yaml and the roots it names. Default: the sandbox's, which nobody else should trust."`
	At         string   `placeholder:"TIME" help:"Verify as of this time (RFC 3339) in place of now."`
	Offline    bool     `help:"Ask nobody: the distribution hub's own answer is left out. A time stamp for --report is asked for all the same."`

	reportFlags
}

// Help is shown by naru verify --help.
func (verifyFileCommand) Help() string {
	return `Verifies a certificate bundle (전자증명서) without its assembler: the container, its signature and time stamps, both certificates, and whether all of it is
about the same document. Of a certificate, a receipt (접수증) or an extract of a viewing log (열람 기록) by itself, its own signature, issuer and validity, and whether it is about --document. What a file is
is seen from its content. Every check is made and told: passed, failed, or not checkable and why. No relay is needed; whom to trust stands in --trust: for
receipts and viewing logs, the keys that the relay published.

With --report the result is written as a PDF, too, for a court or an office: each check in plain Korean and English, with the report for machines as its
attachment. With --signer, --key and --time-stamps it is signed and time-stamped; without, each of its pages says that nobody signed it.

Exit codes: 0 valid, 1 not valid, 2 could not be verified (no such file, nobody trusted), or the report could not be written. docs/bundle.md lists the checks.

Examples:
  naru verify certificate.asice --document notice.pdf --trust /etc/naru/trust
  naru verify certificate.asice --report report.pdf --signer me.pem --key me.key --time-stamps https://tsa.example/tsp --trust /etc/naru/trust
  naru verify certificate.asice --json | jq -r '.checks[] | select(.outcome == "failed") | .id'
  naru send … --json | jq -r .receipt > receipt.txt; naru verify receipt.txt --document notice.pdf`
}

// Run verifies.
func (c *verifyFileCommand) Run(a *app) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	if c.At != "" && c.Report != "" {
		return usage("--at and --report exclude each other: a report says when it was verified")
	}
	opts, err := c.options(a)
	if err != nil {
		return unseenError{fmt.Errorf("could not verify: %w", err)}
	}
	pdf, err := c.reporter(a, opts.Trust)
	if err != nil {
		return unseenError{fmt.Errorf("could not write the report: %w", err)}
	}
	defer func() { err = errors.Join(err, pdf.drop()) }()
	report, err := c.verify(a, opts)
	if err != nil {
		return unseenError{fmt.Errorf("could not verify: %w", err)}
	}
	// What was found is told even where the report cannot be written.
	written := pdf.write(a, report)
	if err := errors.Join(a.show(report, func() error { return a.sayReport(report) }), written); err != nil {
		return err
	}
	if !report.Valid {
		return errDiffers
	}
	return nil
}

// options of the verification: what to compare with, whom to trust and to ask.
func (c *verifyFileCommand) options(a *app) (opts bundle.Options, err error) {
	opts.At = a.clock.Now()
	if c.At != "" {
		if opts.At, err = time.Parse(time.RFC3339Nano, c.At); err != nil {
			return opts, errors.New("--at wants a time like 2026-03-02T10:00:00+09:00")
		}
	}
	if opts.Document, opts.Attachments, err = c.presented(); err != nil {
		return opts, err
	}
	folder := c.Trust
	if folder == "" {
		p, err := a.place()
		if err != nil || p.Sandbox.Authority == "" {
			return opts, errors.New("nobody to trust is known: name a folder with --trust")
		}
		folder = filepath.Dir(p.Sandbox.Authority)
		if !c.Offline && p.Sandbox.Hub != "" {
			opts.AskHub = func(ctx context.Context, distribution, original []byte, document io.Reader) (bool, error) {
				door, err := rest.New(rest.Options{BaseURL: p.Sandbox.Hub, HTTP: p.http})
				if err != nil {
					return false, err
				}
				verdict, err := sandbox.VerifyPair(ctx, door, distribution, original, document)
				return err == nil && verdict.Valid, err
			}
		}
	}
	opts.Trust, err = bundle.LoadTrust(folder)
	return opts, err
}

func (c *verifyFileCommand) verify(a *app, opts bundle.Options) (*bundle.Report, error) {
	file, err := os.Open(c.File)
	if err != nil {
		return nil, fmt.Errorf("open the bundle: %w", err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("open the bundle: %w", err)
	}
	return bundle.Verify(a.ctx, file, info.Size(), opts)
}

// presented hashes what the caller holds.
func (c *verifyFileCommand) presented() (document string, attachments []string, err error) {
	if c.Document != "" {
		if document, err = hashFile(c.Document); err != nil {
			return "", nil, err
		}
	}
	for _, path := range c.Attachment {
		hash, err := hashFile(path)
		if err != nil {
			return "", nil, err
		}
		attachments = append(attachments, hash)
	}
	return document, attachments, nil
}

func hashFile(path string) (string, error) {
	file, err := os.Open(path) //nolint:gosec // the caller's own file
	if err != nil {
		return "", fmt.Errorf("read what is presented: %w", err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", fmt.Errorf("read what is presented: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// sayReport writes a report for people: what failed and what could not be checked first is what they look for.
func (a *app) sayReport(r *bundle.Report) error {
	for _, c := range r.Checks {
		line := fmt.Sprintf("%-13s %s", c.Outcome, c.ID)
		if c.Subject != "" {
			line += "  " + c.Subject
		}
		if c.Outcome != proof.Passed && c.Detail != "" {
			line += "  (" + c.Detail + ")"
		}
		if err := a.say("%s", line); err != nil {
			return err
		}
	}
	verdict := "NOT VALID"
	if r.Valid {
		verdict = "VALID"
	}
	if b := r.Bundle; b != nil && b.EdocNum != "" {
		verdict += fmt.Sprintf("  %s  %s", b.EdocNum, b.CertNum)
		if b.Assembler != "" {
			verdict += "  assembled by " + b.Assembler
		}
	}
	if s := r.Receipt; s != nil {
		verdict += fmt.Sprintf("  %q  accepted %q  own key %q", s.EdocNum, s.AcceptedAt, s.OwnKey)
		if s.Relay != "" {
			verdict += "  by " + s.Relay
		}
	}
	if l := r.ViewingLog; l != nil {
		opened, readAt := l.Opened()
		verdict += fmt.Sprintf("  %q  made %q for the %q, %d entries, opened %d times", l.EdocNum, l.MadeAt, l.For, len(l.Entries), opened)
		if readAt != "" {
			verdict += fmt.Sprintf(", read %q", readAt)
		}
		if l.Relay != "" {
			verdict += "  by " + l.Relay
		}
	}
	if r.EvidenceAt != nil {
		verdict += "  stamped " + r.EvidenceAt.UTC().Format(time.RFC3339)
	}
	return a.say("%s", verdict)
}

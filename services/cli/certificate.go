package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/services/cli/internal/proof"
	"github.com/naru-relay/naru/services/client/document"
)

type certificateCommand struct {
	Number    string `arg:"" help:"Document number (전자문서번호)."`
	Reason    string `required:"" help:"Why it is needed (발급요청 사유), 1-200 characters."`
	Out       string `required:"" type:"path" placeholder:"FILE" help:"Where the PDF is written."`
	RequestID string `placeholder:"ID" help:"Your id of this request, 1-64 characters; the same id asks for the same certificate. Default: a new one."`
	Doc       string `type:"existingfile" placeholder:"FILE" help:"The document, to compare its hash with the certificate's."`
	HubRoot   string `type:"existingfile" placeholder:"FILE" help:"PEM root of the hub, to verify the certificate here too. Default: the sandbox's."`
	HubSigner string `type:"existingfile" placeholder:"FILE" help:"PEM certificate of the hub's signer. Default: the sandbox's."`
}

// Help is shown by naru certificate --help.
func (certificateCommand) Help() string {
	return `Asks for the certificate, waits until the relay has it from the hub, downloads it and, where the hub's root and signer are known,
verifies signature, chain and number itself; with --doc the hash too.

Example:
  naru certificate --credentials sender.json 20260302_NARU000001_0000000000001 --reason '제출용' --doc notice.pdf --out certificate.pdf`
}

// issued is the result as JSON.
type issued struct {
	EdocNum string `json:"edocNum"`
	CertNum string `json:"certNum"`
	File    string `json:"file"`
	// Checks are made by this command; absent if no root was known. Hash is false if no document was given.
	Checks *proof.Checks `json:"checks,omitempty"`
}

// Run gets the certificate. It does not write one that fails a check.
func (c *certificateCommand) Run(a *app) error {
	if (c.HubRoot == "") != (c.HubSigner == "") {
		return usage("--hub-root and --hub-signer go together")
	}
	p, sender, err := a.sender()
	if err != nil {
		return err
	}
	requested, err := sender.RequestCertificate(a.ctx, c.Number, c.Reason, cmp.Or(c.RequestID, uuid.NewString()))
	if err != nil {
		return err
	}
	a.progress("waiting for the hub to issue the certificate …")
	certificate, err := sender.AwaitCertificate(a.ctx, requested.GetId())
	if err != nil {
		return err
	}
	pdf, err := sender.DownloadCertificate(a.ctx, requested.GetId())
	if err != nil {
		return err
	}
	result := issued{EdocNum: c.Number, CertNum: certificate.GetCertNum(), File: c.Out}
	if result.Checks, err = c.judge(a, p, pdf); err != nil {
		return err
	}
	if err := os.WriteFile(c.Out, pdf, 0o600); err != nil {
		return fmt.Errorf("write the certificate: %w", err)
	}
	return a.show(result, func() error {
		said := "not verified here (no root known)"
		if result.Checks != nil {
			said = "verified"
		}
		return a.say("%s  %s  %s", result.CertNum, result.File, said)
	})
}

// judge verifies the certificate if a root to trust is known; otherwise it returns nil checks.
func (c *certificateCommand) judge(a *app, p *place, pdf []byte) (*proof.Checks, error) {
	root, signer := c.HubRoot, c.HubSigner
	if root == "" {
		if p.Sandbox.Authority == "" {
			return nil, nil //nolint:nilnil // nobody to trust is told as such
		}
		root, signer = p.Sandbox.PKI("hub-root.pem"), p.Sandbox.PKI("hub-leaf.pem")
	}
	trust, err := proof.ReadTrust(root, signer)
	if err != nil {
		return nil, err
	}
	hash := ""
	if c.Doc != "" {
		d, err := document.Open(c.Doc)
		if err != nil {
			return nil, err
		}
		hash = d.Hash
	}
	_, checks, err := proof.Distribution(pdf, trust, c.Number, hash, a.clock.Now())
	if err != nil {
		return nil, fmt.Errorf("the certificate is not good, and not written: %w", err)
	}
	if !checks.Signature || !checks.Chain || !checks.EdocNum {
		return nil, errors.New("the certificate is not good, and not written")
	}
	return &checks, nil
}

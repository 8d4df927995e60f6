package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/archiveclient"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/requester"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/client/document"
	"github.com/naru-relay/naru/services/client/relay"
)

type bundleCommand struct {
	Number          string `arg:"" help:"Document number (전자문서번호)."`
	Reason          string `required:"" help:"Why it is needed (발급요청 사유), 1-200 characters; it stands in the distribution certificate."`
	Out             string `required:"" type:"path" placeholder:"FILE" help:"Where the bundle is written (.asice). The file must not exist."`
	RequestID       string `placeholder:"ID" help:"Your id of this request, 1-64 characters; the same id asks for the same bundle. Default: a new one."`
	byAuthorisation `embed:""`
	Evidence        bool   `help:"Also what led to the certificates, for a dispute: registration certificate, timeline, the hub's answers, and proofs that the relay recorded each step when it says so."`
	Trust           string `type:"existingdir" placeholder:"FOLDER" help:"Folder with trust.yaml, to verify the bundle here. Default: the sandbox's."`

	ArchiveMember string   `type:"existingfile" placeholder:"FILE" help:"{\"memberId\", \"password\"} at the archive: for a document that its sender registered there (guide 5.1.2), the bundle is assembled here."`
	ArchiveURL    string   `placeholder:"URL" help:"Address of the archive. Default: the sandbox's."`
	ArchiveID     string   `name:"archive-document" placeholder:"ID" help:"The archive's id of the document. Default: it is found by the hash that the distribution certificate names."`
	Attachment    []string `type:"existingfile" placeholder:"FILE" help:"An attachment that goes into the bundle; repeatable, in the order of the registration."`
	Signer        string   `type:"existingfile" placeholder:"FILE" help:"PEM certificate of who assembles. Default: the sandbox's requester."`
	SignerKey     string   `type:"existingfile" placeholder:"FILE" help:"PEM key of that certificate (PKCS #8). Default: the sandbox's requester."`
	TSA           string   `name:"tsa" placeholder:"URL" help:"Address of the time-stamping authority (RFC 3161). Default: the sandbox's."`
}

// Help is shown by naru bundle --help.
func (bundleCommand) Help() string {
	return `Gets the certificate bundle (전자증명서) of a document: the document with its original certificate and its distribution certificate in one signed and
time-stamped container, which naru verify and anybody else can verify.

Of a document that the relay deposited, the relay assembles it (guide 5.2.2). Of one that its sender registered at the archive itself, whoever needs the
proof does (guide 5.1.2): with --archive-member the distribution certificate is asked of the relay, document and original certificate of the archive,
and the bundle is signed with --signer and stamped by --tsa. What was made is verified before it is written.

--evidence adds what led to the certificates (docs/bundle.md); the relay has it once a witness has cosigned its logs, within seconds.

Examples:
  naru bundle --credentials sender.json 20260302_NARU000001_0000000000001 --reason '제출용' --out bundle.asice
  naru bundle --credentials sender.json 20260302_NARU000001_0000000000001 --reason '제출용' --archive-member member.json --out bundle.asice
  naru bundle --credentials agent.json 20260302_NARU000001_0000000000001 --reason '제출용' --authorisation 0191d0a1-0000-7000-8000-000000000007 --out bundle.asice`
}

// madeBundle is the result as JSON.
type madeBundle struct {
	EdocNum string         `json:"edocNum"`
	CertNum string         `json:"certNum"`
	File    string         `json:"file"`
	Report  *bundle.Report `json:"report,omitempty"`
}

// Run gets or assembles the bundle.
func (c *bundleCommand) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	p, client, err := a.sender()
	if err != nil {
		return err
	}
	trust, err := c.trust(p)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(c.Out); err == nil {
		return fmt.Errorf("%s: file exists, and is left as it is", c.Out)
	}
	c.RequestID = cmp.Or(c.RequestID, uuid.NewString())
	made := &madeBundle{EdocNum: c.Number, File: c.Out}
	if c.ArchiveMember == "" {
		err = c.ask(a, client, trust, made)
	} else {
		err = c.assemble(a, p, client, trust, made)
	}
	if err != nil {
		return fmt.Errorf("%w (to go on with the same request: --request-id %s)", err, c.RequestID)
	}
	return a.show(made, func() error {
		said := "not verified here (nobody to trust is known)"
		if made.Report != nil {
			said = "verified"
		}
		return a.say("%s  %s  %s", made.CertNum, made.File, said)
	})
}

func (c *bundleCommand) check() error {
	if err := checkApplication(c.Number, c.Reason, c.RequestID); err != nil {
		return err
	}
	switch {
	case (c.Signer == "") != (c.SignerKey == ""):
		return usage("--signer and --signer-key go together")
	case c.ArchiveMember == "" && (c.ArchiveURL != "" || c.ArchiveID != "" || c.Signer != "" || c.TSA != "" || len(c.Attachment) > 0):
		return usage("without --archive-member the relay assembles the bundle")
	case c.ArchiveMember != "" && c.Evidence:
		return usage("--evidence is for bundles that the relay assembles: a requester does not have its records")
	}
	return nil
}

// trust is nil where nobody to trust is known.
func (c *bundleCommand) trust(p *place) (*bundle.Trust, error) {
	folder := c.Trust
	if folder == "" && p.Sandbox.Authority != "" {
		folder = filepath.Dir(p.Sandbox.Authority)
	}
	if folder == "" {
		return nil, nil //nolint:nilnil // nobody is trusted
	}
	return bundle.LoadTrust(folder)
}

// ask has the relay assemble the bundle, and verifies what came.
func (c *bundleCommand) ask(a *app, client *relay.Client, trust *bundle.Trust, made *madeBundle) (err error) {
	form := certificatev1.BundleForm_BUNDLE_FORM_SUBMISSION
	if c.Evidence {
		form = certificatev1.BundleForm_BUNDLE_FORM_EVIDENCE
	}
	requested, err := client.RequestBundle(a.ctx, &certificatev1.RequestBundleRequest{
		EdocNum: c.Number, Reason: c.Reason, RequestId: c.RequestID, Form: form, Authorisation: c.Authorisation,
	})
	if err != nil {
		return err
	}
	a.progress("waiting for hub, archive and time-stamping authority …")
	issued, err := client.AwaitBundle(a.ctx, requested.GetId())
	if err != nil {
		return err
	}
	made.CertNum = issued.GetCertNum()
	made.Report, err = requester.Write(a.ctx, c.Out, bundle.Options{Trust: trust, At: a.clock.Now()}, func(file io.Writer) error {
		return client.DownloadBundle(a.ctx, issued.GetId(), file)
	})
	return err
}

// assemble obtains both certificates and makes the bundle (guide 5.1.2).
func (c *bundleCommand) assemble(a *app, p *place, client *relay.Client, trust *bundle.Trust, made *madeBundle) error {
	if trust == nil {
		return usage("--trust is required: what is assembled is verified first")
	}
	by, err := c.requester(a, p, trust)
	if err != nil {
		return err
	}
	archive, err := c.archive(p)
	if err != nil {
		return err
	}
	requested, err := client.RequestCertificate(a.ctx, c.Number, c.Reason, c.RequestID, c.Authorisation)
	if err != nil {
		return err
	}
	a.progress("waiting for the hub to issue the certificate …")
	certificate, err := client.AwaitCertificate(a.ctx, requested.GetId())
	if err != nil {
		return err
	}
	made.CertNum = certificate.GetCertNum()
	parts := requester.Parts{Attachments: c.Attachment}
	if parts.Distribution, err = client.DownloadCertificate(a.ctx, requested.GetId()); err != nil {
		return err
	}
	made.Report, err = by.Obtain(a.ctx, archive, c.ArchiveID, parts, c.Out)
	return err
}

func (c *bundleCommand) requester(a *app, p *place, trust *bundle.Trust) (r requester.Requester, err error) {
	certificate, key, address := c.Signer, c.SignerKey, c.TSA
	if certificate == "" && p.Sandbox.Authority != "" {
		certificate, key = p.Sandbox.PKI("requester-leaf.pem"), p.Sandbox.PKI("requester-leaf.key")
	}
	if address == "" && p.Sandbox.TSA != "" {
		address = p.Sandbox.TSA + "/tsp"
	}
	if certificate == "" || address == "" {
		return r, usage("--signer, --signer-key and --tsa are required outside of a sandbox")
	}
	r = requester.Requester{Trust: trust, Clock: a.clock}
	if r.Signer, err = bundle.ReadSigner(certificate, key); err != nil {
		return r, err
	}
	r.Stamper, err = requester.Authority(address, p.http, trust, a.clock.Now)
	return r, err
}

func (c *bundleCommand) archive(p *place) (*archiveclient.Client, error) {
	address := cmp.Or(c.ArchiveURL, p.Sandbox.Archive)
	if address == "" {
		return nil, usage("--archive-url is required outside of a sandbox")
	}
	var member endpoints.ArchiveMember
	if err := endpoints.ReadJSON(c.ArchiveMember, &member); err != nil {
		return nil, fmt.Errorf("read the archive member: %w", err)
	}
	return document.Archive(p.http, address, member)
}

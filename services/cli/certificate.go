package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/limits"
	"github.com/naru-relay/naru/pkg/text"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/cli/internal/proof"
	"github.com/naru-relay/naru/services/client/document"

	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
)

type certificateCommand struct {
	Number          string `arg:"" help:"Document number (전자문서번호)."`
	Reason          string `required:"" help:"Why it is needed (발급요청 사유), 1-200 characters."`
	Out             string `required:"" type:"path" placeholder:"FILE" help:"Where the PDF is written. The file must not exist."`
	Overwrite       bool   `help:"Replace the file if it exists."`
	RequestID       string `placeholder:"ID" help:"Your id of this request, 1-64 characters; the same id asks for the same certificate. Default: a new one."`
	byAuthorisation `embed:""`
	Doc             string `type:"existingfile" placeholder:"FILE" help:"The document, to compare its hash with the certificate's."`
	HubRoot         string `type:"existingfile" placeholder:"FILE" help:"PEM root of the hub, to verify the certificate here too. Default: the sandbox's."`
	HubSigner       string `type:"existingfile" placeholder:"FILE" help:"PEM certificate of the hub's signer. Default: the sandbox's."`

	HubProfile    string   `default:"${sandboxHub}" enum:"${sandboxHub},${pinnedSigner}" help:"How the hub's certificates are read, one of ${enum}."`
	HubSubFilter  []string `placeholder:"FORM" enum:"${subFilters}" help:"Forms of signature that the hub's certificates may have, of ${enum}. Default: the first."`
	TimeStampRoot string   `type:"existingfile" placeholder:"FILE" help:"PEM root of the time stamps that may have been added to the hub's certificates. Default: the sandbox's, else --hub-root."`
	NotCheckable  []string `placeholder:"CHECK" help:"Checks that may be not checkable here, since the file does not say what they need: validity, hash, edoc_num. Default: none, such a certificate is not written."`
}

// Help is shown by naru certificate --help.
func (certificateCommand) Help() string {
	return `Every argument is checked first, because each certificate is recorded at the hub with its reason. Asks for the certificate, waits until the relay has it from the hub, downloads it and, where the hub's root and signer are known,
verifies signature, chain and number itself; with --doc the hash too.

Example:
  naru certificate --credentials sender.json 20260302_NARU000001_0000000000001 --reason '제출용' --doc notice.pdf --out certificate.pdf`
}

// issued is the result as JSON.
type issued struct {
	EdocNum string `json:"edocNum"`
	CertNum string `json:"certNum"`
	File    string `json:"file"`
	// NotCheckable are the checks that the relay could not make and its policy does not demand.
	NotCheckable []string `json:"notCheckable"`
	// Updates are what was added to the file after it was signed, as verified here.
	Updates []string `json:"updates,omitempty"`
	// Checks are made by this command; absent if no root was known.
	Checks *proof.Checks `json:"checks,omitempty"`
}

// Run gets the certificate. One that fails a check is not written.
func (c *certificateCommand) Run(a *app) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	p, sender, err := a.sender()
	if err != nil {
		return err
	}
	judge, err := c.judge(a, p)
	if err != nil {
		return err
	}
	out, err := reserve(c.Out, c.Overwrite)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.drop()) }()
	requestID := cmp.Or(c.RequestID, uuid.NewString())
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w (to ask for the same certificate again: --request-id %s)", err, requestID)
		}
	}()
	requested, err := sender.RequestCertificate(a.ctx, c.Number, c.Reason, requestID, c.Authorisation)
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
	result := issued{EdocNum: c.Number, CertNum: certificate.GetCertNum(), File: c.Out, NotCheckable: notCheckable(certificate)}
	if result.Checks, result.Updates, err = judge(pdf); err != nil {
		return err
	}
	if err := out.fill(pdf, 0o600); err != nil {
		return fmt.Errorf("write the certificate: %w", err)
	}
	return a.show(result, func() error {
		said := "not verified here (no root known)"
		if result.Checks != nil {
			said = "verified"
		}
		if len(result.NotCheckable) > 0 {
			said += "; not checkable: " + strings.Join(result.NotCheckable, ", ")
		}
		return a.say("%s  %s  %s", result.CertNum, result.File, said)
	})
}

// notCheckable lists the relay's checks that are not checkable, by their names in the interface.
func notCheckable(certificate *certificatev1.Certificate) []string {
	names := []string{}
	checks := certificate.GetChecks().ProtoReflect()
	fields := checks.Descriptor().Fields()
	for i := range fields.Len() {
		if checks.Get(fields.Get(i)).Enum() == certificatev1.CheckOutcome_CHECK_OUTCOME_NOT_CHECKABLE.Number() {
			names = append(names, fields.Get(i).JSONName())
		}
	}
	return names
}

// maxRequestID is the relay's.
const maxRequestID = 64

// check finds what the relay would refuse, before anything is asked.
func (c *certificateCommand) check() error {
	if err := checkApplication(c.Number, c.Reason, c.RequestID); err != nil {
		return err
	}
	if (c.HubRoot == "") != (c.HubSigner == "") {
		return usage("--hub-root and --hub-signer go together")
	}
	return nil
}

// checkApplication finds what the relay would refuse of a request for a certificate or a bundle.
func checkApplication(number, reason, requestID string) error {
	if err := checkNumber(number); err != nil {
		return err
	}
	line, ok := text.Line(reason)
	switch n := utf8.RuneCountInString(line); {
	case !ok || n < 1 || n > limits.Reason:
		return usage("--reason wants 1 to %d characters on one line", limits.Reason)
	case utf8.RuneCountInString(requestID) > maxRequestID:
		return usage("--request-id wants 1 to %d characters", maxRequestID)
	}
	return nil
}

// judge reads what a certificate is verified by: somebody to trust, and the document's hash. Where nobody to trust is known the
// checks are nil.
func (c *certificateCommand) judge(a *app, p *place) (func(pdf []byte) (*proof.Checks, []string, error), error) {
	root, signer, stamps := c.HubRoot, c.HubSigner, c.TimeStampRoot
	if root == "" && p.Sandbox.Authority != "" {
		root, signer, stamps = p.Sandbox.PKI("hub-root.pem"), p.Sandbox.PKI("hub-leaf.pem"), cmp.Or(stamps, p.Sandbox.PKI("tsa-root.pem"))
	}
	if root == "" {
		if c.Doc != "" {
			return nil, usage("--doc needs --hub-root and --hub-signer: without them nothing is compared here")
		}
		return func([]byte) (*proof.Checks, []string, error) { return nil, nil, nil }, nil
	}
	hash := ""
	if c.Doc != "" {
		d, err := document.Open(c.Doc)
		if err != nil {
			return nil, err
		}
		hash = d.Hash
	}
	trust, err := proof.ReadTrust(root, signer)
	if err != nil {
		return nil, err
	}
	if stamps != "" {
		if trust.TimeStampRoots, err = endpoints.Roots(stamps); err != nil {
			return nil, fmt.Errorf("read the time stamps' root: %w", err)
		}
	}
	trust.Profile, trust.SubFilters, trust.Policy = c.HubProfile, c.HubSubFilter, c.NotCheckable
	return func(pdf []byte) (*proof.Checks, []string, error) {
		certificate, checks, err := proof.Distribution(pdf, trust, c.Number, hash, a.clock.Now())
		if err != nil {
			return nil, nil, fmt.Errorf("the certificate is not good, and not written: %w", err)
		}
		unaccepted := slices.DeleteFunc(checks.Unaccepted(trust.Policy), func(name string) bool { return c.Doc == "" && name == distcert.CheckHash })
		if len(unaccepted) > 0 {
			return nil, nil, fmt.Errorf("the certificate is not good, and not written: %s", strings.Join(unaccepted, ", "))
		}
		var updates []string
		for _, update := range certificate.Updates {
			updates = append(updates, update.String())
		}
		return &checks, updates, nil
	}, nil
}

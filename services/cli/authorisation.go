package cli

import (
	"bufio"
	"cmp"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/authorisation"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/rpc"
	"github.com/naru-relay/naru/pkg/text"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/client/relay"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

type authorisationCommand struct {
	Request authorisationRequest `cmd:"" help:"As an agent, ask a sender for its word about documents, or a party for certificates of its documents."`
	Show    authorisationShow    `cmd:"" help:"Tell what became of an authorisation, and to its sender what it is about."`
	Approve authorisationApprove `cmd:"" help:"As a member of the sandbox, give it."`
	Sign    authorisationSign    `cmd:"" help:"As an institution, give it by a signature."`
	Revoke  authorisationRevoke  `cmd:"" help:"End it: decline, take back or withdraw."`
}

// maxAuthorised bounds the items of one authorisation.
const maxAuthorised = 1000

// itemsIn reads items, a JSON line each, in the form in which the relay keeps their texts.
func itemsIn(path string) (items []*intakev1.SendItem, err error) {
	file, err := os.Open(path) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, fmt.Errorf("read the items: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	for line := 1; lines.Scan(); line++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		item := &intakev1.SendItem{}
		if err := protojson.Unmarshal(lines.Bytes(), item); err != nil {
			return nil, fmt.Errorf("line %d is no item", line)
		}
		broken, err := rpc.Check(item)
		if err != nil {
			return nil, err
		}
		if len(broken) > 0 {
			return nil, fmt.Errorf("line %d: %s %s", line, broken[0].Field, broken[0].Message)
		}
		items = append(items, item)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the items: %w", err)
	}
	if len(items) == 0 || len(items) > maxAuthorised {
		return nil, fmt.Errorf("an authorisation is about 1 to %d items, not %d", maxAuthorised, len(items))
	}
	return items, nil
}

// certificatesFlags are the certificates that an agent is to obtain, in place of items that it is to send.
type certificatesFlags struct {
	CertificatesOf []string `placeholder:"NUMBER" help:"In place of items: documents whose certificates and bundles the agent is to obtain, repeatable, in their order."`
	Reason         string   `placeholder:"TEXT" help:"With --certificates-of: why they are needed (발급요청 사유), 1-200 characters; they are obtained for this reason alone."`
}

// wanted are the certificates, in the form in which the relay keeps their reason; nil for none, where items are wanted.
func (f certificatesFlags) wanted(items string) (*intakev1.CertificatesOf, error) {
	switch {
	case (items == "") == (len(f.CertificatesOf) == 0):
		return nil, usage("an authorisation is about items or about --certificates-of, one of them")
	case items != "" && f.Reason != "":
		return nil, usage("--reason goes together with --certificates-of")
	case items != "":
		return nil, nil //nolint:nilnil // items are wanted
	}
	for _, number := range f.CertificatesOf {
		if err := checkApplication(number, f.Reason, ""); err != nil {
			return nil, err
		}
	}
	reason, _ := text.Line(f.Reason)
	return &intakev1.CertificatesOf{EdocNums: f.CertificatesOf, Reason: reason}, nil
}

// byAuthorisation is the authorisation by which an agent obtains a certificate.
type byAuthorisation struct {
	Authorisation string `placeholder:"ID" help:"As an agent: the authorisation by which a party lets you obtain this, for this reason (naru authorisation request --certificates-of)."`
}

type authorisationRequest struct {
	File              string `arg:"" optional:"" type:"existingfile" help:"The items, as naru batch takes them."`
	Sender            string `required:"" placeholder:"ADDRESS" help:"Certified address of the sender, or of the party whose documents' certificates are wanted."`
	certificatesFlags `embed:""`
	RequestID         string `placeholder:"ID" help:"Your own id of the request; repeating it never asks twice. Default: a new one."`
}

// Help is shown by naru authorisation request --help.
func (authorisationRequest) Help() string {
	return `When the sender has given it, send the same items by it, unchanged; or obtain the certificates for the same reason.

Examples:
  naru authorisation request --credentials agent.json bills.jsonl --sender ferry-1
  naru batch --credentials agent.json bills.jsonl --authorisation 0191d0a1-0000-7000-8000-000000000007 --out outcomes.jsonl
  naru authorisation request --credentials agent.json --sender ferry-1 --certificates-of 20260302_NARU000001_0000000000001 --reason '제출용'`
}

// Run asks.
func (c *authorisationRequest) Run(a *app) error {
	of, err := c.wanted(c.File)
	if err != nil {
		return err
	}
	var items []*intakev1.SendItem
	if of == nil {
		if items, err = itemsIn(c.File); err != nil {
			return err
		}
	}
	_, agent, err := a.sender()
	if err != nil {
		return err
	}
	requestID := cmp.Or(c.RequestID, uuid.NewString())
	var got *intakev1.Authorisation
	if of != nil {
		got, err = agent.RequestCertificatesAuthorisation(a.ctx, requestID, c.Sender, of)
	} else {
		got, err = agent.RequestAuthorisation(a.ctx, requestID, c.Sender, items)
	}
	if err != nil {
		return err
	}
	return a.showAuthorisation(got)
}

func (a *app) showAuthorisation(of *intakev1.Authorisation) error {
	return a.show(of, func() error {
		certificates := of.GetPurpose() == intakev1.AuthorisationPurpose_AUTHORISATION_PURPOSE_CERTIFICATES
		about := "items"
		if certificates {
			about = "certificates of"
		}
		if err := a.say("%s  %s  by %s (%s)  %s %d  until %s\ndigest %s", of.GetId(), relay.Word(of.GetState()), of.GetAgentName(), of.GetAgent(),
			about, of.GetItems(), relay.Time(of.GetExpiresAt()), of.GetDigest()); err != nil || len(of.GetShown()) == 0 {
			return err
		}
		if certificates {
			return a.table([]string{"DOCUMENT", "REASON", "DIGEST"}, func(row func(...string)) {
				for _, document := range of.GetShown() {
					row(document.GetEdocNum(), document.GetReason(), document.GetDigest())
				}
			})
		}
		return a.table([]string{"OWN KEY", "TITLE", "RECIPIENT", "DIGEST"}, func(row func(...string)) {
			for _, item := range of.GetShown() {
				row(item.GetOwnKey(), item.GetTitle(), item.GetRecipient(), item.GetDigest())
			}
		})
	})
}

// memberFlags choose between credentials and the session of a member of the sandbox.
type memberFlags struct {
	Person      string `placeholder:"PERSON" help:"A test person of the sandbox, whose session is used in place of credentials."`
	RedirectURI string `name:"redirect-uri" placeholder:"URL" help:"Where the identity provider sends the person back. Default: the endpoint file's."`
}

func (f memberFlags) open(a *app) (*relay.Client, error) {
	if f.Person != "" {
		return a.prove(f.Person, f.RedirectURI)
	}
	_, client, err := a.sender()
	return client, err
}

type authorisationShow struct {
	ID          string `arg:"" help:"Id of the authorisation."`
	memberFlags `embed:""`
}

// Run shows it.
func (c *authorisationShow) Run(a *app) error {
	client, err := c.open(a)
	if err != nil {
		return err
	}
	got, err := client.Authorisation(a.ctx, c.ID)
	if err != nil {
		return err
	}
	return a.showAuthorisation(got)
}

type authorisationApprove struct {
	ID          string `arg:"" help:"Id of the authorisation."`
	Digest      string `required:"" help:"The digest of what you were shown (naru authorisation show)."`
	Person      string `required:"" placeholder:"PERSON" help:"A test person of the sandbox, who is to be the sender."`
	RedirectURI string `name:"redirect-uri" placeholder:"URL" help:"Where the identity provider sends the person back. Default: the endpoint file's."`
}

// Help is shown by naru authorisation approve --help.
func (authorisationApprove) Help() string {
	return `Persons approve on the relay's own page; this does the same for a test person of the sandbox.

Example:
  naru authorisation approve 0191d0a1-0000-7000-8000-000000000007 --digest 0a0a… --person ferry`
}

// Run approves.
func (c *authorisationApprove) Run(a *app) error {
	session, err := a.prove(c.Person, c.RedirectURI)
	if err != nil {
		return err
	}
	got, err := session.ApproveAuthorisation(a.ctx, c.ID, c.Digest)
	if err != nil {
		return err
	}
	return a.showAuthorisation(got)
}

type authorisationSign struct {
	ID                string `arg:"" help:"Id of the authorisation."`
	Items             string `type:"existingfile" placeholder:"FILE" help:"The items that you authorise, as naru batch takes them, in the agent's order."`
	certificatesFlags `embed:""`
	Key               string `required:"" type:"existingfile" placeholder:"FILE" help:"Your private ES256 key (PKCS #8, PEM); the operator has registered its public half."`
}

// Help is shown by naru authorisation sign --help.
func (authorisationSign) Help() string {
	return `Computes the digest of the items, or documents, itself and signs only if the authorisation is about exactly these.

Examples:
  naru authorisation sign --credentials sender.json 0191d0a1-0000-7000-8000-000000000007 --items bills.jsonl --key key.pem
  naru authorisation sign --credentials sender.json 0191d0a1-0000-7000-8000-000000000007 --certificates-of 20260302_NARU000001_0000000000001 --reason '제출용' --key key.pem`
}

// Run compares, signs and brings the signature.
func (c *authorisationSign) Run(a *app) error {
	digests, err := c.digests()
	if err != nil {
		return err
	}
	key, err := signerIn(c.Key)
	if err != nil {
		return err
	}
	_, sender, err := a.sender()
	if err != nil {
		return err
	}
	asked, err := sender.Authorisation(a.ctx, c.ID)
	if err != nil {
		return err
	}
	salt, err := hex.DecodeString(asked.GetSalt())
	if err != nil {
		return errors.New("the relay told no salt")
	}
	if authorisation.Of(salt, digests...).String() != asked.GetDigest() {
		return errors.New("the authorisation is not about these items or documents, or not in this order: nothing was signed")
	}
	text, err := authorisation.Sign(key, authorisation.Claims{
		Authorisation: asked.GetId(), Digest: asked.GetDigest(), Agent: asked.GetAgent(), Sender: asked.GetSender(), ExpiresAt: asked.GetExpiresAt().AsTime(),
	})
	if err != nil {
		return err
	}
	got, err := sender.SignAuthorisation(a.ctx, c.ID, text)
	if err != nil {
		return err
	}
	return a.showAuthorisation(got)
}

// digests are those of what the institution authorises.
func (c *authorisationSign) digests() (digests []authorisation.Digest, err error) {
	of, err := c.wanted(c.Items)
	if err != nil {
		return nil, err
	}
	for _, number := range of.GetEdocNums() {
		digests = append(digests, authorisation.OfCertificate(number, of.GetReason()))
	}
	if of != nil {
		return digests, nil
	}
	items, err := itemsIn(c.Items)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		digests = append(digests, authorisation.OfItem(item))
	}
	return digests, nil
}

// maxKeyFile bounds the file of a private key.
const maxKeyFile = 16 << 10

// signerIn reads a private key.
func signerIn(path string) (authn.Key, error) {
	raw, err := endpoints.ReadUpTo(path, maxKeyFile)
	if err != nil {
		return authn.Key{}, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return authn.Key{}, usage("--key wants a private key in PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok {
		return authn.Key{}, usage("--key wants an ECDSA P-256 key in PKCS #8")
	}
	keyID, err := keys.KeyID(&private.PublicKey)
	if err != nil {
		return authn.Key{}, usage("--key wants an ECDSA P-256 key in PKCS #8")
	}
	return authn.Key{ID: keyID, Signer: private}, nil
}

type authorisationRevoke struct {
	ID          string `arg:"" help:"Id of the authorisation."`
	memberFlags `embed:""`
}

// Help is shown by naru authorisation revoke --help.
func (authorisationRevoke) Help() string {
	return `The sender declines or takes back, the agent withdraws. It counts at once; what was accepted before stays accepted.

Example:
  naru authorisation revoke --credentials sender.json 0191d0a1-0000-7000-8000-000000000007`
}

// Run ends it.
func (c *authorisationRevoke) Run(a *app) error {
	client, err := c.open(a)
	if err != nil {
		return err
	}
	got, err := client.RevokeAuthorisation(a.ctx, c.ID)
	if err != nil {
		return err
	}
	return a.showAuthorisation(got)
}

package cli

import (
	"cmp"
	"fmt"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/client/document"
	"github.com/naru-relay/naru/services/client/relay"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

type sendCommand struct {
	Doc        string   `required:"" type:"existingfile" placeholder:"FILE" help:"The document; its SHA-256 is taken here."`
	Attachment []string `type:"existingfile" placeholder:"FILE" help:"Attachments, at most 10; only their hashes are sent. With --registration-certificate only."`
	Title      string   `required:"" help:"Title, 1-100 characters; over 40 some relays cut it."`

	ToCIFile         string `name:"to-ci-file" xor:"to" required:"" type:"existingfile" placeholder:"FILE" group:"Recipient (one of)" help:"File with the recipient's CI (연계정보), 88 characters."`
	ToPersonFile     string `xor:"to" required:"" type:"existingfile" placeholder:"FILE" group:"Recipient (one of)" help:"JSON file {\"name\", \"birthDate\": \"YYYYMMDD\", \"phone\"}."`
	ToBusinessNumber string `xor:"to" required:"" placeholder:"DIGITS" group:"Recipient (one of)" help:"The recipient's 사업자등록번호, 10 digits."`
	ToAddress        string `xor:"to" required:"" placeholder:"ADDRESS" group:"Recipient (one of)" help:"The recipient's certified address, at --to-platform."`
	ToPlatform       string `placeholder:"ID" group:"Recipient (one of)" help:"Relay platform id of --to-address. Default: this relay's."`

	ContactPhone string `placeholder:"DIGITS" group:"Recipient (one of)" help:"Phone at which the recipient is invited if it is a member nowhere. Default: that of --to-person-file."`
	ContactEmail string `placeholder:"ADDRESS" group:"Recipient (one of)" help:"Mail address at which the recipient is invited if it is a member nowhere."`

	Type               string `default:"general" enum:"${documentTypes}" help:"Document type, one of ${enum}."`
	Category           string `default:"notice" enum:"${documentCategories}" help:"Category, one of ${enum}."`
	OwnKey             string `placeholder:"KEY" help:"Your own key of this document, 1-40 of A-Z a-z 0-9 . _ -; repeating it never sends twice. Default: a new one."`
	Batch              string `placeholder:"NAME" help:"Your own name of the group to which it belongs, 1-40 of A-Z a-z 0-9 . _ - (naru progress)."`
	SendDeadline       string `placeholder:"TIME" help:"Until when it may be delivered: a time (RFC 3339) or a duration such as 72h."`
	ViewingDeadline    string `placeholder:"TIME" help:"Until when it may be viewed: a time (RFC 3339) or a duration."`
	SubAddress         string `placeholder:"TEXT" help:"Sub-address of the sender (하위 주소)."`
	Repeats            string `placeholder:"NUMBER" help:"Number of an own document that failed and that this one repeats."`
	Authorisation      string `placeholder:"ID" help:"Of an agent: the sender's authorisation that holds this very document (naru authorisation)."`
	WithoutCirculation bool   `help:"Register no circulation record at the hub; then there is no distribution certificate."`
	Wait               bool   `help:"Wait until the document is received."`

	ViewingSystem           string `placeholder:"ID" group:"Registered and stored by yourself" help:"Principal id of your viewing system. Default: the seeded one of a sandbox relay."`
	RegistrationCertificate string `type:"existingfile" placeholder:"FILE" group:"Registered and stored by yourself" help:"최초등록증명서 of the archive (DER)."`
	ViewingURL              string `name:"viewing-url" placeholder:"URL" group:"Registered and stored by yourself" help:"Where the recipient views the document."`

	ArchiveURL    string `name:"archive-url" placeholder:"URL" group:"Registered and stored in the sandbox" help:"The sandbox archive. Default: the endpoint file's."`
	ArchiveMember string `type:"existingfile" placeholder:"FILE" group:"Registered and stored in the sandbox" help:"JSON file {\"memberId\", \"password\"}. Default: the seeded member's."`
	ViewingStore  string `name:"viewing-store" placeholder:"URL" group:"Registered and stored in the sandbox" help:"The sandbox viewing system. Default: the endpoint file's."`
	ViewingSecret string `type:"existingfile" placeholder:"FILE" group:"Registered and stored in the sandbox" help:"File with the sender's secret at the viewing system. Default: the endpoint file's."`
}

// Help is shown by naru send --help.
func (sendCommand) Help() string {
	return `In a sandbox one command does the sender's three steps of guide 5.1.1: ❶ registers the document at the archive, ❷ stores it at the
viewing system, ❸ sends it. Outside of it you have done ❶ and ❷ yourself and hand in their results.
The relay's receipt is verified with its published keys before anything is printed. With --wait, number and own key are told on
standard error before the wait, so that an interruption loses neither.

Examples:
  naru send --credentials sender.json --doc notice.pdf --to-ci-file ci.txt --title '안내문'
  naru send --rest https://relay.example --credentials sender.json --doc notice.pdf --to-business-number 0001234560 --title '안내문' \
       --registration-certificate notice.der --viewing-url https://view.example/d/17 --viewing-system 0191d0a1-…`
}

// sent is the result as JSON.
type sent struct {
	EdocNum      string   `json:"edocNum"`
	OwnKey       string   `json:"ownKey"`
	DocumentHash string   `json:"documentHash"`
	AcceptedAt   string   `json:"acceptedAt"`
	Receipt      string   `json:"receipt"`
	Duplicate    bool     `json:"duplicate"`
	Warnings     []string `json:"warnings"`
	// State is set with --wait.
	State string `json:"state,omitempty"`
}

// Run sends the document.
func (c *sendCommand) Run(a *app) error {
	p, sender, err := a.sender()
	if err != nil {
		return err
	}
	item, doc, err := c.item(a, p)
	if err != nil {
		return err
	}
	accepted, err := sender.Send(a.ctx, item)
	if err != nil {
		return fmt.Errorf("%w (own key %s: repeated with it, the document is never sent twice)", err, item.GetOwnKey())
	}
	digest := archivecert.Digest(item.GetRegistrationCertificate())
	if accepted.GetDuplicate() {
		digest = "" // the receipt is the first one, about the certificate sent first
	}
	if err := checkReceipt(a, sender, accepted, item.GetOwnKey(), doc.Hash, digest); err != nil {
		return fmt.Errorf("%s was accepted, but its receipt is not good: %w", accepted.GetEdocNum(), err)
	}
	result := sent{
		EdocNum: accepted.GetEdocNum(), OwnKey: item.GetOwnKey(), DocumentHash: doc.Hash, AcceptedAt: relay.Time(accepted.GetAcceptedAt()),
		Receipt: accepted.GetReceipt(), Duplicate: accepted.GetDuplicate(), Warnings: append([]string{}, accepted.GetWarnings()...),
	}
	if c.Wait {
		a.tell("naru: accepted %s, own key %s; waiting until it is received …", accepted.GetEdocNum(), item.GetOwnKey())
		status, err := sender.AwaitStatus(a.ctx, accepted.GetEdocNum(), "the receipt", isReceived)
		if err != nil {
			return err
		}
		result.State = relay.Word(status.GetState())
	}
	return a.show(result, func() error {
		for _, warning := range result.Warnings {
			a.tell("naru: warning: %s", warning)
		}
		return a.say("%s  accepted %s  receipt verified  %s", result.EdocNum, result.AcceptedAt, result.State)
	})
}

func checkReceipt(a *app, sender *relay.Client, accepted *intakev1.Acceptance, ownKey, documentHash, certificateDigest string) error {
	keys, err := sender.ReceiptKeys(a.ctx)
	if err != nil {
		return err
	}
	return relay.CheckReceipt(keys, accepted, ownKey, documentHash, certificateDigest)
}

func isReceived(s *statusv1.DocumentStatus) bool {
	return s.GetState() == statusv1.DocumentState_DOCUMENT_STATE_RECEIVED || s.GetState() == statusv1.DocumentState_DOCUMENT_STATE_READ
}

// item builds the request. In the sandbox it also registers and stores the document.
func (c *sendCommand) item(a *app, p *place) (*intakev1.SendItem, *document.Document, error) {
	recipient, err := c.recipient(p)
	if err != nil {
		return nil, nil, err
	}
	item := &intakev1.SendItem{
		OwnKey: cmp.Or(c.OwnKey, uuid.NewString()), Recipient: recipient, Title: c.Title, WithoutCirculation: c.WithoutCirculation,
		DocumentType:     platformv1.DocumentType(platformv1.DocumentType_value[enumName("DOCUMENT_TYPE_", c.Type)]),
		Category:         platformv1.DocumentCategory(platformv1.DocumentCategory_value[enumName("DOCUMENT_CATEGORY_", c.Category)]),
		SenderSubAddress: c.SubAddress, Repeats: c.Repeats, Batch: c.Batch, Authorisation: c.Authorisation, Viewing: &intakev1.Viewing{Url: c.ViewingURL, ViewingSystem: c.ViewingSystem},
	}
	if c.ContactPhone != "" || c.ContactEmail != "" {
		item.Contact = &platformv1.Contact{Phone: c.ContactPhone, Email: c.ContactEmail}
	}
	if item.SendDeadline, err = moment("send-deadline", c.SendDeadline, a.clock.Now()); err != nil {
		return nil, nil, err
	}
	if item.Viewing.Deadline, err = moment("viewing-deadline", c.ViewingDeadline, a.clock.Now()); err != nil {
		return nil, nil, err
	}
	for _, path := range c.Attachment {
		attachment, err := document.Open(path)
		if err != nil {
			return nil, nil, err
		}
		item.AttachmentHashes = append(item.AttachmentHashes, attachment.Digest())
	}
	doc, err := document.Open(c.Doc)
	if err != nil {
		return nil, nil, err
	}
	item.DocumentHash = doc.Digest()
	return item, doc, c.place(a, p, item, doc)
}

// place sets the registration certificate and the viewing URL: those given, or those the sandbox returns.
func (c *sendCommand) place(a *app, p *place, item *intakev1.SendItem, doc *document.Document) (err error) {
	if c.RegistrationCertificate == "" && c.ViewingURL == "" {
		return c.placeInSandbox(a, p, item, doc)
	}
	if c.RegistrationCertificate == "" || c.ViewingURL == "" || c.ViewingSystem == "" {
		return usage("--registration-certificate, --viewing-url and --viewing-system go together")
	}
	item.RegistrationCertificate, err = endpoints.ReadUpTo(c.RegistrationCertificate, archivecert.MaxBytes)
	return err
}

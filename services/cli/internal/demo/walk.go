package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/archiveclient"
	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/rest"
	"github.com/naru-relay/naru/pkg/text"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/cli/internal/proof"
	"github.com/naru-relay/naru/services/client/document"
	"github.com/naru-relay/naru/services/client/identity"
	"github.com/naru-relay/naru/services/client/relay"
	"github.com/naru-relay/naru/services/client/sample"
	"github.com/naru-relay/naru/services/client/sandbox"
	"github.com/naru-relay/naru/services/sandbox/pki"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// termsVersion is the version of the invented terms to which the recipient consents.
const termsVersion = "sandbox-1"

// walk is one run of the demo and what it has learned so far.
type walk struct {
	options  Options
	out, dir string
	child    *child
	result   Result

	endpoints *endpoints.Endpoints
	http      *http.Client
	door      *rest.Client // without credentials
	operator  *relay.Client
	sender    *relay.Client
	agent     *relay.Client
	recipient *relay.Client

	institution   *addressv1.Institution
	viewingSystem string
	member        endpoints.ArchiveMember
	person        sandbox.Person

	archive      *archiveclient.Client
	certificates *archivecert.Verifier
	hubTrust     proof.Trust
	document     *document.Document
	registered   *archiveclient.Document
	viewingURL   string
	content      string // id of the upload
	senderKey    authn.Key
	agentItem    *intakev1.SendItem
	token        *viewingv1.IssueViewingTokenResponse
	certificate  string // id of the request
	distribution []byte
	original     []byte
	issuedFile   string
}

// open waits for narud and makes the clients.
func (w *walk) open(ctx context.Context) error {
	plain, err := endpoints.HTTP("")
	if err != nil {
		return err
	}
	if w.endpoints, err = w.child.ready(ctx, plain); err != nil {
		return err
	}
	if w.http, err = endpoints.HTTP(w.endpoints.Sandbox.Authority); err != nil {
		return err
	}
	if w.door, err = rest.New(rest.Options{BaseURL: w.endpoints.REST, HTTP: w.http}); err != nil {
		return err
	}
	admin, err := endpoints.ReadCredentials(w.endpoints.AdminCredentials)
	if err != nil {
		return err
	}
	if w.operator, err = relay.Open(w.endpoints.REST, w.http, admin); err != nil {
		return err
	}
	files := w.endpoints.Sandbox
	if w.certificates, err = proof.Archive(files.PKI("archive-root.pem"), pki.ArchiveName, w.options.Clock); err != nil {
		return err
	}
	w.hubTrust, err = proof.ReadTrust(files.PKI("hub-root.pem"), files.PKI("hub-leaf.pem"))
	return err
}

// addInstitution creates the sender and waits until the hub has registered its address, which must come before any use (guide
// 4.2.1). Both models have the same sender.
func (w *walk) addInstitution(ctx context.Context) (string, error) {
	if w.institution != nil {
		return w.institution.GetAddress() + " as before", nil
	}
	paper, err := sample.JPEG()
	if err != nil {
		return "", err
	}
	const name = "시험용 나루터"
	made, err := w.operator.CreateInstitution(ctx, &gatewayv1.CreateInstitutionRequest{
		Institution: &addressv1.Institution{
			Name: name, BusinessNumber: text.CompleteBusinessNumber("000" + digits(6)), Type: addressv1.OrganisationType_ORGANISATION_TYPE_PUBLIC_INSTITUTION,
			Address: "demo-ferry-" + digits(8), ArchiveMemberships: []*addressv1.ArchiveMembership{{Archive: pki.ArchiveName, Member: name}},
		},
		BusinessDocument: paper, RegistrationDocument: paper,
	})
	if err != nil {
		return "", err
	}
	if w.sender, err = relay.Open(w.endpoints.REST, w.http, relay.Credentials(made.GetCredentials())); err != nil {
		return "", err
	}
	if w.institution, err = w.operator.AwaitRegistered(ctx, made.GetInstitution().GetId()); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s", w.institution.GetAddress(), relay.Word(w.institution.GetAddressState())), nil
}

// addViewingSystem creates a principal for the viewing system and gives the viewing system its credentials.
func (w *walk) addViewingSystem(ctx context.Context) (string, error) {
	made, err := w.operator.CreateViewingSystem(ctx, &gatewayv1.ViewingSystem{Name: "시험용 열람시스템", Senders: []string{w.institution.GetId()}})
	if err != nil {
		return "", err
	}
	w.viewingSystem = made.GetViewingSystem().GetId()
	if w.endpoints.Sandbox.ViewingCredentials == "" {
		return "", errors.New("the endpoint file does not say where the viewing system reads its credentials")
	}
	err = endpoints.WriteJSON(w.endpoints.Sandbox.ViewingCredentials, 0o600, relay.Credentials(made.GetCredentials()))
	return w.viewingSystem, err
}

// addMember makes the sender a member of the archive, which it must be before it registers documents (guide 5.1.1 1)).
func (w *walk) addMember(ctx context.Context) (string, error) {
	w.member = endpoints.ArchiveMember{MemberID: "demo-ferry-" + digits(8), Password: rand.Text()}
	operator, err := sandbox.Operator(w.endpoints.Sandbox, w.http, w.endpoints.Sandbox.Archive)
	if err != nil {
		return "", err
	}
	err = sandbox.AddMember(ctx, operator, sandbox.Member{MemberID: w.member.MemberID, Name: w.institution.GetName(), Password: w.member.Password})
	if err != nil {
		return "", err
	}
	w.archive, err = document.Archive(w.http, w.endpoints.Sandbox.Archive, w.member)
	return w.member.MemberID, err
}

// addPerson invents a recipient.
func (w *walk) addPerson(ctx context.Context) (string, error) {
	operator, err := sandbox.Operator(w.endpoints.Sandbox, w.http, w.endpoints.Sandbox.IDP)
	if err != nil {
		return "", err
	}
	// Numbers that begin with 010-0000 are assigned to nobody.
	w.person, err = sandbox.AddPerson(ctx, operator, sandbox.Person{ID: "demo-" + digits(8), Name: "나그네", BirthDate: "19991231", Phone: "0100000" + digits(4)})
	return w.person.ID, err
}

// join proves the recipient's identity and makes it a member with consent and a designated inbox.
func (w *walk) join(ctx context.Context) (string, error) {
	session, err := w.prove(ctx)
	if err != nil {
		return "", err
	}
	membership, err := w.recipient.Join(ctx, termsVersion)
	if err != nil {
		return "", err
	}
	if session.GetMember() {
		return "", errors.New("a new person was a member already")
	}
	w.result.RecipientAddress = membership.GetAddress()
	return fmt.Sprintf("%s %s", membership.GetAddress(), relay.Word(membership.GetState())), nil
}

func (w *walk) prove(ctx context.Context) (*viewingv1.CompleteSessionResponse, error) {
	session, err := identity.Proof{
		Door: w.door, HTTP: w.http, RedirectURI: w.endpoints.Sandbox.RedirectURI, Person: w.person.ID,
	}.Prove(ctx)
	if err != nil {
		return nil, err
	}
	w.recipient = relay.New(w.door).Session(session.GetSessionToken())
	return session, nil
}

// hash reads the given document, or generates one, and hashes it.
func (w *walk) hash(context.Context) (string, error) {
	path := w.options.Document
	if path == "" {
		pdf, err := sample.PDF(uuid.NewString(), w.options.Clock.Now())
		if err != nil {
			return "", err
		}
		path = filepath.Join(w.dir, "document.pdf")
		if err := os.WriteFile(path, pdf, 0o600); err != nil {
			return "", fmt.Errorf("write document: %w", err)
		}
	}
	var err error
	if w.document, err = document.Open(path); err != nil {
		return "", err
	}
	w.result.DocumentHash = w.document.Hash
	return fmt.Sprintf("%d bytes, SHA-256 %s", w.document.Size, w.document.Hash), nil
}

func (w *walk) toRecipient() *platformv1.RecipientIdentifier {
	return &platformv1.RecipientIdentifier{Ci: &w.person.CI}
}

// digits are n random decimal digits.
func digits(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails (crypto/rand)
	for i, b := range raw {
		raw[i] = '0' + b%10
	}
	return string(raw)
}

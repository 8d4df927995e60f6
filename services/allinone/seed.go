package allinone

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/rest"
	"github.com/naru-relay/naru/services/allinone/endpoints"
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
)

const (
	demoPerson    = "ferry"
	demoName      = "시험용 발송기관"
	demoNumber    = "0000000015"
	demoAddress   = "demo-institution"
	demoKey       = "demo-1"
	seedPatience  = 30 * time.Second
	termsVersion  = "sandbox-1"
	archiveMember = "demo-institution"
)

// seeder creates the demo's principals through the public doors, as an operator, an institution and a recipient would.
type seeder struct {
	folder   folder
	at       Endpoints
	http     *http.Client
	demo     endpoints.Demo
	document *document.Document
}

// Seed creates the missing parts of the demo, and keeps those of an earlier start. Units in processes of their own must be ready.
func (r *Relay) Seed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, seedPatience)
	defer cancel()
	client, err := endpoints.HTTP(r.Endpoints.Sandbox.Authority)
	if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	f := r.folder
	s := &seeder{folder: f, at: r.Endpoints, http: client, demo: endpoints.Demo{
		Institution: f.path("demo", "institution.json"), Request: f.path("demo", "send.json"), RequestGRPC: f.path("demo", "send-grpc.json"), Document: f.path("demo", "document.pdf"),
		RecipientCI: f.path("demo", "recipient-ci"), Person: demoPerson, ArchiveMember: f.path("demo", "archive-member.json"), ViewingSystem: f.path("demo", "viewing-system"),
	}}
	for _, step := range []struct {
		name string
		run  func(ctx context.Context) error
	}{{"institution", s.institution}, {"recipient", s.recipient}, {"archive member", s.member}, {"request", s.request}} {
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("seed the %s: %w%s", step.name, err, particulars(err))
		}
	}
	r.Endpoints.Demo = &s.demo
	return r.folder.writeJSON(0o644, r.Endpoints, endpoints.FileName)
}

// particulars lists the violations that a refusal names.
func particulars(err error) string {
	var problem *rest.Problem
	if !errors.As(err, &problem) {
		return ""
	}
	return strings.Join(append([]string{""}, problem.Lines()[1:]...), "\n")
}

// made reports whether an earlier start has written a file.
func made(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// institution creates the sender and its viewing system.
func (s *seeder) institution(ctx context.Context) error {
	if done, err := made(s.demo.Institution); done || err != nil {
		return err
	}
	credentials, err := endpoints.ReadCredentials(s.at.AdminCredentials)
	if err != nil {
		return fmt.Errorf("read credentials: %w", err)
	}
	operator, err := relay.Open(s.at.REST, s.http, credentials)
	if err != nil {
		return err
	}
	paper, err := sample.JPEG()
	if err != nil {
		return err
	}
	sender, err := operator.CreateInstitution(ctx, &gatewayv1.CreateInstitutionRequest{
		Institution: &addressv1.Institution{
			Name: demoName, BusinessNumber: demoNumber, Type: addressv1.OrganisationType_ORGANISATION_TYPE_PUBLIC_INSTITUTION, Address: demoAddress,
			ArchiveMemberships: []*addressv1.ArchiveMembership{{Archive: pki.ArchiveName, Member: demoName}},
		},
		BusinessDocument: paper, RegistrationDocument: paper,
	})
	if err != nil {
		return err
	}
	if _, err := operator.AwaitRegistered(ctx, sender.GetInstitution().GetId()); err != nil {
		return err
	}
	system, err := operator.CreateViewingSystem(ctx, &gatewayv1.ViewingSystem{Name: "시험용 열람시스템", Senders: []string{sender.GetInstitution().GetId()}})
	if err != nil {
		return err
	}
	return errors.Join(
		s.folder.keep(s.demo.ViewingSystem, system.GetViewingSystem().GetId()),
		s.folder.writeJSON(0o600, relay.Credentials(system.GetCredentials()), "sandbox", "viewing-credentials.json"),
		s.folder.writeJSON(0o600, relay.Credentials(sender.GetCredentials()), "demo", "institution.json"))
}

// recipient makes one of the identity provider's invented persons a member.
func (s *seeder) recipient(ctx context.Context) error {
	idp, err := sandbox.Operator(s.at.Sandbox, s.http, s.at.Sandbox.IDP)
	if err != nil {
		return err
	}
	persons, err := sandbox.Persons(ctx, idp)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(persons, func(p sandbox.Person) bool { return p.ID == demoPerson }); i >= 0 {
		if err := s.folder.keep(s.demo.RecipientCI, persons[i].CI); err != nil {
			return err
		}
	}
	door, err := rest.New(rest.Options{BaseURL: s.at.REST, HTTP: s.http})
	if err != nil {
		return err
	}
	session, err := identity.Proof{Door: door, HTTP: s.http, RedirectURI: redirectURI, Person: demoPerson}.Prove(ctx)
	if err != nil {
		return err
	}
	_, err = relay.New(door).Session(session.GetSessionToken()).Join(ctx, termsVersion)
	return err
}

func (s *seeder) member(ctx context.Context) error {
	password, err := s.folder.secret("sandbox", "archive_member_password")
	if err != nil {
		return err
	}
	archive, err := sandbox.Operator(s.at.Sandbox, s.http, s.at.Sandbox.Archive)
	if err != nil {
		return err
	}
	if err := sandbox.AddMember(ctx, archive, sandbox.Member{MemberID: archiveMember, Name: demoName, Password: password}); err != nil {
		return err
	}
	return s.folder.writeJSON(0o600, endpoints.ArchiveMember{MemberID: archiveMember, Password: password, Archive: pki.ArchiveName, Name: demoName}, "demo", "archive-member.json")
}

// request prepares a send request whose document is registered at the archive (guide 5.1.1 ❶) and stored at the viewing system
// (❷).
func (s *seeder) request(ctx context.Context) error {
	if done, err := made(s.demo.Request); done || err != nil {
		return err
	}
	pdf, err := sample.PDF(demoKey, clock.System().Now())
	if err != nil {
		return err
	}
	if err := s.folder.keep(s.demo.Document, string(pdf)); err != nil {
		return err
	}
	if s.document, err = document.Open(s.demo.Document); err != nil {
		return err
	}
	ci, err := endpoints.ReadSecret(s.demo.RecipientCI)
	if err != nil {
		return fmt.Errorf("read the recipient: %w", err)
	}
	item := &intakev1.SendItem{
		OwnKey: demoKey, Recipient: &platformv1.RecipientIdentifier{Ci: &ci}, Title: "시험용 안내문",
		DocumentType: platformv1.DocumentType_DOCUMENT_TYPE_GENERAL, Category: platformv1.DocumentCategory_DOCUMENT_CATEGORY_NOTICE,
		DocumentHash: s.document.Digest(), Viewing: &intakev1.Viewing{},
	}
	if err := s.place(ctx, item); err != nil {
		return err
	}
	if item.Viewing.ViewingSystem, err = endpoints.ReadSecret(s.demo.ViewingSystem); err != nil {
		return fmt.Errorf("read the viewing system: %w", err)
	}
	return errors.Join(s.keepRequest(s.demo.RequestGRPC, &intakev1.SendRequest{Item: item}), s.keepRequest(s.demo.Request, item))
}

// place registers and stores the document, and writes the results into the request.
func (s *seeder) place(ctx context.Context, item *intakev1.SendItem) error {
	var member endpoints.ArchiveMember
	if err := endpoints.ReadJSON(s.demo.ArchiveMember, &member); err != nil {
		return fmt.Errorf("read the archive member: %w", err)
	}
	archive, err := document.Archive(s.http, s.at.Sandbox.Archive, member)
	if err != nil {
		return err
	}
	registered, err := s.document.Register(ctx, archive)
	if err != nil {
		return err
	}
	item.RegistrationCertificate = registered.RegistrationCertificate
	secret, err := endpoints.ReadSecret(s.at.Sandbox.ViewingSecret)
	if err != nil {
		return fmt.Errorf("read the secret for the viewing system: %w", err)
	}
	viewing, err := rest.New(rest.Options{BaseURL: s.at.Sandbox.Viewing, HTTP: s.http})
	if err != nil {
		return err
	}
	item.Viewing.Url, err = s.document.Store(ctx, viewing.WithBearer(secret), item.GetRecipient(), archivecert.Digest(item.GetRegistrationCertificate()))
	return err
}

func (s *seeder) keepRequest(path string, m proto.Message) error {
	raw, err := protojson.MarshalOptions{Multiline: true}.Marshal(m)
	if err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	return s.folder.keep(path, string(raw))
}

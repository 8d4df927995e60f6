package allinone

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/fault"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/sandbox/archive/archiveclient"
	"github.com/naru-relay/naru/services/sandbox/pki"
)

const (
	demoPerson    = "ferry"
	demoNumber    = "0000000001"
	demoAddress   = "demo-institution"
	seedPatience  = 30 * time.Second
	seedPoll      = 50 * time.Millisecond
	termsVersion  = "sandbox-1"
	archiveMember = "demo-institution"
)

// seeder makes the demo's principals through the public doors, as an operator, an institution and a recipient would.
type seeder struct {
	relay *Relay
	conn  *grpc.ClientConn
	demo  endpoints.Demo
}

// Seed makes what is missing of the demo. What an earlier start made is kept. Units that run apart have to be ready.
func (r *Relay) Seed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, seedPatience)
	defer cancel()
	conn, err := grpc.NewClient(r.Endpoints.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	defer conn.Close()
	f := r.folder
	s := &seeder{relay: r, conn: conn, demo: endpoints.Demo{
		Institution: f.path("demo", "institution.json"), Request: f.path("demo", "send.json"), RequestGRPC: f.path("demo", "send-grpc.json"), Document: f.path("demo", "document.pdf"),
		RecipientCI: f.path("demo", "recipient-ci"), Person: demoPerson, ArchiveMember: f.path("demo", "archive-member.json"), ViewingSystem: f.path("demo", "viewing-system"),
	}}
	for _, step := range []struct {
		name string
		run  func(ctx context.Context) error
	}{{"institution", s.institution}, {"recipient", s.recipient}, {"archive member", s.member}, {"request", s.request}} {
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("seed the %s: %w%s", step.name, err, violations(err))
		}
	}
	r.Endpoints.Demo = &s.demo
	return r.folder.writeJSON(0o644, r.Endpoints, endpoints.FileName)
}

// violations lists what a refusal names.
func violations(err error) string {
	var listed strings.Builder
	for _, v := range fault.As(fault.FromStatus(status.Convert(err))).Violations {
		fmt.Fprintf(&listed, "; %s %s", v.Field, v.Message)
	}
	return listed.String()
}

// as gives a context whose calls carry a token of these credentials.
func (s *seeder) as(ctx context.Context, file string) (context.Context, error) {
	c, err := endpoints.ReadCredentials(file)
	if err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	token, err := gatewayv1.NewTokenServiceClient(s.conn).IssueToken(ctx, &gatewayv1.IssueTokenRequest{ClientId: c.ClientID, ClientSecret: c.ClientSecret})
	if err != nil {
		return nil, err
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token.GetAccessToken()), nil
}

func (s *seeder) institution(ctx context.Context) error {
	if _, err := os.Stat(s.demo.Institution); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	admin, err := s.as(ctx, s.relay.Endpoints.AdminCredentials)
	if err != nil {
		return err
	}
	client := gatewayv1.NewPrincipalAdminServiceClient(s.conn)
	made, err := client.CreateInstitution(admin, &gatewayv1.CreateInstitutionRequest{
		Institution:      &gatewayv1.Institution{Name: "시험용 발송기관", BusinessNumber: demoNumber, Type: gatewayv1.OrganisationType_ORGANISATION_TYPE_PUBLIC_INSTITUTION, Address: demoAddress},
		BusinessDocument: testImage(), RegistrationDocument: testImage(),
	})
	if err != nil {
		return err
	}
	institution := made.GetInstitution().GetId()
	if err := poll(ctx, func() (bool, error) {
		got, err := client.GetInstitution(admin, &gatewayv1.GetInstitutionRequest{Id: institution})
		return got.GetInstitution().GetAddressState() == gatewayv1.AddressState_ADDRESS_STATE_REGISTERED, err
	}); err != nil {
		return err
	}
	system, err := client.CreateViewingSystem(admin, &gatewayv1.CreateViewingSystemRequest{ViewingSystem: &gatewayv1.ViewingSystem{Name: "시험용 열람시스템", Senders: []string{institution}}})
	if err != nil {
		return err
	}
	return errors.Join(
		s.relay.folder.keep(s.demo.ViewingSystem, system.GetViewingSystem().GetId()),
		s.relay.folder.writeJSON(0o600, credentials(system.GetCredentials()), "sandbox", "viewing-credentials.json"),
		s.relay.folder.writeJSON(0o600, credentials(made.GetCredentials()), "demo", "institution.json"))
}

func credentials(c *gatewayv1.Credentials) endpoints.Credentials {
	return endpoints.Credentials{ClientID: c.GetClientId(), ClientSecret: c.GetClientSecret()}
}

// recipient joins one of the identity provider's invented persons.
func (s *seeder) recipient(ctx context.Context) error {
	var persons struct {
		Persons []struct{ ID, CI string } `json:"persons"`
	}
	if err := s.relay.outside.administer(ctx, http.MethodGet, "idp", "/sandbox/persons", nil, &persons); err != nil {
		return err
	}
	for _, p := range persons.Persons {
		if p.ID == demoPerson {
			if err := s.relay.folder.keep(s.demo.RecipientCI, p.CI); err != nil {
				return err
			}
		}
	}
	sessions := viewingv1.NewSessionServiceClient(s.conn)
	started, err := sessions.StartSession(ctx, &viewingv1.StartSessionRequest{RedirectUri: redirectURI})
	if err != nil {
		return err
	}
	code, err := s.prove(ctx, started.GetAuthorizationUrl())
	if err != nil {
		return err
	}
	session, err := sessions.CompleteSession(ctx, &viewingv1.CompleteSessionRequest{State: started.GetState(), Code: code})
	if err != nil {
		return err
	}
	recipient := metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+session.GetSessionToken())
	membership := addressv1.NewMembershipServiceClient(s.conn)
	if _, err := membership.Join(recipient, &addressv1.JoinRequest{TermsVersion: termsVersion, Consent: true, DesignateInbox: true}); err != nil {
		return err
	}
	return poll(ctx, func() (bool, error) {
		got, err := membership.GetMembership(recipient, &addressv1.GetMembershipRequest{})
		return got.GetMembership().GetState() == addressv1.MemberState_MEMBER_STATE_ACTIVE, err
	})
}

// prove is the person's browser: it chooses who it is and is sent back with a code.
func (s *seeder) prove(ctx context.Context, authorizationURL string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, authorizationURL+"&login_hint="+demoPerson, nil)
	if err != nil {
		return "", fmt.Errorf("prove identity: %w", err)
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := browser.Do(request)
	if err != nil {
		return "", fmt.Errorf("prove identity: %w", err)
	}
	defer response.Body.Close()
	back, err := url.Parse(response.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		return "", errors.New("the identity provider gave no code, but " + response.Status)
	}
	return back.Query().Get("code"), nil
}

func (s *seeder) member(ctx context.Context) error {
	password, err := s.relay.folder.secret("sandbox", "archive_member_password")
	if err != nil {
		return err
	}
	if err := s.relay.outside.administer(ctx, http.MethodPost, "archive", "/sandbox/archive/members",
		map[string]string{"memberId": archiveMember, "name": "시험용 발송기관", "password": password}, nil); err != nil {
		return err
	}
	return s.relay.folder.writeJSON(0o600, endpoints.ArchiveMember{MemberID: archiveMember, Password: password}, "demo", "archive-member.json")
}

// request prepares a send request: registered at the archive (guide 5.1.1 ❶), stored at the viewing system (❷).
func (s *seeder) request(ctx context.Context) error {
	if _, err := os.Stat(s.demo.Request); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	document := testPDF()
	certificate, err := s.register(ctx, document)
	if err != nil {
		return err
	}
	ci, err := os.ReadFile(s.demo.RecipientCI)
	if err != nil {
		return fmt.Errorf("read the recipient: %w", err)
	}
	viewingURL, err := s.store(ctx, document, string(ci))
	if err != nil {
		return err
	}
	system, err := os.ReadFile(s.demo.ViewingSystem)
	if err != nil {
		return fmt.Errorf("read the viewing system: %w", err)
	}
	hash := sha256.Sum256(document)
	item := &intakev1.SendItem{
		OwnKey: "demo-1", Recipient: &platformv1.RecipientIdentifier{Ci: proto.String(string(ci))}, Title: "시험용 안내문",
		DocumentType: platformv1.DocumentType_DOCUMENT_TYPE_GENERAL, Category: platformv1.DocumentCategory_DOCUMENT_CATEGORY_NOTICE,
		DocumentHash:            &platformv1.Digest{Algorithm: "SHA-256", Value: hex.EncodeToString(hash[:])},
		Viewing:                 &intakev1.Viewing{Url: viewingURL, ViewingSystem: string(system)},
		RegistrationCertificate: certificate,
	}
	return errors.Join(s.relay.folder.keep(s.demo.Document, string(document)), s.keepRequest(s.demo.Request, item), s.keepRequest(s.demo.RequestGRPC, &intakev1.SendRequest{Item: item}))
}

func (s *seeder) keepRequest(path string, m proto.Message) error {
	raw, err := protojson.MarshalOptions{Multiline: true}.Marshal(m)
	if err != nil {
		return fmt.Errorf("write request: %w", err)
	}
	return s.relay.folder.keep(path, string(raw))
}

func (s *seeder) register(ctx context.Context, document []byte) ([]byte, error) {
	password, err := s.relay.folder.secret("sandbox", "archive_member_password")
	if err != nil {
		return nil, err
	}
	client, err := archiveclient.New(archiveclient.Options{BaseURL: s.relay.outside.url("archive"), HTTP: http.DefaultClient, MemberID: archiveMember, Password: password})
	if err != nil {
		return nil, err
	}
	registered, err := client.Submit(ctx, archiveclient.Submission{
		FileName: "document.pdf", MediaType: "application/pdf", Open: func() (io.Reader, error) { return bytes.NewReader(document), nil },
	})
	if err != nil {
		return nil, err
	}
	return registered.RegistrationCertificate, nil
}

// store puts the document and who may see it at the viewing system.
func (s *seeder) store(ctx context.Context, document []byte, ci string) (string, error) {
	secret, err := s.relay.folder.secret("sandbox", "viewing_sender_secret")
	if err != nil {
		return "", err
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	hash := sha256.Sum256(document)
	meta, err := json.Marshal(map[string]any{
		"recipient": map[string]string{"ci": ci}, "edocHash": map[string]string{"algorithm": "SHA-256", "value": hex.EncodeToString(hash[:])},
	})
	if err != nil {
		return "", fmt.Errorf("encode: %w", err)
	}
	if err := form.WriteField("meta", string(meta)); err != nil {
		return "", fmt.Errorf("encode: %w", err)
	}
	part, err := form.CreateFormFile("document", "document.pdf")
	if err != nil {
		return "", fmt.Errorf("encode: %w", err)
	}
	if _, err := part.Write(document); err != nil {
		return "", fmt.Errorf("encode: %w", err)
	}
	if err := form.Close(); err != nil {
		return "", fmt.Errorf("encode: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.relay.outside.url("viewing")+"/documents", &body)
	if err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	request.SetBasicAuth(demoSender, secret)
	request.Header.Set("Content-Type", form.FormDataContentType())
	roots := x509.NewCertPool()
	roots.AddCert(s.relay.outside.authority.Root(pki.Server))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}}}
	response, err := client.Do(request)
	if err != nil {
		return "", fmt.Errorf("store: %w", err)
	}
	defer response.Body.Close()
	var answer struct {
		ViewingURL string `json:"viewingUrl"`
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil || json.Unmarshal(raw, &answer) != nil || answer.ViewingURL == "" {
		return "", fmt.Errorf("the viewing system answered %s", response.Status)
	}
	return answer.ViewingURL, nil
}

func poll(ctx context.Context, done func() (bool, error)) error {
	ticker := time.NewTicker(seedPoll)
	defer ticker.Stop()
	for {
		ok, err := done()
		if err != nil || ok {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

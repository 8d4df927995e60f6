package harness

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/archiveclient"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/invented"
)

// Institution is a sending institution with its viewing system and its membership at the archive.
type Institution struct {
	*Caller
	ID, Address   string
	Credentials   Credentials
	ViewingSystem string
	stack         *Stack
}

// Institution returns the seeded institution, whose viewing system is the sandbox's.
func (s *Stack) Institution(t testing.TB) *Institution {
	t.Helper()
	credentials := ReadCredentials(t, s.Endpoints.Demo.Institution)
	system, err := os.ReadFile(s.Endpoints.Demo.ViewingSystem)
	require.NoError(t, err)
	return &Institution{Caller: s.LogIn(t, credentials), Credentials: credentials, ViewingSystem: string(system), stack: s}
}

// NewInstitution adds an institution with a new viewing system. The test plays that system itself.
func (s *Stack) NewInstitution(t testing.TB) (*Institution, *Caller) {
	t.Helper()
	admin := s.Admin(t)
	suffix := strings.ToLower(rand.Text()[:12])
	var made struct {
		Institution struct{ ID string } `json:"institution"`
		Credentials Credentials
	}
	admin.Do(t, http.MethodPost, "/v1/admin/institutions", map[string]any{
		"institution": map[string]any{
			"name": "시험용 기관 " + suffix, "businessNumber": invented.AnyBusinessNumber(), "type": "ORGANISATION_TYPE_CORPORATION", "address": "inst-" + suffix,
			"archiveMemberships": []any{s.Membership(t)},
		},
		"businessDocument":     base64.StdEncoding.EncodeToString(blankJPEG()),
		"registrationDocument": base64.StdEncoding.EncodeToString(blankJPEG()),
	}).Into(t, &made)
	await.Require(t, Patience, func() bool {
		var got struct {
			Institution struct{ AddressState string }
		}
		admin.Do(t, http.MethodGet, "/v1/admin/institutions/"+made.Institution.ID, nil).Into(t, &got)
		return got.Institution.AddressState == "ADDRESS_STATE_REGISTERED"
	})
	var system struct {
		ViewingSystem struct{ ID string } `json:"viewingSystem"`
		Credentials   Credentials
	}
	admin.Do(t, http.MethodPost, "/v1/admin/viewing-systems", map[string]any{
		"viewingSystem": map[string]any{"name": "시험용 열람시스템 " + suffix, "senders": []string{made.Institution.ID}},
	}).Into(t, &system)
	return &Institution{Caller: s.LogIn(t, made.Credentials), ID: made.Institution.ID, Address: "inst-" + suffix, Credentials: made.Credentials,
		ViewingSystem: system.ViewingSystem.ID, stack: s}, s.LogIn(t, system.Credentials)
}

// Document is a document of a test.
type Document struct {
	Bytes       []byte
	Hash        string
	Certificate []byte
	ArchiveID   string
	ViewingURL  string
	Item        map[string]any
	EdocNum     string
	Receipt     string
}

// Invite says at which mail address, of nobody's, the recipient is invited if it is a member nowhere.
func (d *Document) Invite() {
	d.Item["contact"] = map[string]any{"email": strings.ToLower(rand.Text()) + "@invited.example"}
}

// NewDocument makes a document with unique bytes, registers it at the archive (❶) and prepares its send request.
func (i *Institution) NewDocument(t testing.TB, recipient map[string]any) *Document {
	t.Helper()
	d := &Document{Bytes: []byte("%PDF-1.4 시험용 " + rand.Text() + "\n%%EOF\n"), ViewingURL: "https://viewing.example/" + uuid.NewString()}
	sum := sha256.Sum256(d.Bytes)
	d.Hash = hex.EncodeToString(sum[:])
	client := i.stack.Archive(t)
	registered, err := client.Submit(t.Context(), archiveclient.Submission{
		FileName: "document.pdf", MediaType: "application/pdf", Open: func() (io.Reader, error) { return bytes.NewReader(d.Bytes), nil },
	})
	require.NoError(t, err)
	d.Certificate, d.ArchiveID = registered.RegistrationCertificate, registered.DocumentID
	d.Item = map[string]any{
		"ownKey": "key-" + rand.Text(), "recipient": recipient, "title": "시험용 안내문", "documentType": "DOCUMENT_TYPE_GENERAL", "category": "DOCUMENT_CATEGORY_NOTICE",
		"documentHash":            map[string]any{"algorithm": "SHA-256", "value": d.Hash},
		"viewing":                 map[string]any{"url": d.ViewingURL, "viewingSystem": i.ViewingSystem},
		"registrationCertificate": base64.StdEncoding.EncodeToString(d.Certificate),
	}
	return d
}

// ArchiveMember is the seeded member of the archive, by which every institution here registers its documents.
type ArchiveMember struct{ MemberID, Password, Archive, Name string }

// ArchiveMember reads it.
func (s *Stack) ArchiveMember(t testing.TB) (member ArchiveMember) {
	t.Helper()
	raw, err := os.ReadFile(s.Endpoints.Demo.ArchiveMember)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &member))
	return member
}

// Membership is what an operator records of an institution that registers its documents by the seeded member.
func (s *Stack) Membership(t testing.TB) map[string]any {
	t.Helper()
	member := s.ArchiveMember(t)
	return map[string]any{"archive": member.Archive, "member": member.Name}
}

// Archive is the archive for its seeded member.
func (s *Stack) Archive(t testing.TB) *archiveclient.Client {
	t.Helper()
	member := s.ArchiveMember(t)
	client, err := archiveclient.New(archiveclient.Options{BaseURL: s.Endpoints.Sandbox.Archive, HTTP: http.DefaultClient, MemberID: member.MemberID, Password: member.Password})
	require.NoError(t, err)
	return client
}

// Store stores the document at the sandbox's viewing system (❷).
func (i *Institution) Store(t testing.TB, d *Document, recipient map[string]any) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	meta, err := json.Marshal(map[string]any{"recipient": recipient, "edocHash": map[string]any{"algorithm": "SHA-256", "value": d.Hash}})
	require.NoError(t, err)
	require.NoError(t, form.WriteField("meta", string(meta)))
	part, err := form.CreateFormFile("document", "document.pdf")
	require.NoError(t, err)
	_, err = part.Write(d.Bytes)
	require.NoError(t, err)
	require.NoError(t, form.Close())
	secret, err := os.ReadFile(i.stack.Endpoints.Sandbox.ViewingSecret)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.stack.Endpoints.Sandbox.Viewing+"/documents", &body)
	require.NoError(t, err)
	request.SetBasicAuth(i.stack.Endpoints.Sandbox.ViewingSender, strings.TrimSpace(string(secret)))
	request.Header.Set("Content-Type", form.FormDataContentType())
	response, err := i.stack.Browser(t).Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	require.NoError(t, err)
	require.Less(t, response.StatusCode, 300, "%s", raw)
	var stored struct{ ViewingURL string }
	require.NoError(t, json.Unmarshal(raw, &stored))
	d.ViewingURL = stored.ViewingURL
	d.Item["viewing"] = map[string]any{"url": d.ViewingURL, "viewingSystem": i.ViewingSystem}
}

// Send sends the document (❸).
func (i *Institution) Send(t testing.TB, d *Document) {
	t.Helper()
	var accepted struct{ EdocNum, Receipt string }
	i.Do(t, http.MethodPost, "/v1/documents", d.Item).Into(t, &accepted)
	d.EdocNum, d.Receipt = accepted.EdocNum, accepted.Receipt
}

// Status is a document's summary.
type Status struct {
	EdocNum, OwnKey, State                    string
	AcceptedAt, SentAt, ReceivedAt, ReadAt    string
	RecipientAddress, Reason, TokenVerifiedAt string
	InvitedAt                                 string
	CancelRefused                             bool
	Hub                                       struct {
		RegistrationResult, ReadTimeResult int
		RegisteredAt, ReadTimeRegisteredAt string
		Queued, Retried                    bool
		Refusal                            string
	}
}

// Registered reports whether the hub holds the record. Result 2 counts too: another journey may have made the hub lose the answer
// to a batch that contained this document.
func (s Status) Registered() bool {
	return s.Hub.RegistrationResult == 1 || s.Hub.RegistrationResult == 2
}

// ReadTimeRegistered reports the same about the read time.
func (s Status) ReadTimeRegistered() bool {
	return s.Hub.ReadTimeResult == 1 || s.Hub.ReadTimeResult == 2
}

// Status reads a document's status.
func (i *Institution) Status(t testing.TB, edocNum string) Status {
	t.Helper()
	var s Status
	i.Do(t, http.MethodGet, "/v1/documents/"+edocNum, nil).Into(t, &s)
	return s
}

// AwaitState waits until a document is in a state.
func (i *Institution) AwaitState(t testing.TB, edocNum, state string) Status {
	t.Helper()
	var last Status
	await.Require(t, Patience, func() bool {
		last = i.Status(t, edocNum)
		return last.State == "DOCUMENT_STATE_"+state
	})
	return last
}

// AwaitStatus waits until wanted accepts a document's status.
func (i *Institution) AwaitStatus(t testing.TB, edocNum string, wanted func(Status) bool) Status {
	t.Helper()
	var last Status
	await.Require(t, Patience, func() bool {
		last = i.Status(t, edocNum)
		return wanted(last)
	})
	return last
}

// Person is an invented person of the identity provider.
type Person struct {
	ID, CI, Name, BirthDate, Phone string
}

// Recipient is a person with a session.
type Recipient struct {
	*Caller
	Person
	stack *Stack
}

// NewPerson adds an invented person.
func (s *Stack) NewPerson(t testing.TB) Person {
	t.Helper()
	p := Person{ID: "p-" + strings.ToLower(rand.Text()[:12]), Name: "시험" + hangul(), BirthDate: "19" + fmt.Sprint(50+int(random(50))) + "0101", Phone: "0100000" + digits(4)}
	var made Person
	s.Sandbox(t, s.Endpoints.Sandbox.IDP, http.MethodPost, "/sandbox/persons", map[string]string{"id": p.ID, "name": p.Name, "birthDate": p.BirthDate, "phone": p.Phone}, &made)
	p.CI = made.CI
	require.Len(t, p.CI, 88)
	return p
}

// ByCI identifies the person by CI in a send request.
func (p Person) ByCI() map[string]any { return map[string]any{"ci": p.CI} }

// ByDescription identifies the person by name, birth date and phone.
func (p Person) ByDescription() map[string]any {
	return map[string]any{"person": map[string]any{"name": p.Name, "birthDate": p.BirthDate, "phone": p.Phone}}
}

// LogInPerson proves the person's identity and returns the recipient with a session.
func (s *Stack) LogInPerson(t testing.TB, p Person) *Recipient {
	t.Helper()
	anonymous := s.Anonymous()
	var started struct{ AuthorizationURL, State string }
	raw := anonymous.Do(t, http.MethodPost, "/v1/sessions:start", map[string]string{"redirectUri": s.Endpoints.Sandbox.RedirectURI})
	raw.Into(t, &started)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, started.AuthorizationURL+"&login_hint="+p.ID, nil)
	require.NoError(t, err)
	back, err := send(request)
	require.NoError(t, err)
	location, err := url.Parse(back.Header.Get("Location"))
	require.NoError(t, err)
	require.NotEmpty(t, location.Query().Get("code"), "%d %s", back.Status, back.Body)
	var session struct{ SessionToken string }
	anonymous.Do(t, http.MethodPost, "/v1/sessions:complete", map[string]string{"state": location.Query().Get("state"), "code": location.Query().Get("code")}).Into(t, &session)
	return &Recipient{Caller: s.WithToken(session.SessionToken), Person: p, stack: s}
}

// NewMember adds a person and makes it a member with consent.
func (s *Stack) NewMember(t testing.TB) *Recipient {
	t.Helper()
	r := s.LogInPerson(t, s.NewPerson(t))
	r.Join(t)
	return r
}

// Join makes the recipient a member, waits until the hub has the address, and returns the address.
func (r *Recipient) Join(t testing.TB) string {
	t.Helper()
	r.Do(t, http.MethodPost, "/v1/membership", map[string]any{"termsVersion": "1", "consent": true, "designateInbox": true}).Into(t, &struct{}{})
	var got struct {
		Membership struct{ State, Address string }
	}
	await.Require(t, Patience, func() bool {
		r.Do(t, http.MethodGet, "/v1/membership", nil).Into(t, &got)
		return got.Membership.State == "MEMBER_STATE_ACTIVE"
	})
	return got.Membership.Address
}

// Token is a viewing token with its URL.
type Token struct{ Token, URL, ExpiresAt string }

// ViewingToken gets a viewing token (❹).
func (r *Recipient) ViewingToken(t testing.TB, edocNum string) Token {
	t.Helper()
	var token Token
	r.Do(t, http.MethodPost, "/v1/inbox/"+edocNum+":view", map[string]any{}).Into(t, &token)
	return token
}

// Browser returns a client that trusts the sandbox's TLS and follows no redirects.
func (s *Stack) Browser(t testing.TB) *http.Client {
	t.Helper()
	root, err := os.ReadFile(s.Endpoints.Sandbox.Authority)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(root))
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: Patience}
}

// Open presses the button on the page of a viewing URL (❺).
func (s *Stack) Open(t testing.TB, viewingURL string) (int, []byte) {
	t.Helper()
	return s.browse(t, http.MethodPost, viewingURL)
}

// LookAhead follows a viewing URL as a browser that prefetches does, or a scanner of mail.
func (s *Stack) LookAhead(t testing.TB, viewingURL string) (int, []byte) {
	t.Helper()
	return s.browse(t, http.MethodGet, viewingURL)
}

func (s *Stack) browse(t testing.TB, method, viewingURL string) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, viewingURL, nil)
	require.NoError(t, err)
	response, err := s.Browser(t).Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	require.NoError(t, err)
	return response.StatusCode, raw
}

func random(n byte) byte {
	var b [1]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return b[0] % n
}

func digits(n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte('0' + random(10))
	}
	return b.String()
}

func hangul() string {
	return string([]rune{'가' + rune(random(200)), '나' + rune(random(200))})
}

func blankJPEG() []byte {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil) // a buffer accepts every write
	return b.Bytes()
}

// Now returns the current time in the API's format.
func Now() string { return clock.System().Now().Format("2006-01-02T15:04:05.000000Z") }

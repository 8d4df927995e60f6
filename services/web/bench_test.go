package web_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/testkit/certs"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/web"
)

// Two documents: one that this relay shows, and one that its sender's viewing system does.
const (
	here  = "20261130_NARU000001_0000000000017"
	there = "20261130_NARU000001_0000000000024"
)

// Planted values: none may stand in a log, an address or a title.
const (
	plantedTitle  = "시험용 김나루 세금고지서"
	plantedName   = "시험이름나루"
	plantedPhone  = "01099998888"
	plantedSearch = "시험용찾는말"
	plantedFile   = "시험용-김나루-고지서.pdf"
	plantedToken  = "planted.viewing.token"
)

// world is everything outside the unit: fakes of the units it calls.
type world struct {
	*unittest.Bench
	viewing *fakeViewing
	address *fakeAddress
	content *fakeContent
	intake  *fakeIntake
	status  *fakeStatus
	// invitations and approvals are the fakes of delivery and intake beside the inbox and sending.
	invitations *fakeInvitations
	approvals   *fakeApprovals
	host        string
	identity    *tls.Config
}

// setup starts the unit with its pages, some of its settings changed.
func setup(t *testing.T, change ...func(*web.Config)) *world {
	t.Helper()
	w := &world{viewing: &fakeViewing{}, address: &fakeAddress{members: map[string]*addressv1.Membership{}}, content: &fakeContent{files: map[string]*held{}}, intake: &fakeIntake{}, status: &fakeStatus{}}
	w.invitations, w.approvals = &fakeInvitations{}, newApprovals()
	leaf := certs.NewCA(t, "pages").Leaf([]string{"127.0.0.1"})
	_, certificate, key := leaf.Files()
	w.identity = leaf.ClientTLS()
	w.Bench = unittest.New(t, web.Unit,
		unittest.Config(func(c *web.Config) {
			c.Listen, c.CertificateFile, c.KeyFile, c.PublicURL = "127.0.0.1:0", certificate, key, "https://my.relay.example"
			c.SpoolDir = t.TempDir()
			c.Rate.SignInsBurst, c.Rate.PagesBurst = 1000, 10_000
			for _, set := range change {
				set(c)
			}
		}),
		unittest.Neighbour("viewing", func(r grpc.ServiceRegistrar) {
			viewingv1.RegisterSessionServiceServer(r, w.viewing)
			viewingv1.RegisterViewingTokenServiceServer(r, w.viewing)
			viewingv1.RegisterHostedViewingServiceServer(r, w.viewing)
			viewingv1.RegisterAccessServiceServer(r, w.viewing)
		}),
		unittest.Neighbour("address", func(r grpc.ServiceRegistrar) {
			addressv1.RegisterMembershipServiceServer(r, w.address)
			addressv1.RegisterOrganisationServiceServer(r, w.address)
			addressv1.RegisterAddressServiceServer(r, w.address)
		}),
		unittest.Neighbour("delivery", func(r grpc.ServiceRegistrar) {
			deliveryv1.RegisterInboxServiceServer(r, &fakeInbox{})
			deliveryv1.RegisterInvitationServiceServer(r, w.invitations)
			deliveryv1.RegisterNoticeServiceServer(r, fakeNotices{})
		}),
		unittest.Neighbour("certificate", func(r grpc.ServiceRegistrar) {
			certificatev1.RegisterCertificateServiceServer(r, &fakeCertificates{})
			bundles := &fakeBundles{}
			certificatev1.RegisterBundleServiceServer(r, bundles)
			certificatev1.RegisterVerificationServiceServer(r, bundles)
		}),
		unittest.Neighbour("content", func(r grpc.ServiceRegistrar) { contentv1.RegisterUploadServiceServer(r, w.content) }),
		unittest.Neighbour("intake", func(r grpc.ServiceRegistrar) {
			intakev1.RegisterIntakeServiceServer(r, w.intake)
			intakev1.RegisterAuthorisationServiceServer(r, w.approvals)
		}),
		unittest.Neighbour("status", func(r grpc.ServiceRegistrar) { statusv1.RegisterStatusServiceServer(r, w.status) }),
	)
	w.viewing.now = w.Clock.Now
	w.viewing.token = func(person string) string { return w.SessionToken(t, person) }
	w.viewing.acting = func(organisation, person string) string {
		return w.ActingToken(t, organisation, person, w.address.rights()...)
	}
	w.viewing.rights = w.address.rights
	found := regexp.MustCompile(`"address":"(127\.0\.0\.1:[0-9]+)"`).FindStringSubmatch(w.Logs.String())
	require.Len(t, found, 2)
	w.host = found[1]
	return w
}

// browser is somebody at the pages.
type browser struct {
	t      *testing.T
	w      *world
	client *http.Client
	jar    *cookiejar.Jar
	person string
}

func (w *world) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	transport := &http.Transport{TLSClientConfig: w.identity}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{t: t, w: w, jar: jar, client: &http.Client{
		Transport: transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// signedIn is a browser of a person who has proved who it is.
func (w *world) signedIn(t *testing.T, person string) *browser {
	t.Helper()
	b := w.browser(t)
	b.signIn(person)
	return b
}

func (b *browser) signIn(person string) {
	b.t.Helper()
	begun := b.get("/signin")
	require.Equal(b.t, http.StatusSeeOther, begun.status)
	at, err := url.Parse(begun.header.Get("Location"))
	require.NoError(b.t, err)
	back := b.get("/signin/callback?" + url.Values{"code": {person}, "state": {at.Query().Get("state")}}.Encode())
	require.Equal(b.t, http.StatusSeeOther, back.status, back.body)
	b.person = person
}

// answered is what came back.
type answered struct {
	status int
	header http.Header
	body   string
}

func (b *browser) do(method, path string, body io.Reader, headers ...string) answered {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, "https://"+b.w.host+path, body)
	require.NoError(b.t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := b.client.Do(r)
	require.NoError(b.t, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	require.NoError(b.t, err)
	return answered{response.StatusCode, response.Header, string(raw)}
}

func (b *browser) get(path string, headers ...string) answered {
	b.t.Helper()
	return b.do(http.MethodGet, path, nil, headers...)
}

var tokenInput = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// token is that of the forms of a page.
func (b *browser) token(path string) string {
	b.t.Helper()
	page := b.get(path)
	found := tokenInput.FindStringSubmatch(page.body)
	require.Len(b.t, found, 2, "%d %s", page.status, page.body)
	return found[1]
}

// post sends a form of the person's.
func (b *browser) post(path string, form url.Values, headers ...string) answered {
	b.t.Helper()
	if !form.Has("csrf") {
		form.Set("csrf", b.token("/sessions"))
	}
	return b.do(http.MethodPost, path, strings.NewReader(form.Encode()), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

func (b *browser) cookie(name string) string {
	for _, c := range b.jar.Cookies(&url.URL{Scheme: "https", Host: b.w.host}) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

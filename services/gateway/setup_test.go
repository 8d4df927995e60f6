package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/pkg/unit"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

const (
	publicURL = "https://relay.example"
	edocNum   = "20260302_ABCDE12345_0000000000042"
)

// neighbours plays the units behind the doors.
type neighbours struct {
	addressv1.UnimplementedAddressServiceServer
	intakev1.UnimplementedIntakeServiceServer
	certificatev1.UnimplementedCertificateServiceServer
	platformv1.UnimplementedParkedEventServiceServer

	mu sync.Mutex
	// institutions are those that the address unit stores, by business number; registered are the requests it received.
	institutions map[string]*addressv1.Institution
	registered   []*addressv1.RegisterInstitutionRequest
	refusal      error
	callers      []authn.Principal
	// authorised are the persons who may act, by organisation and person; asked is how often that was wanted to be known.
	authorised map[[2]string][]string
	asked      int
	away       error
}

func (n *neighbours) RegisterInstitution(_ context.Context, r *addressv1.RegisterInstitutionRequest) (*addressv1.RegisterInstitutionResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.registered = append(n.registered, r)
	if n.refusal != nil {
		return nil, n.refusal
	}
	number := r.GetInstitution().GetBusinessNumber()
	if n.institutions[number] == nil {
		kept := proto.CloneOf(r.GetInstitution())
		kept.Id, kept.Address, kept.CreatedAt = unittest.NewID(), strings.ToLower(kept.GetAddress()), timestamppb.New(time.Unix(0, 0))
		kept.AddressState = addressv1.AddressState_ADDRESS_STATE_PENDING
		n.institutions[number] = kept
	}
	return &addressv1.RegisterInstitutionResponse{Institution: n.institutions[number]}, nil
}

func (n *neighbours) TakeAuthority(_ context.Context, r *addressv1.TakeAuthorityRequest) (*addressv1.TakeAuthorityResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	switch {
	case n.away != nil:
		return nil, n.away
	case n.authorised[[2]string{r.GetOrganisation(), r.GetPerson()}] == nil:
		return nil, fault.New(fault.Denied, "address", addressv1.Reason_REASON_NOT_AUTHORISED, "")
	}
	return &addressv1.TakeAuthorityResponse{Authority: unittest.NewID(), Scopes: n.authorised[[2]string{r.GetOrganisation(), r.GetPerson()}]}, nil
}

// authorise says what a person may do for an organisation; without scopes nothing.
func (n *neighbours) authorise(organisation, person string, scopes ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.authorised[[2]string{organisation, person}] = scopes
}

// leave makes questions about authorities fail; with nil they are answered again.
func (n *neighbours) leave(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.away = err
}

// questions is how often somebody wanted to know of an authority.
func (n *neighbours) questions() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}

func (n *neighbours) refuse(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refusal = err
}

func (n *neighbours) registrations() []*addressv1.RegisterInstitutionRequest {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.registered)
}

func (n *neighbours) called(ctx context.Context) {
	p, _ := authn.FromContext(ctx)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.callers = append(n.callers, p)
}

func (n *neighbours) lastCaller() authn.Principal {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.callers[len(n.callers)-1]
}

func (n *neighbours) Send(ctx context.Context, r *intakev1.SendRequest) (*intakev1.SendResponse, error) {
	n.called(ctx)
	if r.GetItem().GetOwnKey() == "taken" {
		return nil, fault.New(fault.Conflict, "intake", intakev1.Reason_REASON_OWN_KEY_CONFLICT, "the key has another content", fault.WithMetadata("existing_edoc_num", edocNum))
	}
	if r.GetItem().GetOwnKey() == "broken" {
		return nil, fault.New(fault.Invalid, "intake", intakev1.Reason_REASON_INVALID_ITEM, "the item breaks rules", fault.WithViolations(
			fault.Violation{Field: "item.recipient.person.name", Rule: "string.min_len", Message: "must be longer"},
			fault.Violation{Field: "item", Rule: "send_item.registration_certificate", Message: "exactly one"}))
	}
	return &intakev1.SendResponse{Acceptance: &intakev1.Acceptance{OwnKey: r.GetItem().GetOwnKey(), EdocNum: edocNum, AcceptedAt: timestamppb.New(time.Unix(0, 0))}}, nil
}

func (n *neighbours) BatchSend(ctx context.Context, r *intakev1.BatchSendRequest) (*intakev1.BatchSendResponse, error) {
	n.called(ctx)
	answer := &intakev1.BatchSendResponse{}
	for i, item := range r.GetItems() {
		answer.Outcomes = append(answer.Outcomes, &intakev1.ItemOutcome{Index: int32(i), Outcome: &intakev1.ItemOutcome_Accepted{Accepted: &intakev1.Acceptance{OwnKey: item.GetOwnKey()}}})
	}
	return answer, nil
}

func (n *neighbours) GetLimits(context.Context, *intakev1.GetLimitsRequest) (*intakev1.GetLimitsResponse, error) {
	return &intakev1.GetLimitsResponse{BatchItems: 1000}, nil
}

func (n *neighbours) DownloadCertificate(context.Context, *certificatev1.DownloadCertificateRequest) (*httpbody.HttpBody, error) {
	return &httpbody.HttpBody{ContentType: "application/pdf", Data: []byte("%PDF-1.7\x00\xff")}, nil
}

func (n *neighbours) ListParkedEvents(context.Context, *platformv1.ListParkedEventsRequest) (*platformv1.ListParkedEventsResponse, error) {
	return &platformv1.ListParkedEventsResponse{Events: []*platformv1.ParkedEvent{{Id: "of intake"}}}, nil
}

// keySet serves a key set as a unit does.
type keySet struct {
	platformv1.UnimplementedKeyServiceServer
}

func (keySet) GetKeySet(context.Context, *platformv1.GetKeySetRequest) (*platformv1.GetKeySetResponse, error) {
	return &platformv1.GetKeySetResponse{Jwks: `{"keys":[]}`}, nil
}

// behind returns units as the doors see them: a name and what they offer.
func behind() []unit.Unit {
	return []unit.Unit{
		{Name: "address", Doors: []unit.Door{unit.Offer(&addressv1.MembershipService_ServiceDesc, addressv1.RegisterMembershipServiceHandlerClient, addressv1.NewMembershipServiceClient)}},
		{Name: "certificate", Doors: []unit.Door{unit.Offer(&certificatev1.CertificateService_ServiceDesc, certificatev1.RegisterCertificateServiceHandlerClient, certificatev1.NewCertificateServiceClient)}},
		{Name: "content", Doors: []unit.Door{unit.Offer(&contentv1.UploadService_ServiceDesc, contentv1.RegisterUploadServiceHandlerClient, contentv1.NewUploadServiceClient)}},
		{Name: "intake", Doors: []unit.Door{unit.Offer(&intakev1.IntakeService_ServiceDesc, intakev1.RegisterIntakeServiceHandlerClient, intakev1.NewIntakeServiceClient)}},
		{Name: "status", Doors: []unit.Door{unit.Offer(&statusv1.StatusService_ServiceDesc, statusv1.RegisterStatusServiceHandlerClient, statusv1.NewStatusServiceClient)}},
		{Name: "viewing", Doors: []unit.Door{
			unit.Offer(&viewingv1.SessionService_ServiceDesc, viewingv1.RegisterSessionServiceHandlerClient, viewingv1.NewSessionServiceClient),
			unit.Offer(&viewingv1.ViewingService_ServiceDesc, viewingv1.RegisterViewingServiceHandlerClient, viewingv1.NewViewingServiceClient),
			unit.Offer(&viewingv1.HostedViewingService_ServiceDesc, viewingv1.RegisterHostedViewingServiceHandlerClient, viewingv1.NewHostedViewingServiceClient),
		}},
	}
}

// world is a running gateway with its doors on real sockets.
type world struct {
	*unittest.Bench
	units      *neighbours
	files      *files
	rest, grpc string
	admin      login
}

type login struct {
	ID     string `json:"clientId"`
	Secret string `json:"clientSecret"`
}

func setup(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	w := &world{units: &neighbours{institutions: map[string]*addressv1.Institution{}, authorised: map[[2]string][]string{}}, files: &files{}}
	file := filepath.Join(t.TempDir(), "admin.json")
	w.Bench = unittest.New(t, New(behind()...),
		unittest.Neighbour("address", func(r grpc.ServiceRegistrar) { addressv1.RegisterAddressServiceServer(r, w.units) }),
		unittest.Neighbour("certificate", func(r grpc.ServiceRegistrar) { certificatev1.RegisterCertificateServiceServer(r, w.units) }),
		unittest.Neighbour("content", func(r grpc.ServiceRegistrar) { contentv1.RegisterUploadServiceServer(r, w.files) }),
		unittest.Neighbour("viewing", func(r grpc.ServiceRegistrar) { viewingv1.RegisterHostedViewingServiceServer(r, w.files) }),
		unittest.Neighbour("intake", func(r grpc.ServiceRegistrar) {
			intakev1.RegisterIntakeServiceServer(r, w.units)
			platformv1.RegisterParkedEventServiceServer(r, w.units)
			platformv1.RegisterKeyServiceServer(r, keySet{})
			platformv1.RegisterLogServiceServer(r, publicLog{})
		}),
		unittest.Config(func(c *Config) {
			c.REST.Listen, c.GRPC.Listen, c.PublicURL, c.BootstrapAdminFile = "127.0.0.1:0", "127.0.0.1:0", publicURL, file
			c.Quota.TokensBurst, c.Quota.FailuresBurst = 1000, 1000
			for _, f := range change {
				f(c)
			}
		}))
	w.rest, w.grpc = "http://"+w.address(t, restName), w.address(t, grpcName)
	w.admin = readCredentials(t, file)
	return w
}

// address returns where a door listens, as the unit logged it.
func (w *world) address(t *testing.T, door string) string {
	t.Helper()
	found := regexp.MustCompile(`"msg":"a door listens"[^\n]*"door":"` + door + `","address":"([^"]+)"`).FindStringSubmatch(w.Logs.String())
	require.Len(t, found, 2)
	return found[1]
}

type answer struct {
	status int
	header http.Header
	body   string
}

// json decodes the body.
func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(a.body), &v), "%s", a.body)
	return v
}

func (w *world) call(t *testing.T, method, path, token, body string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, w.rest+path, strings.NewReader(body))
	require.NoError(t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{response.StatusCode, response.Header, string(raw)}
}

// form posts to the token endpoint.
func (w *world) form(t *testing.T, values url.Values, headers ...string) answer {
	t.Helper()
	return w.call(t, http.MethodPost, "/oauth2/token", "", values.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

// token gets an access token with client_secret_post.
func (w *world) token(t *testing.T, c login) string {
	t.Helper()
	got := w.form(t, url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ID}, "client_secret": {c.Secret}})
	require.Equal(t, 200, got.status, "%s", got.body)
	token, ok := got.json(t)["access_token"].(string)
	require.True(t, ok)
	return token
}

// dial connects to the gRPC door.
func (w *world) dial(t *testing.T, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(w.grpc, append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

// jpeg returns what the door accepts as a JPEG.
func jpeg(size int) string {
	return base64.StdEncoding.EncodeToString(append([]byte{0xff, 0xd8, 0xff}, bytes.Repeat([]byte{1}, size-3)...))
}

func institutionJSON(name, number, address string) string {
	return `{"institution":{"name":"` + name + `","businessNumber":"` + number + `","type":"ORGANISATION_TYPE_CORPORATION","address":"` + address + `",` +
		`"archiveMemberships":[{"archive":"시험용 전자문서보관소","member":"` + name + `"}]},` +
		`"businessDocument":"` + jpeg(100) + `","registrationDocument":"` + jpeg(200) + `"}`
}

// institution creates a sender and returns its id and credentials.
func (w *world) institution(t *testing.T, number, address string) (string, login) {
	t.Helper()
	got := w.call(t, http.MethodPost, "/v1/admin/institutions", w.token(t, w.admin), institutionJSON("보기기관", number, address))
	require.Equal(t, 200, got.status, "%s", got.body)
	var made struct {
		Institution struct{ ID string }
		Credentials struct{ ClientID, ClientSecret string }
	}
	require.NoError(t, json.Unmarshal([]byte(got.body), &made))
	return made.Institution.ID, login{made.Credentials.ClientID, made.Credentials.ClientSecret}
}

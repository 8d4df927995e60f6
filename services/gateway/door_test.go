package gateway

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/testkit/certs"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// The REST door forwards what its caller may do, with the caller's token.
func TestREST(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, sender := w.institution(t, "1234567853", "sender-rest")
	token, admin := w.token(t, sender), w.token(t, w.admin)
	item := `{"ownKey":"k-1","title":"제목"}`

	got := w.call(t, "POST", "/v1/documents", token, item)
	require.Equal(t, 200, got.status, "%s", got.body)
	require.Equal(t, edocNum, got.json(t)["edocNum"])
	require.Equal(t, "400", got.header.Get("Ratelimit-Limit"))
	require.Equal(t, "399", got.header.Get("Ratelimit-Remaining"))
	require.Len(t, got.header.Get("Traceparent"), 55)
	require.Equal(t, id, w.units.lastCaller().ID)

	got = w.call(t, "POST", "/v1/documents", token, `{"ownKey":"taken"}`, "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	require.Equal(t, 409, got.status)
	problem := got.json(t)
	require.Equal(t, "OWN_KEY_CONFLICT", problem["reason"])
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", problem["instance"])

	for name, tt := range map[string]struct {
		method, path, token, reason string
		status                      int
	}{
		"no token":                   {"POST", "/v1/documents", "", "TOKEN_MISSING", 401},
		"a made-up token":            {"POST", "/v1/documents", "x.y.z", "TOKEN_INVALID", 401},
		"another kind":               {"POST", "/v1/documents", admin, "KIND_NOT_PERMITTED", 403},
		"a sender among operators":   {"POST", "/v1/admin/institutions", token, "KIND_NOT_PERMITTED", 403},
		"a unit that is down":        {"GET", "/v1/documents/" + edocNum, token, "UNAVAILABLE", 503},
		"an internal RPC":            {"GET", "/naru.intake.v1.IntakeLookupService/GetDocument", token, "NO_SUCH_ROUTE", 404},
		"parked events of no unit":   {"GET", "/v1/admin/units/nobody/parked-events", admin, "NO_SUCH_ROUTE", 404},
		"keys of no unit":            {"GET", "/.well-known/naru/nobody/jwks.json", "", "NO_SUCH_ROUTE", 404},
		"another method beside RPCs": {"POST", "/openapi.json", "", "NO_SUCH_ROUTE", 405},
	} {
		got := w.call(t, tt.method, tt.path, tt.token, "")
		require.Equal(t, tt.status, got.status, "%s: %s", name, got.body)
		require.Equal(t, "application/problem+json", got.header.Get("Content-Type"), name)
		require.Equal(t, tt.status == 503, got.header.Get("Retry-After") != "", name)
		if tt.reason != "" {
			require.Equal(t, tt.reason, got.json(t)["reason"], name)
		}
	}

	require.EqualValues(t, 1000, w.call(t, "GET", "/v1/limits", "", "").json(t)["batchItems"])
	pdf := w.call(t, "GET", "/v1/certificates/"+unittest.NewID()+"/content", token, "")
	require.Equal(t, "application/pdf", pdf.header.Get("Content-Type"))
	require.Equal(t, "%PDF-1.7\x00\xff", pdf.body)
	require.Contains(t, w.call(t, "GET", "/v1/admin/units/intake/parked-events", admin, "").body, "of intake")
	require.JSONEq(t, `{"keys":[]}`, w.call(t, "GET", "/.well-known/naru/intake/jwks.json", "", "").body)
	require.Contains(t, w.call(t, "GET", "/.well-known/naru/gateway/jwks.json", "", "").body, `"kty":"EC"`)
	require.Equal(t, 200, w.call(t, "GET", "/healthz", "", "").status)
	require.Equal(t, 200, w.call(t, "GET", "/readyz", "", "").status)
	description := w.call(t, "GET", "/openapi.json", "", "").json(t)
	require.Contains(t, description["paths"], "/v1/documents:batch")
	require.NotContains(t, description["definitions"], "rpcStatus")
	require.Equal(t, "Naru", description["info"].(map[string]any)["title"])
	require.NotContains(t, w.Logs.String(), token)
}

// A principal has separate quotas for requests and batch items. A call beyond a quota is told when to try again.
func TestQuotas(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) {
		c.Quota.RequestsPerSecond, c.Quota.RequestsBurst, c.Quota.BatchItemsPerSecond, c.Quota.BatchItemsBurst = 0.5, 3, 100, 1000
	})
	sender, other := w.sender(t), w.sender(t)
	batch := `{"items":[` + strings.TrimSuffix(strings.Repeat(`{},`, 600), ",") + `]}`
	got := w.call(t, "POST", "/v1/documents:batch", sender, batch)
	require.Equal(t, 200, got.status, "%s", got.body)
	require.Equal(t, []string{"1000", "400", "6"}, []string{got.header.Get("Ratelimit-Limit"), got.header.Get("Ratelimit-Remaining"), got.header.Get("Ratelimit-Reset")})
	got = w.call(t, "POST", "/v1/documents:batch", sender, batch)
	require.Equal(t, 429, got.status)
	require.Equal(t, "RATE_LIMITED", got.json(t)["reason"])
	require.Equal(t, "2", got.header.Get("Retry-After"), "200 items at 100 a second")

	require.Equal(t, 200, w.call(t, "POST", "/v1/documents", sender, `{}`).status)
	got = w.call(t, "POST", "/v1/documents", sender, `{}`)
	require.Equal(t, 429, got.status, "the fourth request")
	require.Equal(t, "2", got.header.Get("Retry-After"))
	require.Equal(t, 200, w.call(t, "POST", "/v1/documents", other, `{}`).status, "another principal")
	w.Clock.Advance(2 * time.Second)
	require.Equal(t, 200, w.call(t, "POST", "/v1/documents", sender, `{}`).status)

	// Both doors share the principal's quota.
	conn := w.dial(t)
	_, err := intakev1.NewIntakeServiceClient(conn).Send(bearing(t, sender), &intakev1.SendRequest{})
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	require.Equal(t, 2*time.Second, fault.As(fault.FromStatus(status.Convert(err))).RetryAfter)
	_, err = intakev1.NewIntakeServiceClient(conn).BatchSend(bearing(t, other), &intakev1.BatchSendRequest{Items: make600()})
	require.NoError(t, err)
	_, err = intakev1.NewIntakeServiceClient(conn).BatchSend(bearing(t, other), &intakev1.BatchSendRequest{Items: make600()})
	require.Equal(t, "RATE_LIMITED", fault.ReasonOf(fault.FromStatus(status.Convert(err))))
}

// The gRPC door enforces an RPC's size limit too, before it calls the unit. Each RPC has its own limit.
func TestMessagesAreBounded(t *testing.T) {
	t.Parallel()
	w := setup(t)
	sender, client := w.sender(t), intakev1.NewIntakeServiceClient(w.dial(t))
	large := &intakev1.SendItem{OwnKey: strings.Repeat("k", 1<<20)}
	_, err := client.Send(bearing(t, sender), &intakev1.SendRequest{Item: large})
	f := fault.As(fault.FromStatus(status.Convert(err)))
	require.Equal(t, fault.Invalid, f.Kind)
	require.Equal(t, []string{"BODY_TOO_LARGE", "gateway"}, []string{f.Reason, f.Domain})
	_, err = client.Send(bearing(t, sender), &intakev1.SendRequest{Item: &intakev1.SendItem{OwnKey: strings.Repeat("k", 1<<20-64)}})
	require.NoError(t, err, "a message within the bound")
	_, err = client.BatchSend(bearing(t, sender), &intakev1.BatchSendRequest{Items: []*intakev1.SendItem{large}})
	require.NoError(t, err)
}

func make600() []*intakev1.SendItem {
	items := make([]*intakev1.SendItem, 600)
	for i := range items {
		items[i] = &intakev1.SendItem{}
	}
	return items
}

// sender mints a token without an institution, with the gateway's own key.
func (w *world) sender(t *testing.T) string {
	t.Helper()
	signer, err := w.Env.Keys.Signer(t.Context(), keys.AccessToken)
	require.NoError(t, err)
	minter, err := authn.NewMinter("gateway", authn.Key{ID: signer.KeyID(), Signer: signer}, w.Clock)
	require.NoError(t, err)
	token, _, err := minter.Mint(authn.Grant{Subject: unittest.NewID(), Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, Client: "c", Life: time.Minute})
	require.NoError(t, err)
	return token
}

func bearing(t *testing.T, token string) context.Context {
	t.Helper()
	return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
}

// The gRPC door forwards bytes to the unit that owns the method, but nothing to methods that are not public.
func TestGRPC(t *testing.T) {
	t.Parallel()
	w := setup(t)
	conn := w.dial(t)
	token := w.sender(t)
	client := intakev1.NewIntakeServiceClient(conn)
	answer, err := client.Send(bearing(t, token), &intakev1.SendRequest{Item: &intakev1.SendItem{OwnKey: "k-2"}})
	require.NoError(t, err)
	require.Equal(t, "k-2", answer.GetAcceptance().GetOwnKey())
	limits, err := client.GetLimits(t.Context(), &intakev1.GetLimitsRequest{})
	require.NoError(t, err)
	require.EqualValues(t, 1000, limits.GetBatchItems())

	_, err = client.Send(bearing(t, token), &intakev1.SendRequest{Item: &intakev1.SendItem{OwnKey: "taken"}})
	f := fault.As(fault.FromStatus(status.Convert(err)))
	require.Equal(t, []string{"OWN_KEY_CONFLICT", "intake", edocNum}, []string{f.Reason, f.Domain, f.Metadata["existing_edoc_num"]})

	issued, err := gatewayv1.NewTokenServiceClient(conn).IssueToken(t.Context(), &gatewayv1.IssueTokenRequest{ClientId: w.admin.ID, ClientSecret: w.admin.Secret})
	require.NoError(t, err)
	_, err = gatewayv1.NewPrincipalAdminServiceClient(conn).RevokeClient(bearing(t, issued.GetAccessToken()), &gatewayv1.RevokeClientRequest{ClientId: "c-unknown"})
	require.Equal(t, "CLIENT_NOT_FOUND", fault.ReasonOf(fault.FromStatus(status.Convert(err))))

	inUnit := metadata.AppendToOutgoingContext(bearing(t, issued.GetAccessToken()), unitHeader, "intake")
	parked, err := platformv1.NewParkedEventServiceClient(conn).ListParkedEvents(inUnit, &platformv1.ListParkedEventsRequest{Unit: "intake"})
	require.NoError(t, err)
	require.Len(t, parked.GetEvents(), 1)

	for name, tt := range map[string]struct {
		call func(context.Context) error
		ctx  context.Context //nolint:containedctx // table of calls
		code codes.Code
	}{
		"no token": {func(ctx context.Context) error { _, err := client.Send(ctx, &intakev1.SendRequest{}); return err }, t.Context(), codes.Unauthenticated},
		"an internal RPC": {func(ctx context.Context) error {
			_, err := intakev1.NewIntakeLookupServiceClient(conn).GetDocument(ctx, &intakev1.GetDocumentRequest{EdocNum: edocNum})
			return err
		}, bearing(t, token), codes.NotFound},
		"an internal RPC the gateway itself may call": {func(ctx context.Context) error {
			_, err := addressv1.NewAddressServiceClient(conn).RegisterInstitution(ctx, &addressv1.RegisterInstitutionRequest{})
			return err
		}, bearing(t, token), codes.NotFound},
		"data keys": {func(ctx context.Context) error {
			_, err := platformv1.NewKeyServiceClient(conn).GetDataKey(ctx, &platformv1.GetDataKeyRequest{})
			return err
		}, metadata.AppendToOutgoingContext(bearing(t, token), unitHeader, "intake"), codes.NotFound},
		"another kind": {func(ctx context.Context) error { _, err := client.Send(ctx, &intakev1.SendRequest{}); return err }, bearing(t, issued.GetAccessToken()), codes.PermissionDenied},
		"a made-up RPC": {func(ctx context.Context) error {
			return conn.Invoke(ctx, "/x.Y/Z", &intakev1.SendRequest{}, &intakev1.SendResponse{})
		}, bearing(t, token), codes.NotFound},
		"no unit named": {func(ctx context.Context) error {
			_, err := platformv1.NewKeyServiceClient(conn).GetKeySet(ctx, &platformv1.GetKeySetRequest{})
			return err
		}, t.Context(), codes.InvalidArgument},
	} {
		err := tt.call(tt.ctx)
		require.Equal(t, tt.code, status.Code(err), "%s: %v", name, err)
	}

	healthy, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
	require.NoError(t, err)
	require.Equal(t, healthv1.HealthCheckResponse_SERVING, healthy.GetStatus())
	services := reflected(t, conn)
	require.Contains(t, services, "naru.intake.v1.IntakeService")
	require.NotContains(t, services, "naru.intake.v1.IntakeLookupService")
	require.NotContains(t, w.Logs.String(), token)
}

// Each door reports paths in the caller's own request: the REST body of a single send is the item; the gRPC request contains it.
func TestPathsOfViolations(t *testing.T) {
	t.Parallel()
	w := setup(t)
	token := w.sender(t)
	_, err := intakev1.NewIntakeServiceClient(w.dial(t)).Send(bearing(t, token), &intakev1.SendRequest{Item: &intakev1.SendItem{OwnKey: "broken"}})
	var told []string
	for _, v := range fault.As(fault.FromStatus(status.Convert(err))).Violations {
		told = append(told, v.Field)
	}
	require.Equal(t, []string{"item.recipient.person.name", "item"}, told)

	for body, want := range map[string][]string{
		`{"ownKey":"broken"}`:                         {"recipient.person.name", ""},
		`{"item":{"ownKey":"broken"},"item.title":1}`: {"item", "item.title"},
	} {
		got := w.call(t, "POST", "/v1/documents", token, body)
		require.Equal(t, 400, got.status, "%s", got.body)
		var problem fault.Problem
		require.NoError(t, json.Unmarshal([]byte(got.body), &problem))
		var told []string
		for _, v := range problem.Violations {
			told = append(told, v.Field)
		}
		require.Equal(t, want, told, body)
	}
}

// reflected lists the services that server reflection reports.
func reflected(t *testing.T, conn *grpc.ClientConn) []string {
	t.Helper()
	stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(t.Context())
	require.NoError(t, err)
	require.NoError(t, stream.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}))
	reply, err := stream.Recv()
	require.NoError(t, err)
	require.NoError(t, stream.CloseSend())
	var names []string
	for _, s := range reply.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	return names
}

// With certificates both doors use TLS, including HTTP/2.
func TestTLSDoors(t *testing.T) {
	t.Parallel()
	ca := certs.NewCA(t, "doors")
	leaf := ca.Leaf([]string{"127.0.0.1"})
	_, certificate, key := leaf.Files()
	w := setup(t, func(c *Config) {
		c.REST.CertificateFile, c.REST.KeyFile = certificate, key
		c.GRPC.CertificateFile, c.GRPC.KeyFile = certificate, key
	})
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, DisableKeepAlives: true}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(w.rest, "http:", "https:", 1)+"/healthz", nil)
	require.NoError(t, err)
	response, err := (&http.Client{Transport: transport}).Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	transport.CloseIdleConnections()
	require.Equal(t, 200, response.StatusCode)
	require.Equal(t, 2, response.ProtoMajor)

	conn, err := grpc.NewClient(w.grpc, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12})))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	_, err = healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
	require.NoError(t, err)
}

// A caller that opens a call and never sends its message blocks the door no longer than a call may take, with or without a token.
func TestGRPCDoorWaitsForAMessageOnlySoLong(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.CallTimeout = config.Duration(time.Second) })
	stream, err := w.dial(t).NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/naru.gateway.v1.TokenService/IssueToken")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- stream.RecvMsg(&gatewayv1.IssueTokenResponse{}) }()
	select {
	case err := <-ended:
		require.Equal(t, codes.DeadlineExceeded, status.Code(err))
	case <-time.After(5 * time.Second):
		t.Fatal("the door still waits")
	}
}

// Calls that need no token have a quota per origin, shared by both doors. It affects neither callers with a token nor who asks
// for one.
func TestQuotaOfWhatIsOpen(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.Quota.OpenPerSecond, c.Quota.OpenBurst = 0.5, 3 })
	sender := w.sender(t)
	for range 2 {
		require.Equal(t, 200, w.call(t, "GET", "/v1/limits", "", "").status)
	}
	limits := func() error {
		_, err := intakev1.NewIntakeServiceClient(w.dial(t)).GetLimits(t.Context(), &intakev1.GetLimitsRequest{})
		return err
	}
	require.NoError(t, limits())
	require.Equal(t, codes.ResourceExhausted, status.Code(limits()))
	for _, path := range []string{"/v1/limits", "/.well-known/naru/intake/jwks.json"} {
		got := w.call(t, "GET", path, "", "")
		require.Equal(t, 429, got.status, path)
		require.Equal(t, "2", got.header.Get("Retry-After"))
	}
	require.Equal(t, 200, w.call(t, "POST", "/v1/documents", sender, `{}`).status)
	require.NotEmpty(t, w.token(t, w.admin))
	w.Clock.Advance(2 * time.Second)
	require.Equal(t, 200, w.call(t, "GET", "/v1/limits", "", "").status)
}

// Whoever tries secrets of a client, at either door, is stopped; the client itself gets its tokens behind the same address.
func TestWrongSecretsLockNobodyOut(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.Quota.FailuresPerSecond, c.Quota.FailuresBurst, c.Quota.MissesBurst = 0.5, 3, 6 })
	try := func(client string) answer {
		return w.form(t, url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {"x"}})
	}
	tokens := gatewayv1.NewTokenServiceClient(w.dial(t))
	require.Equal(t, 401, try(w.admin.ID).status)
	require.Equal(t, 401, try(w.admin.ID).status)
	_, err := tokens.IssueToken(t.Context(), &gatewayv1.IssueTokenRequest{ClientId: w.admin.ID, ClientSecret: "x"})
	require.Equal(t, codes.Unauthenticated, status.Code(err))
	_, err = tokens.IssueToken(t.Context(), &gatewayv1.IssueTokenRequest{ClientId: w.admin.ID, ClientSecret: "x"})
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	got := try(w.admin.ID)
	require.Equal(t, 429, got.status)
	require.Equal(t, "2", got.header.Get("Retry-After"))
	require.NotEmpty(t, w.token(t, w.admin), "the right one")
	for _, other := range []string{"c-1", "c-2", "c-3"} {
		require.Equal(t, 401, try(other).status, "another client has its own")
	}
	require.Equal(t, 429, try("c-4").status, "and the address one for all")
	require.NotEmpty(t, w.token(t, w.admin))
	_, err = tokens.IssueToken(t.Context(), &gatewayv1.IssueTokenRequest{ClientId: w.admin.ID, ClientSecret: w.admin.Secret})
	require.NoError(t, err)
}

// Calls that come to nothing have a quota by origin, at both doors; calls that are right go on behind the same one.
func TestQuotaOfMisses(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.Quota.MissesPerSecond, c.Quota.MissesBurst = 0.5, 5 })
	sender := w.sender(t)
	require.Equal(t, 401, w.call(t, "POST", "/v1/documents", "x.y.z", `{}`).status)
	require.Equal(t, 401, w.call(t, "POST", "/v1/documents", "", `{}`).status)
	require.Equal(t, 404, w.call(t, "GET", "/v1/nothing", "", "").status)
	require.Equal(t, 405, w.call(t, "DELETE", "/v1/documents", sender, "").status)
	conn := w.dial(t)
	require.Equal(t, codes.NotFound, status.Code(conn.Invoke(t.Context(), "/x.Y/Z", &intakev1.SendRequest{}, &intakev1.SendResponse{})))
	require.Equal(t, codes.ResourceExhausted, status.Code(conn.Invoke(t.Context(), "/x.Y/Z", &intakev1.SendRequest{}, &intakev1.SendResponse{})))
	_, err := intakev1.NewIntakeServiceClient(conn).Send(bearing(t, "x.y.z"), &intakev1.SendRequest{})
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	for _, tt := range [][2]string{{"POST", "/v1/documents"}, {"GET", "/v1/nothing"}, {"DELETE", "/v1/documents"}, {"DELETE", "/healthz"}, {"PUT", "/oauth2/token"}} {
		got := w.call(t, tt[0], tt[1], "x.y.z", "")
		require.Equal(t, 429, got.status, tt)
		require.Equal(t, "RATE_LIMITED", got.json(t)["reason"])
		require.Equal(t, "2", got.header.Get("Retry-After"))
	}
	require.Equal(t, 200, w.call(t, "POST", "/v1/documents", sender, `{}`).status)
	_, err = intakev1.NewIntakeServiceClient(conn).Send(bearing(t, sender), &intakev1.SendRequest{})
	require.NoError(t, err)
}

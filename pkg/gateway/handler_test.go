package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn/authntest"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/gateway"
	"github.com/naru-relay/naru/pkg/rpc/rpctest"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/golden"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

var now = time.Date(2026, 3, 2, 1, 2, 3, 456000, time.UTC)

const (
	number      = "20260302_ABCDE12345_0000000000042"
	traceID     = "0af7651916cd43dd8448eb211c80319c"
	traceparent = "00-" + traceID + "-b7ad6b7169203331-01"
)

// backend answers in place of the units.
type backend struct {
	intakev1.UnimplementedIntakeServiceServer
	statusv1.UnimplementedStatusServiceServer
	mu   sync.Mutex
	seen proto.Message
	err  error
}

func (b *backend) note(m proto.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = m
	return b.err
}

func (b *backend) last() proto.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen
}

func (b *backend) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *backend) Send(_ context.Context, req *intakev1.SendRequest) (*intakev1.SendResponse, error) {
	return &intakev1.SendResponse{Acceptance: &intakev1.Acceptance{EdocNum: number, AcceptedAt: timestamppb.New(now)}}, b.note(req)
}

func (b *backend) BatchSend(_ context.Context, req *intakev1.BatchSendRequest) (*intakev1.BatchSendResponse, error) {
	return &intakev1.BatchSendResponse{}, b.note(req)
}

func (b *backend) Cancel(_ context.Context, req *intakev1.CancelRequest) (*intakev1.CancelResponse, error) {
	return &intakev1.CancelResponse{}, b.note(req)
}

func (b *backend) ListStatuses(_ context.Context, req *statusv1.ListStatusesRequest) (*statusv1.ListStatusesResponse, error) {
	return &statusv1.ListStatusesResponse{}, b.note(req)
}

type door struct {
	*backend
	url, token string
	log        *lines
}

// lines collects log lines, which the server writes after it has sent the answer.
type lines struct {
	mu  sync.Mutex
	out bytes.Buffer
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

// await returns the log once it has n lines.
func (l *lines) await(t *testing.T, n int) []string {
	t.Helper()
	var text string
	await.Require(t, 5*time.Second, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		text = l.out.String()
		return strings.Count(text, "\n") == n
	})
	return strings.Split(strings.TrimSpace(text), "\n")
}

func setup(t *testing.T) *door {
	t.Helper()
	c := clock.NewFake(now)
	relay, d := rpctest.New(t, c), &door{backend: &backend{}, log: &lines{}}
	relay.Serve(t, "intake", func(r grpc.ServiceRegistrar) { intakev1.RegisterIntakeServiceServer(r, d.backend) })
	relay.Serve(t, "status", func(r grpc.ServiceRegistrar) { statusv1.RegisterStatusServiceServer(r, d.backend) })
	d.token = relay.Authority.Token(t, authntest.Sender("s"))

	mux := gateway.NewMux()
	require.NoError(t, intakev1.RegisterIntakeServiceHandlerClient(t.Context(), mux, intakev1.NewIntakeServiceClient(relay.From(t, "gateway", "intake"))))
	require.NoError(t, statusv1.RegisterStatusServiceHandlerClient(t.Context(), mux, statusv1.NewStatusServiceClient(relay.From(t, "gateway", "status"))))
	routes, err := gateway.NewRoutes(intakev1.File_naru_intake_v1_intake_service_proto.Services().ByName("IntakeService"),
		statusv1.File_naru_status_v1_status_service_proto.Services().ByName("StatusService"))
	require.NoError(t, err)
	handler, err := gateway.NewHandler(gateway.HandlerDeps{
		Routes: routes, API: mux, Timeout: 5 * time.Second,
		Admit: func(ctx context.Context, r *http.Request, _ *gateway.Route, _ http.Header) (context.Context, error) {
			if r.Header.Get("Panic") != "" {
				panic("in a handler") //nolint:forbidigo // what is tested
			}
			return ctx, nil
		},
	})
	require.NoError(t, err)
	edge, err := gateway.Edge(gateway.EdgeDeps{
		Log: slog.New(slog.NewJSONHandler(d.log, nil)), Clock: c, Tracer: sdktrace.NewTracerProvider().Tracer("test"), Meter: noopmetric.NewMeterProvider().Meter("test"),
	}, handler)
	require.NoError(t, err)
	server := httptest.NewServer(edge)
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (d *door) call(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, d.url+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Traceparent", traceparent)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.Header, raw}
}

func indent(t *testing.T, raw []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, json.Indent(&out, raw, "", "  "), "%s", raw)
	return append(out.Bytes(), '\n')
}

// Good requests reach the unit as the message that they describe, and the answer has the API's form.
func TestCalls(t *testing.T) {
	t.Parallel()
	d := setup(t)
	got := d.call(t, "POST", "/v1/documents", `{"ownKey":"k","title":"제목","documentType":"DOCUMENT_TYPE_GENERAL","sendDeadline":"2026-03-03T00:00:00+09:00"}`)
	require.Equal(t, 200, got.status)
	require.Equal(t, `{"edocNum":"`+number+`","acceptedAt":"2026-03-02T01:02:03.000456Z","duplicate":false,"warnings":[]}`, string(got.body)) //nolint:testifylint // the very bytes
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	require.Contains(t, got.header.Get("Traceparent"), traceID)
	sent, ok := d.last().(*intakev1.SendRequest)
	require.True(t, ok)
	require.Equal(t, "제목", sent.GetItem().GetTitle())
	require.Equal(t, time.Date(2026, 3, 2, 15, 0, 0, 0, time.UTC), sent.GetItem().GetSendDeadline().AsTime())

	got = d.call(t, "POST", "/v1/documents/"+number+":cancel", "")
	require.Equal(t, 200, got.status, "%s", got.body)
	require.Equal(t, `{}`, string(got.body))
	require.Equal(t, number, d.last().(*intakev1.CancelRequest).GetEdocNum())

	got = d.call(t, "GET", "/v1/documents?ownKey=a.b&states=DOCUMENT_STATE_READ&states=DOCUMENT_STATE_SENT&pageSize=5&acceptedFrom=2026-01-01T00:00:00Z", "")
	require.Equal(t, 200, got.status, "%s", got.body)
	require.JSONEq(t, `{"statuses":[]}`, string(got.body))
	list, ok := d.last().(*statusv1.ListStatusesRequest)
	require.True(t, ok)
	require.True(t, proto.Equal(&statusv1.ListStatusesRequest{
		OwnKey: "a.b", PageSize: 5, States: []statusv1.DocumentState{statusv1.DocumentState_DOCUMENT_STATE_READ, statusv1.DocumentState_DOCUMENT_STATE_SENT},
		AcceptedFrom: timestamppb.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)),
	}, list))
}

// An item that is not well formed is told to the unit, which refuses it alone; the others arrive as they are. What is wrong
// beside the items refuses the whole, with everything that is wrong.
func TestUnreadableItems(t *testing.T) {
	t.Parallel()
	d := setup(t)
	good := `{"ownKey":"good","title":"제목"}`
	bad := []string{
		`{"title":5,"colour":1}`, `7`, `null`, `{"documentType":"UNHEARD_OF"}`, `{"registrationCertificate":"%%%"}`, `{"title":"a\u0000b"}`,
		"{\"title\":\"\xc3\x28\"}", `{"viewing":{"deadline":"tomorrow"}}`, `{"ownKey":"a","ownKey":"b"}`,
	}
	want := [][]string{
		{"title json.type", "colour json.unknown"}, {" json.type"}, {" json.type"}, {"documentType json.enum"}, {"registrationCertificate json.base64"}, {"title json.nul"},
		{"title json.utf8"}, {"viewing.deadline json.timestamp"}, {"ownKey json.duplicate"},
	}
	got := d.call(t, "POST", "/v1/documents:batch", ` {"items":[`+good+`, `+strings.Join(bad, ` , `)+`,`+good+`] } `)
	require.Equal(t, 200, got.status, "%s", got.body)
	sent, ok := d.last().(*intakev1.BatchSendRequest)
	require.True(t, ok)
	require.Len(t, sent.GetItems(), len(bad)+2)
	for i, item := range sent.GetItems() {
		if i == 0 || i == len(bad)+1 {
			require.Equal(t, "good", item.GetOwnKey())
			require.Equal(t, "제목", item.GetTitle())
			continue
		}
		require.True(t, proto.Equal(&intakev1.SendItem{}, item))
		unreadable := sent.GetUnreadable()[i-1]
		require.EqualValues(t, i, unreadable.GetIndex())
		var told []string
		for _, v := range unreadable.GetViolations() {
			require.NotEmpty(t, v.GetMessage())
			told = append(told, v.GetField()+" "+v.GetRule())
		}
		require.Equal(t, want[i-1], told)
	}

	for body, fields := range map[string][]string{
		`{"items":[{"title":5}],"colour":1}`:                                                {"colour", "items[0].title"},
		`{"items":[` + good + `],"unreadable":[{"index":0}]}`:                               {"unreadable"},
		`{"items":[{"title":5},{"title":"x]}`:                                               {"items[1].title", "items[0].title"},
		`{"items":[{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `},` + good: {"items[0].x" + strings.Repeat("[0]", 29), "items[0].x"},
	} {
		got := d.call(t, "POST", "/v1/documents:batch", body)
		require.Equal(t, 400, got.status, "%s", got.body)
		var problem fault.Problem
		require.NoError(t, json.Unmarshal(got.body, &problem))
		var told []string
		for _, v := range problem.Violations {
			told = append(told, v.Field)
		}
		require.Equal(t, fields, told, body)
	}
}

// Every error is a problem document; the golden files show what integrators see.
func TestProblems(t *testing.T) {
	t.Parallel()
	d := setup(t)
	tests := []struct {
		name, method, path, body string
		headers                  []string
		status                   int
	}{
		{name: "body", method: "POST", path: "/v1/documents", status: 400,
			body: `{"ownkey":"k","title":1,"documentType":"GENERAL","documentHash":{"value":"x","value":"y"},"attachmentHashes":[{},null],"viewing":{"deadline":"tomorrow"},"registrationCertificate":"***"}`},
		{name: "wrapped", method: "POST", path: "/v1/documents", body: `{"item":{"ownKey":"secretvalue"},"item.title":"secretvalue"}`, status: 400},
		{name: "not_json", method: "POST", path: "/v1/documents", body: `{"ownKey":"k"`, status: 400},
		{name: "query", method: "GET", path: "/v1/documents?own_key=secretvalue&pageSize=secretvalue&states=SECRET&acceptedFrom=yesterday&pageToken=a&pageToken=b&x.y=1", status: 400},
		{name: "path", method: "GET", path: "/v1/documents/%ff%00", status: 400},
		{name: "rules", method: "POST", path: "/v1/documents/secretvalue:cancel", status: 400},
		{name: "no_route", method: "GET", path: "/v1/secretvalue", status: 404},
		{name: "method", method: "DELETE", path: "/v1/documents", status: 405},
		{name: "media_type", method: "POST", path: "/v1/documents", body: `a=b`, headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415},
		{name: "too_large", method: "POST", path: "/v1/documents", body: strings.Repeat(" ", 1<<20+1), status: 413},
		{name: "no_token", method: "POST", path: "/v1/documents", body: `{}`, headers: []string{"Authorization", ""}, status: 401},
		{name: "bad_token", method: "POST", path: "/v1/documents", body: `{}`, headers: []string{"Authorization", "Bearer x"}, status: 401},
		{name: "panic", method: "GET", path: "/v1/limits", headers: []string{"Panic", "1"}, status: 500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := d.call(t, tt.method, tt.path, tt.body, tt.headers...)
			require.Equal(t, tt.status, got.status, "%s", got.body)
			require.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
			require.NotContains(t, string(got.body), "secretvalue")
			golden.Equal(t, indent(t, got.body), "problem_"+tt.name+".json")
			if tt.status == 401 {
				require.Contains(t, got.header.Get("Www-Authenticate"), `Bearer realm="naru"`)
			}
		})
	}
	require.NotContains(t, strings.Join(d.log.await(t, len(tests)), ""), "secretvalue")
	require.Equal(t, "GET, POST", d.call(t, "DELETE", "/v1/documents", "").header.Get("Allow"))
	require.Equal(t, "POST", d.call(t, "GET", "/v1/documents/"+number+":cancel", "").header.Get("Allow"), "a verb is not part of an id")
}

// A unit's error becomes a problem document with paths as the caller wrote them.
func TestUnitFaults(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.fail(fault.New(fault.Conflict, "intake", intakev1.Reason_REASON_OWN_KEY_CONFLICT, "the key has another content",
		fault.WithMetadata("existing_edoc_num", number), fault.WithViolations(fault.Violation{Field: "item.ownKey", Rule: "unique", Message: "is used"}, fault.Violation{Field: "item", Rule: "x", Message: "y"})))
	got := d.call(t, "POST", "/v1/documents", `{}`)
	require.Equal(t, 409, got.status)
	golden.Equal(t, indent(t, got.body), "problem_conflict.json")

	d.fail(fault.New(fault.Exhausted, "intake", intakev1.Reason_REASON_OVERLOADED, "busy", fault.WithRetryAfter(1200*time.Millisecond)))
	got = d.call(t, "POST", "/v1/documents", `{}`)
	require.Equal(t, 429, got.status)
	require.Equal(t, "2", got.header.Get("Retry-After"))
}

// The body limit is the route's, with and without a declared length.
func TestBodyLimits(t *testing.T) {
	t.Parallel()
	d := setup(t)
	body := `{"items":[]` + strings.Repeat(" ", 3<<19) + `}`
	require.Equal(t, 413, d.call(t, "POST", "/v1/documents", body).status)
	require.Equal(t, 400, d.call(t, "POST", "/v1/documents:batch", body).status, "within the limit, and no items")
	require.Equal(t, 413, d.call(t, "POST", "/v1/documents:batch", body+strings.Repeat(" ", 16<<20)).status)

	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+"/v1/documents", io.MultiReader(strings.NewReader("{"), strings.NewReader(strings.Repeat(" ", 2<<20))))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json; charset=UTF-8")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 413, resp.StatusCode, "chunked")
}

// Each call is logged as one line, with the route but without path and query.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.call(t, "GET", "/v1/documents?ownKey=secret", "")
	d.call(t, "GET", "/elsewhere/secret?x=secret", "")
	var routes []string
	for _, line := range d.log.await(t, 2) {
		require.NotContains(t, line, "secret")
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		routes = append(routes, fields["route"].(string))
	}
	require.Equal(t, []string{"/v1/documents", "none"}, routes)
}

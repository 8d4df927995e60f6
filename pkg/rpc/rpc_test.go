package rpc_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/authn/authntest"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/rpc"
	"github.com/naru-relay/naru/pkg/rpc/rpctest"
	"github.com/naru-relay/naru/pkg/testkit/certs"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// intake is a service whose answers the test decides.
type intake struct {
	intakev1.UnimplementedIntakeServiceServer
	intakev1.UnimplementedIntakeLookupServiceServer
	cancel func(ctx context.Context, req *intakev1.CancelRequest) error
	calls  atomic.Int32
}

func (s *intake) Cancel(ctx context.Context, req *intakev1.CancelRequest) (*intakev1.CancelResponse, error) {
	s.calls.Add(1)
	if s.cancel == nil {
		return &intakev1.CancelResponse{}, nil
	}
	return &intakev1.CancelResponse{}, s.cancel(ctx, req)
}

func (s *intake) GetLimits(context.Context, *intakev1.GetLimitsRequest) (*intakev1.GetLimitsResponse, error) {
	return &intakev1.GetLimitsResponse{BatchItems: 7}, nil
}

func (s *intake) Send(context.Context, *intakev1.SendRequest) (*intakev1.SendResponse, error) {
	return &intakev1.SendResponse{}, nil
}

func (s *intake) GetDocument(ctx context.Context, _ *intakev1.GetDocumentRequest) (*intakev1.GetDocumentResponse, error) {
	if s.calls.Add(1) < 3 {
		return nil, fault.New(fault.Unavailable, "intake", nil, "")
	}
	return &intakev1.GetDocumentResponse{Facts: &platformv1.DocumentFacts{Actor: authn.CallingUnit(ctx)}}, nil
}

func (s *intake) register(r grpc.ServiceRegistrar) {
	intakev1.RegisterIntakeServiceServer(r, s)
	intakev1.RegisterIntakeLookupServiceServer(r, s)
}

const number = "20260302_ABCDE12345_0000000000042"

var now = time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC)

func setup(t *testing.T) (*rpctest.Relay, *intake) {
	t.Helper()
	relay, service := rpctest.New(t, clock.NewFake(now)), &intake{}
	relay.Serve(t, "intake", service.register)
	return relay, service
}

// Only the access option decides who may call an RPC.
func TestAccess(t *testing.T) {
	t.Parallel()
	relay, _ := setup(t)
	scopeless := authntest.Sender("s")
	scopeless.Scopes = []string{"documents.read"}
	cancel := func(ctx context.Context, conn grpc.ClientConnInterface) error {
		_, err := intakev1.NewIntakeServiceClient(conn).Cancel(ctx, &intakev1.CancelRequest{EdocNum: number})
		return err
	}
	limits := func(ctx context.Context, conn grpc.ClientConnInterface) error {
		_, err := intakev1.NewIntakeServiceClient(conn).GetLimits(ctx, &intakev1.GetLimitsRequest{})
		return err
	}
	document := func(ctx context.Context, conn grpc.ClientConnInterface) error {
		_, err := intakev1.NewIntakeLookupServiceClient(conn).GetDocument(ctx, &intakev1.GetDocumentRequest{EdocNum: number})
		return err
	}
	tests := []struct {
		name   string
		conn   grpc.ClientConnInterface
		call   func(context.Context, grpc.ClientConnInterface) error
		kind   fault.Kind
		reason string
	}{
		{"a public RPC by a sender", relay.As(t, authntest.Sender("s"), "intake"), cancel, 0, ""},
		{"a public RPC by another kind", relay.As(t, authntest.ViewingSystem("v"), "intake"), cancel, fault.Denied, "KIND_NOT_PERMITTED"},
		{"a public RPC by the operator", relay.As(t, authntest.Admin(), "intake"), cancel, fault.Denied, "KIND_NOT_PERMITTED"},
		{"a public RPC without the scope", relay.As(t, scopeless, "intake"), cancel, fault.Denied, "SCOPE_MISSING"},
		{"a public RPC without a token", relay.From(t, "gateway", "intake"), cancel, fault.Unauthenticated, "TOKEN_MISSING"},
		{"a public RPC by another unit", relay.From(t, "status", "intake"), cancel, fault.Denied, "UNIT_NOT_PERMITTED"},
		{"an open RPC without a token", relay.From(t, "gateway", "intake"), limits, 0, ""},
		{"an open RPC by another unit", relay.From(t, "hub", "intake"), limits, 0, ""},
		{"an internal RPC by its unit", relay.From(t, "status", "intake"), document, 0, ""},
		{"an internal RPC by another unit", relay.From(t, "hub", "intake"), document, fault.Denied, "UNIT_NOT_PERMITTED"},
		{"a public RPC through the pages", relay.Through(t, "web", authntest.Sender("s"), "intake"), cancel, 0, ""},
		{"a public RPC through the pages by another kind", relay.Through(t, "web", authntest.Admin(), "intake"), cancel, fault.Denied, "KIND_NOT_PERMITTED"},
		{"a public RPC of the pages without a token", relay.From(t, "web", "intake"), cancel, fault.Unauthenticated, "TOKEN_MISSING"},
		{"an internal RPC through the pages", relay.Through(t, "web", authntest.Sender("s"), "intake"), document, fault.Denied, "UNIT_NOT_PERMITTED"},
		{"a public RPC through another unit", relay.Through(t, "status", authntest.Sender("s"), "intake"), cancel, fault.Denied, "UNIT_NOT_PERMITTED"},
		{"an internal RPC through the gateway", relay.As(t, authntest.Sender("s"), "intake"), document, fault.Denied, "UNIT_NOT_PERMITTED"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := tt.call(t.Context(), tt.conn)
			require.Equal(t, tt.kind, fault.KindOf(err), "%v", err)
			require.Equal(t, tt.reason, fault.ReasonOf(err))
		})
	}
	// Another unit cannot pass as the gateway with a token that it has obtained.
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+relay.Authority.Token(t, authntest.Sender("s")))
	require.Equal(t, "UNIT_NOT_PERMITTED", fault.ReasonOf(cancel(ctx, relay.From(t, "status", "intake"))))
	// Two tokens count as none.
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer x")
	require.Equal(t, "TOKEN_MISSING", fault.ReasonOf(cancel(ctx, relay.From(t, "gateway", "intake"))))
}

// Handlers get the caller, a deadline, and only requests that break no rule.
func TestHandlerContext(t *testing.T) {
	t.Parallel()
	relay, service := setup(t)
	var seen authn.Principal
	var remaining time.Duration
	service.cancel = func(ctx context.Context, _ *intakev1.CancelRequest) error {
		seen, _ = authn.FromContext(ctx)
		at, ok := ctx.Deadline()
		if !ok {
			return errors.New("no deadline")
		}
		remaining = time.Until(at)
		return nil
	}
	client := intakev1.NewIntakeServiceClient(relay.As(t, authntest.Sender("s-1"), "intake"))
	_, err := client.Cancel(t.Context(), &intakev1.CancelRequest{EdocNum: number})
	require.NoError(t, err)
	require.Equal(t, "s-1", seen.ID)
	require.Less(t, remaining, 10*time.Second, "the client's default, shaved")
	require.Greater(t, remaining, 9*time.Second)

	long, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	_, err = client.Cancel(long, &intakev1.CancelRequest{EdocNum: number})
	require.NoError(t, err)
	require.LessOrEqual(t, remaining, 30*time.Second, "the cap")
	require.Greater(t, remaining, 29*time.Second)
}

// Every broken rule is reported with its JSON path, and no value is repeated.
func TestViolations(t *testing.T) {
	t.Parallel()
	violations, err := rpc.Check(&intakev1.SendItem{
		OwnKey: "쏘", Title: "t", DocumentType: 99, Category: 1,
		Recipient:        &platformv1.RecipientIdentifier{},
		DocumentHash:     &platformv1.Digest{Algorithm: "MD5", Value: "secretvalue"},
		AttachmentHashes: []*platformv1.Digest{{Algorithm: "SHA-256", Value: strings.Repeat("0", 64)}, {Algorithm: "SHA-256", Value: "secretvalue"}},
		Viewing:          &intakev1.Viewing{Url: "http://secretvalue", ViewingSystem: "secretvalue"},
	})
	require.NoError(t, err)
	got := map[string][]string{}
	for _, v := range violations {
		got[v.Field] = append(got[v.Field], v.Rule)
		require.NotEmpty(t, v.Message)
		require.NotContains(t, v.Message, "secretvalue")
	}
	require.Equal(t, map[string][]string{
		"":                          {"send_item.registration_certificate"},
		"ownKey":                    {"string.pattern"},
		"documentType":              {"enum.defined_only"},
		"recipient":                 {"recipient.exactly_one"},
		"documentHash.algorithm":    {"string.in"},
		"documentHash.value":        {"string.pattern"},
		"attachmentHashes[1].value": {"string.pattern"},
		"viewing.url":               {"string.prefix"},
		"viewing.viewingSystem":     {"string.uuid"},
	}, got)
}

// Text is brought into its normal form before its limits are checked and before a handler sees it, in every message.
func TestTexts(t *testing.T) {
	t.Parallel()
	item := &intakev1.SendItem{
		Title: "국세\u3000고지", SenderSubAddress: "\u1100\u1161",
		Recipient: &platformv1.RecipientIdentifier{Person: &platformv1.PersonDescription{Name: strings.Repeat("\u1100\u1161\u11a8", 40)}},
	}
	_, err := rpc.Check(item)
	require.NoError(t, err)
	require.Equal(t, "국세 고지", item.GetTitle())
	require.Equal(t, "가", item.GetSenderSubAddress())
	require.Equal(t, strings.Repeat("각", 40), item.GetRecipient().GetPerson().GetName())

	rules := func(message proto.Message) map[string]string {
		violations, err := rpc.Check(message)
		require.NoError(t, err)
		found := map[string]string{}
		for _, v := range violations {
			found[v.Field] = v.Rule
		}
		return found
	}
	for text, rule := range map[string]string{
		"\u00a0": "string.min_len", "\u3164": "string.min_len", "a\nb": "text.line", "a\u2028b": "text.line", "a\u202eb": "text.line", "a\x00": "text.line",
		strings.Repeat("가", 101): "string.max_len", strings.Repeat("가", 100): "",
	} {
		require.Equal(t, rule, rules(&intakev1.SendItem{Title: text})["title"], "%+q", text)
	}
	for text, rule := range map[string]string{"a b": "text.word", "a\u3000b": "text.word", "a\u200b": "text.word", "가나_b": ""} {
		require.Equal(t, rule, rules(&intakev1.SendItem{SenderSubAddress: text})["senderSubAddress"], "%+q", text)
	}
	for _, reason := range []string{"\u00a0", "a\nb"} {
		require.Contains(t, rules(&certificatev1.RequestCertificateRequest{Reason: reason}), "reason")
		require.Contains(t, rules(&circulationv1.AcceptQueuedRequest{Reason: reason}), "reason")
		require.Contains(t, rules(&platformv1.ReleaseFrameRequest{Reason: reason}), "reason")
		require.Contains(t, rules(&addressv1.Institution{Name: reason}), "name")
		require.Contains(t, rules(&gatewayv1.ViewingSystem{Name: reason}), "name")
	}
}

// Invalid times, and times too far apart to calculate with, are the caller's error.
func TestRanges(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]proto.Message{
		"before the year 1": &statusv1.ListStatusesRequest{OwnKey: "a", AcceptedFrom: &timestamppb.Timestamp{Seconds: -62135596801}},
		"nanos":             &statusv1.ListStatusesRequest{OwnKey: "a", AcceptedFrom: &timestamppb.Timestamp{Nanos: 1_000_000_000}},
		"326 years":         &statusv1.ListStatusesRequest{AcceptedFrom: timestamppb.New(time.Date(1700, 1, 1, 0, 0, 0, 0, time.UTC)), AcceptedUntil: timestamppb.Now()},
		"the end of time":   &statusv1.ListStatusesRequest{AcceptedFrom: timestamppb.New(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)), AcceptedUntil: timestamppb.New(time.Date(9999, 12, 31, 1, 0, 0, 0, time.UTC))},
		"an item's":         &intakev1.SendItem{SendDeadline: &timestamppb.Timestamp{Seconds: 1 << 60}},
	} {
		violations, err := rpc.Check(message)
		require.NoError(t, err, name)
		require.NotEmpty(t, violations, name)
	}
}

// The items of a batch are checked one by one later, so a bad item does not refuse the request.
func TestItemsAreCheckedApart(t *testing.T) {
	t.Parallel()
	violations, err := rpc.Check(&intakev1.BatchSendRequest{Items: []*intakev1.SendItem{{Title: "a\x00"}, {}}})
	require.NoError(t, err)
	require.Empty(t, violations)
}

// Rules that do not compile are reported before the first message, even those of nested messages.
func TestCheckRules(t *testing.T) {
	t.Parallel()
	require.NoError(t, rpc.CheckRules((&intakev1.SendItem{}).ProtoReflect().Descriptor()))
	broken := &descriptorpb.MessageOptions{}
	proto.SetExtension(broken, validate.E_Message, &validate.MessageRules{Cel: []*validate.Rule{{Id: proto.String("a.rule"), Expression: proto.String("this.nowhere == 1")}}})
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("broken.proto"), Package: proto.String("test"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: proto.String("Outer"), Field: []*descriptorpb.FieldDescriptorProto{{
				Name: proto.String("inner"), Number: proto.Int32(1), Label: descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum(),
				Type: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), TypeName: proto.String(".test.Inner"),
			}}},
			{Name: proto.String("Inner"), Options: broken},
		},
	}, nil)
	require.NoError(t, err)
	require.ErrorContains(t, rpc.CheckRules(file.Messages().ByName("Outer")), "test.Inner")
}

// U+0000 is found in every place for a string, without false findings.
func TestNUL(t *testing.T) {
	t.Parallel()
	fields := func(message proto.Message) []string {
		violations, err := rpc.Check(message)
		require.NoError(t, err)
		var found []string
		for _, v := range violations {
			require.Equal(t, "string.nul", v.Rule)
			found = append(found, v.Field)
		}
		return found
	}
	require.Equal(t, []string{"entries[0].details[*]", "entries[0].details[*]", "entries[1].kind"}, fields(&statusv1.GetTimelineResponse{Entries: []*statusv1.TimelineEntry{
		{Details: map[string]string{"a\x00": "b\x00"}}, {Kind: "\x00"},
	}}))
	require.Equal(t, []string{"warnings[1]"}, fields(&intakev1.Acceptance{Warnings: []string{"a", "\x00"}}))
	require.Empty(t, fields(&intakev1.GetRegistrationCertificateResponse{RegistrationCertificate: []byte{0}}))
}

// A request that breaks a rule does not reach the handler.
func TestInvalidRequest(t *testing.T) {
	t.Parallel()
	relay, service := setup(t)
	_, err := intakev1.NewIntakeServiceClient(relay.As(t, authntest.Sender("s"), "intake")).Cancel(t.Context(), &intakev1.CancelRequest{EdocNum: "secretvalue"})
	require.ErrorIs(t, err, fault.Invalid)
	f := fault.As(err)
	require.Equal(t, []string{"intake", "INVALID_REQUEST", "edocNum"}, []string{f.Domain, f.Reason, f.Violations[0].Field})
	require.NotContains(t, err.Error(), "secretvalue")
	require.Zero(t, service.calls.Load())
}

// Faults arrive complete. Plain errors and panics become Internal without their text. Each failed call is logged once.
func TestFaults(t *testing.T) {
	t.Parallel()
	network := rpc.NewLocal()
	defer func() { require.NoError(t, network.Close()) }()
	listener, creds, err := network.Listen("intake")
	require.NoError(t, err)
	var log bytes.Buffer
	c := clock.NewFake(now)
	authority := authntest.NewAuthority(t, c)
	server, err := rpc.NewServer(rpc.ServerDeps{Unit: "intake", Credentials: creds, Authn: authority.Verifier(t), Clock: c, Log: slog.New(slog.NewJSONHandler(&log, nil))})
	require.NoError(t, err)
	service := &intake{}
	service.register(server)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	conn, err := network.Dial("gateway", "intake")
	require.NoError(t, err)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+authority.Token(t, authntest.Sender("s")))
	call := func(handler func(context.Context, *intakev1.CancelRequest) error) (map[string]any, error) {
		log.Reset()
		service.cancel = handler
		_, err := intakev1.NewIntakeServiceClient(conn).Cancel(ctx, &intakev1.CancelRequest{EdocNum: number})
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		require.Len(t, lines, 1)
		require.NotContains(t, lines[0], number)
		var line map[string]any
		require.NoError(t, json.Unmarshal([]byte(lines[0]), &line))
		return line, err
	}
	line, err := call(func(context.Context, *intakev1.CancelRequest) error {
		return fault.New(fault.Exhausted, "intake", intakev1.Reason_REASON_OVERLOADED, "too much", fault.WithRetryAfter(time.Second))
	})
	require.ErrorIs(t, err, fault.Exhausted)
	require.Equal(t, "OVERLOADED", fault.ReasonOf(err))
	require.Equal(t, time.Second, fault.As(err).RetryAfter)
	require.Equal(t, "WARN", line["level"])
	require.Equal(t, "/naru.intake.v1.IntakeService/Cancel", line["method"])
	require.Equal(t, "gateway", line["caller"])

	line, err = call(func(context.Context, *intakev1.CancelRequest) error { return errors.New("secret cause") })
	require.ErrorIs(t, err, fault.Internal)
	require.NotContains(t, err.Error(), "secret cause")
	require.Equal(t, "secret cause", line["error"])
	require.Equal(t, "ERROR", line["level"])

	line, err = call(func(context.Context, *intakev1.CancelRequest) error {
		panic("secret panic") //nolint:forbidigo // what is tested
	})
	require.ErrorIs(t, err, fault.Internal)
	require.NotContains(t, err.Error(), "secret panic")
	require.Contains(t, line["stack"], "rpc_test")

	server.Shutdown(t.Context())
	require.NoError(t, <-served)
}

// A read that meets an unavailable unit is tried up to three times; a write is not repeated.
func TestRetry(t *testing.T) {
	t.Parallel()
	relay, service := setup(t)
	resp, err := intakev1.NewIntakeLookupServiceClient(relay.From(t, "status", "intake")).GetDocument(t.Context(), &intakev1.GetDocumentRequest{EdocNum: number})
	require.NoError(t, err)
	require.Equal(t, "status", resp.GetFacts().GetActor())
	require.EqualValues(t, 3, service.calls.Load())

	service.calls.Store(0)
	service.cancel = func(context.Context, *intakev1.CancelRequest) error {
		return fault.New(fault.Unavailable, "intake", nil, "")
	}
	_, err = intakev1.NewIntakeServiceClient(relay.As(t, authntest.Sender("s"), "intake")).Cancel(t.Context(), &intakev1.CancelRequest{EdocNum: number})
	require.ErrorIs(t, err, fault.Unavailable)
	require.EqualValues(t, 1, service.calls.Load())
}

// A server with an RPC that carries no access rule does not start.
func TestNoAccessRule(t *testing.T) {
	t.Parallel()
	network := rpc.NewLocal()
	defer func() { require.NoError(t, network.Close()) }()
	listener, creds, err := network.Listen("intake")
	require.NoError(t, err)
	c := clock.NewFake(now)
	server, err := rpc.NewServer(rpc.ServerDeps{Unit: "intake", Credentials: creds, Authn: authntest.NewAuthority(t, c).Verifier(t), Clock: c, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "naru.unknown.v1.Service"}, nil)
	require.ErrorContains(t, server.Serve(listener), "naru.unknown.v1.Service")
	server.Stop()
}

// A restarted unit is reachable again on the same connection.
func TestLocalRestart(t *testing.T) {
	t.Parallel()
	network := rpc.NewLocal()
	defer func() { require.NoError(t, network.Close()) }()
	c := clock.NewFake(now)
	authority := authntest.NewAuthority(t, c)
	conn, err := network.Dial("hub", "intake")
	require.NoError(t, err)
	for range 2 {
		listener, creds, err := network.Listen("intake")
		require.NoError(t, err)
		_, _, err = network.Listen("intake")
		require.Error(t, err, "one at a time")
		server, err := rpc.NewServer(rpc.ServerDeps{Unit: "intake", Credentials: creds, Authn: authority.Verifier(t), Clock: c, Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		(&intake{}).register(server)
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		resp, err := intakev1.NewIntakeServiceClient(conn).GetLimits(t.Context(), &intakev1.GetLimitsRequest{})
		require.NoError(t, err)
		require.EqualValues(t, 7, resp.GetBatchItems())
		server.Stop()
		require.NoError(t, <-served)
	}
}

// unitLeaf writes a certificate for a unit and returns its identity.
func unitLeaf(t *testing.T, ca *certs.CA, unit, listen string) rpc.TLSIdentity {
	t.Helper()
	leaf := ca.Leaf([]string{unit}, func(c *x509.Certificate) { c.URIs = []*url.URL{rpc.UnitURI(unit)} })
	_, certificate, key := leaf.Files()
	return rpc.TLSIdentity{Listen: listen, CertificateFile: certificate, KeyFile: key}
}

// Over TLS a unit's certificate determines its identity, in both directions.
func TestTLS(t *testing.T) {
	t.Parallel()
	ca, foreign := certs.NewCA(t, "units"), certs.NewCA(t, "foreign")
	authorityFile, _, _ := ca.Leaf([]string{"x"}).Files()
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())

	c := clock.System()
	authority := authntest.NewAuthority(t, c)
	serving, err := rpc.NewTLS(rpc.TLSConfig{AuthorityFile: authorityFile, Identities: map[string]rpc.TLSIdentity{"intake": unitLeaf(t, ca, "intake", address)}}, c)
	require.NoError(t, err)
	listener, creds, err := serving.Listen("intake")
	require.NoError(t, err)
	server, err := rpc.NewServer(rpc.ServerDeps{Unit: "intake", Credentials: creds, Authn: authority.Verifier(t), Clock: c, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	service := &intake{}
	service.calls.Store(2)
	service.register(server)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-served)
	})

	tests := []struct {
		name     string
		self     string
		identity rpc.TLSIdentity
		target   string
		want     fault.Kind
	}{
		{"the unit of the rule", "status", unitLeaf(t, ca, "status", ""), "intake", 0},
		{"another unit", "hub", unitLeaf(t, ca, "hub", ""), "intake", fault.Denied},
		{"a certificate of another authority", "status", unitLeaf(t, foreign, "status", ""), "intake", fault.Unavailable},
		{"a server that is another unit", "status", unitLeaf(t, ca, "status", ""), "address", fault.Unavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			network, err := rpc.NewTLS(rpc.TLSConfig{
				AuthorityFile: authorityFile, Identities: map[string]rpc.TLSIdentity{tt.self: tt.identity},
				Addresses: map[string]string{"intake": address, "address": address},
			}, c)
			require.NoError(t, err)
			defer func() { require.NoError(t, network.Close()) }()
			conn, err := network.Dial(tt.self, tt.target)
			require.NoError(t, err)
			_, err = intakev1.NewIntakeLookupServiceClient(conn).GetDocument(t.Context(), &intakev1.GetDocumentRequest{EdocNum: number}, grpc.WaitForReady(false))
			require.Equal(t, tt.want, fault.KindOf(err), "%v", err)
		})
	}

	t.Run("an identity whose certificate names another unit is refused", func(t *testing.T) {
		t.Parallel()
		_, err := rpc.NewTLS(rpc.TLSConfig{AuthorityFile: authorityFile, Identities: map[string]rpc.TLSIdentity{"status": unitLeaf(t, ca, "hub", "")}}, c)
		require.Error(t, err)
	})
	t.Run("configuration problems are told together", func(t *testing.T) {
		t.Parallel()
		err := (&rpc.TLSConfig{Identities: map[string]rpc.TLSIdentity{"A": {}}, Address: "units.example:7443", Addresses: map[string]string{"hub": "nowhere"}}).Validate()
		for _, part := range []string{"authority_file", "identities.A", "address: wants host:port with {unit} in it", "addresses.hub"} {
			require.ErrorContains(t, err, part)
		}
	})
}

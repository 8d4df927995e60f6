package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/rpc"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// methods returns all RPCs of the relay by their full names, with their access rules.
func methods(t *testing.T) (map[string]protoreflect.MethodDescriptor, map[string]*platformv1.Access) {
	t.Helper()
	found, rules := map[string]protoreflect.MethodDescriptor{}, map[string]*platformv1.Access{}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(file.Package()), "naru.") {
			return true
		}
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				method := service.Methods().Get(j)
				rule, err := rpc.AccessOf(method)
				require.NoError(t, err)
				name := "/" + string(service.FullName()) + "/" + string(method.Name())
				found[name], rules[name] = method, rule
			}
		}
		return true
	})
	return found, rules
}

// result is an answer of the gRPC door.
type result struct {
	status *status.Status
	reason string
	// text is the answer or status as JSON.
	text string
}

func invoke(t *testing.T, conn *grpc.ClientConn, token, name string, method protoreflect.MethodDescriptor, request proto.Message) result {
	t.Helper()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "naru-unit", "intake")
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	answer := dynamicpb.NewMessage(method.Output())
	failure := conn.Invoke(ctx, name, request, answer)
	r := result{status: status.Convert(failure)}
	shown := proto.Message(answer)
	if failure != nil {
		shown = r.status.Proto()
	}
	for _, detail := range r.status.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			r.reason = info.GetReason()
		}
	}
	text, err := protojson.Marshal(shown)
	require.NoError(t, err)
	r.text = strings.ReplaceAll(string(text), " ", "") // protojson adds spaces at random
	return r
}

// requireNothingTold checks that an answer contains no value of the victims that was not in the question.
func (v *victims) requireNothingTold(t *testing.T, question proto.Message, r result) {
	t.Helper()
	asked, err := protojson.Marshal(question)
	require.NoError(t, err)
	for _, value := range v.values {
		if !strings.Contains(string(asked), value) {
			require.NotContains(t, r.text, value)
		}
	}
}

// Every public RPC refuses every principal whom it does not concern, over the gRPC door.
func TestEveryPublicRPCRefusesForeignPrincipals(t *testing.T) {
	t.Parallel()
	v := newVictims(t)
	probes := v.probes(t)
	descriptors, rules := methods(t)
	for name := range probes {
		require.Contains(t, rules, name, "the probe is of an RPC that exists")
	}
	before := v.state(t)
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		rule := rules[name]
		if !rpc.Public(rule) {
			continue
		}
		one, known := probes[name]
		require.True(t, known, "%s is public and has no probe here", name)
		t.Run(strings.TrimPrefix(name, "/naru."), func(t *testing.T) {
			p := attempt{victims: v, probe: one, name: name, method: descriptors[name], rule: rule}
			if rule.GetOpen() {
				p.open(t)
				return
			}
			p.tokens(t)
			p.kinds(t)
			p.strangers(t)
		})
	}
	v.betweenParties(t, descriptors)
	require.Equal(t, before, v.state(t), "nothing has changed for the victims")
	var still verification
	verify(t, v.system, v.unused, "r1").Into(t, &still)
	require.Equal(t, v.document.EdocNum, still.EdocNum, "no attempt has used the token up")
}

// attempt tries one RPC.
type attempt struct {
	*victims
	probe
	name   string
	method protoreflect.MethodDescriptor
	rule   *platformv1.Access
}

func (a attempt) ask(t *testing.T, token string, request proto.Message) result {
	t.Helper()
	r := invoke(t, stack.GRPC, token, a.name, a.method, request)
	a.requireNothingTold(t, request, r)
	return r
}

// requireAlike checks that something that exists gets the same answer as something that does not.
func (a attempt) requireAlike(t *testing.T, foreign, absent result) {
	t.Helper()
	require.Equal(t, foreign.status.Code(), absent.status.Code(), "%s / %s", foreign.text, absent.text)
	absentNum := absentOf(a.absent)
	require.Equal(t, strings.NewReplacer(a.document.EdocNum, absentNum, a.handed.EdocNum, absentNum).Replace(foreign.text), absent.text)
}

// absentOf returns the edoc number in a request for something that does not exist.
func absentOf(request proto.Message) string {
	text, _ := protojson.Marshal(request) // our own message always encodes
	if at := strings.Index(string(text), "_NARU"); at >= 8 {
		return string(text)[at-8 : at+25]
	}
	return ""
}

// open checks an open RPC: the answer does not depend on the caller and reveals nothing.
func (a attempt) open(t *testing.T) {
	t.Helper()
	anonymous := a.ask(t, "", a.foreign)
	require.Equal(t, anonymous.status.Code(), a.ask(t, "garbage", a.foreign).status.Code())
	if a.absent != nil {
		a.requireAlike(t, anonymous, a.ask(t, "", a.absent))
	}
}

// tokens checks that no call succeeds without a token, with an invalid, expired or foreign token, or with one that lacks the
// scope.
func (a attempt) tokens(t *testing.T) {
	t.Helper()
	for token, reason := range a.refused {
		r := a.ask(t, token, a.foreign)
		require.Equal(t, codes.Unauthenticated, r.status.Code(), "%s: %s", reason, r.text)
		require.Equal(t, reason, r.reason)
	}
	if slices.Contains(a.rule.GetKinds(), platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER) {
		scope := a.rule.GetScope()
		if a.narrow[scope] == "" {
			a.narrow[scope] = narrowed(t, a.institution.Credentials, scope)
		}
		r := a.ask(t, a.narrow[scope], a.foreign)
		require.Equal(t, codes.PermissionDenied, r.status.Code(), r.text)
		require.Equal(t, "SCOPE_MISSING", r.reason)
	}
}

// kinds checks that principals of other kinds, even the document's parties, are refused before anything is looked up.
func (a attempt) kinds(t *testing.T) {
	t.Helper()
	const sender, system, recipient, admin = platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM,
		platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT, platformv1.PrincipalKind_PRINCIPAL_KIND_ADMIN
	for kind, callers := range map[platformv1.PrincipalKind][]*harness.Caller{
		sender: {a.institution.Caller, a.stranger.institution.Caller}, system: {a.system, a.stranger.system}, recipient: {a.recipient.Caller, a.stranger.recipient.Caller}, admin: {a.admin},
		platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT: {a.agent.Caller},
	} {
		if slices.Contains(a.rule.GetKinds(), kind) {
			continue
		}
		for _, caller := range callers {
			r := a.ask(t, caller.Token(), a.foreign)
			require.Equal(t, codes.PermissionDenied, r.status.Code(), "%s: %s", kind, r.text)
			require.Equal(t, "KIND_NOT_PERMITTED", r.reason)
			if a.absent != nil {
				a.requireAlike(t, r, a.ask(t, caller.Token(), a.absent))
			}
		}
	}
}

// strangers checks that a stranger of the right kind gets the same answer about the victims' things as about things that do not
// exist.
func (a attempt) strangers(t *testing.T) {
	t.Helper()
	for kind, caller := range map[platformv1.PrincipalKind]*harness.Caller{
		platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER: a.stranger.institution.Caller, platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT: a.stranger.recipient.Caller,
		platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM: a.stranger.system,
	} {
		if !slices.Contains(a.rule.GetKinds(), kind) {
			continue
		}
		if a.by != nil {
			caller = a.by
		}
		foreign := a.ask(t, caller.Token(), a.foreign)
		if a.absent == nil {
			require.Equal(t, codes.OK, foreign.status.Code(), foreign.text)
			continue
		}
		require.Contains(t, []codes.Code{codes.OK, codes.NotFound, codes.PermissionDenied, codes.InvalidArgument}, foreign.status.Code(), foreign.text)
		absent := a.ask(t, caller.Token(), a.absent)
		if !a.told {
			a.requireAlike(t, foreign, absent)
		}
	}
}

// betweenParties checks that the parties of one document do not see each other's certificate requests.
func (v *victims) betweenParties(t *testing.T, descriptors map[string]protoreflect.MethodDescriptor) {
	t.Helper()
	for _, one := range []struct {
		caller *harness.Caller
		theirs string
	}{{v.institution.Caller, v.recipientsCertificate}, {v.recipient.Caller, v.sendersCertificate}} {
		for name, request := range map[string]proto.Message{
			"GetCertificate": &certificatev1.GetCertificateRequest{Id: one.theirs}, "DownloadCertificate": &certificatev1.DownloadCertificateRequest{Id: one.theirs},
		} {
			name = "/naru.certificate.v1.CertificateService/" + name
			r := invoke(t, stack.GRPC, one.caller.Token(), name, descriptors[name], request)
			require.Equal(t, codes.NotFound, r.status.Code(), r.text)
		}
		var list struct{ Certificates []struct{ ID string } }
		one.caller.Do(t, http.MethodGet, "/v1/documents/"+v.document.EdocNum+"/certificates", nil).Into(t, &list)
		require.Len(t, list.Certificates, 1)
		require.NotEqual(t, one.theirs, list.Certificates[0].ID)
	}
	seen := strings.Join(v.state(t), "\n")
	require.Contains(t, seen, v.sendersCertificate)
	require.NotContains(t, seen, v.recipientsCertificate, "the sender's timeline")
}

// state returns what the victims see.
func (v *victims) state(t *testing.T) []string {
	t.Helper()
	var seen []string
	for _, path := range []string{"", "/timeline", "/circulation", "/certificates"} {
		answer := v.institution.Do(t, http.MethodGet, "/v1/documents/"+v.document.EdocNum+path, nil)
		require.Equal(t, http.StatusOK, answer.Status)
		seen = append(seen, string(answer.Body))
	}
	for _, path := range []string{"/v1/inbox", "/v1/membership"} {
		answer := v.recipient.Do(t, http.MethodGet, path, nil)
		require.Equal(t, http.StatusOK, answer.Status)
		seen = append(seen, string(answer.Body))
	}
	return seen
}

// REST behaves the same: another's things get the same answer as things that do not exist, and nothing is answered without a good
// token.
func TestRESTRefusesForeignPrincipals(t *testing.T) {
	t.Parallel()
	v := newVictims(t)
	number, nowhere := v.document.EdocNum, absentNumber(v.document.EdocNum)
	for _, call := range []struct {
		method, path    string
		caller, another *harness.Caller
		foreign, absent string
		body            any
	}{
		{http.MethodGet, "/v1/documents/%s", v.stranger.institution.Caller, v.admin, number, nowhere, nil},
		{http.MethodGet, "/v1/documents/%s", v.recipient.Caller, v.system, number, nowhere, nil},
		{http.MethodGet, "/v1/documents/%s/timeline", v.stranger.institution.Caller, v.system, number, nowhere, nil},
		{http.MethodGet, "/v1/documents/%s/circulation", v.stranger.institution.Caller, v.admin, number, nowhere, nil},
		{http.MethodPost, "/v1/documents/%s:cancel", v.stranger.institution.Caller, v.system, number, nowhere, map[string]any{}},
		{http.MethodGet, "/v1/documents/%s/certificates", v.stranger.institution.Caller, v.system, number, nowhere, nil},
		{http.MethodGet, "/v1/documents/%s/certificates", v.stranger.recipient.Caller, v.admin, number, nowhere, nil},
		{http.MethodGet, "/v1/certificates/%s", v.stranger.recipient.Caller, v.system, v.recipientsCertificate, uuid.NewString(), nil},
		{http.MethodGet, "/v1/certificates/%s/content", v.stranger.institution.Caller, v.admin, v.sendersCertificate, uuid.NewString(), nil},
		{http.MethodGet, "/v1/inbox/%s", v.stranger.recipient.Caller, v.institution.Caller, number, nowhere, nil},
		{http.MethodPost, "/v1/inbox/%s:view", v.stranger.recipient.Caller, v.system, number, nowhere, map[string]any{}},
	} {
		problemOf := func(caller *harness.Caller, name string, status int) harness.Problem {
			problem := caller.Do(t, call.method, fmt.Sprintf(call.path, name), call.body).Problem(t)
			require.Equal(t, status, problem.Status, "%s %s: %+v", call.method, call.path, problem)
			problem.Instance = "" // differs in every call: the trace id
			return problem
		}
		require.Equal(t, problemOf(call.caller, call.absent, http.StatusNotFound), problemOf(call.caller, call.foreign, http.StatusNotFound), call.path)
		require.Equal(t, problemOf(call.another, call.absent, http.StatusForbidden), problemOf(call.another, call.foreign, http.StatusForbidden), call.path)
		for token, reason := range v.refused {
			require.Equal(t, reason, problemOf(stack.WithToken(token), call.foreign, http.StatusUnauthorized).Reason)
		}
	}
}

// RPCs between units are not reachable at a public door, for any caller.
func TestInternalRPCsAreAtNoDoor(t *testing.T) {
	t.Parallel()
	s, admin := newScene(t), stack.Admin(t)
	descriptors, rules := methods(t)
	address, err := url.Parse(stack.Endpoints.REST)
	require.NoError(t, err)
	rest, err := grpc.NewClient(address.Host, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rest.Close()) })
	internal := 0
	for name, rule := range rules {
		if rpc.Public(rule) {
			continue
		}
		internal++
		method := descriptors[name]
		request := dynamicpb.NewMessage(method.Input())
		for _, token := range []string{"", s.institution.Token(), s.system.Token(), s.recipient.Token(), admin.Token()} {
			r := invoke(t, stack.GRPC, token, name, method, request)
			require.Equal(t, codes.NotFound, r.status.Code(), "%s: %s", name, r.text)
			require.Equal(t, "NO_SUCH_ROUTE", r.reason)
			require.Equal(t, r.text, invoke(t, stack.GRPC, token, "/naru.hub.v1.HubService/Nothing", method, request).text, "%s is answered as what does not exist", name)
			require.NotEqual(t, codes.OK, invoke(t, rest, token, name, method, request).status.Code(), "%s at the REST door", name)
			problem := stack.WithToken(token).Do(t, http.MethodPost, name, map[string]any{}).Problem(t)
			require.Equal(t, "NO_SUCH_ROUTE", problem.Reason, name)
		}
	}
	require.Greater(t, internal, 10)
}

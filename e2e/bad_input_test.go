package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/rpc"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// bench sends good and bad items with the same document to one member.
type bench struct {
	institution *harness.Institution
	recipient   *harness.Recipient
	document    *harness.Document
}

func newBench(t *testing.T) bench {
	t.Helper()
	b := bench{institution: stack.Institution(t), recipient: stack.NewMember(t)}
	b.document = b.institution.NewDocument(t, b.recipient.ByCI())
	return b
}

// good returns an item without faults.
func (b bench) good() object {
	item := maps.Clone(b.document.Item)
	item["ownKey"] = "good-" + rand.Text()
	return item
}

// A bad item is refused with all its faults at once, each with its path and without its value. Nothing is kept of it: its own key
// stays free, and the good item that is sent with that key arrives once.
func TestBadInput(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var sent []string
	for _, one := range slices.Concat(malformed(), broken(), refused(t, b.document)) {
		t.Run(one.name, func(t *testing.T) { sent = append(sent, b.requireRefused(t, one)) })
	}
	for _, number := range sent {
		b.institution.AwaitState(t, number, "RECEIVED")
	}
	require.ElementsMatch(t, sent, b.inbox(t), "what was refused is in no inbox")
}

// requireRefused sends a bad item, then the good one with the same own key, and returns the good one's number.
func (b bench) requireRefused(t *testing.T, one badItem) string {
	t.Helper()
	good := b.good()
	bad := maps.Clone(good)
	if one.change != nil {
		one.change(bad)
	}
	body := encode(t, bad)
	if one.raw != nil {
		body = one.raw(body)
	}
	answer := b.institution.Do(t, http.MethodPost, "/v1/documents", body)
	requireProblem(t, answer, one.status, one.reason, one.fields)
	requireNoEcho(t, answer, bad, good)
	require.NotContains(t, string(answer.Body), "unheard-of")
	require.Empty(t, b.listed(t, good["ownKey"].(string)), "no document has the own key")

	var accepted struct {
		EdocNum   string
		Duplicate bool
	}
	b.institution.Do(t, http.MethodPost, "/v1/documents", good).Into(t, &accepted)
	require.False(t, accepted.Duplicate)
	return accepted.EdocNum
}

func (b bench) listed(t *testing.T, ownKey string) []string {
	t.Helper()
	var list struct{ Statuses []struct{ EdocNum string } }
	b.institution.Do(t, http.MethodGet, "/v1/documents?ownKey="+ownKey, nil).Into(t, &list)
	var numbers []string
	for _, s := range list.Statuses {
		numbers = append(numbers, s.EdocNum)
	}
	return numbers
}

func (b bench) inbox(t *testing.T) []string {
	t.Helper()
	var numbers []string
	var page struct {
		Items         []struct{ EdocNum string }
		NextPageToken string
	}
	for path := "/v1/inbox?pageSize=40"; path != ""; {
		page.NextPageToken, page.Items = "", nil
		b.recipient.Do(t, http.MethodGet, path, nil).Into(t, &page)
		for _, item := range page.Items {
			numbers = append(numbers, item.EdocNum)
		}
		path = ""
		if page.NextPageToken != "" {
			path = "/v1/inbox?pageSize=40&pageToken=" + page.NextPageToken
		}
	}
	return numbers
}

// requireProblem checks that the answer is the problem document with this status and reason, and that its violations have exactly
// these paths.
func requireProblem(t *testing.T, answer harness.Answer, status int, reason string, fields []string) {
	t.Helper()
	if status == 0 {
		status = http.StatusBadRequest
	}
	problem := answer.Problem(t)
	require.Equal(t, status, problem.Status, "%s", answer.Body)
	require.Equal(t, reason, problem.Reason, "%s", answer.Body)
	require.NotEmpty(t, problem.Title)
	require.True(t, strings.HasSuffix(problem.Type, strings.ReplaceAll(strings.ToLower(reason), "_", "-")), problem.Type)
	paths := map[string]bool{}
	for _, violation := range problem.Violations {
		require.NotEmpty(t, violation.Rule)
		require.NotEmpty(t, violation.Message)
		paths[violation.Field] = true
	}
	require.ElementsMatch(t, fields, slices.Collect(maps.Keys(paths)), "%s", answer.Body)
}

// requireNoEcho checks that the answer contains no text that is only in the bad request.
func requireNoEcho(t *testing.T, answer harness.Answer, bad, good any) {
	t.Helper()
	known := texts(good)
	for _, text := range texts(bad) {
		if len(text) > 5 && !slices.Contains(known, text) {
			require.NotContains(t, string(answer.Body), text)
		}
	}
}

// texts returns all texts in a JSON value.
func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case object:
		var all []string
		for _, inner := range v {
			all = append(all, texts(inner)...)
		}
		return all
	case []any:
		var all []string
		for _, inner := range v {
			all = append(all, texts(inner)...)
		}
		return all
	default:
		return nil
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}

// exchange makes one request with the given headers.
func exchange(t *testing.T, caller *harness.Caller, method, path string, header http.Header, body io.Reader) harness.Answer {
	t.Helper()
	answer, err := tryExchange(t.Context(), caller, method, path, header, body)
	require.NoError(t, err)
	return answer
}

func tryExchange(ctx context.Context, caller *harness.Caller, method, path string, header http.Header, body io.Reader) (harness.Answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, stack.Endpoints.REST+path, body)
	if err != nil {
		return harness.Answer{}, err
	}
	maps.Copy(request.Header, header)
	if caller.Token() != "" && request.Header.Get("Authorization") == "" {
		request.Header.Set("Authorization", "Bearer "+caller.Token())
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return harness.Answer{}, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	return harness.Answer{Status: response.StatusCode, Header: response.Header, Body: raw}, err
}

// A different item with a used own key is refused, and the refusal names the first item's number, whatever else is wrong with it.
// The same content gets the first receipt again.
func TestOwnKeyConflict(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	good := b.good()
	var first, again struct {
		EdocNum, Receipt string
		Duplicate        bool
	}
	b.institution.Do(t, http.MethodPost, "/v1/documents", good).Into(t, &first)
	other := maps.Clone(good)
	other["title"] = "something quite different"
	answer := b.institution.Do(t, http.MethodPost, "/v1/documents", other)
	requireProblem(t, answer, http.StatusConflict, "OWN_KEY_CONFLICT", nil)
	requireNoEcho(t, answer, other, object{})
	require.Contains(t, string(answer.Body), first.EdocNum)
	b.institution.Do(t, http.MethodPost, "/v1/documents", good).Into(t, &again)
	require.True(t, again.Duplicate)
	require.Equal(t, first.Receipt, again.Receipt)
	b.institution.AwaitState(t, first.EdocNum, "RECEIVED")
	require.Equal(t, []string{first.EdocNum}, b.inbox(t))
}

// Each bad item of a batch has its own outcome, with the paths of a single send below the item's place, and the good items
// arrive. That holds for items that are of another form than an item, too.
func TestBadBatch(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	bad := append(broken(), refused(t, b.document)...)
	bad = append(bad, badItem{
		name: "of a form that no item has", change: with("colour", "unheard-of", "recipient.ci", 12345678), reason: "INVALID_ITEM", fields: []string{"colour", "recipient.ci"},
	})
	var items []any
	for _, one := range bad {
		item := b.good()
		one.change(item)
		items = append(items, b.good(), item)
	}
	var answer struct {
		Outcomes []struct {
			Index    int
			Accepted *struct{ EdocNum string }
			Refused  *struct {
				OwnKey, Reason, Message string
				Violations              []struct{ Field, Rule, Message string }
			}
		}
	}
	b.institution.Do(t, http.MethodPost, "/v1/documents:batch", object{"items": items}).Into(t, &answer)
	require.Len(t, answer.Outcomes, len(items))
	var sent []string
	for i, one := range bad {
		good, outcome := answer.Outcomes[2*i], answer.Outcomes[2*i+1]
		require.Equal(t, []int{2 * i, 2*i + 1}, []int{good.Index, outcome.Index})
		require.NotNil(t, good.Accepted, "%s: %+v", one.name, good.Refused)
		sent = append(sent, good.Accepted.EdocNum)
		require.NotNil(t, outcome.Refused, one.name)
		require.Equal(t, one.reason, outcome.Refused.Reason, one.name)
		paths := map[string]bool{}
		for _, violation := range outcome.Refused.Violations {
			paths[violation.Field] = true
		}
		require.ElementsMatch(t, placed(fmt.Sprintf("items[%d]", 2*i+1), one.fields), slices.Collect(maps.Keys(paths)), one.name)
		// The refusal identifies its item by the own key and repeats nothing else of it.
		known := b.good()
		known["ownKey"] = items[2*i+1].(object)["ownKey"]
		requireNoEcho(t, harness.Answer{Body: []byte(encode(t, outcome))}, items[2*i+1], known)
	}
	for _, number := range sent {
		b.institution.AwaitState(t, number, "RECEIVED")
	}
	require.ElementsMatch(t, sent, b.inbox(t))
}

// placed prefixes paths inside an item with the item's place in the request.
func placed(place string, fields []string) []string {
	paths := make([]string, len(fields))
	for i, field := range fields {
		paths[i] = strings.TrimSuffix(place+"."+field, ".")
	}
	return paths
}

// The gRPC door reports the same faults of an item as the REST door. The paths begin at its own request, which contains the item.
func TestBadItemsAtTheGRPCDoor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+b.institution.Token())
	client := intakev1.NewIntakeServiceClient(stack.GRPC)
	for _, one := range append(broken(), refused(t, b.document)...) {
		raw := b.good()
		one.change(raw)
		item := &intakev1.SendItem{}
		require.NoError(t, protojson.Unmarshal([]byte(encode(t, raw)), item), one.name)
		_, err := client.Send(ctx, &intakev1.SendRequest{Item: item})
		refusal := fault.As(fault.FromStatus(status.Convert(err)))
		require.Equal(t, one.reason, refusal.Reason, one.name)
		paths := map[string]bool{}
		for _, violation := range refusal.Violations {
			paths[violation.Field] = true
		}
		require.ElementsMatch(t, placed("item", one.fields), slices.Collect(maps.Keys(paths)), one.name)
	}
	require.Empty(t, b.inbox(t))
}

// Faults of the call itself are reported before its content is looked at, in the same way on every route.
func TestBadCalls(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	small := make([]any, 1001)
	for i := range small {
		small[i] = object{}
	}
	numbers := make([]any, 101)
	for i := range numbers {
		numbers[i] = "20260101_NARU000001_0000000000001"
	}
	institution, recipient, system := b.institution.Caller, b.recipient.Caller, stack.LogIn(t, harness.ReadCredentials(t, stack.Endpoints.Sandbox.ViewingCredentials))
	const invalid, number = "INVALID_REQUEST", "/v1/documents/20260101_NARU000001_0000000000001"
	for _, call := range []struct {
		name, method, path string
		caller             *harness.Caller
		body               any
		status             int
		reason             string
		fields             []string
	}{
		{"batch of nothing", http.MethodPost, "/v1/documents:batch", institution, object{}, 0, invalid, []string{"items"}},
		{"batch of too much", http.MethodPost, "/v1/documents:batch", institution, object{"items": small}, 0, invalid, []string{"items"}},
		{"batch too large", http.MethodPost, "/v1/documents:batch", institution, `{"items":[{"title":"` + strings.Repeat("a", 16<<20) + `"}]}`, http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE", nil},
		{"certificate to upload", http.MethodPost, "/v1/registration-certificates", institution, object{"registrationCertificate": "bm90aGluZw=="}, 0, "CERTIFICATE_MALFORMED", []string{"registrationCertificate"}},
		{"no certificate to upload", http.MethodPost, "/v1/registration-certificates", institution, object{}, 0, invalid, []string{"registrationCertificate"}},
		{"number in the path", http.MethodGet, "/v1/documents/not-a-number", institution, nil, 0, invalid, []string{"edocNum"}},
		{"number to cancel", http.MethodPost, "/v1/documents/not-a-number:cancel", institution, object{}, 0, invalid, []string{"edocNum"}},
		{"no window", http.MethodGet, "/v1/documents", institution, nil, 0, invalid, []string{""}},
		{"query", http.MethodGet, "/v1/documents?pageSize=many&states=unheard-of&shoeSize=44&acceptedFrom=yesterday", institution, nil, 0, invalid, []string{"acceptedFrom", "pageSize", "shoeSize", "states[0]"}},
		{"window too long", http.MethodGet, "/v1/documents?acceptedFrom=2026-01-01T00:00:00Z&acceptedUntil=2026-03-01T00:00:00Z", institution, nil, 0, invalid, []string{""}},
		{"page token", http.MethodGet, "/v1/documents?ownKey=k&pageToken=unheard-of", institution, nil, 0, "PAGE_TOKEN_INVALID", nil},
		{"many numbers", http.MethodPost, "/v1/documents:batchGet", institution, object{"edocNums": numbers}, 0, invalid, []string{"edocNums"}},
		{"no numbers", http.MethodPost, "/v1/documents:batchGet", institution, object{"edocNums": []any{"unheard-of", numbers[0], ""}}, 0, invalid, []string{"edocNums[0]", "edocNums[2]"}},
		{"certificate request", http.MethodPost, number + "/certificates", institution, object{"reason": strings.Repeat("why ", 51), "requestId": "with space"}, 0, invalid, []string{"reason", "requestId"}},
		{"certificate id", http.MethodGet, "/v1/certificates/unheard-of", institution, nil, 0, invalid, []string{"id"}},
		{"joining without consent", http.MethodPost, "/v1/membership", recipient, object{"termsVersion": "two words"}, 0, invalid, []string{"consent", "designateInbox", "termsVersion"}},
		{"refusal of nobody", http.MethodPut, "/v1/membership/refusals", recipient, object{"sender": "unheard-of", "refused": "perhaps"}, 0, invalid, []string{"refused"}},
		{"inbox page", http.MethodGet, "/v1/inbox?pageSize=101", recipient, nil, 0, invalid, []string{"pageSize"}},
		{"inbox page token", http.MethodGet, "/v1/inbox?pageToken=unheard-of", recipient, nil, 0, "PAGE_TOKEN_INVALID", nil},
		{"number to view", http.MethodPost, "/v1/inbox/not-a-number:view", recipient, object{}, 0, invalid, []string{"edocNum"}},
		{"token to verify", http.MethodPost, "/v1/viewing/tokens:verify", system, object{"token": "", "requestId": "two words"}, 0, invalid, []string{"requestId", "token"}},
		{"read report", http.MethodPost, number + ":reportRead", system, object{"verificationId": "unheard-of", "shownHash": object{"algorithm": "CRC-32", "value": "00"}, "logDigest": "AB"}, 0, invalid,
			[]string{"logDigest", "readAt", "shownHash.algorithm", "shownHash.value", "verificationId"}},
		{"session", http.MethodPost, "/v1/sessions:start", stack.Anonymous(), object{"redirectUri": "https://elsewhere.example/"}, 0, "REDIRECT_NOT_ALLOWED", []string{"redirectUri"}},
		{"session to complete", http.MethodPost, "/v1/sessions:complete", stack.Anonymous(), object{"state": "short", "code": ""}, 0, invalid, []string{"code", "state"}},
		{"session unknown", http.MethodPost, "/v1/sessions:complete", stack.Anonymous(), object{"state": strings.Repeat("s", 43), "code": "c"}, http.StatusNotFound, "SESSION_UNKNOWN", nil},
		{"nothing there", http.MethodGet, "/v1/dokuments", institution, nil, http.StatusNotFound, "NO_SUCH_ROUTE", nil},
		{"another method", http.MethodPatch, "/v1/documents", institution, object{}, http.StatusMethodNotAllowed, "NO_SUCH_ROUTE", nil},
	} {
		t.Run(call.name, func(t *testing.T) {
			answer := call.caller.Do(t, call.method, call.path, call.body)
			requireProblem(t, answer, call.status, call.reason, call.fields)
			requireNoEcho(t, answer, call.body, object{})
			require.NotContains(t, string(answer.Body), "unheard-of")
		})
	}
	for name, header := range map[string]http.Header{
		"no type": {}, "text": {"Content-Type": {"text/plain"}}, "a form": {"Content-Type": {"application/x-www-form-urlencoded"}},
		"another charset": {"Content-Type": {"application/json; charset=euc-kr"}}, "packed": {"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}},
	} {
		t.Run(name, func(t *testing.T) {
			good := b.good()
			answer := exchange(t, institution, http.MethodPost, "/v1/documents", header, strings.NewReader(encode(t, good)))
			requireProblem(t, answer, http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", nil)
			require.Empty(t, b.listed(t, good["ownKey"].(string)))
		})
	}
	// The limit also applies to a body without a Content-Length.
	endless := exchange(t, institution, http.MethodPost, "/v1/documents", http.Header{"Content-Type": {"application/json"}}, io.LimitReader(spaces{}, 2<<20))
	requireProblem(t, endless, http.StatusRequestEntityTooLarge, "BODY_TOO_LARGE", nil)
}

// spaces is an endless reader of spaces.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// verbatim is a codec that sends bytes unchanged.
type verbatim struct{}

func (verbatim) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}
func (verbatim) Unmarshal(mem.BufferSlice, any) error { return nil }
func (verbatim) Name() string                         { return "proto" }

// The gRPC door answers an undecodable message as the caller's error, not as a failure of the relay.
func TestUndecodableGRPC(t *testing.T) {
	t.Parallel()
	const title = "unheard-of"
	good := mustMarshal(t, &intakev1.SendRequest{Item: &intakev1.SendItem{Title: title, OwnKey: "undecodable"}})
	institution := stack.Institution(t)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+institution.Token())
	for _, one := range []struct {
		name    string
		message []byte
		code    codes.Code
	}{
		{"broken rules", good, codes.InvalidArgument},
		{"invalid UTF-8", []byte(strings.Replace(string(good), title, "unheard-\xff\xfe", 1)), codes.InvalidArgument},
		{"cut off", good[:len(good)-3], codes.InvalidArgument},
		{"another message", mustMarshal(t, &intakev1.CancelRequest{EdocNum: title}), codes.InvalidArgument},
		{"too large", make([]byte, rpc.MaxMessageBytes+1), codes.ResourceExhausted},
	} {
		t.Run(one.name, func(t *testing.T) {
			failure := stack.GRPC.Invoke(ctx, intakev1.IntakeService_Send_FullMethodName, one.message, new([]byte), grpc.ForceCodecV2(verbatim{}))
			told, err := protojson.Marshal(status.Convert(failure).Proto())
			require.NoError(t, err)
			require.Equal(t, one.code, status.Code(failure), "%s", told)
			require.NotContains(t, string(told), "unheard")
		})
	}
}

func mustMarshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	raw, err := proto.Marshal(m)
	require.NoError(t, err)
	return raw
}

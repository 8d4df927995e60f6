package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/invented"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// planted holds the values of one canary journey and the answers that could repeat them.
type planted struct {
	person, stranger harness.Person
	title, reason    string
	// company and number are of an organisation whose representative the person is; the stranger is named for it.
	company, number string
	// mail is a contact of whom is to be invited.
	mail string
	// secrets are tokens and passwords that were sent through the doors.
	secrets []harness.Canary
	// told holds problem documents, error statuses and headers of answers.
	told []harness.Part
}

// Personal data of a complete journey, and of refused requests, appears in no table of the units' database and in no stream, log,
// span, metric or problem document, in any form.
func TestCanariesAreNowhere(t *testing.T) {
	t.Parallel()
	c := plant(t)
	institution, recipient := stack.Institution(t), stack.LogInPerson(t, c.person)
	recipient.Join(t)
	newTrace(institution.Caller)
	c.secret("sender's token", institution.Token())
	c.secret("sender's secret", institution.Credentials.ClientSecret)
	c.secret("session token", recipient.Token())

	documents := []*harness.Document{
		c.send(t, institution, c.person.ByCI()), c.send(t, institution, c.person.ByDescription()), c.sendBatch(t, institution, c.person.ByCI()),
	}
	nowhere := []*harness.Document{c.send(t, institution, c.stranger.ByCI()), c.send(t, institution, c.stranger.ByDescription())}
	for _, d := range documents {
		c.read(t, institution, recipient, d)
	}
	for _, d := range nowhere {
		institution.AwaitState(t, d.EdocNum, "AWAITING_MEMBERSHIP")
	}
	documents = append(documents, c.readForOrganisation(t, institution, recipient))
	c.certify(t, institution.Caller, documents[0])
	c.certify(t, recipient.Caller, documents[1])
	c.provoke(t, institution, recipient, documents[0])
	c.requireNowhere(t, institution, documents)
}

func plant(t *testing.T) *planted {
	t.Helper()
	c := &planted{mail: "canary-" + strings.ToLower(rand.Text()) + "@invited.example", company: "카나리아상사" + syllables(6), number: invented.AnyBusinessNumber(), title: "카나리아 제목 " + syllables(12), reason: "카나리아 사유 " + syllables(12)}
	for _, p := range []*harness.Person{&c.person, &c.stranger} {
		*p = harness.Person{ID: "canary-" + strings.ToLower(rand.Text()[:12]), Name: "카나리아" + syllables(6), BirthDate: birthDate(), Phone: "010" + decimals(8)}
	}
	stack.Sandbox(t, stack.Endpoints.Sandbox.IDP, http.MethodPost, "/sandbox/persons",
		map[string]string{"id": c.person.ID, "name": c.person.Name, "birthDate": c.person.BirthDate, "phone": c.person.Phone}, &c.person)
	c.stranger.CI = base64.StdEncoding.EncodeToString(random(64))
	return c
}

func (c *planted) secret(name, value string) {
	c.secrets = append(c.secrets, harness.Canary{Name: name, Value: value})
}

// canaries returns the planted values and forms derived from them: with hyphens, or joined.
func (c *planted) canaries() []harness.Canary {
	all := []harness.Canary{{Name: "title", Value: c.title}, {Name: "contact's mail", Value: c.mail}, {Name: "reason of a certificate", Value: c.reason},
		{Name: "company", Value: c.company}, {Name: "business number", Value: c.number}}
	for whose, p := range map[string]harness.Person{"member": c.person, "stranger": c.stranger} {
		all = append(all, []harness.Canary{
			{Name: whose + "'s CI", Value: p.CI}, {Name: whose + "'s CI without padding", Value: strings.TrimRight(p.CI, "=")},
			{Name: whose + "'s name", Value: p.Name}, {Name: whose + "'s birth date", Value: p.BirthDate}, {Name: whose + "'s phone", Value: p.Phone},
			{Name: whose + "'s phone with hyphens", Value: p.Phone[:3] + "-" + p.Phone[3:7] + "-" + p.Phone[7:]},
			{Name: whose + "'s birth date with hyphens", Value: p.BirthDate[:4] + "-" + p.BirthDate[4:6] + "-" + p.BirthDate[6:]},
			{Name: whose + "'s birth date and phone", Value: p.BirthDate + p.Phone}, {Name: whose + "'s phone and birth date", Value: p.Phone + p.BirthDate},
		}...)
		// A CI is base64 of 64 bytes, so the decoded bytes count as the CI too.
		if bytesOfCI, err := base64.StdEncoding.DecodeString(p.CI); err == nil {
			all = append(all, harness.Canary{Name: whose + "'s CI decoded", Value: string(bytesOfCI)})
		}
	}
	return append(all, c.secrets...)
}

func (c *planted) send(t *testing.T, institution *harness.Institution, recipient map[string]any) *harness.Document {
	t.Helper()
	d := institution.NewDocument(t, recipient)
	institution.Store(t, d, recipient)
	d.Item["title"] = c.title
	d.Item["contact"] = map[string]any{"phone": c.stranger.Phone, "email": c.mail}
	institution.Send(t, d)
	return d
}

func (c *planted) sendBatch(t *testing.T, institution *harness.Institution, recipient map[string]any) *harness.Document {
	t.Helper()
	d := institution.NewDocument(t, recipient)
	institution.Store(t, d, recipient)
	d.Item["title"] = c.title
	var answer struct {
		Outcomes []struct{ Accepted struct{ EdocNum string } }
	}
	institution.Do(t, http.MethodPost, "/v1/documents:batch", map[string]any{"items": []any{d.Item}}).Into(t, &answer)
	require.Len(t, answer.Outcomes, 1)
	d.EdocNum = answer.Outcomes[0].Accepted.EdocNum
	return d
}

// read takes a document through inbox, token, viewing and hub.
func (c *planted) read(t *testing.T, institution *harness.Institution, recipient *harness.Recipient, d *harness.Document) {
	t.Helper()
	institution.AwaitState(t, d.EdocNum, "RECEIVED")
	var item struct{ Item struct{ Title string } }
	recipient.Do(t, http.MethodGet, "/v1/inbox/"+d.EdocNum, nil).Into(t, &item)
	require.Equal(t, c.title, item.Item.Title)
	token := recipient.ViewingToken(t, d.EdocNum)
	c.secret("viewing token", token.Token)
	shown, body := stack.Open(t, token.URL)
	require.Equal(t, http.StatusOK, shown, "%s", body)
	institution.AwaitStatus(t, d.EdocNum, func(s harness.Status) bool {
		return s.State == "DOCUMENT_STATE_READ" && s.Registered() && s.ReadTimeRegistered()
	})
}

func (c *planted) certify(t *testing.T, caller *harness.Caller, d *harness.Document) {
	t.Helper()
	var got struct {
		Certificate struct{ ID, State, Reason string }
	}
	caller.Do(t, http.MethodPost, "/v1/documents/"+d.EdocNum+"/certificates", map[string]string{"reason": c.reason, "requestId": "canary"}).Into(t, &got)
	await.Require(t, harness.Patience, func() bool {
		caller.Do(t, http.MethodGet, "/v1/certificates/"+got.Certificate.ID, nil).Into(t, &got)
		return got.Certificate.State != "CERTIFICATE_STATE_REQUESTED"
	})
	require.Equal(t, "CERTIFICATE_STATE_ISSUED", got.Certificate.State, got.Certificate.Reason)
	download := caller.Do(t, http.MethodGet, "/v1/certificates/"+got.Certificate.ID+"/content", nil)
	require.Equal(t, http.StatusOK, download.Status)
}

// requireNowhere scans everything that the relay stores and answers. For each place it first shows that the scan finds known
// values there.
func (c *planted) requireNowhere(t *testing.T, institution *harness.Institution, documents []*harness.Document) {
	t.Helper()
	// Spans are written some seconds after they end, in the order of their ends. When the spans of one more call are there, all
	// earlier ones are too.
	traceID := newTrace(institution.Caller)
	institution.Do(t, http.MethodPost, "/v1/documents", map[string]any{"title": c.title})
	await.Require(t, harness.Patience, func() bool {
		spans := stack.Spans(t, traceID)
		return slices.ContainsFunc(spans, func(s harness.Span) bool { return s.Unit == "gateway" }) && slices.ContainsFunc(spans, func(s harness.Span) bool { return s.Unit == "intake" })
	})
	known := harness.NewScanner(
		harness.Canary{Name: "own key", Value: documents[0].Item["ownKey"].(string)}, harness.Canary{Name: "edoc number", Value: documents[0].EdocNum},
		harness.Canary{Name: "trace", Value: traceID}, harness.Canary{Name: "reason", Value: "INVALID_REQUEST"}, harness.Canary{Name: "metric", Value: "naru_gateway_"},
		harness.Canary{Name: "log", Value: `"level":"`})
	scanner := harness.NewScanner(c.canaries()...)
	for _, place := range []struct {
		name  string
		parts []harness.Part
		// controls are values and forms that must be found.
		controls []string
	}{
		// The own key is in a column, inside bytea of evidence and frames, and in the payload of the receipt, a compact JWS.
		{"database", stack.DumpDatabase(t), []string{"own key as raw", "own key as hex", "own key as base64url"}},
		{"streams", stack.Streams(t), []string{"edoc number as raw", "own key as raw"}},
		{"spans", stack.TraceFiles(t), []string{"trace as raw"}},
		{"logs", stack.Logs(t), []string{"log as raw"}},
		{"metrics", stack.Metrics(t), []string{"metric as raw"}},
		{"problem documents", c.told, []string{"reason as raw"}},
	} {
		var found []string
		for _, finding := range known.Scan(place.parts...) {
			form, _, _ := strings.Cut(finding.Form, "+")
			found = append(found, finding.Canary+" as "+form)
		}
		for _, control := range place.controls {
			require.Contains(t, found, control, "the scan of the %s works", place.name)
		}
		for _, finding := range scanner.Scan(place.parts...) {
			t.Errorf("%s: %s", place.name, finding)
		}
	}
}

// provoke causes problem documents with requests full of personal data.
func (c *planted) provoke(t *testing.T, institution *harness.Institution, recipient *harness.Recipient, d *harness.Document) {
	t.Helper()
	p := c.person
	everything := strings.Join([]string{p.CI, p.Name, p.BirthDate, p.Phone, c.title}, " ")
	changed := func(change func(item map[string]any)) map[string]any {
		item := map[string]any{}
		for k, v := range d.Item {
			item[k] = v
		}
		item["ownKey"] = "canary-" + rand.Text()[:10]
		change(item)
		return item
	}
	for name, recipient := range map[string]any{
		"a ci that is too long": map[string]any{"ci": p.CI + "A"}, "a ci of other characters": map[string]any{"ci": p.Name + p.CI},
		"two kinds": map[string]any{"ci": p.CI, "person": map[string]any{"name": p.Name, "birthDate": p.BirthDate, "phone": p.Phone}},
		"a person":  map[string]any{"person": map[string]any{"name": strings.Repeat(p.Name, 20), "birthDate": p.BirthDate + "0", "phone": p.Phone + "-"}},
		"a number":  map[string]any{"businessNumber": p.Phone}, "an address": map[string]any{"platformAddress": map[string]any{"platformId": p.Name, "address": p.Phone + " " + p.Name}},
		"a text": everything, "a list": []any{p.CI, p.Name}, "a number for a text": map[string]any{"ci": json.Number("1" + p.Phone)},
	} {
		c.tell(t, name, institution.Do(t, http.MethodPost, "/v1/documents", changed(func(item map[string]any) { item["recipient"] = recipient })))
	}
	for field, value := range map[string]any{
		"title": strings.Repeat(c.title, 20), "documentType": c.title, "category": p.Name, "withoutCirculation": p.Name, "documentHash": p.CI,
		"sendDeadline": p.BirthDate, "registrationCertificate": "!" + p.CI, "registrationCertificateDigest": p.CI, "senderSubAddress": everything, "repeats": p.CI,
		"viewing": map[string]any{"url": "http://" + p.Phone, "viewingSystem": p.CI, "deadline": p.Name}, "attachmentHashes": []any{p.CI, map[string]any{"value": p.CI, "algorithm": p.Name}},
		"ownKey": p.Name,
	} {
		c.tell(t, field, institution.Do(t, http.MethodPost, "/v1/documents", changed(func(item map[string]any) { item[field] = value })))
	}
	c.tell(t, "a certificate that is none", institution.Do(t, http.MethodPost, "/v1/documents", changed(func(item map[string]any) {
		item["title"], item["registrationCertificate"] = c.title, base64.StdEncoding.EncodeToString([]byte(everything))
	})))
	c.tell(t, "a conflict", institution.Do(t, http.MethodPost, "/v1/documents", changed(func(item map[string]any) {
		item["ownKey"], item["title"] = d.Item["ownKey"], c.title+" 2"
	})))
	c.provokeElsewhere(t, institution, recipient, d, everything)
	c.provokeGRPC(t, institution, everything)
}

// provokeElsewhere sends personal data where it does not belong: in other routes, paths, queries, headers, media types and broken
// bodies.
func (c *planted) provokeElsewhere(t *testing.T, institution *harness.Institution, recipient *harness.Recipient, d *harness.Document, everything string) {
	t.Helper()
	p, escaped := c.person, url.PathEscape(everything)
	quoted, err := json.Marshal(everything)
	require.NoError(t, err)
	for _, call := range []struct {
		caller       *harness.Caller
		method, path string
		body         any
	}{
		{institution.Caller, http.MethodPost, "/v1/documents", everything},
		{institution.Caller, http.MethodPost, "/v1/documents", quoted},
		{institution.Caller, http.MethodPost, "/v1/documents", `{"title":` + string(quoted)},
		{institution.Caller, http.MethodPost, "/v1/documents", `{"title":"` + p.Name + "\xff" + `"}`},
		{institution.Caller, http.MethodPost, "/v1/documents:batch", map[string]any{"items": everything}},
		{institution.Caller, http.MethodGet, "/v1/documents/" + escaped, nil},
		{institution.Caller, http.MethodGet, "/v1/documents?ownKey=" + url.QueryEscape(everything), nil},
		{institution.Caller, http.MethodGet, "/v1/documents?acceptedFrom=" + url.QueryEscape(p.Name) + "&states=" + p.Phone + "&pageToken=" + url.QueryEscape(p.CI), nil},
		{institution.Caller, http.MethodPost, "/v1/documents:batchGet", map[string]any{"edocNums": []any{p.CI, p.Name, p.Phone}}},
		{institution.Caller, http.MethodPost, "/v1/documents/" + d.EdocNum + "/certificates", map[string]any{"reason": strings.Repeat(everything, 3), "requestId": p.Name}},
		{institution.Caller, http.MethodPost, "/v1/documents/" + absentNumber(d.EdocNum) + "/certificates", map[string]any{"reason": c.reason, "requestId": "r1"}},
		{institution.Caller, http.MethodPost, "/v1/registration-certificates", map[string]any{"registrationCertificate": base64.StdEncoding.EncodeToString([]byte(everything))}},
		{institution.Caller, http.MethodPost, "/" + escaped, nil},
		{institution.Caller, http.MethodDelete, "/v1/documents/" + escaped, nil},
		{recipient.Caller, http.MethodGet, "/v1/inbox?pageToken=" + url.QueryEscape(p.CI), nil},
		{recipient.Caller, http.MethodGet, "/v1/inbox/" + escaped, nil},
		{recipient.Caller, http.MethodPost, "/v1/membership", map[string]any{"termsVersion": p.Name, "consent": p.CI}},
		{recipient.Caller, http.MethodPut, "/v1/membership/refusals", map[string]any{"sender": p.CI}},
		{stack.Anonymous(), http.MethodPost, "/v1/sessions:start", map[string]any{"redirectUri": "https://" + p.Phone + ".example/" + escaped}},
		{stack.Anonymous(), http.MethodPost, "/v1/sessions:complete", map[string]any{"state": everything[:100], "code": p.CI}},
		{stack.WithToken(p.CI), http.MethodGet, "/v1/inbox", nil},
		{stack.WithToken(url.QueryEscape(everything)), http.MethodGet, "/v1/documents/" + d.EdocNum, nil},
	} {
		c.tell(t, call.method+" "+call.path, call.caller.Do(t, call.method, call.path, call.body))
	}
	for name, header := range map[string]http.Header{
		"text": {"Content-Type": {"text/plain"}}, "a form": {"Content-Type": {"application/x-www-form-urlencoded"}}, "another charset": {"Content-Type": {"application/json; charset=euc-kr"}},
		"a media type": {"Content-Type": {p.Phone + "/" + p.BirthDate}}, "packed": {"Content-Type": {"application/json"}, "Content-Encoding": {p.Phone}},
		"headers": {"Content-Type": {"application/json"}, "Idempotency-Key": {p.CI}, "User-Agent": {p.Phone}, "Traceparent": {p.CI}, "X-Request-Id": {p.CI}, "Baggage": {"ci=" + p.Phone}},
	} {
		c.tell(t, name, exchange(t, institution.Caller, http.MethodPost, "/v1/documents", header, strings.NewReader(everything)))
	}
	// A batch is not a problem document; its items have refusals.
	c.keep(t, "a batch", institution.Do(t, http.MethodPost, "/v1/documents:batch", map[string]any{"items": []any{
		map[string]any{"title": strings.Repeat(everything, 3), "ownKey": "canary", "recipient": map[string]any{"ci": p.Name}, "viewing": map[string]any{"url": everything}},
		everything, map[string]any{"title": everything},
	}}))
	c.tell(t, "too much", institution.Do(t, http.MethodPost, "/v1/documents", `{"title":"`+strings.Repeat(everything, 8000)+`"}`))
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	c.tell(t, "credentials", exchange(t, stack.Anonymous(), http.MethodPost, "/oauth2/token", form,
		strings.NewReader(url.Values{"grant_type": {"client_credentials"}, "client_id": {p.CI[:40]}, "client_secret": {p.CI}, "scope": {p.Phone}}.Encode())))
}

// tell keeps an answer for the scan. The answer must be a refusal.
func (c *planted) tell(t *testing.T, name string, answer harness.Answer) {
	t.Helper()
	require.GreaterOrEqual(t, answer.Status, http.StatusBadRequest, "%s: %s", name, answer.Body)
	require.Less(t, answer.Status, http.StatusInternalServerError, "%s: %s", name, answer.Body)
	c.keep(t, name, answer)
}

func (c *planted) keep(t *testing.T, name string, answer harness.Answer) {
	t.Helper()
	var header bytes.Buffer
	require.NoError(t, answer.Header.Write(&header))
	c.told = append(c.told, harness.Part{Name: fmt.Sprintf("answer %d to %q", len(c.told), fmt.Sprintf("%.30s", name)), Data: append(header.Bytes(), answer.Body...)})
}

// provokeGRPC does the same at the gRPC door.
func (c *planted) provokeGRPC(t *testing.T, institution *harness.Institution, everything string) {
	t.Helper()
	p := c.person
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+institution.Token(), "naru-unit", p.Phone, "x-person", p.CI)
	item := &intakev1.SendItem{
		OwnKey: p.Phone + " " + p.CI, Title: strings.Repeat(everything, 2), SenderSubAddress: everything, RegistrationCertificate: []byte(everything), RegistrationCertificateDigest: p.CI,
		Recipient:    &platformv1.RecipientIdentifier{Ci: proto.String(p.CI + p.Name), BusinessNumber: proto.String(p.Phone), Person: &platformv1.PersonDescription{Name: strings.Repeat(p.Name, 9), BirthDate: p.Phone, Phone: p.BirthDate}},
		DocumentHash: &platformv1.Digest{Algorithm: p.Name, Value: p.CI}, Viewing: &intakev1.Viewing{Url: everything, ViewingSystem: p.CI},
	}
	for method, request := range map[string]proto.Message{
		"/naru.intake.v1.IntakeService/Send":                     &intakev1.SendRequest{Item: item},
		"/naru.intake.v1.IntakeService/Cancel":                   &intakev1.CancelRequest{EdocNum: p.CI},
		"/naru.viewing.v1.SessionService/StartSession":           &viewingv1.StartSessionRequest{RedirectUri: everything},
		"/naru.viewing.v1.SessionService/CompleteSession":        &viewingv1.CompleteSessionRequest{State: p.CI, Code: p.CI},
		"/naru.viewing.v1.ViewingService/VerifyViewingToken":     &viewingv1.VerifyViewingTokenRequest{Token: everything, RequestId: p.Phone},
		"/naru.intake.v1.IntakeService/" + url.PathEscape(p.CI):  &intakev1.GetLimitsRequest{},
		"/naru.platform.v1.JournalAdminService/ListHeldFrames":   &platformv1.ListHeldFramesRequest{Unit: p.Name},
		"/naru.platform.v1.ParkedEventService/ListParkedEvents":  &platformv1.ListParkedEventsRequest{Unit: p.Name},
		"/naru.address.v1.MembershipService/" + uuid.NewString(): &intakev1.SendRequest{Item: item},
	} {
		err := stack.GRPC.Invoke(ctx, method, request, &intakev1.SendResponse{})
		require.Error(t, err, method)
		told, err := protojson.Marshal(status.Convert(err).Proto())
		require.NoError(t, err)
		c.told = append(c.told, harness.Part{Name: "status of " + method[:min(len(method), 40)], Data: told})
	}
}

// The scanner finds a value in every form, anywhere and between any other bytes, and nothing where no value is.
func TestScannerFindsEveryForm(t *testing.T) {
	t.Parallel()
	values := map[string]string{"ci": base64.StdEncoding.EncodeToString(random(64)), "name": "카나리아" + syllables(6), "phone": "010" + decimals(8), "birth": birthDate()}
	for name, value := range values {
		scanner := harness.NewScanner(harness.Canary{Name: name, Value: value})
		quoted, err := json.Marshal(value)
		require.NoError(t, err)
		hidden := map[string][]byte{
			"raw": []byte("x" + value + "y"), "json": quoted, "hex": []byte(hex.EncodeToString([]byte("<" + value + ">"))),
			"HEX": []byte(strings.ToUpper(hex.EncodeToString([]byte("<" + value + ">")))), "query": []byte("a=" + url.QueryEscape(value)),
			"quoted": []byte(fmt.Sprintf("%+q", value)), "protobuf": mustMarshal(t, &intakev1.SendItem{Title: value}),
		}
		for before := range 4 {
			for after := range 4 {
				text := append(append(random(before), value...), random(after)...)
				place := fmt.Sprintf("base64 %d %d", before, after)
				hidden[place], hidden[place+" url"] = []byte(base64.StdEncoding.EncodeToString(text)), []byte(base64.RawURLEncoding.EncodeToString(text))
			}
		}
		for form, data := range hidden {
			require.NotEmpty(t, scanner.Scan(harness.Part{Name: form, Data: data}), "%s in %s: %s", name, form, data)
			require.NotEmpty(t, scanner.Scan(harness.Part{Name: form, Data: append(append([]byte("\x00 "), data...), 0)}), "%s inside %s", name, form)
		}
		require.Empty(t, scanner.Scan(harness.Part{Name: "other", Data: []byte(value[:len(value)-1] + "\x00" + syllables(40))}))
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}

func decimals(n int) string {
	b := random(n)
	for i := range b {
		b[i] = '0' + b[i]%10
	}
	return string(b)
}

// syllables returns Korean text that is unlikely to occur elsewhere.
func syllables(n int) string {
	var b strings.Builder
	for range n {
		r := random(2)
		b.WriteRune('가' + rune(int(r[0])<<8|int(r[1]))%11172)
	}
	return b.String()
}

// birthDate never returns the first of January, the birthday of all other persons in these tests.
func birthDate() string {
	r := random(3)
	return fmt.Sprintf("19%02d%02d%02d", 30+r[0]%60, 10+r[1]%3, 11+r[2]%18)
}

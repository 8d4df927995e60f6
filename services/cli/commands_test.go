package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	regexpNumbers  = regexp.MustCompile(number)
	regexpPassword = regexp.MustCompile(`"password": "([A-Z2-7]+)"`)
)

// A cancel is asked for, and its decision can be waited for: cancelled, or too late.
func TestCancel(t *testing.T) {
	t.Parallel()
	call := "POST /v1/documents/" + number + ":cancel"
	f := newRelay(t, map[string][]string{
		call:                          {`{}`},
		"GET /v1/documents/" + number: {`{"edocNum":"` + number + `","state":"DOCUMENT_STATE_ACCEPTED"}`, `{"edocNum":"` + number + `","state":"DOCUMENT_STATE_CANCELLED"}`},
	})
	code, stdout, stderr := f.run(t, "cancel", number)
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, "cancel requested")
	require.Equal(t, "Bearer sender {}", f.bodies[call][0])
	code, stdout, stderr = f.run(t, "cancel", number, "--wait")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, number+"  CANCELLED\n", stdout)

	f.answers["GET /v1/documents/"+number] = []string{`{"edocNum":"` + number + `","state":"DOCUMENT_STATE_RECEIVED","cancelRefused":true}`}
	code, stdout, stderr = f.run(t, "cancel", number, "--wait")
	require.Equal(t, ExitFailed, code)
	require.Equal(t, number+"  RECEIVED\n", stdout)
	require.Contains(t, stderr, "too late")

	code, _, stderr = f.run(t, "cancel", "17")
	require.Equal(t, ExitUsage, code)
	require.Contains(t, stderr, "edoc number")
	require.Len(t, f.bodies[call], 3)
}

// Documents are listed by the time of acceptance and by state, page by page, up to the limit.
func TestDocuments(t *testing.T) {
	t.Parallel()
	const window = "acceptedFrom=2026-02-27T01%3A02%3A03.000000Z&acceptedUntil=2026-03-02T01%3A02%3A03.000000Z"
	const states = "&states=DOCUMENT_STATE_UNREACHABLE&states=DOCUMENT_STATE_RECIPIENT_AMBIGUOUS"
	f := newRelay(t, map[string][]string{
		"GET /v1/documents?" + window + "&pageSize=3" + states:                {`{"statuses":[` + statusA + `,` + statusA + `],"nextPageToken":"more"}`},
		"GET /v1/documents?" + window + "&pageSize=1&pageToken=more" + states: {`{"statuses":[` + statusA + `],"nextPageToken":"still"}`},
		"GET /v1/documents?" + window + "&pageSize=1000":                      {`{"statuses":[` + statusA + `]}`},
	})
	code, stdout, stderr := f.run(t, "documents", "--from", "72h", "--state", "unreachable", "--state", "recipient-ambiguous", "--limit", "3", "--json")
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stderr, "more than 3 documents")
	require.Len(t, regexpNumbers.FindAllString(stdout, -1), 3)
	code, stdout, stderr = f.run(t, "documents", "--from", "72h")
	require.Equal(t, ExitOK, code, stderr)
	require.Empty(t, stderr)
	require.Contains(t, stdout, number+"  READ")

	for _, wrong := range [][]string{{"--from", "yesterday"}, {"--from", "-72h"}, {"--from", "1h", "--until", "2h"}, {"--limit", "0"}, {"--state", "lost"}} {
		code, _, _ = f.run(t, append([]string{"documents"}, wrong...)...)
		require.Equal(t, ExitUsage, code, wrong)
	}
}

// The limits are shown without credentials.
func TestLimits(t *testing.T) {
	t.Parallel()
	f := newRelay(t, map[string][]string{"GET /v1/limits": {`{"batchItems":1000,"titleCharacters":100}`}})
	code, stdout, stderr := runWith(t, nil, "limits", "--rest", f.URL)
	require.Equal(t, ExitOK, code, stderr)
	require.Regexp(t, `(?m)^batchItems +1000$`, stdout)
	require.Regexp(t, `(?m)^titleCharacters +100$`, stdout)
}

// The secret of a viewing system goes to the file alone, or to the sandbox's, which is replaced only when that is asked for.
func TestViewingSystemAdd(t *testing.T) {
	t.Parallel()
	const sender, call = "0191d0a1-0000-7000-8000-000000000001", "POST /v1/admin/viewing-systems"
	f := newRelay(t, map[string][]string{call: {`{"viewingSystem":{"id":"v-1","name":"열람","senders":["` + sender + `"]},"credentials":{"clientId":"c-1","clientSecret":"s3cret"}}`}})
	f.write(t, "viewing-credentials.json", "of one before")
	f.write(t, "naru.json", fmt.Sprintf(`{"rest":%q,"adminCredentials":%q,"sandbox":{"viewingCredentials":%q}}`, f.URL, f.path("admin.json"), f.path("viewing-credentials.json")))
	add := func(args ...string) (int, string, string) {
		return runWith(t, nil, append([]string{"viewing-system", "create", "--name", "열람", "--sender", sender, "--endpoints", f.path("naru.json")}, args...)...)
	}
	code, stdout, stderr := add("--out", f.path("viewing.json"))
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, "v-1  열람")
	require.NotContains(t, stdout+stderr, "s3cret")
	raw, err := os.ReadFile(f.path("viewing.json"))
	require.NoError(t, err)
	require.JSONEq(t, `{"clientId":"c-1","clientSecret":"s3cret","principal":"v-1"}`, string(raw))
	require.JSONEq(t, `{"viewingSystem":{"name":"열람","senders":["`+sender+`"]}}`, f.bodies[call][0][len("Bearer operator "):])

	code, _, stderr = add("--sandbox")
	require.Equal(t, ExitFailed, code)
	require.Contains(t, stderr, "file exists")
	require.Len(t, f.bodies[call], 1)
	code, _, stderr = add("--sandbox", "--overwrite")
	require.Equal(t, ExitOK, code, stderr)
	raw, err = os.ReadFile(f.path("viewing-credentials.json"))
	require.NoError(t, err)
	require.Contains(t, string(raw), "s3cret")
	code, _, _ = add()
	require.Equal(t, ExitUsage, code)
}

// A change of a viewing system sends what is given and, of the rest, what the relay has.
func TestViewingSystemChange(t *testing.T) {
	t.Parallel()
	const (
		sender, other = "0191d0a1-0000-7000-8000-000000000001", "0191d0a1-0000-7000-8000-000000000003"
		id            = "0191d0a1-0000-7000-8000-000000000002"
		path          = " /v1/admin/viewing-systems/" + id
	)
	kept := `{"viewingSystem":{"id":"` + id + `","name":"열람","senders":["` + sender + `"],"hosts":["view.example"]}}`
	f := newRelay(t, map[string][]string{"GET" + path: {kept}, "PUT" + path: {kept}})
	f.write(t, "naru.json", fmt.Sprintf(`{"rest":%q,"adminCredentials":%q}`, f.URL, f.path("admin.json")))
	change := func(args ...string) (int, string, string) {
		return runWith(t, nil, append([]string{"viewing-system", "change", id, "--endpoints", f.path("naru.json")}, args...)...)
	}
	for i, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--sender", sender, "--sender", other}, `{"name":"열람","senders":["` + sender + `","` + other + `"],"hosts":["view.example"]}`},
		{[]string{"--host", "a.example", "--name", "다른"}, `{"name":"다른","senders":["` + sender + `"],"hosts":["a.example"]}`},
		{[]string{"--any-host"}, `{"name":"열람","senders":["` + sender + `"]}`},
	} {
		code, stdout, stderr := change(tt.args...)
		require.Equal(t, ExitOK, code, stderr)
		require.Contains(t, stdout, "view.example")
		require.JSONEq(t, `{"viewingSystem":`+tt.want+`}`, f.bodies["PUT"+path][i][len("Bearer operator "):])
	}
	for _, args := range [][]string{nil, {"--sender", "ferry"}, {"--host", "a.example", "--any-host"}} {
		code, _, _ := change(args...)
		require.Equal(t, ExitUsage, code, args)
	}
}

// The password of a member of the archive is made here and goes to the archive and to the file.
func TestArchiveMemberAdd(t *testing.T) {
	t.Parallel()
	asked := ""
	archive := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(raw)
		asked = r.Method + " " + r.URL.Path + " " + r.Header.Get("Authorization") + " " + string(raw)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{}`))
	}))
	t.Cleanup(archive.Close)
	f := newRelay(t, nil)
	f.write(t, "token", "admin-token")
	f.write(t, "naru.json", fmt.Sprintf(`{"rest":%q,"sandbox":{"archive":%q,"adminToken":%q}}`, f.URL, archive.URL, f.path("token")))
	args := []string{"archive-member", "add", "--member-id", "ferry-1", "--name", "시험용나루터", "--out", f.path("member.json"), "--endpoints", f.path("naru.json")}
	code, stdout, stderr := runWith(t, nil, args...)
	require.Equal(t, ExitOK, code, stderr)
	raw, err := os.ReadFile(f.path("member.json"))
	require.NoError(t, err)
	password := regexpPassword.FindStringSubmatch(string(raw))[1]
	require.Len(t, password, 26)
	require.Equal(t, `POST /sandbox/archive/members Bearer admin-token {"memberId":"ferry-1","name":"시험용나루터","password":"`+password+`"}`, asked)
	require.NotContains(t, stdout+stderr, password)
	asked = ""
	code, _, stderr = runWith(t, nil, args...)
	require.Equal(t, ExitFailed, code)
	require.Contains(t, stderr, "file exists")
	require.Empty(t, asked, "a password in use is not replaced before its file can be")
}

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/testkit/golden"
)

// fakeRelay answers each "METHOD path" with its JSON answers in order, repeating the last one, and remembers the received bodies.
type fakeRelay struct {
	*httptest.Server
	dir string

	mu      sync.Mutex
	answers map[string][]string
	bodies  map[string][]string
}

func newRelay(t *testing.T, answers map[string][]string) *fakeRelay {
	t.Helper()
	f := &fakeRelay{dir: t.TempDir(), answers: answers, bodies: map[string][]string{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	f.write(t, "admin.json", `{"clientId":"operator","clientSecret":"operator-secret"}`)
	f.write(t, "sender.json", `{"clientId":"sender","clientSecret":"sender-secret"}`)
	f.write(t, "naru.json", fmt.Sprintf(`{"platformId":"naru-01-test","rest":%q,"adminCredentials":%q}`, f.URL, f.path("admin.json")))
	return f
}

func (f *fakeRelay) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/oauth2/token" {
		id, _, _ := r.BasicAuth()
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":900}`, id)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	raw, _ := io.ReadAll(r.Body)
	call := r.Method + " " + r.URL.RequestURI()
	f.bodies[call] = append(f.bodies[call], r.Header.Get("Authorization")+" "+string(raw))
	answers := f.answers[call]
	if len(answers) == 0 {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprintf(w, `{"type":"about:blank","title":"Not Found","status":404,"detail":%q,"reason":"NO_SUCH_ROUTE"}`, call)
		return
	}
	if len(answers) > 1 {
		f.answers[call] = answers[1:]
	}
	w.Header().Set("Content-Type", "application/json")
	if strings.HasPrefix(answers[0], "%PDF-1.7") {
		w.Header().Set("Content-Type", "application/pdf")
	}
	_, _ = io.WriteString(w, answers[0])
}

func (f *fakeRelay) path(name string) string { return filepath.Join(f.dir, name) }

func (f *fakeRelay) write(t *testing.T, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(f.path(name), []byte(content), 0o600))
}

// run runs the command against the relay with the sender's credentials.
func (f *fakeRelay) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return runWith(t, nil, append(args, "--endpoints", f.path("naru.json"), "--credentials", f.path("sender.json"))...)
}

func runWith(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(&app{
		ctx: t.Context(), stdout: &out, stderr: &err, clock: clock.NewFake(time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC)),
		getenv: func(name string) string { return env[name] },
	}, args)
	return code, out.String(), err.String()
}

const (
	number  = "20260302_NARU000001_0000000000042"
	other   = "20260302_NARU000001_0000000000043"
	statusA = `{"edocNum":"` + number + `","ownKey":"k","state":"DOCUMENT_STATE_READ","acceptedAt":"2026-03-02T01:02:03.000001Z",
		"sentAt":"2026-03-02T01:02:03.100000Z","receivedAt":"2026-03-02T01:02:03.200000Z","readAt":"2026-03-02T01:05:00.000000Z",
		"recipientAddress":"r-1","hub":{"registrationResult":1,"readTimeResult":2}}`
	timeline = `{"entries":[
		{"kind":"naru.intake.v1.DocumentAccepted","occurredAt":"2026-03-02T01:02:03.000001Z","recordedAt":"2026-03-02T01:02:03.050000Z","actor":"sender-1"},
		{"kind":"naru.circulation.v1.CirculationRegistered","occurredAt":"2026-03-02T01:02:04.000000Z","recordedAt":"2026-03-02T01:02:04.100000Z",
		 "acknowledgedAt":"2026-03-02T01:02:04.090000Z","actor":"unit:circulation","details":{"result":"1","call":"registration"}}]}`
)

func TestStatus(t *testing.T) {
	t.Parallel()
	f := newRelay(t, map[string][]string{"POST /v1/documents:batchGet": {`{"statuses":[` + statusA + `],"notFound":["` + other + `"]}`}})
	code, stdout, stderr := f.run(t, "status", number, other)
	require.Equal(t, ExitFailed, code)
	require.Equal(t, "naru: not found: "+other+"\n", stderr)
	golden.Equal(t, []byte(stdout), "status.txt")
	require.Len(t, f.bodies["POST /v1/documents:batchGet"], 1)
	token, body, _ := strings.Cut(f.bodies["POST /v1/documents:batchGet"][0], " {")
	require.Equal(t, "Bearer sender", token)
	require.JSONEq(t, `{"edocNums":["`+number+`","`+other+`"]}`, "{"+body)
}

func TestStatusByOwnKeyAsJSON(t *testing.T) {
	t.Parallel()
	f := newRelay(t, map[string][]string{"GET /v1/documents?ownKey=k": {`{"statuses":[` + statusA + `]}`}})
	code, stdout, stderr := f.run(t, "status", "--own-key", "k", "--json")
	require.Equal(t, ExitOK, code, stderr)
	var answer struct {
		Statuses []struct{ EdocNum, AcceptedAt string }
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &answer))
	require.Len(t, answer.Statuses, 1)
	require.Equal(t, number, answer.Statuses[0].EdocNum)
	require.Equal(t, "2026-03-02T01:02:03.000001Z", answer.Statuses[0].AcceptedAt)
}

// A batch is counted, and listed whenever its documents were accepted.
func TestBatchProgress(t *testing.T) {
	t.Parallel()
	f := newRelay(t, map[string][]string{
		"GET /v1/batches/2026-03": {`{"counts":[{"state":"DOCUMENT_STATE_RECEIVED","documents":"28"},{"state":"DOCUMENT_STATE_FAILED","documents":"2"}],"total":"30"}`},
		"GET /v1/documents?batch=2026-03&newestFirst=true&pageSize=1000&states=DOCUMENT_STATE_FAILED": {`{"statuses":[` + statusA + `]}`},
	})
	code, stdout, stderr := f.run(t, "progress", "2026-03")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, []string{"STATE", "DOCUMENTS", "RECEIVED", "28", "FAILED", "2", "TOTAL", "30"}, strings.Fields(stdout))
	code, stdout, stderr = f.run(t, "documents", "--batch", "2026-03", "--newest", "--state", "failed")
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, number)
	code, _, _ = f.run(t, "documents", "--until", "48h")
	require.Equal(t, ExitUsage, code, "the window would end before it begins")
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	f := newRelay(t, map[string][]string{"GET /v1/documents/" + number + "/timeline": {timeline}})
	code, stdout, stderr := f.run(t, "timeline", number)
	require.Equal(t, ExitOK, code, stderr)
	golden.Equal(t, []byte(stdout), "timeline.txt")
}

const institution = `{"id":"0191d0a1-0000-7000-8000-000000000001","name":"시험용 기관","businessNumber":"0001234560","address":"ferry-1","addressState":"ADDRESS_STATE_%s"}`

func addArgs(f *fakeRelay, out string) []string {
	return []string{
		"institution", "add", "--sandbox", "--name", "시험용 기관", "--business-number", "0001234560", "--type", "public-institution",
		"--address", "ferry-1", "--archive-member", "시험용 전자문서보관소=시험용 기관", "--archive-member", "둘째 보관소=기관, 본점", "--out", f.path(out), "--endpoints", f.path("naru.json"),
	}
}

// The secret is written only to the file, which nobody else can read, and the command ends when the address is registered.
func TestInstitutionAdd(t *testing.T) {
	t.Parallel()
	pending, registered := fmt.Sprintf(institution, "PENDING"), fmt.Sprintf(institution, "REGISTERED")
	const get = "GET /v1/admin/institutions/0191d0a1-0000-7000-8000-000000000001"
	f := newRelay(t, map[string][]string{
		"POST /v1/admin/institutions": {`{"institution":` + pending + `,"credentials":{"clientId":"c-1","clientSecret":"s3cret"}}`},
		get:                           {`{"institution":` + pending + `}`, `{"institution":` + registered + `}`},
	})
	code, stdout, stderr := runWith(t, nil, addArgs(f, "new.json")...)
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, "ferry-1  REGISTERED")
	require.NotContains(t, stdout+stderr, "s3cret")
	info, err := os.Stat(f.path("new.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	raw, err := os.ReadFile(f.path("new.json"))
	require.NoError(t, err)
	require.JSONEq(t, `{"clientId":"c-1","clientSecret":"s3cret","principal":"0191d0a1-0000-7000-8000-000000000001"}`, string(raw))
	require.Len(t, f.bodies[get], 2)
	asked := f.bodies["POST /v1/admin/institutions"][0]
	require.True(t, strings.HasPrefix(asked, "Bearer operator "), "the operator's own credentials are taken from the endpoint file")
	var request struct {
		Institution struct {
			Type               string
			ArchiveMemberships []struct{ Archive, Member string }
		}
		BusinessDocument, RegistrationDocument []byte
	}
	require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(asked, "Bearer operator ")), &request))
	require.Equal(t, "ORGANISATION_TYPE_PUBLIC_INSTITUTION", request.Institution.Type)
	require.Equal(t, []struct{ Archive, Member string }{{"시험용 전자문서보관소", "시험용 기관"}, {"둘째 보관소", "기관, 본점"}}, request.Institution.ArchiveMemberships)
	require.Equal(t, []byte{0xff, 0xd8, 0xff}, request.BusinessDocument[:3])

	code, _, stderr = runWith(t, nil, addArgs(f, "new.json")...)
	require.Equal(t, ExitFailed, code, "a file of credentials is never overwritten")
	require.Contains(t, stderr, "file exists")
	require.Len(t, f.bodies["POST /v1/admin/institutions"], 1)
}

// A refusal leaves no file behind.
func TestInstitutionAddFails(t *testing.T) {
	t.Parallel()
	f := newRelay(t, map[string][]string{"POST /v1/admin/institutions": {`{"institution":` + fmt.Sprintf(institution, "REGISTERED") + `}`}})
	code, _, stderr := runWith(t, nil, addArgs(f, "new.json")...)
	require.Equal(t, ExitFailed, code)
	require.Contains(t, stderr, "exists already")
	require.NoFileExists(t, f.path("new.json"))
}

// In a sandbox an institution is by default the member of the archive that naru send registers by; elsewhere a membership is
// given.
func TestInstitutionAddAsTheSeededMember(t *testing.T) {
	t.Parallel()
	const post = "POST /v1/admin/institutions"
	registered := `{"institution":` + fmt.Sprintf(institution, "REGISTERED") + `,"credentials":{"clientId":"c-1","clientSecret":"s3cret"}}`
	f := newRelay(t, map[string][]string{post: {registered}, "GET /v1/admin/institutions/0191d0a1-0000-7000-8000-000000000001": {registered}})
	args := []string{
		"institution", "add", "--sandbox", "--name", "시험용 기관", "--business-number", "0001234560", "--type", "other", "--address", "ferry-1",
		"--out", f.path("new.json"), "--endpoints", f.path("naru.json"),
	}
	code, _, stderr := runWith(t, nil, args...)
	require.Equal(t, ExitUsage, code)
	require.Contains(t, stderr, "--archive-member is required")
	require.NoFileExists(t, f.path("new.json"))

	f.write(t, "member.json", `{"memberId":"m-1","password":"s3cret","archive":"보관소","name":"기관"}`)
	f.write(t, "naru.json", fmt.Sprintf(`{"rest":%q,"adminCredentials":%q,"demo":{"archiveMember":%q}}`, f.URL, f.path("admin.json"), f.path("member.json")))
	code, _, stderr = runWith(t, nil, args...)
	require.Equal(t, ExitOK, code, stderr)
	var request struct {
		Institution struct {
			ArchiveMemberships []struct{ Archive, Member string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(f.bodies[post][0], "Bearer operator ")), &request))
	require.Equal(t, []struct{ Archive, Member string }{{"보관소", "기관"}}, request.Institution.ArchiveMemberships)
}

// All memberships go to the institution of the path, and what was recorded is shown.
func TestInstitutionArchives(t *testing.T) {
	t.Parallel()
	const id = "0191d0a1-0000-7000-8000-000000000001"
	const put = "PUT /v1/admin/institutions/" + id + "/archive-memberships"
	f := newRelay(t, map[string][]string{put: {`{"institution":{"id":"` + id + `","archiveMemberships":[{"archive":"보관소","member":"기관"},{"archive":"둘째","member":"a=b"}]}}`}})
	args := []string{"institution", "archives", id, "--endpoints", f.path("naru.json"), "--archive-member"}
	code, stdout, stderr := runWith(t, nil, append(args, "보관소=기관", "--archive-member", "둘째=a=b")...)
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, id+"  보관소=기관\n"+id+"  둘째=a=b\n", stdout)
	require.JSONEq(t, `{"archiveMemberships":[{"archive":"보관소","member":"기관"},{"archive":"둘째","member":"a=b"}]}`, strings.TrimPrefix(f.bodies[put][0], "Bearer operator "))
	for _, none := range []string{"보관소", "=기관", "보관소="} {
		code, _, stderr := runWith(t, nil, append(args, none)...)
		require.Equal(t, ExitUsage, code)
		require.Contains(t, stderr, "--archive-member is ARCHIVE=MEMBER")
	}
	require.Len(t, f.bodies[put], 1)
}

// The documents and the corrected name are sent for the institution in the path with the given request id. The command ends when
// the address is registered or refused again.
func TestInstitutionResubmit(t *testing.T) {
	t.Parallel()
	const path = "/v1/admin/institutions/0191d0a1-0000-7000-8000-000000000001"
	pending := `{"institution":` + fmt.Sprintf(institution, "PENDING") + `}`
	f := newRelay(t, map[string][]string{
		"POST " + path + ":resubmit": {pending},
		"GET " + path:                {pending, `{"institution":` + fmt.Sprintf(institution, "REGISTERED") + `}`, `{"institution":` + fmt.Sprintf(institution, "REFUSED") + `}`},
	})
	f.write(t, "license.jpg", "\xff\xd8\xff license")
	f.write(t, "application.jpg", "\xff\xd8\xff application")
	args := []string{
		"institution", "resubmit", "0191d0a1-0000-7000-8000-000000000001", "--business-document", f.path("license.jpg"),
		"--registration-document", f.path("application.jpg"), "--endpoints", f.path("naru.json"),
	}
	code, stdout, stderr := runWith(t, nil, append(args, "--name", "시험용 기관", "--request-id", "ferry-2")...)
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, "0191d0a1-0000-7000-8000-000000000001  ferry-1  REGISTERED\n", stdout)
	sent := f.bodies["POST "+path+":resubmit"]
	require.Len(t, sent, 1)
	require.JSONEq(t, `{"requestId":"ferry-2","name":"시험용 기관","businessDocument":"/9j/IGxpY2Vuc2U=","registrationDocument":"/9j/IGFwcGxpY2F0aW9u"}`,
		strings.TrimPrefix(sent[0], "Bearer operator "))

	code, stdout, stderr = runWith(t, nil, args...)
	require.Equal(t, ExitFailed, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "the address is REFUSED")
	var request struct{ RequestID, Name string }
	require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(f.bodies["POST "+path+":resubmit"][1], "Bearer operator ")), &request))
	require.Len(t, request.RequestID, 36, "an id of its own")
	require.Empty(t, request.Name)

	code, _, stderr = runWith(t, nil, args[:5]...)
	require.Equal(t, ExitUsage, code)
	require.Contains(t, stderr, "--registration-document")
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	f := newRelay(t, nil)
	tests := []struct {
		name string
		args []string
		env  map[string]string
		code int
		want string
	}{
		{"help", []string{"--help"}, nil, ExitOK, ""},
		{"help of a command", []string{"institution", "add", "--help"}, nil, ExitOK, ""},
		{"version", []string{"--version"}, nil, ExitOK, ""},
		{"no command", nil, nil, ExitUsage, "expected one of"},
		{"unknown flag", []string{"status", "--secret", "x"}, nil, ExitUsage, "unknown flag --secret"},
		{"missing flags", []string{"certificate", number}, nil, ExitUsage, "missing flags"},
		{"nothing asked", []string{"status"}, nil, ExitUsage, "give document numbers or --own-key"},
		{"two recipients", []string{"send", "--doc", f.path("naru.json"), "--title", "t", "--to-business-number", "1", "--to-address", "a"}, nil, ExitUsage, "can't be used together"},
		{"no credentials", []string{"status", number, "--rest", "http://127.0.0.1:1"}, nil, ExitUsage, "no credentials"},
		{"no relay", []string{"status", number, "--endpoints", f.path("none.json")}, nil, ExitFailed, "is it running?"},
		{
			"nobody answers", []string{"timeline", number, "--rest", "http://127.0.0.1:1"},
			map[string]string{"NARU_CLIENT_ID": "a", "NARU_CLIENT_SECRET": "b"}, ExitFailed, "no answer",
		},
		{"problem", []string{"timeline", number, "--rest", f.URL}, map[string]string{"NARU_CLIENT_ID": "a", "NARU_CLIENT_SECRET": "b"}, ExitFailed, "NO_SUCH_ROUTE"},
		{"secrets over the net in clear", []string{"timeline", number, "--rest", "http://relay.example"}, map[string]string{"NARU_CLIENT_ID": "a", "NARU_CLIENT_SECRET": "b"}, ExitFailed, "https"},
		{"half of what is needed", []string{
			"send", "--doc", f.path("naru.json"), "--title", "t", "--to-business-number", "0001234560", "--viewing-url", "https://view.example/1",
			"--endpoints", f.path("naru.json"), "--credentials", f.path("sender.json"),
		}, nil, ExitUsage, "go together"},
		{"a dump that is none", []string{"evidence", "verify", "--dump", f.path("naru.json"), "--keys", f.dir}, nil, ExitUsage, "it is no dump"},
		{"no dump", []string{"evidence", "verify", "--dump", f.path("none.dump"), "--keys", f.dir}, nil, ExitUsage, "no such file"},
		{"two places", []string{"audit", "--dump", f.path("naru.json"), "--data", f.dir}, nil, ExitUsage, "can't be used together"},
		{"nothing to look at", []string{"evidence", "verify"}, nil, ExitUsage, "--dump"},
		{"demo with no PDF", []string{"demo", "--narud", f.path("naru.json"), "--doc", f.path("naru.json")}, nil, ExitUsage, "is no PDF"},
		{"demo without narud", []string{"demo", "--narud", f.path("narud")}, nil, ExitUsage, "narud"},
		{"demo in a folder in use", []string{"demo", "--narud", f.path("naru.json"), "--data", f.dir}, nil, ExitFailed, "not empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := runWith(t, tt.env, tt.args...)
			require.Equal(t, tt.code, code, stderr)
			require.Contains(t, stderr, tt.want)
			if tt.code == ExitOK {
				require.NotEmpty(t, stdout)
				require.Empty(t, stderr)
			} else {
				require.Empty(t, stdout)
			}
		})
	}
}

// Help shows every command with examples.
func TestHelp(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		"demo", "send", "batch", "status", "documents", "progress", "timeline", "cancel", "certificate", "viewing-log", "limits", "institution add", "institution resubmit", "institution archives",
		"viewing-system add", "viewing-system list", "viewing-system change", "archive-member add", "member join", "organisation apply", "organisation list", "organisation show",
		"organisation confirm", "organisation refuse", "organisation authorities", "organisation end", "audit", "evidence verify", "units",
	} {
		code, stdout, _ := runWith(t, nil, append(strings.Fields(command), "--help")...)
		require.Equal(t, ExitOK, code)
		require.Contains(t, stdout, "Example", command)
		require.Contains(t, stdout, "naru "+command, command)
	}
}

// The text output is for shell loops; --json is for programs.
func TestUnits(t *testing.T) {
	t.Parallel()
	code, stdout, _ := runWith(t, nil, "units")
	require.Equal(t, ExitOK, code)
	require.Contains(t, strings.Split(stdout, "\n"), "intake")
	code, asJSON, _ := runWith(t, nil, "units", "--json")
	require.Equal(t, ExitOK, code)
	var names []string
	require.NoError(t, json.Unmarshal([]byte(asJSON), &names))
	require.Equal(t, stdout, strings.Join(names, "\n")+"\n")
}

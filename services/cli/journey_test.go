package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/receipt"
)

// receiptKey signs receipts.
type receiptKey struct {
	*ecdsa.PrivateKey
	id string
}

func (k receiptKey) KeyID() string { return k.id }

// receiptBy signs a receipt and returns it with the key set that verifies it.
func receiptBy(t *testing.T, claims receipt.Claims) (text, keySet string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	id, err := keys.KeyID(&private.PublicKey)
	require.NoError(t, err)
	published, err := authn.KeySet(authn.PublicKey{ID: id, Purpose: keys.Receipt, Key: private.Public()})
	require.NoError(t, err)
	receipts, err := receipt.Sign(receiptKey{private, id}, claims)
	require.NoError(t, err)
	return receipts[0], string(published)
}

// A document registered and stored elsewhere is sent with its hash; the receipt must name that hash.
func TestSend(t *testing.T) {
	t.Parallel()
	sum := func(text string) string {
		digest := sha256.Sum256([]byte(text))
		return hex.EncodeToString(digest[:])
	}
	const acceptedAt = "2026-03-02T01:02:03.000450Z"
	claims := receipt.Claims{
		EdocNum: number, DocumentHash: receipt.Digest{Algorithm: "SHA-256", Value: sum("%PDF-1.7 invented")},
		RegistrationCertificateDigest: sum("DER"), AcceptedAt: acceptedAt, OwnKey: "own-1", Sender: "s",
	}
	compact, keySet := receiptBy(t, claims)
	f := newRelay(t, map[string][]string{
		"POST /v1/documents":                     {fmt.Sprintf(`{"ownKey":"own-1","edocNum":%q,"receipt":%q,"acceptedAt":%q,"duplicate":false,"warnings":["TITLE_OVER_40"]}`, number, compact, acceptedAt)},
		"GET /.well-known/naru/intake/jwks.json": {keySet},
		"GET /v1/documents/" + number:            {`{"edocNum":"` + number + `","state":"DOCUMENT_STATE_SENT"}`, statusA},
	})
	f.write(t, "notice.pdf", "%PDF-1.7 invented")
	f.write(t, "notice.der", "DER")
	f.write(t, "person.json", `{"name":"나그네","birthDate":"19991231","phone":"01000001234"}`)
	args := []string{
		"send", "--doc", f.path("notice.pdf"), "--title", "안내문", "--to-person-file", f.path("person.json"), "--own-key", "own-1",
		"--registration-certificate", f.path("notice.der"), "--viewing-url", "https://view.example/d/17",
		"--viewing-system", "0191d0a1-0000-7000-8000-000000000002", "--send-deadline", "72h", "--wait",
	}
	code, stdout, stderr := f.run(t, args...)
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, number+"  accepted "+acceptedAt+"  receipt verified  READ\n", stdout)
	require.Equal(t, "naru: accepted "+number+", own key own-1; waiting until it is received …\nnaru: warning: TITLE_OVER_40\n", stderr)
	require.JSONEq(t, `{"ownKey":"own-1","recipient":{"person":{"name":"나그네","birthDate":"19991231","phone":"01000001234"}},"title":"안내문",
		"documentType":"DOCUMENT_TYPE_GENERAL","category":"DOCUMENT_CATEGORY_NOTICE","documentHash":{"algorithm":"SHA-256","value":"`+sum("%PDF-1.7 invented")+`"},
		"viewing":{"url":"https://view.example/d/17","viewingSystem":"0191d0a1-0000-7000-8000-000000000002"},
		"sendDeadline":"2026-03-05T01:02:03Z","registrationCertificate":"REVS"}`,
		strings.TrimPrefix(f.bodies["POST /v1/documents"][0], "Bearer sender "))

	f.write(t, "notice.pdf", "%PDF-1.7 another")
	code, stdout, stderr = f.run(t, args...)
	require.Equal(t, ExitFailed, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "its receipt is not good: receipt mismatch check: it states another document hash")
}

// Whoever waits, and whoever gets no answer, knows by what the document is found again.
func TestSendTellsNumberAndKeyBeforeItWaits(t *testing.T) {
	t.Parallel()
	digest := sha256.Sum256([]byte("%PDF-1.7 invented"))
	certificate := sha256.Sum256([]byte("DER"))
	const acceptedAt = "2026-03-02T01:02:03.000450Z"
	compact, keySet := receiptBy(t, receipt.Claims{
		EdocNum: number, DocumentHash: receipt.Digest{Algorithm: "SHA-256", Value: hex.EncodeToString(digest[:])},
		RegistrationCertificateDigest: hex.EncodeToString(certificate[:]), AcceptedAt: acceptedAt, OwnKey: "own-1", Sender: "s",
	})
	f := newRelay(t, map[string][]string{
		"POST /v1/documents":                     {fmt.Sprintf(`{"ownKey":"own-1","edocNum":%q,"receipt":%q,"acceptedAt":%q}`, number, compact, acceptedAt)},
		"GET /.well-known/naru/intake/jwks.json": {keySet},
		"GET /v1/documents/" + number:            {`{"edocNum":"` + number + `","state":"DOCUMENT_STATE_ACCEPTED"}`},
	})
	f.write(t, "notice.pdf", "%PDF-1.7 invented")
	f.write(t, "notice.der", "DER")
	args := []string{
		"send", "--doc", f.path("notice.pdf"), "--title", "안내문", "--to-business-number", "0001234560", "--own-key", "own-1", "--wait", "--timeout", "1s",
		"--registration-certificate", f.path("notice.der"), "--viewing-url", "https://view.example/d/17", "--viewing-system", "0191d0a1-0000-7000-8000-000000000002",
	}
	code, _, stderr := f.run(t, args...)
	require.Equal(t, ExitFailed, code)
	told, waited, found := strings.Cut(stderr, "\n")
	require.True(t, found)
	require.Contains(t, told, number)
	require.Contains(t, told, "own-1")
	require.Contains(t, waited, "--timeout")

	delete(f.answers, "POST /v1/documents")
	code, _, stderr = f.run(t, args...)
	require.Equal(t, ExitFailed, code)
	require.Contains(t, stderr, "own key own-1")
}

// newProvingRelay is a relay with an identity provider that proves everybody but nobody; hint is whom it was asked about.
func newProvingRelay(t *testing.T, answers map[string][]string) (f *fakeRelay, hint *string) {
	t.Helper()
	hint = new(string)
	idp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*hint = r.URL.Query().Get("login_hint")
		answer := "?code=the-code&state=" + r.URL.Query().Get("state")
		if *hint == "nobody" {
			answer = "?error=access_denied"
		}
		http.Redirect(w, r, "http://127.0.0.1/back"+answer, http.StatusSeeOther)
	}))
	t.Cleanup(idp.Close)
	answers["POST /v1/sessions:start"] = []string{`{"authorizationUrl":"` + idp.URL + `/authorize?state=0123456789abcdef&client_id=naru","state":"0123456789abcdef"}`}
	answers["POST /v1/sessions:complete"] = []string{`{"sessionToken":"session","member":false}`}
	f = newRelay(t, answers)
	f.write(t, "naru.json", fmt.Sprintf(`{"rest":%q,"sandbox":{"redirectUri":"http://127.0.0.1/back"}}`, f.URL))
	return f, hint
}

// The identity proof goes through the provider as in a browser, and only the relay gets the code.
func TestMemberJoin(t *testing.T) {
	t.Parallel()
	f, hint := newProvingRelay(t, map[string][]string{
		"POST /v1/membership": {`{"membership":{"state":"MEMBER_STATE_REGISTERING"}}`},
		"GET /v1/membership":  {`{"membership":{"address":"r-1","state":"MEMBER_STATE_REGISTERING"}}`, `{"membership":{"address":"r-1","state":"MEMBER_STATE_ACTIVE"}}`},
	})
	join := func(person string) (int, string, string) {
		return runWith(t, nil, "member", "join", "--person", person, "--endpoints", f.path("naru.json"))
	}
	code, stdout, stderr := join("ferry")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, "r-1\n", stdout)
	require.Equal(t, "ferry", *hint)
	require.JSONEq(t, `{"state":"0123456789abcdef","code":"the-code"}`, strings.TrimSpace(f.bodies["POST /v1/sessions:complete"][0]))
	require.JSONEq(t, `{"termsVersion":"sandbox-1","consent":true,"designateInbox":true}`,
		strings.TrimPrefix(f.bodies["POST /v1/membership"][0], "Bearer session "))

	code, _, stderr = join("nobody")
	require.Equal(t, ExitFailed, code)
	require.Contains(t, stderr, "access_denied")
}

// A certificate whose checks fail is not written, and what it was asked by is told.
func TestCertificateThatIsNotGood(t *testing.T) {
	t.Parallel()
	f := newRelay(t, certificateAnswers())
	code, _, stderr := f.run(t, "certificate", number, "--reason", "제출용", "--out", f.path("certificate.pdf"), "--request-id", "once")
	require.Equal(t, ExitFailed, code)
	require.Contains(t, stderr, "another format than PDF")
	require.Contains(t, stderr, "--request-id once")
	require.NoFileExists(t, f.path("certificate.pdf"))
	require.Contains(t, f.bodies[certificatePath][0], `"제출용"`)
}

const certificatePath = "POST /v1/documents/" + number + "/certificates"

func certificateAnswers() map[string][]string {
	return map[string][]string{
		certificatePath:                    {`{"certificate":{"id":"c-1","state":"CERTIFICATE_STATE_REQUESTED"}}`},
		"GET /v1/certificates/c-1":         {`{"certificate":{"id":"c-1","state":"CERTIFICATE_STATE_ISSUED","certNum":"2026-0302-0000-0001"}}`},
		"GET /v1/certificates/c-1/content": {`{"not":"a PDF"}`},
	}
}

// Nothing is asked of the relay for arguments that are wrong, and a file that is there stays as it is.
func TestCertificateIsNotSpentForWrongArguments(t *testing.T) {
	t.Parallel()
	f := newRelay(t, certificateAnswers())
	f.write(t, "there.pdf", "an older certificate")
	f.write(t, "empty.pdf", "")
	f.write(t, "no.pem", "no certificate")
	long := strings.Repeat("가", 201)
	for name, test := range map[string]struct {
		want string
		args []string
	}{
		"no number":                {"edoc number", []string{"2026", "--reason", "제출용", "--out", f.path("new.pdf")}},
		"no reason":                {"--reason", []string{number, "--reason", " ", "--out", f.path("new.pdf")}},
		"a reason too long":        {"--reason", []string{number, "--reason", long, "--out", f.path("new.pdf")}},
		"a reason of two lines":    {"--reason", []string{number, "--reason", "제출\n용", "--out", f.path("new.pdf")}},
		"a request id too long":    {"--request-id", []string{number, "--reason", "제출용", "--request-id", strings.Repeat("a", 65), "--out", f.path("new.pdf")}},
		"a file that exists":       {"file exists", []string{number, "--reason", "제출용", "--out", f.path("there.pdf")}},
		"a folder that is not":     {"no such file", []string{number, "--reason", "제출용", "--out", f.path("none/new.pdf")}},
		"a folder":                 {"directory", []string{number, "--reason", "제출용", "--overwrite", "--out", f.dir}},
		"an empty document":        {"empty", []string{number, "--reason", "제출용", "--doc", f.path("empty.pdf"), "--hub-root", f.path("no.pem"), "--hub-signer", f.path("no.pem"), "--out", f.path("new.pdf")}},
		"a root that is none":      {"certificate", []string{number, "--reason", "제출용", "--hub-root", f.path("no.pem"), "--hub-signer", f.path("no.pem"), "--out", f.path("new.pdf")}},
		"half of the roots":        {"go together", []string{number, "--reason", "제출용", "--hub-root", f.path("no.pem"), "--out", f.path("new.pdf")}},
		"a document to no purpose": {"--hub-root", []string{number, "--reason", "제출용", "--doc", f.path("there.pdf"), "--out", f.path("new.pdf")}},
	} {
		code, stdout, stderr := f.run(t, append([]string{"certificate"}, test.args...)...)
		require.NotEqual(t, ExitOK, code, name)
		require.Empty(t, stdout, name)
		require.Contains(t, stderr, test.want, name)
		require.NoFileExists(t, f.path("new.pdf"), name)
	}
	require.Empty(t, f.bodies, "the relay was asked for nothing")
	kept, err := os.ReadFile(f.path("there.pdf"))
	require.NoError(t, err)
	require.Equal(t, "an older certificate", string(kept))

	code, _, _ := f.run(t, "certificate", number, "--reason", "제출용", "--overwrite", "--out", f.path("there.pdf"))
	require.Equal(t, ExitFailed, code)
	kept, err = os.ReadFile(f.path("there.pdf"))
	require.NoError(t, err)
	require.Equal(t, "an older certificate", string(kept), "only a good certificate replaces it")
}

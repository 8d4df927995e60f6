package web_test

import (
	"bytes"
	"compress/gzip"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// A person signs in, joins, and sees the membership.
func TestJoin(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	require.Contains(t, b.get("/membership").body, `href="/join"`)

	refused := b.post("/join", url.Values{"consent": {"yes"}, "terms_version": {"none-1"}})
	require.Equal(t, http.StatusUnprocessableEntity, refused.status)
	require.Contains(t, refused.body, `href="#terms"`)
	require.Contains(t, refused.body, `href="#designate"`)
	require.NotContains(t, refused.body, `href="#consent"`)
	other := b.post("/join", url.Values{"consent": {"yes"}, "designate": {"yes"}, "terms": {"yes"}, "terms_version": {"older"}})
	require.Equal(t, http.StatusUnprocessableEntity, other.status, "other terms were shown")

	joined := b.post("/join", url.Values{"consent": {"yes"}, "designate": {"yes"}, "terms": {"yes"}, "terms_version": {"none-1"}})
	require.Equal(t, "/membership?done=joined", joined.header.Get("Location"))
	require.Contains(t, b.get("/membership").body, "member-1")

	require.Equal(t, http.StatusSeeOther, b.post("/membership/refusals", url.Values{"all": {"yes"}, "refused": {"yes"}}).status)
	require.Equal(t, http.StatusUnprocessableEntity, b.post("/membership/refusals", url.Values{"sender": {"somebody"}, "refused": {"yes"}}).status)
	require.Equal(t, []string{""}, w.address.refused)
	require.Equal(t, http.StatusUnprocessableEntity, b.post("/membership/withdraw", url.Values{}).status)
	require.Equal(t, http.StatusSeeOther, b.post("/membership/withdraw", url.Values{"agree": {"yes"}}).status)
}

// A name that the hub refuses is shown, and told again when the member asks for that.
func TestNameThatTheHubRefuses(t *testing.T) {
	t.Parallel()
	w := setup(t)
	member := unittest.NewID()
	b := w.signedIn(t, member)
	b.post("/join", url.Values{"consent": {"yes"}, "designate": {"yes"}, "terms": {"yes"}, "terms_version": {"none-1"}})
	require.NotContains(t, b.get("/membership").body, "/membership/name")
	w.address.mu.Lock()
	w.address.members[member].NameChange = &addressv1.NameChange{Name: "새이름", State: addressv1.NameChangeState_NAME_CHANGE_STATE_REFUSED}
	w.address.mu.Unlock()
	page := b.get("/membership").body
	require.Contains(t, page, `action="/membership/name"`)
	require.Contains(t, page, "새이름")
	require.Equal(t, "/membership?done=name", b.post("/membership/name", url.Values{}).header.Get("Location"))
	page = b.get("/membership").body
	require.NotContains(t, page, `action="/membership/name"`)
	require.Contains(t, page, "새이름")
}

// A document that this relay shows is read on the page or downloaded; the other leads to its sender's viewing system.
func TestViewing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	require.Contains(t, b.get("/inbox/"+here).body, plantedTitle)

	page := b.post("/inbox/"+here+"/view", url.Values{})
	require.Equal(t, http.StatusOK, page.status, page.body)
	require.Contains(t, page.body, "<naru-viewer")
	require.NotContains(t, page.body, plantedToken)
	part := "/viewings/" + viewingID + "/parts/0"
	shown := b.get(part)
	require.Equal(t, "%PDF-rest", shown.body)
	require.Equal(t, "application/pdf", shown.header.Get("Content-Type"))
	require.Empty(t, shown.header.Get("Set-Cookie"), "a file's name writes no header")
	require.Contains(t, shown.header.Get("Content-Disposition"), "attachment")
	require.Equal(t, http.StatusNoContent, b.post("/viewings/"+viewingID+"/shown", url.Values{}).status)
	require.Equal(t, 1, w.viewing.shown)
	require.Equal(t, "application/octet-stream", b.post("/viewings/"+viewingID+"/parts/1", url.Values{}).header.Get("Content-Type"), "no page of a stranger's")
	require.False(t, w.viewing.read[0].GetDownload())
	require.True(t, w.viewing.read[1].GetDownload())

	leave := b.post("/inbox/"+there+"/view", url.Values{})
	require.Contains(t, leave.body, `href="https://viewing.example/show?token=`+plantedToken+`"`)
	require.Contains(t, leave.body, "<strong>viewing.example</strong>")

	require.Equal(t, http.StatusNotFound, b.get("/inbox/20261130_NARU000001_0000000000099").status)
}

// A certificate is asked for and downloaded.
func TestCertificate(t *testing.T) {
	t.Parallel()
	b := setup(t).signedIn(t, unittest.NewID())
	require.Equal(t, http.StatusUnprocessableEntity, b.post("/inbox/"+here+"/certificates", url.Values{"request_id": {"r1"}}).status)
	asked := b.post("/inbox/"+here+"/certificates", url.Values{"request_id": {"r1"}, "reason": {"제출용"}})
	require.Equal(t, "/certificates/"+certificateID+"?of=inbox", asked.header.Get("Location"))
	require.Contains(t, b.get("/certificates/"+certificateID).body, "2026-1130-0000-0001")
	require.Equal(t, "%PDF-1.7", b.get("/certificates/"+certificateID+"/content").body)
}

// A bundle is asked for beside a certificate, and its page leads to both files.
func TestBundle(t *testing.T) {
	t.Parallel()
	b := setup(t).signedIn(t, unittest.NewID())
	asked := b.post("/inbox/"+here+"/certificates", url.Values{"request_id": {"r1"}, "reason": {"제출용"}, "bundle": {"evidence"}})
	require.Equal(t, "/certificates/"+bundleID+"?of=inbox", asked.header.Get("Location"))
	page := b.get("/certificates/" + bundleID)
	require.Equal(t, http.StatusOK, page.status)
	require.Contains(t, page.body, `href="/certificates/`+bundleID+`/bundle"`)
	require.NotContains(t, b.get("/certificates/"+certificateID).body, "/bundle")
	file := b.get("/certificates/" + bundleID + "/bundle")
	require.Equal(t, "PK\x03\x04..", file.body)
	require.Equal(t, "application/vnd.etsi.asic-e+zip", file.header.Get("Content-Type"))
	require.Equal(t, "6", file.header.Get("Content-Length"))
	require.Contains(t, file.header.Get("Content-Disposition"), `attachment; filename="bundle.asice"`)
}

// Anybody has a file verified, without a session and without a form's token.
func TestVerify(t *testing.T) {
	t.Parallel()
	b := setup(t).browser(t)
	require.Contains(t, b.get("/verify").body, `enctype="multipart/form-data"`)
	good := b.bring("/verify", "", file{"file", "a.asice", "PK\x03\x04"})
	require.Equal(t, http.StatusOK, good.status)
	require.Contains(t, good.body, `class="done"`)
	require.Contains(t, good.body, here)
	bad := b.bring("/verify", "", file{"file", "a.asice", strings.Repeat("x", 600<<10)})
	require.Equal(t, http.StatusOK, bad.status)
	require.NotContains(t, bad.body, `class="done"`)
	require.Contains(t, bad.body, "container.form")
	signed := b.bring("/verify", "", file{"file", "a.asice", "PK"}, file{"report", "", "1"})
	require.Equal(t, "%PDF-1.7", signed.body)
	require.Equal(t, "application/pdf", signed.header.Get("Content-Type"))
	require.Contains(t, signed.header.Get("Content-Disposition"), "attachment")
	for content, said := range map[string][]string{"a receipt": {"서명한 중계자", "접수한 때"}, "a log": {"서명한 중계자", "읽은 때", "확인서를 만든 때"}} {
		told := b.bring("/verify", "", file{"file", "a.txt", content})
		for _, want := range append(said, here, "시험용 중계자", `datetime="2026-03-02T01:02:03Z"`) {
			require.Contains(t, told.body, want, content)
		}
		require.NotContains(t, told.body, "증명서 번호", "it has none")
	}
	require.Contains(t, b.bring("/verify", "", file{"file", "a.txt", "a stranger's"}).body, "이런 종류의 파일을 검증하지 않습니다")
	for name, r := range map[string]answered{
		"empty":        b.bring("/verify", "", file{"file", "a.asice", ""}),
		"another name": b.bring("/verify", "", file{"other", "a.asice", "PK"}),
		"no file":      b.bring("/verify", ""),
	} {
		require.Equal(t, http.StatusUnprocessableEntity, r.status, name)
		require.Contains(t, r.body, `id="file-wrong"`, name)
	}
	require.Contains(t, b.bring("/verify", "", file{"file", "a.asice", strings.Repeat("x", 2<<20)}).body, "BODY_TOO_LARGE")
	require.Equal(t, http.StatusBadRequest, b.open("/verify", url.Values{"file": {"x"}}).status)
}

// Somebody acts for an organisation until the authority ends.
func TestOrganisation(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	before := b.cookie("__Host-naru")
	require.Equal(t, "/inbox", b.post("/organisations/act", url.Values{"organisation": {organisation}}).header.Get("Location"))
	require.NotEqual(t, before, b.cookie("__Host-naru"), "what a session may do changed, so its id did")
	require.Contains(t, b.get("/inbox").body, "시험용 회사")
	require.Contains(t, b.get("/organisations").body, "/organisations/persons")
	require.Contains(t, b.get("/organisations/persons").body, plantedName)
	wrong := b.post("/organisations/persons", url.Values{"name": {plantedName}, "birth": {"1"}, "phone": {"x"}})
	require.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	require.Contains(t, wrong.body, `href="#rights"`, "somebody without any right is not added")
	require.Equal(t, http.StatusSeeOther, b.post("/organisations/persons", url.Values{
		"name": {plantedName}, "birth": {"19900131"}, "phone": {plantedPhone}, "right": {"5", "2", "9", "x"},
	}).status)
	require.Equal(t, []addressv1.AuthorityRight{2, 5}, w.address.given)
	require.Equal(t, http.StatusUnprocessableEntity, b.post("/organisations/persons/rights", url.Values{"authority": {authority}}).status)
	require.Equal(t, http.StatusSeeOther, b.post("/organisations/persons/rights", url.Values{"authority": {authority}, "right": {"4"}}).status)
	require.Equal(t, []addressv1.AuthorityRight{4}, w.address.given)

	w.address.mu.Lock()
	w.address.ended = true
	w.address.mu.Unlock()
	ended := b.get("/inbox")
	require.Equal(t, http.StatusForbidden, ended.status)
	require.Contains(t, ended.body, "NOT_AUTHORISED")
	require.NotContains(t, b.get("/inbox").body, "시험용 회사", "the person goes on for itself")
}

// Who acts for an organisation enters its other name with both papers.
func TestRename(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	b.post("/organisations/act", url.Values{"organisation": {organisation}})
	b.post("/join", url.Values{"consent": {"yes"}, "designate": {"yes"}, "terms": {"yes"}, "terms_version": {"none-1"}})
	require.Contains(t, b.get("/membership").body, `href="/membership/rename"`)
	token := b.token("/membership/rename")
	send := func(fields []string, papers ...string) answered {
		var body bytes.Buffer
		parts := multipart.NewWriter(&body)
		for i := 0; i < len(fields); i += 2 {
			require.NoError(t, parts.WriteField(fields[i], fields[i+1]))
		}
		for _, paper := range papers {
			part, err := parts.CreateFormFile(paper, paper+".jpg")
			require.NoError(t, err)
			_, err = part.Write([]byte("\xff\xd8\xff" + paper))
			require.NoError(t, err)
		}
		require.NoError(t, parts.Close())
		return b.do(http.MethodPost, "/membership/rename", &body, "Content-Type", parts.FormDataContentType())
	}
	wrong := send([]string{"csrf", token, "request_id", "r-1", "name", ""}, "business")
	require.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	require.Contains(t, wrong.body, `href="#name"`)
	require.Contains(t, wrong.body, `href="#registration"`)
	require.NotContains(t, wrong.body, `href="#business"`)
	require.Nil(t, w.address.renamed)
	done := send([]string{"csrf", token, "request_id", "r-1", "name", "시험용 새회사"}, "business", "registration")
	require.Equal(t, "/membership?done=renamed", done.header.Get("Location"), done.body)
	require.Equal(t, []string{"r-1", "시험용 새회사", "\xff\xd8\xffbusiness", "\xff\xd8\xffregistration"}, []string{
		w.address.renamed.GetRequestId(), w.address.renamed.GetName(), string(w.address.renamed.GetBusinessDocument()), string(w.address.renamed.GetRegistrationDocument()),
	})
}

// Pages offer somebody who acts for an organisation what it has the right to do, and refuse the rest; changed rights count on the
// next page.
func TestRightsOnPages(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	may := func(scopes ...string) {
		w.address.mu.Lock()
		defer w.address.mu.Unlock()
		w.address.scopes = scopes
	}
	may("documents.read")
	require.Equal(t, "/sent", b.post("/organisations/act", url.Values{"organisation": {organisation}}).header.Get("Location"), "the first page it may see")
	looking := b.get("/sent")
	require.Equal(t, http.StatusOK, looking.status)
	for _, other := range []string{`href="/inbox"`, `href="/send"`, `href="/approvals"`} {
		require.NotContains(t, looking.body, other)
	}
	refused := b.get("/inbox")
	require.Equal(t, http.StatusForbidden, refused.status)
	require.Contains(t, refused.body, "SCOPE_MISSING")
	sent := b.get("/sent/" + there)
	require.Equal(t, http.StatusOK, sent.status, "%s", sent.body)
	require.NotContains(t, sent.body, "/cancel")
	require.NotContains(t, sent.body, "/certificates")

	before := b.cookie("__Host-naru")
	may("documents.read", "documents.receive")
	require.Equal(t, http.StatusOK, b.get("/inbox").status)
	require.NotEqual(t, before, b.cookie("__Host-naru"), "what a session may do changed, so its id did")
	may("documents.read")
	require.Equal(t, http.StatusForbidden, b.get("/inbox").status)
}

// A person names proxies on the page on which organisations name their staff, with no right to send.
func TestProxies(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	require.Contains(t, b.get("/organisations").body, "내 대리인")
	page := b.get("/organisations/persons").body
	require.Contains(t, page, "내 대리인")
	require.NotContains(t, page, `value="2"`, "a proxy does not send")
	require.NotContains(t, page, `value="3"`)
	require.Equal(t, http.StatusSeeOther, b.post("/organisations/persons", url.Values{
		"name": {plantedName}, "birth": {"19900131"}, "phone": {plantedPhone}, "right": {"1"},
	}).status)
	require.Equal(t, []addressv1.AuthorityRight{1}, w.address.given)
}

// form writes a form with a file, fields in order.
func form(t *testing.T, file, content string, fields ...string) (string, *bytes.Buffer) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i < len(fields); i += 2 {
		require.NoError(t, w.WriteField(fields[i], fields[i+1]))
	}
	if file != "" {
		part, err := w.CreateFormFile("file", file)
		require.NoError(t, err)
		_, err = part.Write([]byte(content))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return w.FormDataContentType(), &body
}

// A file is uploaded in one form or in pieces, and sent.
func TestSending(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	token := b.token("/send")
	content := strings.Repeat("%PDF-1.7 ", 70_000)
	kind, body := form(t, plantedFile, content, "csrf", token)
	uploaded := b.do(http.MethodPost, "/uploads", body, "Content-Type", kind)
	require.Equal(t, http.StatusSeeOther, uploaded.status, uploaded.body)
	to := uploaded.header.Get("Location")
	require.Regexp(t, `^/send\?content=[0-9a-f-]{36}&done=uploaded$`, to)
	page := b.get(to)
	require.Contains(t, page.body, plantedFile)
	u, err := url.Parse(to)
	require.NoError(t, err)
	id := u.Query().Get("content")
	require.Equal(t, content, w.content.files[id].content.String())

	kind, body = form(t, "", "", "csrf", token)
	require.Equal(t, http.StatusUnprocessableEntity, b.do(http.MethodPost, "/uploads", body, "Content-Type", kind).status)
	kind, body = form(t, "large.pdf", strings.Repeat("x", 2<<20), "csrf", token)
	require.Contains(t, b.do(http.MethodPost, "/uploads", body, "Content-Type", kind).body, "BODY_TOO_LARGE")

	begun := b.post("/uploads/begin", url.Values{"name": {`C:\x\` + plantedFile}, "type": {"application/pdf"}, "size": {"8"}, "hash": {strings.Repeat("0", 64)}})
	require.Contains(t, begun.body, `"ended":false`)
	piece := begun.body[7:43]
	require.Equal(t, plantedFile, w.content.files[piece].upload.GetFileName(), "without its path")
	require.Contains(t, b.do(http.MethodPatch, "/uploads/"+piece, strings.NewReader("%PDF"), "Upload-Offset", "0", "X-Naru-Csrf", token).body, `"offset":4,"ended":false`)
	require.Equal(t, http.StatusConflict, b.do(http.MethodPatch, "/uploads/"+piece, strings.NewReader("%PDF"), "Upload-Offset", "0", "X-Naru-Csrf", token).status)
	require.Contains(t, b.get("/uploads/"+piece).body, `"offset":4`)
	require.Contains(t, b.do(http.MethodPatch, "/uploads/"+piece, strings.NewReader("%PDF"), "Upload-Offset", "4", "X-Naru-Csrf", token).body, `"offset":8,"ended":true`)
	require.Contains(t, b.get("/send?content="+piece).body, "wrong-summary", "what was refused is said")

	wrong := b.post("/send", url.Values{"content": {id}, "own_key": {"k1"}, "to": {"person"}})
	require.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	for _, field := range []string{"title", "category", "name", "birth", "phone"} {
		require.Contains(t, wrong.body, `href="#`+field+`"`)
	}
	require.Equal(t, http.StatusUnprocessableEntity, b.post("/send", url.Values{"content": {id}, "title": {"x"}, "category": {"1"}}).status)
	sent := b.post("/send", url.Values{
		"content": {id}, "own_key": {"k1"}, "to": {"person"}, "title": {plantedTitle}, "category": {"1"}, "name": {plantedName}, "birth": {"1990-01-31"}, "phone": {"010-9999-8888"},
	})
	require.Equal(t, "/sent/"+here+"?done=sent", sent.header.Get("Location"), sent.body)
	require.Equal(t, "19900131", w.intake.sent[0].GetRecipient().GetPerson().GetBirthDate())
	require.Equal(t, plantedPhone, w.intake.sent[0].GetRecipient().GetPerson().GetPhone())

	require.Contains(t, b.get("/sent").body, "/sent/"+here)
	require.Contains(t, b.get("/sent/"+here).body, "접수했습니다")
	require.Equal(t, http.StatusSeeOther, b.post("/sent/"+here+"/cancel", url.Values{}).status)
	require.Equal(t, []string{here}, w.intake.cancelled)
}

// Pages speak the reader's language; every page is complete in both and within its budget.
func TestLanguages(t *testing.T) {
	t.Parallel()
	b := setup(t).signedIn(t, unittest.NewID())
	require.Contains(t, b.get("/terms").body, `<html lang="ko">`)
	require.Contains(t, b.get("/terms", "Accept-Language", "fr, en-GB;q=0.8, ko;q=0.5").body, `<html lang="en">`)
	require.Equal(t, "/inbox?unread=1", b.get("/language/en?back=%2Finbox%3Funread%3D1").header.Get("Location"))
	for _, path := range []string{
		"/terms", "/inbox", "/inbox/" + here, "/membership", "/membership/rename", "/membership/withdraw", "/join", "/organisations", "/organisations/apply", "/sessions", "/send", "/sent", "/sent/" + here,
		"/send/many", "/sent/batches/2026-03", "/invitation", "/approvals", "/approvals?all=1", "/approvals/" + asked, "/approvals/" + askedMany,
		"/certificates/" + certificateID, "/certificates/" + bundleID, "/verify",
	} {
		page := b.get(path)
		require.Equal(t, http.StatusOK, page.status, path)
		require.Contains(t, page.body, `<html lang="en">`)
		require.Contains(t, page.body, "This is a test service.")
		var packed bytes.Buffer
		g := gzip.NewWriter(&packed)
		_, err := g.Write([]byte(page.body))
		require.NoError(t, err)
		require.NoError(t, g.Close())
		require.Less(t, packed.Len(), 30<<10, path)
	}
}

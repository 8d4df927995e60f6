package web_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/sheet"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/pkg/text"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

const manyHeader = "발송 번호,제목,문서 종류,파일,첨부 파일,이름,생년월일,휴대전화번호,사업자등록번호,중계자플랫폼 번호,전자주소\n"

// file is one of a form.
type file struct{ field, name, content string }

// bring sends a form with files, its token first if it has one. A file without a name is another field.
func (b *browser) bring(path, token string, files ...file) answered {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	if token != "" {
		require.NoError(b.t, w.WriteField("csrf", token))
	}
	for _, f := range files {
		if f.name == "" {
			require.NoError(b.t, w.WriteField(f.field, f.content))
			continue
		}
		part, err := w.CreateFormFile(f.field, f.name)
		require.NoError(b.t, err)
		_, err = part.Write([]byte(f.content))
		require.NoError(b.t, err)
	}
	require.NoError(b.t, w.Close())
	return b.do(http.MethodPost, path, &body, "Content-Type", w.FormDataContentType())
}

// begun is a new draft with these files.
func (b *browser) begun(names ...string) string {
	b.t.Helper()
	made := b.post("/send/many", url.Values{})
	require.Equal(b.t, http.StatusSeeOther, made.status, made.body)
	draft := made.header.Get("Location")
	require.Regexp(b.t, `^/send/many/[0-9a-f-]{36}$`, draft)
	var files []file
	for _, name := range names {
		files = append(files, file{"file", name, "%PDF-1.7 " + name})
	}
	if len(files) > 0 {
		put := b.bring(draft+"/files", b.token("/send"), files...)
		require.Equal(b.t, draft+"?done=files", put.header.Get("Location"), put.body)
	}
	return draft
}

// give gives a sheet that is read.
func (b *browser) give(draft, rows string) {
	b.t.Helper()
	given := b.bring(draft+"/sheet", b.token("/send"), file{"sheet", "명단.csv", manyHeader + rows})
	require.Equal(b.t, draft+"?done=sheet#shown", given.header.Get("Location"), given.body)
}

// persons are so many good rows.
func persons(count int) string {
	var rows strings.Builder
	for i := range count {
		fmt.Fprintf(&rows, ",%s %d,안내문,,,%s,1990-01-31,10%08d,,,\n", plantedTitle, i, plantedName, i)
	}
	return rows.String()
}

var (
	numberCell = regexp.MustCompile(`(?s)<tr>\s*<th scope="row">(.*?)</th>(.*?)</tr>`)
	tag        = regexp.MustCompile(`<[^>]*>`)
)

// table is the text of each row of a page's table.
func table(page string) (rows []string) {
	for _, found := range numberCell.FindAllStringSubmatch(page, -1) {
		rows = append(rows, strings.Join(strings.Fields(tag.ReplaceAllString(found[1]+" "+found[2], " ")), " "))
	}
	return rows
}

// Files and a sheet become documents, each found and named as its row says; nothing shows the middle of a phone number.
func TestMany(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	require.Contains(t, b.get("/send").body, `href="/send/many"`)
	draft := b.begun(plantedFile, "b.pdf")
	require.Contains(t, b.get(draft).body, plantedFile)
	number := text.CompleteBusinessNumber("123456789")
	b.give(draft, "k-1,"+plantedTitle+",안내문,"+plantedFile+",,"+plantedName+",1990-01-31,"+strings.TrimPrefix(plantedPhone, "0")+",,,\n"+
		"\n,고지서,Bill,B.PDF,"+plantedFile+"; ,,,,"+number+",,\n,계약서,계약서,b.pdf,,,,,,NARU-1,member-1\n")
	page := b.get(draft)
	require.Equal(t, http.StatusOK, page.status)
	rows := table(page.body)
	require.Len(t, rows, 3)
	require.Equal(t, "2 "+plantedTitle+" 안내문 "+plantedFile+" "+plantedName+" 19900131 010****8888 k-1", rows[0])
	require.Contains(t, rows[1], "4 고지서 Bill B.PDF, "+plantedFile+" "+number)
	require.Contains(t, rows[2], "member-1 (NARU-1)")
	require.NotContains(t, page.body, plantedPhone)
	require.NotContains(t, page.body, "9999")

	sent := b.post(draft+"/send", url.Values{})
	require.Equal(t, draft, sent.header.Get("Location"), sent.body)
	require.Len(t, w.intake.accepted, 3)
	first := w.intake.accepted["k-1"]
	require.Equal(t, plantedPhone, first.GetRecipient().GetPerson().GetPhone())
	batch := first.GetBatch()
	require.Regexp(t, `^[0-9]{8}-[a-z0-9]{10}$`, batch)
	for key, item := range w.intake.accepted {
		require.Equal(t, batch, item.GetBatch())
		require.NotEmpty(t, item.GetContent())
		if item.GetTitle() == "고지서" {
			require.Regexp(t, `^web-[a-z0-9]{16}-4$`, key, "the sheet and the row")
			require.Equal(t, number, item.GetRecipient().GetBusinessNumber())
			require.Equal(t, []string{first.GetContent()}, item.GetAttachmentContents())
		}
	}
	done := b.get(draft)
	require.Contains(t, done.body, "모든 줄을 넘겼습니다")
	require.Contains(t, done.body, `href="/sent/batches/`+batch+`"`)
	require.Equal(t, http.StatusSeeOther, b.post(draft+"/send", url.Values{}).status, "sending what is sent changes nothing")
	require.Equal(t, []int{3}, w.intake.calls)
	for _, change := range []answered{
		b.bring(draft+"/sheet", b.token("/send"), file{"sheet", "a.csv", manyHeader + persons(1)}), b.bring(draft+"/files", b.token("/send"), file{"file", "c.pdf", "%PDF"}),
	} {
		require.Equal(t, http.StatusConflict, change.status)
		require.Contains(t, change.body, "DRAFT_BEGUN")
	}
	require.Equal(t, "/send/many?done=discarded", b.post(draft+"/discard", url.Values{}).header.Get("Location"))
	require.Equal(t, http.StatusNotFound, b.get(draft).status)
}

// All that is wrong with all rows is told at once, each with row, cell, column and what; nothing is sent. A better sheet and the
// missing file go on with the same draft.
func TestManyErrors(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	draft := b.begun("a.pdf", "b.pdf")
	b.give(draft, strings.Join([]string{
		"k 1,,모름,없음.pdf,,,,,,,",                                                                  // 2: key, title, kind, file, nobody
		"k,제목,안내문,a.pdf,a.pdf;b.pdf,홍,19900231,12,,,",                                            // 3: attached twice, birth, phone
		"k,=1+1,안내문,,,,,,1234567890,,",                                                           // 4: key twice, formula, file, number
		"x,제목,안내문,a.pdf,,홍,19900131,01012345678,,NARU-1,a",                                       // 5: two ways
		"y,제목,안내문,a.pdf,b.pdf;b.pdf,,,,,NARU 1,",                                                 // 6: attached twice, platform, address
		"z,제목,notice,a.pdf,,홍,,,,,,더",                                                            // 7: a value outside, birth, phone
		strings.Repeat("긴", 41) + "," + strings.Repeat("가", 101) + ",안내문,a.pdf,,,,,0000000000,,", // 8: key, title
	}, "\n")+"\n")
	page := b.get(draft)
	var got []string
	for _, row := range table(page.body) {
		fields := strings.Fields(row)
		got = append(got, strings.Join(fields[:2], " "))
	}
	require.ElementsMatch(t, []string{
		"7 L7", "2 A2", "2 B2", "2 C2", "2 D2", "2 받는", "3 E3", "3 G3", "3 H3", "4 A4", "4 B4", "4 D4", "4 I4", "5 받는", "6 E6", "6 J6", "6 K6", "7 G7", "7 H7", "8 A8", "8 B8",
	}, got)
	require.Contains(t, page.body, "고칠 곳 21군데")
	require.NotContains(t, page.body, draft+`/send"`)
	require.Equal(t, http.StatusUnprocessableEntity, b.post(draft+"/send", url.Values{}).status)
	require.Empty(t, w.intake.calls)
	require.Len(t, table(b.get(draft+"?view=rows").body), 7, "the rows can be seen meanwhile")
	require.Contains(t, b.get(draft, "Accept-Language", "en").body, "The recipient is given in more than one way.")

	b.give(draft, ",제목,안내문,c.pdf,,홍,19900131,01012345678,,,\n")
	require.Len(t, table(b.get(draft).body), 1)
	require.Equal(t, draft+"?done=files", b.bring(draft+"/files", b.token("/send"), file{"file", "C.pdf", "%PDF"}).header.Get("Location"))
	require.Contains(t, b.get(draft).body, draft+`/send"`)

	missing := b.bring(draft+"/sheet", b.token("/send"), file{"sheet", "a.csv", "제목,메모\n" + strings.Repeat("제목,x\n", 3)})
	require.Equal(t, http.StatusSeeOther, missing.status)
	rows := table(b.get(draft).body)
	require.Equal(t, []string{"표 전체 파일 이 열이 있어야 합니다.", "표 전체 문서 종류 이 열이 있어야 합니다.", "1 B1 모르는 열입니다: 메모"}, rows[:3])
	require.Len(t, rows, 6, "and of every row that it has no recipient")
}

// What is no sheet is refused for what it is, and what was there stays.
func TestManyNoSheet(t *testing.T) {
	t.Parallel()
	b := setup(t).signedIn(t, unittest.NewID())
	draft := b.begun("a.pdf")
	b.give(draft, persons(2))
	for content, says := range map[string]string{
		"": "xlsx 또는 CSV 파일을 고르십시오", "%PDF-1.7": "xlsx 또는 CSV 파일이 아닙니다", "이름만\n": "첫 줄에 열 이름이 없습니다", "제목\n\"": "파일이 손상되었습니다",
		"제목\n" + strings.Repeat("가\n", sheet.MaxRows+1): "10000줄보다 많습니다", strings.Repeat("가", sheet.MaxBytes/3+1): "표가 너무 큽니다",
		"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "옛 형식(xls)입니다",
	} {
		refused := b.bring(draft+"/sheet", b.token("/send"), file{"sheet", "x.xlsx", content})
		require.Equal(t, http.StatusUnprocessableEntity, refused.status, says)
		require.Contains(t, refused.body, says)
		require.Contains(t, refused.body, `href="#sheet"`)
	}
	require.Len(t, table(b.get(draft).body), 2)
	large := b.bring(draft+"/sheet", b.token("/send"), file{"sheet", "x.csv", strings.Repeat("x", 6<<20)})
	require.Contains(t, large.body, "BODY_TOO_LARGE")
}

// Sending that breaks off is gone on with where it stopped, also in another session, and no row becomes two documents: not when
// an answer was lost, and not when two windows send.
func TestManyBreaksOff(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	draft := b.begun("a.pdf")
	b.give(draft, persons(35))
	w.intake.answers = func(call int) error {
		if call == 3 { // accepted, but nobody hears of it
			return fault.New(fault.Unavailable, "intake", nil, "gone")
		}
		return nil
	}
	broke := b.post(draft+"/send", url.Values{})
	require.Equal(t, http.StatusServiceUnavailable, broke.status)
	require.Contains(t, broke.body, "35건 가운데 20건을 넘겼습니다")
	require.Contains(t, broke.body, "이어서 보내기")
	require.Len(t, w.intake.accepted, 30)

	w.Advance(t, 11*time.Minute)
	require.Equal(t, "/?ended=1", b.get(draft).header.Get("Location"), "the session is over")
	again := w.signedIn(t, b.person)
	require.Contains(t, again.get("/send/many").body, draft)
	require.Contains(t, again.get(draft).body, "35건 가운데 20건을 넘겼습니다")
	require.Equal(t, http.StatusSeeOther, again.post(draft+"/send", url.Values{}).status)
	require.Equal(t, []int{10, 10, 10, 10, 5}, w.intake.calls)
	require.Len(t, w.intake.accepted, 35)
	require.Contains(t, again.get(draft).body, "모든 줄을 넘겼습니다")

	second := again.begun("a.pdf")
	again.give(second, persons(25))
	token := again.token("/send")
	released := make(chan struct{})
	w.intake.answers = func(int) error { <-released; return nil }
	statuses := make(chan int, 2)
	for range 2 {
		go func() {
			statuses <- again.do(http.MethodPost, second+"/send", strings.NewReader("csrf="+token), "Content-Type", "application/x-www-form-urlencoded").status
		}()
	}
	close(released)
	for range 2 {
		require.Contains(t, []int{http.StatusSeeOther, http.StatusConflict}, <-statuses)
	}
	require.Contains(t, again.get(second).body, "모든 줄을 넘겼습니다")
	require.Len(t, w.intake.accepted, 35+25)
}

// Rows that intake refuses are listed with their reasons, and handed over as a table that can be corrected and given again, in
// which no value is a formula.
func TestManyRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	draft := b.begun("a.pdf")
	b.give(draft, persons(12)+",마지막,안내문,,,홍,19900131,+82 10-1234-5678,,,\n")
	w.intake.refuses = func(item *intakev1.SendItem) *intakev1.Refusal {
		if item.GetTitle() != "마지막" {
			return nil
		}
		return &intakev1.Refusal{Reason: "INVALID_ITEM", Violations: []*intakev1.Violation{{Field: "items[2].recipient.person.name"}}}
	}
	require.Equal(t, http.StatusSeeOther, b.post(draft+"/send", url.Values{}).status)
	require.Len(t, w.intake.accepted, 12)
	page := b.get(draft)
	rows := table(page.body)
	require.Len(t, rows, 1)
	require.Regexp(t, `^14 이름 .*INVALID_ITEM$`, rows[0])
	download := b.get(draft + "/refused")
	require.Equal(t, "text/csv; charset=utf-8", download.header.Get("Content-Type"))
	require.Contains(t, download.header.Get("Content-Disposition"), "attachment")
	lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(download.body, "\ufeff"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, 2)
	require.Equal(t, "01012345678", lines[1][9])
	for _, line := range lines {
		for _, value := range line {
			require.False(t, sheet.LikesFormula(value), value)
		}
	}
	second := b.begun("a.pdf")
	require.Equal(t, http.StatusSeeOther, b.bring(second+"/sheet", b.token("/send"), file{"sheet", "refused.csv", download.body}).status)
	require.Contains(t, b.get(second).body, second+`/send"`, "it is taken as it came")
}

// A draft is its person's alone, and for whom it was begun; it ends after a day. There are few of one person.
func TestManyOfOthers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b, stranger := w.signedIn(t, unittest.NewID()), w.signedIn(t, unittest.NewID())
	draft := b.begun("a.pdf")
	b.give(draft, persons(1))
	tries := func(who *browser) {
		t.Helper()
		token := who.token("/sessions")
		for path, got := range map[string]answered{
			"": who.get(draft), "/refused": who.get(draft + "/refused"), "/send": who.post(draft+"/send", url.Values{}), "/discard": who.post(draft+"/discard", url.Values{}),
			"/uploads": who.post(draft+"/uploads", url.Values{"content": {w.content.any()}}), "/sheet": who.bring(draft+"/sheet", token, file{"sheet", "a.csv", manyHeader}),
			"/files": who.bring(draft+"/files", token, file{"file", "b.pdf", "%PDF"}),
		} {
			require.Equal(t, http.StatusNotFound, got.status, path)
			require.Contains(t, got.body, "DRAFT_NOT_FOUND", path)
			require.NotContains(t, got.body, plantedName, path)
		}
		require.NotContains(t, who.get("/send/many").body, draft)
	}
	tries(stranger)
	require.Equal(t, http.StatusSeeOther, b.post("/organisations/act", url.Values{"organisation": {organisation}}).status)
	tries(b) // for another
	ofOrganisation := b.begun()
	w.address.mu.Lock()
	w.address.scopes = []string{"documents.read"}
	w.address.mu.Unlock()
	for _, got := range []answered{b.get("/send/many"), b.post("/send/many", url.Values{}), b.get(ofOrganisation), b.post(ofOrganisation+"/send", url.Values{})} {
		require.Equal(t, http.StatusForbidden, got.status)
		require.Contains(t, got.body, "SCOPE_MISSING", "who may not send any more does not see what it prepared")
	}
	require.Equal(t, http.StatusSeeOther, b.post("/organisations/act", url.Values{}).status)
	require.Len(t, table(b.get(draft).body), 1)
	require.Empty(t, w.intake.calls)

	kept := b.token("/sessions")
	for path, body := range map[string]string{"/send": "csrf=" + stranger.token("/sessions"), "/discard": "", "/uploads": "content=x"} {
		forged := b.do(http.MethodPost, draft+path, strings.NewReader(body), "Content-Type", "application/x-www-form-urlencoded")
		require.Equal(t, http.StatusForbidden, forged.status, path)
	}
	for _, path := range []string{"/sheet", "/files"} {
		require.Equal(t, http.StatusForbidden, b.bring(draft+path, stranger.token("/sessions"), file{"sheet", "a.csv", manyHeader}).status, path)
	}
	require.Equal(t, http.StatusForbidden, b.post(draft+"/send", url.Values{"csrf": {kept}}, "Sec-Fetch-Site", "cross-site").status)
	require.Equal(t, http.StatusNotFound, b.get("/send/many/not-a-draft").status)

	for range 8 {
		b.begun()
	}
	require.Contains(t, b.post("/send/many", url.Values{}).body, "TOO_MANY_DRAFTS")
	w.Advance(t, 25*time.Hour)
	b.signIn(b.person)
	require.Equal(t, http.StatusNotFound, b.get(draft).status)
	w.Restart(t, "", func() {}) // what is deleted every ten minutes is deleted at the start, too
	await.Require(t, unittest.Patience, func() bool {
		var left int
		require.NoError(t, w.App.QueryRow(t.Context(), `select count(*) from draft`).Scan(&left))
		return left == 0
	})
}

// A file that may not be sent is listed with the reason, and no row can name it; script names its uploads one by one.
func TestManyFiles(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	draft := b.begun()
	upload := func(name, content, hash string) string {
		t.Helper()
		begun := b.post("/uploads/begin", url.Values{"name": {name}, "type": {"application/pdf"}, "size": {fmt.Sprint(len(content))}, "hash": {hash}})
		id := begun.body[7:43]
		require.Contains(t, b.do(http.MethodPatch, "/uploads/"+id, strings.NewReader(content), "Upload-Offset", "0", "X-Naru-Csrf", b.token("/sessions")).body, `"ended":true`)
		return id
	}
	bad := upload("나쁨.pdf", "%PDF", strings.Repeat("0", 64))
	require.Equal(t, http.StatusOK, b.post(draft+"/uploads", url.Values{"content": {bad}}).status)
	require.Equal(t, http.StatusNotFound, b.post(draft+"/uploads", url.Values{"content": {unittest.NewID()}}).status)
	page := b.get(draft).body
	require.Contains(t, page, "나쁨.pdf")
	require.Contains(t, page, "올라온 내용이 원본과 다릅니다.")
	b.give(draft, persons(1))
	require.Equal(t, []string{"2 D2 파일 이 파일은 보낼 수 없습니다"}, table(b.get(draft).body))
	// A file of the same name, as another system writes it, takes its place.
	require.Equal(t, http.StatusSeeOther, b.bring(draft+"/files", b.token("/send"), file{"file", "\u1102\u1161\u1108\u1173\u11b7.pdf", "%PDF-1.7"}).status)
	require.Contains(t, b.get(draft).body, draft+`/send"`)
	require.Equal(t, http.StatusUnprocessableEntity, b.bring(draft+"/files", b.token("/send")).status, "no file")
	many := make([]file, 21)
	for i := range many {
		many[i] = file{"file", fmt.Sprintf("%d.pdf", i), "%PDF"}
	}
	most := b.bring(draft+"/files", b.token("/send"), many...)
	require.Equal(t, http.StatusUnprocessableEntity, most.status)
	require.Contains(t, most.body, "한 번에 20개까지")
	require.Contains(t, b.get(draft).body, "19.pdf", "what had arrived stays")
	before := len(w.content.files)
	require.Equal(t, http.StatusSeeOther, b.post(draft+"/discard", url.Values{}).status)
	require.Less(t, len(w.content.files), before, "the files go with the draft")
}

// A page has a hundred rows, or a hundred of what is wrong, and stays within its budget; the others are a link away.
func TestManyPages(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	draft := b.begun("a.pdf")
	b.give(draft, persons(250))
	first := b.get(draft)
	require.Len(t, table(first.body), 100)
	require.Contains(t, first.body, "250개 가운데 1~100번째")
	require.Contains(t, first.body, draft+`?page=2&amp;view=rows#shown`)
	last := table(b.get(draft + "?view=rows&page=3").body)
	require.Len(t, last, 50)
	require.True(t, strings.HasPrefix(last[49], "251 "), last[49])
	require.Equal(t, table(first.body), table(b.get(draft+"?page=4").body), "a page that is none is the first")

	b.give(draft, strings.Repeat("x y,,,z.pdf,,,,,,,\n", 150))
	wrong := b.get(draft)
	require.Contains(t, wrong.body, "고칠 곳 750군데")
	require.Len(t, table(b.get(draft+"?page=8").body), 50)
	for _, page := range []answered{first, wrong} {
		var packed bytes.Buffer
		g := gzip.NewWriter(&packed)
		_, err := g.Write([]byte(page.body))
		require.NoError(t, err)
		require.NoError(t, g.Close())
		require.Less(t, packed.Len(), 30<<10)
	}

	b.give(draft, persons(120))
	w.intake.refuses = func(*intakev1.SendItem) *intakev1.Refusal { return &intakev1.Refusal{Reason: "INVALID_ITEM"} }
	require.Equal(t, http.StatusSeeOther, b.post(draft+"/send", url.Values{}).status)
	require.Len(t, table(b.get(draft+"?page=2").body), 20, "and so are those that were refused")
}

// Empty forms have the columns that are read, in the reader's language.
func TestTemplates(t *testing.T) {
	t.Parallel()
	b := setup(t).signedIn(t, unittest.NewID())
	draft := b.begun("a.pdf")
	for _, language := range []string{"ko", "en"} {
		for _, kind := range []string{"xlsx", "csv"} {
			form := b.get("/send/templates/"+kind, "Accept-Language", language)
			require.Contains(t, form.header.Get("Content-Disposition"), "naru."+kind)
			require.Equal(t, http.StatusSeeOther, b.bring(draft+"/sheet", b.token("/send"), file{"sheet", "x", form.body}).status)
			require.Equal(t, []string{"표 전체 열 이름 아래에 줄이 없습니다."}, table(b.get(draft).body))
		}
	}
	require.Equal(t, http.StatusNotFound, b.get("/send/templates/xls").status)
}

// What is prepared is nowhere in clear, neither in the database nor in a log, an address or a title.
func TestManyPlantedValues(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	draft := b.begun(plantedFile)
	b.give(draft, "k-1,"+plantedTitle+",안내문,,,"+plantedName+",19900131,"+plantedPhone+",,,\n")
	w.intake.refuses = func(*intakev1.SendItem) *intakev1.Refusal { return &intakev1.Refusal{Reason: "INVALID_ITEM"} }
	answers := []answered{b.get(draft), b.post(draft+"/send", url.Values{}), b.get(draft), b.get(draft + "/refused"), b.get("/send/many")}
	title := regexp.MustCompile(`(?s)<title>(.*?)</title>`)
	var kept string
	require.NoError(t, w.App.QueryRow(t.Context(), `
		select string_agg(d::text || encode(x, 'escape'), '') from draft d, unnest(sealed_files || sealed_sheet || sealed_refused) x`).Scan(&kept))
	require.NotEmpty(t, kept)
	places := []string{kept, w.Logs.String()}
	for _, a := range answers {
		require.Less(t, a.status, 400)
		places = append(places, a.header.Get("Location"), a.header.Get("Content-Disposition"), strings.Join(title.FindStringSubmatch(a.body), ""))
	}
	for _, p := range []string{plantedTitle, plantedName, plantedPhone, plantedFile, "19900131", "INVALID_ITEM"} {
		for _, place := range places {
			require.NotContains(t, place, p)
		}
	}
	require.Contains(t, w.Logs.String(), "/send/many/{draft}/send", "requests are logged by their route")
}

// A batch has its page: how many have arrived or ended, and lists of each state. Lists begin with the newest.
func TestBatchPage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	page := b.get("/sent/batches/2026-03").body
	require.Contains(t, page, "30건 가운데 26건")
	require.Contains(t, page, `<progress max="30" value="26"`)
	require.Equal(t, []string{"받는 사람의 가입을 기다림 4", "받음 25", "전달할 수 없음 1", "합계 30"}, table(page))
	require.Contains(t, page, "<naru-refresh>")
	require.Contains(t, b.get("/sent/batches/other").body, "아직 집계된 문서가 없습니다")
	require.Equal(t, http.StatusOK, b.get("/sent?batch=2026-03&state=DOCUMENT_STATE_FAILED").status)
	require.Contains(t, page, "/sent?batch=2026-03&amp;state=DOCUMENT_STATE_FAILED")
	require.Equal(t, http.StatusOK, b.get("/sent?state=DOCUMENT_STATE_UNSPECIFIED").status)
	lists := w.status.lists
	require.Equal(t, "2026-03", lists[0].GetBatch())
	require.Len(t, lists[0].GetStates(), 1)
	require.Nil(t, lists[0].GetAcceptedFrom())
	require.Empty(t, lists[1].GetStates())
	require.NotNil(t, lists[1].GetAcceptedFrom())
	for _, list := range lists {
		require.True(t, list.GetNewestFirst())
	}
}

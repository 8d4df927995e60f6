package browser

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/sheet"
	"github.com/naru-relay/naru/services/client/sample"
)

// busyOnce has the first call of the page's script answered as one too many.
const busyOnce = `(() => {
	const real = window.fetch;
	window.fetch = () => { window.fetch = real; return Promise.resolve(new Response("", {status: 429, headers: {"Retry-After": "1"}})); };
})()`

// A member uploads two files, gives a sheet of thirty rows, learns what is wrong with it, gives a better one, and sends. All
// arrive, and the page of the batch says so. On the desktop script helps and the sheet is a workbook; on the phone there is no
// script, and the sheet is CSV.
func TestMemberSendsManyBySheet(t *testing.T) {
	t.Parallel()
	pdf, err := sample.PDF("many", clock.System().Now())
	require.NoError(t, err)
	for _, s := range []screen{phone, desktop} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			script := s == desktop
			sender := stack.NewMember(t)
			recipients := []harness.Person{stack.NewMember(t).Person, stack.NewMember(t).Person, stack.NewMember(t).Person}
			folder := t.TempDir()
			files := []string{filepath.Join(folder, "시험 고지서.pdf"), filepath.Join(folder, "안내.pdf")}
			for _, file := range files {
				require.NoError(t, os.WriteFile(file, pdf, 0o600))
			}
			write, kind := sheet.WriteCSV, "csv"
			if script {
				write, kind = sheet.WriteXLSX, "xlsx"
			}
			table := func(name string, attachment string) string {
				rows := [][]string{{"제목", "문서 종류", "파일", "첨부", "이름", "생년월일", "휴대전화번호"}}
				for i := range 30 {
					to := recipients[i%len(recipients)]
					rows = append(rows, []string{fmt.Sprintf("시험용 고지서 %d", i+1), "청구서", "시험 고지서.pdf", attachment, to.Name, to.BirthDate, to.Phone})
				}
				var made bytes.Buffer
				require.NoError(t, write(&made, rows))
				file := filepath.Join(folder, name+"."+kind)
				require.NoError(t, os.WriteFile(file, made.Bytes(), 0o600))
				return file
			}

			b := open(t, s)
			b.do(emulation.SetScriptExecutionDisabled(!script))
			look := func(name string) { // axe is a script, too
				t.Helper()
				b.do(emulation.SetScriptExecutionDisabled(false))
				b.look(name)
				b.do(emulation.SetScriptExecutionDisabled(!script))
			}
			b.signIn(sender.Person, `form[action="/inbox/search"], .empty`)
			b.visit("/send")
			b.follow(chromedp.Click(`main a[href="/send/many"]`, chromedp.ByQuery), `form[action="/send/many"]`)
			look("many")
			b.follow(chromedp.Click(`form[action="/send/many"] button`, chromedp.ByQuery), `#file`)
			b.do(chromedp.SetUploadFiles("#file", files, chromedp.ByQuery))
			if script { // which waits when it has asked too often
				b.do(chromedp.Evaluate(busyOnce, nil))
			}
			b.follow(chromedp.Click(`form[action$="/files"] button`, chromedp.ByQuery), `section[aria-labelledby="files"] ol li:nth-child(2)`)

			b.do(chromedp.SetUploadFiles("#sheet", []string{table("처음", "없는 파일.pdf")}, chromedp.ByQuery))
			b.follow(chromedp.Click(`form[action$="/sheet"] button`, chromedp.ByQuery), `section[aria-labelledby="shown"] table`)
			require.Contains(t, b.text(`section[aria-labelledby="shown"]`), "고칠 곳 30군데")
			require.Contains(t, b.text("tbody"), "이 이름으로 올린 파일이 없습니다.")
			look("many-wrong")
			b.do(chromedp.SetUploadFiles("#sheet", []string{table("다시", "안내.pdf")}, chromedp.ByQuery))
			b.follow(chromedp.Click(`form[action$="/sheet"] button`, chromedp.ByQuery), `form[action$="/send"]`)
			require.Contains(t, b.text("tbody"), recipients[0].Name)
			require.NotContains(t, b.text("main"), recipients[0].Phone)
			look("many-preview")
			b.follow(chromedp.Click(`form[action$="/send"] button`, chromedp.ByQuery), `section[aria-labelledby="sending"] .done`)
			require.Contains(t, b.text("main"), "30건 가운데 30건을 넘겼습니다.")
			look("many-sent")

			b.follow(chromedp.Click(`a[href^="/sent/batches/"]`, chromedp.ByQuery), "naru-refresh")
			var batch string
			b.do(chromedp.Evaluate("location.pathname", &batch))
			const all = "30건 가운데 30건"
			if script { // the page looks by itself
				b.do(chromedp.Poll(`document.querySelector("main").innerText.includes(`+quote(all)+`)`, nil))
			} else {
				b.await(batch, "table", all)
			}
			require.Contains(t, b.text("tbody"), "받음")
			look("batch")
			b.follow(chromedp.Click(`tbody a[href*="DOCUMENT_STATE_RECEIVED"]`, chromedp.ByQuery), ".cards li:nth-child(30)")
			look("batch-received")
		})
	}
}

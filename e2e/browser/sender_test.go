package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/services/client/sample"
)

// A member hands over a document and sends it to another, who reads it on the relay's page; the sender sees that, and asks for
// the certificate. On the desktop script helps; on the phone there is none, and everything works all the same.
func TestMemberSendsToMember(t *testing.T) {
	t.Parallel()
	pdf, err := sample.PDF("browser", clock.System().Now())
	require.NoError(t, err)
	for _, s := range []screen{phone, desktop} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			script := s == desktop
			sender, recipient := stack.NewMember(t), stack.NewMember(t)
			file := filepath.Join(t.TempDir(), "시험 고지서.pdf")
			require.NoError(t, os.WriteFile(file, pdf, 0o600))

			b := open(t, s)
			b.do(emulation.SetScriptExecutionDisabled(!script))
			b.signIn(sender.Person, `form[action="/inbox/search"], .empty`)
			number := b.send(file, recipient.Person)

			r := open(t, s)
			r.do(emulation.SetScriptExecutionDisabled(!script))
			r.signIn(recipient.Person, `form[action="/inbox/search"], .empty`)
			r.await("/inbox/"+number, `form[action$="/view"]`)
			r.follow(chromedp.Click(`form[action$="/view"] button`, chromedp.ByQuery), `form[action$="/parts/0"]`)
			if script {
				r.do(chromedp.WaitVisible(".textLayer", chromedp.ByQuery))
				require.Equal(t, "문서를 표시했습니다. 읽은 것으로 기록했습니다.", r.status("표시했습니다"))
				r.look("viewer")
			} else {
				r.shoot("viewer-without-script")
				r.do(chromedp.Click(`form[action$="/parts/0"] button`, chromedp.ByQuery))
				require.Equal(t, pdf, r.downloaded())
			}

			b.await("/sent/"+number, "h1", "읽음")
			if script {
				b.look("read")
			}
			b.await("/sent/"+number, `input[name="reason"]`)
			b.do(chromedp.SendKeys(`input[name="reason"]`, "제출용", chromedp.ByQuery))
			b.follow(chromedp.Click(`form[action$="/certificates"] button`, chromedp.ByQuery), "h1")
		})
	}
}

// send uploads a file and sends it to a person, by what the person is called.
func (b *tab) send(file string, to harness.Person) (number string) {
	b.t.Helper()
	b.visit("/send")
	b.do(chromedp.SetUploadFiles("#file", []string{file}, chromedp.ByQuery))
	b.follow(chromedp.Click(`form[enctype] button`, chromedp.ByQuery), `form[action="/send"]`)
	b.shoot("send")
	b.do(chromedp.SendKeys("#title", "시험용 고지서", chromedp.ByQuery), chromedp.SendKeys("#name", to.Name, chromedp.ByQuery),
		chromedp.SendKeys("#birth", to.BirthDate, chromedp.ByQuery), chromedp.SendKeys("#phone", to.Phone, chromedp.ByQuery))
	b.follow(chromedp.Click(`form[action="/send"] button`, chromedp.ByQuery), ".timeline")
	var at string
	b.do(chromedp.Location(&at))
	number, _, _ = strings.Cut(at[strings.LastIndex(at, "/")+1:], "?")
	return number
}

// await opens a page again and again, as people do, until something stands there.
func (b *tab) await(path, selector string, words ...string) {
	b.t.Helper()
	await.Require(b.t, harness.Patience, func() bool {
		b.visit(path)
		var there []string
		var text string
		b.do(chromedp.Evaluate(`document.querySelector("main").innerText`, &text), chromedp.Evaluate(`[...document.querySelectorAll(`+quote(selector)+`)].map(e => e.tagName)`, &there))
		for _, word := range words {
			if !strings.Contains(text, word) {
				return false
			}
		}
		return len(there) > 0
	})
}

// status waits until the page says something, and is all it says there.
func (b *tab) status(word string) (text string) {
	b.t.Helper()
	b.do(chromedp.Poll(`document.querySelector("[data-status]").textContent.includes(`+quote(word)+`)`, nil), chromedp.Text("[data-status]", &text, chromedp.ByQuery))
	return text
}

// quote writes a text as script does.
func quote(text string) string { return "`" + text + "`" }

// Somebody without a mouse sends: every field is reached by Tab, and Enter sends the form.
func TestKeyboardSends(t *testing.T) {
	t.Parallel()
	sender, recipient := stack.NewMember(t), stack.NewMember(t)
	b := open(t, desktop)
	b.plant("시험용 고지서", recipient.Name, recipient.Phone, recipient.BirthDate)
	b.signIn(sender.Person, signedIn)
	b.tabTo(`.menu a[href="/send"]`)
	b.follow(enter(), "#file")
	b.tabTo("#file")
	pdf := filepath.Join(t.TempDir(), "고지서.pdf")
	require.NoError(t, os.WriteFile(pdf, harness.PDF(), 0o600))
	b.do(chromedp.SetUploadFiles("#file", []string{pdf}, chromedp.ByQuery)) // the window for it is the system's
	b.tabTo(`form[enctype] button`)
	b.follow(chromedp.KeyEvent(kb.Enter), `form[action="/send"]`)
	for _, field := range []struct{ id, value string }{{"#title", "시험용 고지서"}, {"#name", recipient.Name}, {"#birth", recipient.BirthDate}, {"#phone", recipient.Phone}} {
		b.tabTo(field.id)
		b.do(input.InsertText(field.value)) // as Korean is typed: letters are put together first
	}
	b.tabTo(`form[action="/send"] button`)
	b.follow(chromedp.KeyEvent(kb.Enter), ".timeline")
	var at string
	b.do(chromedp.Location(&at))
	number, _, _ := strings.Cut(at[strings.LastIndex(at, "/")+1:], "?")
	(&harness.Institution{Caller: sender.Caller}).AwaitState(t, number, "RECEIVED")
}

package browser

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/invented"
	"github.com/naru-relay/naru/services/client/sample"
)

// A member applies for its company with the papers, an operator confirms, and the member acts for it: reads what was sent to
// it, names another person and takes that back. It works without script, too.
func TestActingForAnOrganisation(t *testing.T) {
	t.Parallel()
	paper, err := sample.JPEG()
	require.NoError(t, err)
	for _, s := range []screen{phone, desktop} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			const name = "시험용 페이지상사"
			member, colleague, institution, number := stack.NewMember(t), stack.NewPerson(t), stack.Institution(t), invented.AnyBusinessNumber()
			file := filepath.Join(t.TempDir(), "paper.jpg")
			require.NoError(t, os.WriteFile(file, paper, 0o600))
			b := open(t, s)
			b.plant(name, number, colleague.Name, colleague.Phone, colleague.BirthDate)
			b.do(emulation.SetScriptExecutionDisabled(s == phone))
			b.signIn(member.Person, signedIn)

			b.visit("/organisations/apply")
			b.do(chromedp.SendKeys("#name", name, chromedp.ByQuery), chromedp.SendKeys("#number", number, chromedp.ByQuery),
				chromedp.SetUploadFiles("#business", []string{file}, chromedp.ByQuery), chromedp.SetUploadFiles("#registration", []string{file}, chromedp.ByQuery),
				chromedp.Click("#consent", chromedp.ByQuery), chromedp.Click("#designate", chromedp.ByQuery))
			b.follow(submit(`form[action="/organisations/apply"]`), ".done")
			require.Contains(t, b.text("main"), "확인 중")

			o := stack.Confirm(t, stack.ApplicationOf(t, number))
			document := institution.NewDocument(t, harness.ByBusinessNumber(number))
			document.Invite()
			institution.Send(t, document)
			institution.AwaitState(t, document.EdocNum, "RECEIVED")
			b.visit("/organisations")
			b.follow(chromedp.Click(`.cards form[action="/organisations/act"] button`, chromedp.ByQuery), ".acting")
			require.Contains(t, b.text(".acting"), name)
			b.await("/inbox", `.cards a[href="/inbox/`+document.EdocNum+`"]`)

			b.visit("/organisations/persons")
			b.do(chromedp.SendKeys("#name", colleague.Name, chromedp.ByQuery), chromedp.SendKeys("#birth", colleague.BirthDate, chromedp.ByQuery),
				chromedp.SendKeys("#phone", colleague.Phone, chromedp.ByQuery), chromedp.Click(`#rights input`, chromedp.ByQuery))
			b.follow(submit(`form[action="/organisations/persons"]`), ".done")
			require.Contains(t, b.text(".cards"), colleague.Name)
			allowed := stack.LogInPerson(t, colleague)
			require.NotEmpty(t, allowed.ActFor(t, o).Token())
			const end = `#persons li:last-child form[action$="/end"] button`
			b.do(chromedp.Click(end, chromedp.ByQuery), chromedp.WaitNotPresent(end, chromedp.ByQuery), chromedp.WaitVisible(".done", chromedp.ByQuery))
			await.Require(t, harness.Patience, func() bool {
				return allowed.Do(t, http.MethodPost, "/v1/sessions:act", map[string]string{"organisation": o}).Status == http.StatusForbidden
			})

			b.visit("/organisations")
			b.follow(chromedp.Click(`main > form[action="/organisations/act"] button`, chromedp.ByQuery), `.cards form[action="/organisations/act"]`)
			require.NotContains(t, b.text("main"), "지금 이 기관")
		})
	}
}

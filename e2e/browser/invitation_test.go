package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Somebody who is a member nowhere is invited, makes sure of the invitation, joins, finds the document that waited, and leaves
// again. With script the link fills in the code, and takes it out of the address; without, it is typed. The browser keeps it
// nowhere.
func TestInvitation(t *testing.T) {
	t.Parallel()
	for _, s := range []screen{phone, desktop} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			person := stack.NewPerson(t)
			invited, document := stack.Institution(t).Invite(t, person)
			script := s == desktop
			b := open(t, s)
			b.plant(invited.Code, strings.ReplaceAll(invited.Code, "-", ""))
			b.do(emulation.SetScriptExecutionDisabled(!script))
			const check = `form[action="/invitation"] button`
			if script {
				b.do(chromedp.Navigate(invited.Join), chromedp.Poll(`document.querySelector("#code").value !== "" && location.hash === ""`, nil))
			} else {
				b.visit("/invitation")
				b.do(chromedp.SendKeys("#code", "ABCDE-12345", chromedp.ByQuery))
				b.answered("404")
				b.follow(chromedp.Click(check, chromedp.ByQuery), ".wrong-summary")
				require.Contains(t, b.text(".wrong-summary"), "사칭")
				b.do(chromedp.SetValue("#code", invited.Code, chromedp.ByQuery))
			}
			b.follow(chromedp.Click(check, chromedp.ByQuery), "#refuse")
			require.Equal(t, "이 서비스가 보낸 안내가 맞습니다.", b.text(".done"))
			require.Contains(t, b.text(".facts"), invited.Sender)
			require.NotContains(t, b.text("main"), "시험용 안내문", "what the document is stays hidden")

			choose := fmt.Sprintf(`button[value="%s"]`, person.ID)
			b.plant(person.Name, person.Phone, person.CI)
			b.follow(chromedp.Click(`main a[href="/signin"]`, chromedp.ByQuery), choose)
			b.follow(chromedp.Click(choose, chromedp.ByQuery), `form[action="/join"]`)
			for _, box := range []string{"#terms", "#consent", "#designate"} {
				b.do(chromedp.Click(box, chromedp.ByQuery))
			}
			b.follow(chromedp.Click(`form[action="/join"] button`, chromedp.ByQuery), ".done")
			b.await("/inbox", `.cards a[href="/inbox/`+document.EdocNum+`"]`, "시험용 안내문")
			b.follow(chromedp.Click(".cards a", chromedp.ByQuery), `form[action$="/view"]`)

			b.visit("/membership")
			b.follow(chromedp.Click(`a[href="/membership/withdraw"]`, chromedp.ByQuery), "#agree")
			b.do(chromedp.Click("#agree", chromedp.ByQuery))
			b.follow(submit(`form[action="/membership/withdraw"]`), ".done")
			require.Equal(t, "탈퇴했습니다.", b.text(".done"))
			require.Contains(t, b.text("main"), "아직 회원이 아닙니다")
		})
	}
}

// Who refuses the sender needs no account, and the sender is told.
func TestInvitationRefused(t *testing.T) {
	t.Parallel()
	institution, person := stack.Institution(t), stack.NewPerson(t)
	invited, document := institution.Invite(t, person)
	b := open(t, phone)
	b.plant(invited.Code, invited.Sender)
	b.visit("/invitation")
	b.do(chromedp.SendKeys("#code", invited.Code, chromedp.ByQuery))
	b.follow(submit(`form[action="/invitation"]`), "#refuse")
	b.follow(chromedp.Click(`button[name="all"][value="no"]`, chromedp.ByQuery), "p.lead[role=status]")
	require.Equal(t, "거부를 기록했습니다", b.text("h1"))
	institution.AwaitState(t, document.EdocNum, "INVITATION_REFUSED")
}

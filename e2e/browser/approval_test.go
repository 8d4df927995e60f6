package browser

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
)

// An agent asks a member to let it send. The member reads what it is about and approves or declines it: on the telephone
// without script, on the desk by keyboard alone. What is not what the page showed is not approved, and neither is what was
// decided meanwhile.
func TestApproval(t *testing.T) {
	t.Parallel()
	for _, s := range []screen{phone, desktop} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			agent, sender, recipient := stack.NewAgent(t), stack.NewMember(t), stack.NewMember(t)
			address := sender.Address(t)
			ask := func() (*harness.Document, harness.Authorisation) {
				d := agent.HandedOver(t, recipient.ByCI())
				asked := agent.Authorisation(t, address, d.Item)
				d.Item["authorisation"] = asked.ID
				return d, asked
			}
			refused := func(d *harness.Document) {
				require.Equal(t, "AUTHORISATION_MISSING", agent.Do(t, http.MethodPost, "/v1/documents", d.Item).Problem(t).Reason)
			}
			b := open(t, s)
			b.plant("시험용 안내문", recipient.Name)
			b.do(emulation.SetScriptExecutionDisabled(s == phone))
			press := func(button, there string) { b.follow(chromedp.Click(button, chromedp.ByQuery), there) }
			if s == desktop {
				press = func(button, there string) {
					b.tabTo(button)
					key := enter()
					if strings.HasSuffix(button, " button") {
						key = chromedp.KeyEvent(kb.Enter)
					}
					b.follow(key, there)
				}
			}
			b.signIn(sender.Person, signedIn)

			document, wanted := ask()
			press(`.menu a[href="/approvals"]`, ".cards")
			press(`.cards a[href="/approvals/`+wanted.ID+`"]`, "#approve")
			require.Contains(t, b.text("ol.cards"), "시험용 안내문")
			press(`form[action$="/approve"] button`, ".done")
			require.Equal(t, "승인했습니다.", b.text(".done"))
			agent.SendDocument(t, document)
			(&harness.Institution{Caller: sender.Caller}).AwaitState(t, document.EdocNum, "RECEIVED")

			declined, unwanted := ask()
			b.visit("/approvals/" + unwanted.ID)
			press(`form[action$="/revoke"] button`, ".done")
			require.Equal(t, "거절함", b.text(".lead"))
			refused(declined)

			changed, other := ask()
			b.visit("/approvals/" + other.ID)
			b.do(chromedp.SetValue(`input[name="digest"]`, unwanted.Digest, chromedp.ByQuery))
			b.answered("409")
			press(`form[action$="/approve"] button`, `main a.button[href="/approvals"]`)
			require.Equal(t, "DIGEST_DIFFERS", b.text("main code"))
			refused(changed)

			b.visit("/approvals/" + other.ID)
			require.Equal(t, http.StatusOK, sender.Do(t, http.MethodPost, "/v1/authorisations/"+other.ID+":revoke", map[string]any{}).Status)
			press(`form[action$="/approve"] button`, `main a.button[href="/approvals"]`)
			require.Equal(t, "AUTHORISATION_DECIDED", b.text("main code"))
			refused(changed)
		})
	}
}

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

// An agent asks a member for the certificates of a document. The member reads of which, and why, approves, and takes it back: the
// agent obtains the bundle in between alone.
func TestApprovalOfCertificates(t *testing.T) {
	t.Parallel()
	agent, sender, recipient := stack.NewAgent(t), stack.NewMember(t), stack.NewMember(t)
	document := sender.HandedOver(t, recipient.ByCI())
	sender.SendDocument(t, document)
	(&harness.Institution{Caller: sender.Caller}).AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.Registered() })
	asked := agent.Mandate(t, sender.Address(t), document.EdocNum, harness.BundleReason)
	b := open(t, phone)
	b.plant(document.EdocNum, harness.BundleReason)
	b.signIn(sender.Person, signedIn)
	b.visit("/approvals")
	require.Contains(t, b.text(".cards"), "증명서 발급받기")
	b.visit("/approvals/" + asked.ID)
	require.Contains(t, b.text("ol.cards"), document.EdocNum)
	require.Contains(t, b.text("ol.cards"), harness.BundleReason)
	b.follow(chromedp.Click(`form[action$="/approve"] button`, chromedp.ByQuery), ".done")
	id := stack.AwaitBundle(t, agent.Caller, agent.AskBundle(t, document.EdocNum, "r-1", asked.ID))
	require.True(t, stack.VerifyBundle(t, stack.Container(t, agent.Caller, id)).Valid)
	b.visit("/approvals/" + asked.ID)
	b.follow(chromedp.Click(`form[action$="/revoke"] button`, chromedp.ByQuery), ".done")
	require.Equal(t, "AUTHORISATION_MISSING", agent.Do(t, http.MethodGet, "/v1/bundles/"+id+"/content", nil).Problem(t).Reason)
}

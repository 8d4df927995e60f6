package browser

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
)

// signedIn stands on every page of somebody who has signed in.
const signedIn = `form[action="/signout"]`

// signIn proves at the identity provider that somebody is a person.
func (b *tab) signIn(p harness.Person, there string) {
	b.t.Helper()
	b.plant(p.Name, p.Phone, p.BirthDate, p.CI)
	b.visit("/")
	choose := fmt.Sprintf(`button[value="%s"]`, p.ID)
	b.follow(chromedp.Click(`a[href="/signin"]`, chromedp.ByQuery), choose)
	b.follow(chromedp.Click(choose, chromedp.ByQuery), there)
}

// A person joins, finds a document in the inbox, and goes to where it is viewed; sees what is kept of itself; and signs out.
func TestRecipient(t *testing.T) {
	t.Parallel()
	for _, s := range []screen{phone, desktop} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			b, person := open(t, s), stack.NewPerson(t)
			b.visit("/")
			b.look("start")
			b.visit("/terms")
			b.look("terms")
			b.signIn(person, `form[action="/join"]`)
			b.look("join")
			b.follow(chromedp.Submit(`form[action="/join"]`, chromedp.ByQuery), `.wrong-summary`)
			b.look("join-wrong")
			b.do(chromedp.Click("#terms", chromedp.ByQuery), chromedp.Click("#consent", chromedp.ByQuery), chromedp.Click("#designate", chromedp.ByQuery))
			b.follow(chromedp.Click(`form[action="/join"] button`, chromedp.ByQuery), `.done`)
			b.look("membership")

			institution := stack.Institution(t)
			document := institution.NewDocument(t, person.ByCI())
			institution.Store(t, document, person.ByCI())
			institution.Send(t, document)
			institution.AwaitState(t, document.EdocNum, "RECEIVED")
			b.visit("/inbox")
			b.look("inbox")
			b.follow(chromedp.Click(`.cards a`, chromedp.ByQuery), `form[action$="/view"]`)
			b.look("document")
			b.follow(chromedp.Click(`form[action$="/view"] button`, chromedp.ByQuery), `a[rel~="noreferrer"]`)
			b.look("leave")

			b.visit("/language/en?back=/inbox")
			require.Equal(t, "Inbox", b.text("h1"))
			b.look("english")
			b.follow(chromedp.Click(`form[action="/signout"] button`, chromedp.ByQuery), `a[href="/signin"]`)
			b.do(chromedp.NavigateBack())
			b.do(chromedp.WaitVisible(`a[href="/signin"]`, chromedp.ByQuery))
			b.look("signed-out")
		})
	}
}

// Somebody without a mouse joins: every step is reached by Tab, the focus is seen, and what is wrong gets it.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	b, person := open(t, desktop), stack.NewPerson(t)
	b.visit("/")
	b.tabTo("a.skip")
	b.tabTo(`a[href="/signin"]`)
	choose := fmt.Sprintf(`button[value="%s"]`, person.ID)
	b.follow(chromedp.KeyEvent(kb.Enter), choose)
	b.follow(chromedp.Click(choose, chromedp.ByQuery), `form[action="/join"]`) // the page of somebody else
	b.tabTo(`form[action="/join"] button`)
	b.follow(chromedp.KeyEvent(kb.Enter), `.wrong-summary`)
	b.do(chromedp.Poll(`document.activeElement.matches(".wrong-summary")`, nil))
	b.tabTo(`a[href="#terms"]`)
	b.do(enter(), chromedp.Poll(`document.activeElement.matches("#terms")`, nil))
	for _, box := range []string{"#terms", "#consent", "#designate"} {
		if box != "#terms" { // the link in the summary leads to the first
			b.tabTo(box)
		}
		b.do(chromedp.KeyEvent(" "))
	}
	b.tabTo(`form[action="/join"] button`)
	b.follow(chromedp.KeyEvent(kb.Enter), `.done`)
}

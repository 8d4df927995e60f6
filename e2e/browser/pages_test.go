package browser

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/testkit/invented"
)

// stop is a page of a walk, in one of its states.
type stop struct {
	name string
	// path leads there; or else act does, from the stop before.
	path string
	act  chromedp.Action
	// there stands on the page; by default its heading.
	there string
	// status is what the page is answered with, where that is none of success.
	status string
}

// submit sends a form as somebody does who presses its first button.
func submit(form string) chromedp.Action { return chromedp.Click(form+" button", chromedp.ByQuery) }

// routes are the addresses of the pages that can be had by GET, and which of them have been seen.
type routes struct {
	mux  *http.ServeMux
	mu   sync.Mutex
	left map[string]bool
}

// pagesOf reads the addresses from where the pages list them, so that none can be forgotten here.
func pagesOf(t *testing.T) *routes {
	t.Helper()
	source, err := os.ReadFile("../../services/web/routes.go")
	require.NoError(t, err)
	r := &routes{mux: http.NewServeMux(), left: map[string]bool{}}
	for _, found := range regexp.MustCompile(`pattern: "(GET [^"]+)"`).FindAllSubmatch(source, -1) {
		pattern := string(found[1])
		r.left[pattern] = true
		r.mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
	}
	require.NotEmpty(t, r.left)
	for _, noPage := range []string{
		"GET /language/{tag}", "GET /signin", // lead on to others
		"GET /uploads/{id}",                                                                                       // answers script
		"GET /viewings/{viewing}/parts/{part}", "GET /certificates/{id}/content", "GET /certificates/{id}/bundle", // are files
		"GET /send/templates/{kind}", "GET /send/many/{draft}/refused",
	} {
		require.Contains(t, r.left, noPage)
		delete(r.left, noPage)
	}
	return r
}

func (r *routes) see(at string) {
	seen, err := url.Parse(at)
	if err != nil {
		return
	}
	_, pattern := r.mux.Handler(&http.Request{Method: http.MethodGet, URL: seen, Host: seen.Host})
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.left, pattern)
}

// walk goes from page to page and looks at each as everybody has to be able to use it.
func (b *tab) walk(r *routes, stops ...stop) {
	b.t.Helper()
	for _, s := range stops {
		there := s.there
		if there == "" {
			there = "h1"
		}
		b.answered(s.status)
		act := s.act
		if s.path != "" {
			act = chromedp.Navigate(stack.Endpoints.Web + s.path)
		}
		b.follow(act, there)
		var at string
		b.do(chromedp.Location(&at))
		r.see(at)
		b.inspect(s.name)
	}
}

// Every page, in every state that somebody gets to see: no violation of WCAG on a telephone and on a desk, in light and dark, no
// scrolling sideways at 320 pixels and at 200 %, nothing that the browser refuses, one heading, and no title with anything of
// anybody.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	r := pagesOf(t)
	t.Run("walks", func(t *testing.T) {
		t.Run("stranger", func(t *testing.T) {
			t.Parallel()
			strangersWalk(t, r)
		})
		t.Run("member", func(t *testing.T) {
			t.Parallel()
			membersWalk(t, r)
		})
		t.Run("organisation", func(t *testing.T) {
			t.Parallel()
			organisationsWalk(t, r)
		})
	})
	require.Empty(t, r.left, "pages that no walk goes to")
}

func strangersWalk(t *testing.T, r *routes) {
	noBundle := filepath.Join(t.TempDir(), "no-bundle.asice")
	require.NoError(t, os.WriteFile(noBundle, harness.PDF(), 0o600))
	invited, _ := stack.Institution(t).Invite(t, stack.NewPerson(t))
	b := open(t, phone)
	b.plant(invited.Sender)
	b.walk(r,
		stop{name: "start", path: "/"},
		stop{name: "session-over", path: "/?ended=1", there: ".done"},
		stop{name: "signed-out", path: "/?out=1", there: ".done"},
		stop{name: "terms", path: "/terms"},
		stop{name: "not-there", path: "/nowhere", status: "404"},
		stop{name: "signin-elsewhere", path: "/signin/callback?state=other&code=x", status: "400"},
		stop{name: "notice", path: "/notice"},
		stop{name: "notice-incomplete", act: submit(`form[action="/notice"]`), there: "#code-wrong", status: "422"},
	)
	b.do(chromedp.SendKeys("#number", "20261130_NARU000001_0000000000017", chromedp.ByQuery), chromedp.SendKeys("#code", "ABCDE-12345", chromedp.ByQuery))
	b.walk(r,
		stop{name: "notice-unknown", act: submit(`form[action="/notice"]`), there: ".wrong-summary strong", status: "404"},
		stop{name: "verify", path: "/verify"},
		stop{name: "verify-nothing", act: submit(`form[action="/verify"]`), there: "#file-wrong", status: "422"},
	)
	b.do(chromedp.SetUploadFiles("#file", []string{noBundle}, chromedp.ByQuery))
	b.walk(r,
		stop{name: "verified-invalid", act: submit(`form[action="/verify"]`), there: `a.button[href="/verify"]`},
		stop{name: "invitation", path: "/invitation"},
		stop{name: "invitation-without-code", act: submit(`form[action="/invitation"]`), there: "#code-wrong", status: "422"},
	)
	b.do(chromedp.SendKeys("#code", "00000-00000", chromedp.ByQuery))
	b.walk(r, stop{name: "invitation-unknown", act: submit(`form[action="/invitation"]`), there: ".wrong-summary strong", status: "404"})
	b.do(chromedp.SetValue("#code", invited.Code, chromedp.ByQuery))
	b.walk(r,
		stop{name: "invitation-found", act: submit(`form[action="/invitation"]`), there: "#refuse"},
		stop{name: "invitation-refused", act: chromedp.Click(`button[name="all"]`, chromedp.ByQuery), there: "p.lead[role=status]"},
	)
	b.signIn(stack.NewPerson(t), `form[action="/join"]`)
	b.walk(r,
		stop{name: "not-a-member", path: "/membership"},
		stop{name: "join", path: "/join"},
		stop{name: "join-incomplete", act: submit(`form[action="/join"]`), there: ".wrong-summary", status: "422"},
	)
}

func membersWalk(t *testing.T, r *routes) {
	member, other, agent, institution := stack.NewMember(t), stack.NewMember(t), stack.NewAgent(t), stack.Institution(t)
	document := institution.NewDocument(t, member.ByCI())
	institution.Store(t, document, member.ByCI())
	institution.Send(t, document)
	received := other.HandedOver(t, member.ByCI(), harness.PDF())
	other.SendDocument(t, received)
	sent := member.HandedOver(t, other.ByCI())
	member.SendDocument(t, sent)
	address := member.Address(t)
	asked := func() harness.Authorisation {
		return agent.Authorisation(t, address, agent.HandedOver(t, other.ByCI()).Item)
	}
	waiting, given, declined := asked(), asked(), asked()
	require.Equal(t, http.StatusOK, member.Do(t, http.MethodPost, "/v1/authorisations/"+given.ID+":approve", map[string]any{"digest": given.Digest}).Status)
	require.Equal(t, http.StatusOK, member.Do(t, http.MethodPost, "/v1/authorisations/"+declined.ID+":revoke", map[string]any{}).Status)
	stack.Admin(t).Do(t, http.MethodPost, "/v1/admin/organisation-applications/"+member.Apply(t, invented.AnyBusinessNumber())+":refuse",
		map[string]string{"reason": "서류가 흐립니다"}).Into(t, &struct{}{})
	member.Apply(t, invented.AnyBusinessNumber())
	institution.AwaitState(t, document.EdocNum, "RECEIVED")
	for _, d := range []struct {
		by     *harness.Recipient
		number string
	}{{other, received.EdocNum}, {member, sent.EdocNum}} {
		(&harness.Institution{Caller: d.by.Caller}).AwaitState(t, d.number, "RECEIVED")
	}

	sender := harness.Institution{Caller: member.Caller}
	sender.AwaitStatus(t, sent.EdocNum, func(s harness.Status) bool { return s.Registered() })
	proof := filepath.Join(t.TempDir(), "proof.asice")
	require.NoError(t, os.WriteFile(proof, stack.Bundle(t, member.Caller, sent.EdocNum), 0o600))
	told := stack.NoticeOf(t, document.EdocNum)

	elsewhere := open(t, phone)
	elsewhere.signIn(member.Person, signedIn)
	b := open(t, phone)
	b.plant("시험용 안내문", other.Name, other.Phone)
	b.signIn(member.Person, signedIn)
	b.walk(r,
		stop{name: "inbox", path: "/inbox", there: ".cards"},
		stop{name: "inbox-unread", path: "/inbox?unread=1", there: ".cards"},
	)
	b.do(chromedp.Navigate(told), chromedp.Poll(`document.querySelector("#code")?.value && location.hash === ""`, nil))
	b.walk(r, stop{name: "notice-confirmed", act: submit(`form[action="/notice"]`), there: ".done"}, stop{name: "inbox", path: "/inbox"})
	b.do(chromedp.SendKeys("#search", "없는 말", chromedp.ByQuery))
	const of = `section[aria-labelledby="certificates"] form`
	file := member.HandOver(t, "고지서.pdf", harness.PDF())
	b.walk(r,
		stop{name: "inbox-nothing-found", act: submit(`form[role="search"]`), there: ".empty"},
		stop{name: "document", path: "/inbox/" + document.EdocNum},
		stop{name: "leave", act: submit(`form[action$="/view"]`), there: `a[rel~="noreferrer"]`},
		stop{name: "document-here", path: "/inbox/" + received.EdocNum},
		stop{name: "viewer", act: submit(`form[action$="/view"]`), there: `form[action$="/parts/1"]`},
		stop{name: "document-not-there", path: "/inbox/20261130_NARU000001_0000000000017", status: "404"},
		stop{name: "sent", path: "/sent", there: ".cards"},
		stop{name: "nothing-sent", path: "/sent?until=2020-01-31", there: ".empty"},
		stop{name: "sent-document", path: "/sent/" + sent.EdocNum},
		stop{name: "certificate-without-reason", act: submit(of), there: ".wrong-summary", status: "422"},
	)
	b.do(chromedp.SendKeys("#reason", "제출용", chromedp.ByQuery))
	b.follow(submit(of), `a[href^="/sent/"]`)
	var certificate string
	b.do(chromedp.Location(&certificate))
	certificate = strings.TrimPrefix(certificate, stack.Endpoints.Web)
	b.await(certificate, `a[href$="/content"]`)
	b.walk(r,
		stop{name: "certificate", path: certificate, there: `a[href$="/content"]`},
		stop{name: "sent-document-again", path: "/sent/" + sent.EdocNum},
	)
	b.do(chromedp.SendKeys("#reason", "제출용", chromedp.ByQuery))
	b.follow(chromedp.Click(of+` button[value="submission"]`, chromedp.ByQuery), `a[href^="/sent/"]`)
	b.do(chromedp.Location(&certificate))
	certificate = strings.TrimPrefix(certificate, stack.Endpoints.Web)
	b.await(certificate, `a[href$="/bundle"]`)
	b.walk(r,
		stop{name: "bundle", path: certificate, there: `a[href$="/bundle"]`},
		stop{name: "verify", path: "/verify"},
	)
	b.do(chromedp.SetUploadFiles("#file", []string{proof}, chromedp.ByQuery))
	b.walk(r,
		stop{name: "verified-valid", act: submit(`form[action="/verify"]`), there: ".done"},
		stop{name: "certificate-not-there", path: "/certificates/0191d0a1-0000-7000-8000-000000000000", status: "404"},
		stop{name: "upload", path: "/send"},
		stop{name: "upload-without-file", act: submit(`form[enctype]`), there: ".wrong-summary", status: "422"},
		stop{name: "attach", path: "/send/attach?content=" + file},
		stop{name: "send", path: "/send?content=" + file + "&done=uploaded", there: `form[action="/send"]`},
		stop{name: "send-incomplete", act: submit(`form[action="/send"]`), there: ".wrong-summary", status: "422"},
		stop{name: "many", path: "/send/many"},
		stop{name: "draft", act: submit(`form[action="/send/many"]`), there: "#sheet"},
		stop{name: "draft-without-sheet", act: submit(`form[action$="/sheet"]`), there: ".wrong-summary", status: "422"},
		stop{name: "batch-of-nothing", path: "/sent/batches/none"},
		stop{name: "approvals", path: "/approvals", there: ".cards"},
		stop{name: "all-approvals", path: "/approvals?all=1", there: ".cards"},
		stop{name: "approval-waiting", path: "/approvals/" + waiting.ID, there: "#approve"},
		stop{name: "approval-given", path: "/approvals/" + given.ID + "?done=approved", there: ".done"},
		stop{name: "approval-declined", path: "/approvals/" + declined.ID},
		stop{name: "approval-not-there", path: "/approvals/0191d0a1-0000-7000-8000-000000000000", status: "404"},
		stop{name: "membership", path: "/membership"},
	)
	b.do(chromedp.SendKeys("#sender", "아무개", chromedp.ByQuery))
	b.walk(r,
		stop{name: "refusal-of-nobody", act: chromedp.Click(`.field ~ .together button`, chromedp.ByQuery), there: ".wrong-summary", status: "422"},
		stop{name: "withdraw", path: "/membership/withdraw"},
		stop{name: "withdraw-unconfirmed", act: submit(`form[action="/membership/withdraw"]`), there: ".wrong-summary", status: "422"},
		stop{name: "organisations", path: "/organisations", there: ".cards"},
		stop{name: "apply", path: "/organisations/apply"},
		stop{name: "apply-incomplete", act: submit(`form[action="/organisations/apply"]`), there: ".wrong-summary", status: "422"},
		stop{name: "proxies", path: "/organisations/persons"},
		stop{name: "accesses", path: "/accesses", there: ".cards"},
		stop{name: "data", path: "/data"},
		stop{name: "sessions", path: "/sessions", there: `form[action="/sessions/end"]`},
	)
	b.do(chromedp.Evaluate(`document.querySelectorAll("input[name=csrf]").forEach((i) => (i.value = "x"))`, nil))
	b.walk(r, stop{name: "form-expired", act: submit(`form[action="/signout"]`), there: `main a.button[href="/"]`, status: "403"})
}

func organisationsWalk(t *testing.T, r *routes) {
	o, number := stack.NewOrganisation(t), invented.AnyBusinessNumber()
	o.Authorise(t, stack.NewPerson(t), "RECEIVE", "LOOK")
	o.Representative.ApplyAs(t, "시험용 다른상사", number)
	b := open(t, desktop)
	b.plant("시험용 나루상사", "시험용 다른상사", o.BusinessNumber, number)
	b.signIn(o.Representative.Person, signedIn)
	b.walk(r, stop{name: "organisations", path: "/organisations", there: `.cards form[action="/organisations/act"]`})
	b.follow(submit(`.cards form[action="/organisations/act"]`), ".acting")
	b.walk(r,
		stop{name: "inbox-of-organisation", path: "/inbox", there: ".acting"},
		stop{name: "membership-of-organisation", path: "/membership", there: ".acting"},
		stop{name: "rename", path: "/membership/rename", there: ".acting"},
		stop{name: "rename-incomplete", act: submit(`form[action="/membership/rename"]`), there: ".wrong-summary", status: "422"},
		stop{name: "acting", path: "/organisations", there: ".acting"},
		stop{name: "persons", path: "/organisations/persons", there: ".cards"},
		stop{name: "rights-of-a-person", act: chromedp.Click("#persons summary", chromedp.ByQuery), there: `form[action$="/rights"] button`},
		stop{name: "person-incomplete", act: submit(`form[action="/organisations/persons"]`), there: ".wrong-summary", status: "422"},
		stop{name: "accesses-of-organisation", path: "/accesses", there: ".acting"},
	)
}

// The judge sees what it is there for: small targets, weak colours, and what does not fit.
func TestJudge(t *testing.T) {
	t.Parallel()
	b := open(t, phone)
	b.do(chromedp.Evaluate(`document.documentElement.lang = "ko"; document.title = "x"; document.body.innerHTML =
		'<main><h1 style="color:#bbb;background:#fff">too light</h1>' + '<button style="width:9px;height:9px;padding:0">x</button>'.repeat(2) + '</main>'`, nil))
	for _, rules := range []string{allRules, laidOut} {
		var broken []string
		for _, v := range b.violations(rules) {
			broken = append(broken, v.ID)
		}
		require.ElementsMatch(t, []string{"color-contrast", "target-size"}, broken)
	}
}

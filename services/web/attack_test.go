package web_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/services/web"
)

// withCookies asks as a browser that holds these cookies, whatever its own.
func (b *browser) withCookies(method, path, cookies string, form url.Values) answered {
	b.t.Helper()
	jar := b.client.Jar
	b.client.Jar = nil
	defer func() { b.client.Jar = jar }()
	return b.do(method, path, strings.NewReader(form.Encode()), "Cookie", cookies, "Content-Type", "application/x-www-form-urlencoded")
}

// Nobody gets into a session without its id, nor ends another's; a session that was ended is over at once, also for who kept its
// cookie.
func TestSessionsOfOthers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	victim, attacker := w.signedIn(t, unittest.NewID()), w.signedIn(t, unittest.NewID())
	id := victim.cookie("__Host-naru")
	for _, cookies := range []string{
		"__Host-naru=" + id[:len(id)-1], "__Host-naru=" + strings.ToUpper(id), "__Host-naru=", "__Host-naru=%27+or+1=1", "naru=" + id,
		"__Host-naru=" + attacker.cookie("__Host-naru") + "; __Host-naru=" + id,
	} {
		got := attacker.withCookies(http.MethodGet, "/inbox", cookies, nil)
		require.Equal(t, "/?ended=1", got.header.Get("Location"), cookies)
	}
	device := regexp.MustCompile(`name="device" value="([0-9a-f-]{36})"`)
	second := w.signedIn(t, victim.person)
	found := device.FindStringSubmatch(second.get("/sessions").body)
	require.Len(t, found, 2, "the person sees its other session")
	require.NotContains(t, attacker.get("/sessions").body, found[1])
	require.Equal(t, http.StatusSeeOther, attacker.post("/sessions/end", url.Values{"device": {found[1]}}).status)
	require.Equal(t, http.StatusSeeOther, attacker.post("/sessions/end", url.Values{"device": {"others"}}).status)
	require.Equal(t, http.StatusOK, victim.get("/inbox").status, "somebody else's session goes on")
	require.Equal(t, http.StatusSeeOther, second.post("/sessions/end", url.Values{"device": {found[1]}}).status)
	require.Equal(t, "/?ended=1", victim.get("/inbox").header.Get("Location"))

	kept := second.cookie("__Host-naru")
	out := second.post("/signout", url.Values{})
	require.Equal(t, `"cache", "storage"`, out.header.Get("Clear-Site-Data"))
	require.Empty(t, second.cookie("__Host-naru"))
	require.Equal(t, "/?ended=1", second.withCookies(http.MethodGet, "/inbox", "__Host-naru="+kept, nil).header.Get("Location"))
}

// A form is taken with its own session's token only, and from these pages only. What is refused has no effect.
func TestForgedForms(t *testing.T) {
	t.Parallel()
	w := setup(t)
	victim, attacker := w.signedIn(t, unittest.NewID()), w.signedIn(t, unittest.NewID())
	token := victim.token("/sessions")
	refuse := func(token string, headers ...string) int {
		return victim.post("/membership/refusals", url.Values{"all": {"yes"}, "refused": {"yes"}, "csrf": {token}}, headers...).status
	}
	require.Equal(t, http.StatusForbidden, refuse(""))
	require.Equal(t, http.StatusForbidden, refuse(attacker.token("/sessions")))
	require.Equal(t, http.StatusForbidden, refuse(token, "Sec-Fetch-Site", "cross-site"))
	require.Equal(t, http.StatusForbidden, refuse(token, "Sec-Fetch-Site", "same-site"))
	require.Equal(t, http.StatusForbidden, refuse(token, "Origin", "https://evil.example"))
	require.Equal(t, http.StatusForbidden, refuse(token, "Origin", "null"))
	kind, body := form(t, "a.pdf", "%PDF", "file", "before its token")
	require.Equal(t, http.StatusForbidden, victim.do(http.MethodPost, "/uploads", body, "Content-Type", kind).status)
	require.Equal(t, http.StatusForbidden, victim.do(http.MethodPatch, "/uploads/"+unittest.NewID(), strings.NewReader("x"), "Upload-Offset", "0").status)
	require.Empty(t, w.address.refused)
	require.Empty(t, w.content.files)
	require.Equal(t, http.StatusSeeOther, refuse(token, "Sec-Fetch-Site", "same-origin", "Origin", "https://"+w.host))
	require.Len(t, w.address.refused, 1)
	require.Equal(t, http.StatusForbidden, w.browser(t).do(http.MethodPost, "/membership/withdraw", strings.NewReader("agree=yes")).status, "a stranger")
	require.Equal(t, http.StatusNotFound, victim.get("/membership/consent").status, "nothing changes by GET")
}

// A session's id is new at every sign-in, so one that somebody planted is nobody's; and nobody is signed in by a way back that
// was begun elsewhere.
func TestFixation(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	before := b.cookie("__Host-naru")
	b.signIn(unittest.NewID())
	require.NotEqual(t, before, b.cookie("__Host-naru"))
	require.Equal(t, "/?ended=1", b.withCookies(http.MethodGet, "/inbox", "__Host-naru="+before, nil).header.Get("Location"), "the former session is over")

	attacker, victim := w.browser(t), w.browser(t)
	begun, err := url.Parse(attacker.get("/signin").header.Get("Location"))
	require.NoError(t, err)
	back := "/signin/callback?" + url.Values{"code": {unittest.NewID()}, "state": {begun.Query().Get("state")}}.Encode()
	for range 2 {
		refused := victim.get(back)
		require.Equal(t, http.StatusBadRequest, refused.status)
		require.NotContains(t, refused.body, begun.Query().Get("state"), "what the provider gave is repeated nowhere")
		require.Empty(t, victim.cookie("__Host-naru"))
		victim.get("/signin") // also while it has begun one of its own
	}
	require.Equal(t, http.StatusForbidden, func() int {
		own, err := url.Parse(victim.get("/signin").header.Get("Location"))
		require.NoError(t, err)
		return victim.get("/signin/callback?" + url.Values{"code": {"nobody"}, "state": {own.Query().Get("state")}}.Encode()).status
	}())
	require.Empty(t, victim.cookie("__Host-naru"))

	for _, header := range attacker.get("/signin").header.Values("Set-Cookie") {
		for _, attribute := range []string{"Path=/", "HttpOnly", "Secure", "SameSite=Lax"} {
			require.Contains(t, header, attribute)
		}
		require.NotContains(t, header, "Domain")
	}
}

// Every answer is kept nowhere, is framed nowhere, and runs nothing that is not ours; a session ends with its time.
func TestHeaders(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	for _, path := range []string{"/", "/inbox", "/inbox/" + here, "/nothing", "/viewings/" + viewingID + "/parts/0", "/certificates/" + certificateID + "/content"} {
		h := b.get(path).header
		require.Equal(t, "no-store", h.Get("Cache-Control"), path)
		require.Equal(t, "no-referrer", h.Get("Referrer-Policy"), path)
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		require.Equal(t, "same-origin", h.Get("Cross-Origin-Opener-Policy"), path)
		require.NotEmpty(t, h.Get("Permissions-Policy"), path)
		policy := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			require.Contains(t, policy, part, path)
		}
		require.NotContains(t, policy, "unsafe")
	}
	require.Contains(t, b.get("/inbox").body, "&lt;script&gt;alert(1)&lt;/script&gt;", "a title is text")
	w.Advance(t, 11*time.Minute)
	require.Equal(t, "/?ended=1", b.get("/inbox").header.Get("Location"))
}

// The language link leads to these pages only, and writes no header.
func TestOpenRedirect(t *testing.T) {
	t.Parallel()
	b := setup(t).browser(t)
	for _, back := range []string{
		"https://evil.example/", "//evil.example", `/\evil.example`, `\\evil.example`, "/%5cevil.example", "javascript:alert(1)", "evil", "", "https:evil.example", "/\tevil",
		"/x\r\nSet-Cookie: a=b", "//evil.example/%2e%2e", "http:///evil.example", "/%2f/evil.example",
	} {
		got := b.get("/language/en?" + url.Values{"back": {back}}.Encode())
		require.Equal(t, "/", got.header.Get("Location"), back)
		require.Len(t, got.header.Values("Set-Cookie"), 1)
	}
	require.Equal(t, "/inbox?unread=1", b.get("/language/ko?"+url.Values{"back": {"/inbox?unread=1"}}.Encode()).header.Get("Location"))
	require.Equal(t, http.StatusNotFound, b.get("/language/xx").status)
}

// What strangers send costs little: bodies and calls are bounded.
func TestBounds(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *web.Config) { c.Rate.SignInsBurst, c.Rate.SignInsPerSecond = 2, 0.001 })
	b := w.signedIn(t, unittest.NewID())
	large := b.post("/inbox/search", url.Values{"search": {strings.Repeat("x", 80<<10)}})
	require.Contains(t, large.body, "BODY_TOO_LARGE")
	limited := b.get("/signin")
	require.Equal(t, http.StatusTooManyRequests, limited.status)
	require.Contains(t, limited.body, "RATE_LIMITED")
	require.Equal(t, http.StatusOK, b.get("/inbox").status, "who has signed in is not kept out by it")
}

// Files of browsers without script rest on disk meanwhile, so only some may arrive at one time.
func TestFilesAtOnce(t *testing.T) {
	t.Parallel()
	const most = 16
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	token := b.token("/send")
	kind, whole := form(t, "a.pdf", strings.Repeat("%PDF", 50_000), "csrf", token)
	half := whole.Len() / 2
	answers, rest := make(chan int, most), make(chan struct{})
	before := w.content.asked.Load()
	for range most {
		r, to := io.Pipe()
		go func() { answers <- b.do(http.MethodPost, "/uploads", r, "Content-Type", kind).status }()
		go func() {
			_, _ = to.Write(whole.Bytes()[:half])
			<-rest
			_, _ = to.Write(whole.Bytes()[half:])
			_ = to.Close()
		}()
	}
	// What asks for the limits takes its place next. Nothing else may be uploaded before that: it could take one of the places.
	await.Require(t, unittest.Patience, func() bool { return w.content.asked.Load() == before+most })
	small := func() int {
		kind, body := form(t, "b.pdf", "%PDF", "csrf", token)
		return b.do(http.MethodPost, "/uploads", body, "Content-Type", kind).status
	}
	await.Require(t, unittest.Patience, func() bool { return small() == http.StatusServiceUnavailable })
	close(rest)
	for range most {
		require.Equal(t, http.StatusSeeOther, <-answers)
	}
	require.Equal(t, http.StatusSeeOther, small())
}

// Nothing of a person stands in a log, an address or a title, and no token in the database.
func TestPlantedValues(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	token := b.token("/send")
	kind, body := form(t, plantedFile, "%PDF", "csrf", token)
	uploaded := b.do(http.MethodPost, "/uploads", body, "Content-Type", kind)
	require.Equal(t, http.StatusSeeOther, uploaded.status)
	to, err := url.Parse(uploaded.header.Get("Location"))
	require.NoError(t, err)
	answers := []answered{
		uploaded, b.get("/inbox"), b.get("/inbox/" + here), b.post("/inbox/search", url.Values{"search": {plantedSearch}}), b.post("/inbox/"+here+"/view", url.Values{}),
		b.post("/inbox/"+there+"/view", url.Values{}), b.post("/viewings/"+viewingID+"/parts/0", url.Values{}), b.get(to.String()),
		b.post("/inbox/"+here+"/certificates", url.Values{"reason": {plantedName}, "request_id": {"r"}}),
		b.post("/send", url.Values{"content": {to.Query().Get("content")}, "own_key": {"k"}, "to": {"person"}, "title": {plantedTitle}, "category": {"1"}, "name": {plantedName}, "birth": {"19900131"}, "phone": {plantedPhone}}),
		b.post("/send", url.Values{"content": {to.Query().Get("content")}, "to": {"person"}, "title": {plantedTitle}, "name": {plantedName}, "phone": {plantedPhone}}),
		b.post("/organisations/act", url.Values{"organisation": {organisation}}), b.post("/organisations/persons", url.Values{"name": {plantedName}, "birth": {"19900131"}, "phone": {plantedPhone}}),
	}
	planted := []string{plantedTitle, plantedName, plantedPhone, plantedSearch, plantedFile, plantedToken, b.person, url.QueryEscape(plantedName), url.PathEscape(plantedFile)}
	title := regexp.MustCompile(`(?s)<title>(.*?)</title>`)
	for i, a := range answers {
		require.Less(t, a.status, 500, i)
		said := a.header.Get("Location") + strings.Join(title.FindStringSubmatch(a.body), "")
		for _, p := range planted {
			require.NotContains(t, said, p, i)
		}
	}
	logs := w.Logs.String()
	require.Contains(t, logs, "/inbox/{number}/view", "requests are logged by their route")
	for _, p := range append(planted, b.cookie("__Host-naru"), token, here) {
		require.NotContains(t, logs, p)
	}
	var kept string
	require.NoError(t, w.App.QueryRow(t.Context(), `select string_agg(s::text || encode(sealed_token, 'escape') || coalesce(encode(sealed_acting, 'escape'), ''), '') from session s`).Scan(&kept))
	for _, p := range []string{b.cookie("__Host-naru"), token, "eyJ", "시험용 회사"} {
		require.NotContains(t, kept, p)
	}
}

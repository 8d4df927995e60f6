package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/await"
)

//go:embed testdata/axe-core@4.14.1/axe.min.js
var axe string

// patience is how long a page may take on a busy machine.
const patience = 30 * time.Second

// screen is what somebody looks at.
type screen struct {
	name          string
	width, height int64
	mobile        bool
}

var (
	phone   = screen{"phone", 360, 740, true}
	desktop = screen{"desktop", 1280, 900, false}
)

// tab is a browser of somebody's, with nothing of anybody else's.
type tab struct {
	t      *testing.T
	ctx    context.Context //nolint:containedctx // chromedp's tab
	screen screen
	shots  int
	// downloads is the folder for what this browser saves.
	downloads string

	mu sync.Mutex
	// refused is what the browser refused or reported as wrong; expected is the status with which a page may be answered
	// all the same.
	refused  []string
	expected string
	// planted is of somebody; referers are where the browser said that it came from.
	planted, referers []string
}

// chromium is one program for all tests. Each of them has a context of its own in it: other cookies, other storage.
var chromium context.Context //nolint:containedctx // chromedp's browser

// startChromium starts it and returns how it is ended.
func startChromium(ctx context.Context) (stop func(), err error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.IgnoreCertErrors, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("accept-lang", "ko"), chromedp.Flag("disable-dev-shm-usage", true))
	allocator, end := chromedp.NewExecAllocator(ctx, options...)
	var closing context.CancelFunc
	chromium, closing = chromedp.NewContext(allocator)
	if err := chromedp.Run(chromium); err != nil {
		closing()
		end()
		return nil, fmt.Errorf("start chromium: %w", err)
	}
	return func() {
		closing()
		end()
	}, nil
}

// open opens a browser; what it refuses fails the test at its end.
func open(t *testing.T, s screen) *tab {
	t.Helper()
	whole := cdp.WithExecutor(chromium, chromedp.FromContext(chromium).Browser)
	apart, err := target.CreateBrowserContext().Do(whole)
	require.NoError(t, err)
	window, err := target.CreateTarget("about:blank").WithBrowserContextID(apart).WithNewWindow(true).Do(whole)
	require.NoError(t, err)
	ctx, cancel := chromedp.NewContext(chromium, chromedp.WithTargetID(window))
	b := &tab{t: t, ctx: ctx, screen: s, downloads: t.TempDir()}
	t.Cleanup(func() {
		cancel()
		require.NoError(t, target.DisposeBrowserContext(apart).Do(whole))
	})
	chromedp.ListenTarget(ctx, b.listen)
	require.NoError(t, chromedp.Run(ctx)) // the tab ends with the context of its first action, so that has no end of its own
	b.do(log.Enable(), audits.Enable(), runtime.Enable(), network.Enable(), emulation.SetFocusEmulationEnabled(true), emulation.SetDeviceMetricsOverride(s.width, s.height, 1, s.mobile),
		browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(b.downloads).WithBrowserContextID(apart))
	t.Cleanup(func() {
		b.leftNothing()
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.refused) > 0 {
			t.Errorf("the browser refused: %s", strings.Join(b.refused, "\n"))
		}
	})
	return b
}

func (b *tab) listen(event any) {
	note := func(text string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.refused = append(b.refused, text)
	}
	switch e := event.(type) {
	case *log.EventEntryAdded:
		b.mu.Lock()
		// A form with mistakes is answered 422, and shown.
		expected := strings.Contains(e.Entry.Text, "status of 422") || b.expected != "" && strings.Contains(e.Entry.Text, "status of "+b.expected)
		b.mu.Unlock()
		if e.Entry.Level == log.LevelError && !expected {
			note(e.Entry.Text + " " + e.Entry.URL)
		}
	case *network.EventRequestWillBeSentExtraInfo: // with the headers that go over the line
		for name, value := range e.Headers {
			if from, text := value.(string); text && strings.EqualFold(name, "Referer") {
				b.mu.Lock()
				b.referers = append(b.referers, from)
				b.mu.Unlock()
			}
		}
	case *audits.EventIssueAdded:
		if e.Issue.Code == audits.InspectorIssueCodeContentSecurityPolicyIssue {
			note("policy: " + e.Issue.Details.ContentSecurityPolicyIssueDetails.ViolatedDirective)
		}
	case *runtime.EventExceptionThrown:
		note(e.ExceptionDetails.Error())
	}
}

func (b *tab) do(actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.shoot("failed")
		require.NoError(b.t, err)
	}
}

// visit goes to a page of the relay.
func (b *tab) visit(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(stack.Endpoints.Web + path))
}

// follow does something that leads to another page, and waits for what stands there.
func (b *tab) follow(act chromedp.Action, there string) {
	b.t.Helper()
	b.do(act, chromedp.WaitVisible(there, chromedp.ByQuery))
}

// enter presses Enter as a keyboard does on a link: once the link has taken it, no character comes of it. That of chromedp would
// go to where the link led, and send the form there.
func enter() chromedp.Action {
	key := func(kind input.KeyType) chromedp.Action {
		return input.DispatchKeyEvent(kind).WithKey("Enter").WithCode("Enter").WithWindowsVirtualKeyCode(13)
	}
	return chromedp.Tasks{key(input.KeyRawDown), key(input.KeyUp)}
}

func (b *tab) text(selector string) (text string) {
	b.t.Helper()
	b.do(chromedp.Text(selector, &text, chromedp.ByQuery))
	return text
}

// answered says with which status the next page is answered.
func (b *tab) answered(status string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = status
}

// plant names what is somebody's: the browser may keep it nowhere.
func (b *tab) plant(values ...string) { b.planted = append(b.planted, values...) }

// leftNothing checks that the addresses and titles to which somebody can go back hold nothing of anybody, and that the browser
// told nobody where it came from.
func (b *tab) leftNothing() {
	b.t.Helper()
	var kept []*page.NavigationEntry
	b.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		_, kept, err = page.GetNavigationHistory().Do(ctx)
		return err
	}))
	b.mu.Lock()
	defer b.mu.Unlock()
	texts := b.referers
	for _, entry := range kept {
		texts = append(texts, entry.URL, entry.Title) // not UserTypedURL: how somebody came is not in the pages' hands
	}
	for _, text := range texts {
		plain, err := url.QueryUnescape(text)
		if err != nil {
			plain = text
		}
		for _, value := range b.planted {
			if strings.Contains(plain, value) {
				b.t.Errorf("the browser keeps %q in %q", value, plain)
			}
		}
	}
	for _, from := range b.referers {
		if strings.HasPrefix(from, stack.Endpoints.Web) {
			b.t.Errorf("the pages tell where somebody comes from: %s", from)
		}
	}
}

// look checks the page that is there as everybody has to be able to use it, and keeps a picture.
func (b *tab) look(name string) {
	b.t.Helper()
	b.judge(name, allRules)
	b.narrow(name, b.screen.width)
	b.shoot(name)
}

// Rules of axe-core: all that WCAG 2.2 AA asks for, and those of them that depend on how a page is laid out and coloured.
const (
	allRules = `runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], rules: {"target-size": {enabled: true}}`
	laidOut  = `runOnly: {type: "rule", values: ["color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable"]}`
)

// inspect looks at a page on a telephone and on a desk, in light and dark, at 320 pixels and enlarged to 200 %. Rules that depend
// on neither are asked once.
func (b *tab) inspect(name string) {
	b.t.Helper()
	var headings int
	b.do(chromedp.Evaluate(`document.querySelectorAll("h1").length`, &headings))
	require.Equal(b.t, 1, headings, "headings of %s", name)
	rules := allRules
	for _, s := range []screen{{"phone", 360, 800, true}, {"desktop", 1280, 800, false}} {
		b.do(emulation.SetDeviceMetricsOverride(s.width, s.height, 1, s.mobile))
		b.narrow(name, s.width)
		for _, colours := range []string{"light", "dark"} {
			b.do(scheme(colours))
			b.judge(name+" "+s.name+" "+colours, rules)
			rules = laidOut
		}
		b.shoot(name + "-" + s.name)
	}
	b.do(scheme("light"))
	b.do(emulation.SetDeviceMetricsOverride(640, 400, 2, false)) // what 200 % leaves of 1280
	b.narrow(name, 640)
	b.do(emulation.SetDeviceMetricsOverride(320, 640, 1, true))
	b.narrow(name, 320)
	b.do(emulation.SetDeviceMetricsOverride(b.screen.width, b.screen.height, 1, b.screen.mobile))
}

func scheme(of string) chromedp.Action {
	return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: of}})
}

// judge has axe-core look at the page.
func (b *tab) judge(name, rules string) {
	b.t.Helper()
	var wrong []string
	for _, v := range b.violations(rules) {
		for _, n := range v.Nodes {
			wrong = append(wrong, fmt.Sprintf("%s: %s: %s", v.ID, v.Help, n.HTML))
		}
	}
	if len(wrong) > 0 {
		b.t.Errorf("axe on %s:\n%s", name, strings.Join(wrong, "\n"))
	}
}

// violation is a rule that a page breaks, with the places.
type violation struct {
	ID, Help string
	Nodes    []struct{ HTML string }
}

func (b *tab) violations(rules string) (found []violation) {
	b.t.Helper()
	var there bool
	b.do(chromedp.Evaluate(`typeof axe === "object"`, &there))
	if !there {
		// Half a megabyte: the pages to come get it from the browser itself.
		b.do(chromedp.Evaluate(axe, nil), chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(axe).Do(ctx)
			return err
		}))
	}
	b.evaluate(`axe.run(document, {`+rules+`}).then(r => JSON.stringify(r.violations))`, &found)
	return found
}

// narrow checks that nobody has to scroll sideways.
func (b *tab) narrow(name string, width int64) {
	b.t.Helper()
	var wide bool
	b.do(chromedp.Evaluate(`document.documentElement.scrollWidth > document.documentElement.clientWidth`, &wide))
	if wide {
		b.t.Errorf("%s scrolls sideways at %d px", name, width)
	}
}

// evaluate runs a script that promises JSON. It is the test's, so the page's policy does not bind it.
func (b *tab) evaluate(script string, into any) {
	b.t.Helper()
	var raw string
	b.do(chromedp.Evaluate(script, &raw, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	require.NoError(b.t, json.Unmarshal([]byte(raw), into))
}

func (b *tab) shoot(name string) {
	var picture []byte
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		if picture, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).Do(ctx); err != nil { // too long a page
			picture, err = page.CaptureScreenshot().Do(ctx)
		}
		return err
	})); err != nil {
		return // a picture is for people; what failed is told elsewhere
	}
	folder := filepath.Join("artefacts", strings.ReplaceAll(b.t.Name(), "/", "_"))
	require.NoError(b.t, os.MkdirAll(folder, 0o750))
	b.shots++
	require.NoError(b.t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("%02d-%s.png", b.shots, name)), picture, 0o600))
}

// tabTo presses Tab until the element has the focus, as somebody without a mouse does, and checks that the focus can be seen.
func (b *tab) tabTo(selector string) {
	b.t.Helper()
	for range 60 {
		var outline string
		b.do(chromedp.KeyEvent(kb.Tab), chromedp.Evaluate(fmt.Sprintf(
			`(e => e && e.matches(%q) ? getComputedStyle(e).outlineStyle : "")(document.activeElement)`, selector), &outline))
		if outline == "" {
			continue
		}
		require.NotEqual(b.t, "none", outline, "the focus of %s is seen", selector)
		return
	}
	require.Fail(b.t, "nobody gets there by Tab", selector)
}

// downloaded waits for the only file that the browser saves, and returns it whole.
func (b *tab) downloaded() (content []byte) {
	b.t.Helper()
	await.Require(b.t, patience, func() bool {
		saved, err := os.ReadDir(b.downloads)
		require.NoError(b.t, err)
		if len(saved) != 1 || strings.HasSuffix(saved[0].Name(), ".crdownload") {
			return false
		}
		content, err = os.ReadFile(filepath.Join(b.downloads, saved[0].Name()))
		return err == nil
	})
	return content
}

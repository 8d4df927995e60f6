package browser

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/services/client/sample"
	"github.com/naru-relay/naru/services/web/assets"
)

// policy is that of the pages.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; connect-src 'self'; img-src 'self' blob: data:; " +
	"font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// viewerPage is a page with nothing but the viewer.
func viewerPage(file, library string) string {
	return fmt.Sprintf(`<!doctype html><html lang="ko"><head><meta name="viewport" content="width=device-width"><title>viewer</title><link rel="icon" href="%s"><link rel="stylesheet" href="%s">
<script type="module" src="%s"></script></head><body><main class="wide"><h1>viewer</h1>
<naru-viewer src="%s" shown="/shown" csrf="t" library="%s" data-loading="loading" data-failed="failed" data-shown="shown" data-unrecorded="unrecorded" data-page="page" data-document="document">
<div class="viewer-tools" hidden><button type="button" data-do="smaller">-</button><output data-zoom>100 %%</output><button type="button" data-do="larger">+</button><button type="button" data-do="print">print</button></div>
<p role="status" data-status></p><div class="pages" role="region" tabindex="0" aria-label="document"></div></naru-viewer></main></body></html>`,
		assets.URL("icon.svg"), assets.URL("naru.css"), assets.URL("viewer.js"), file, library)
}

// viewerAt serves the viewer under the pages' policy, and returns the address at which it shows a file.
func viewerAt(t *testing.T, files map[string][]byte, told ...func(*http.Request)) func(name string) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", assets.Handler())
	mux.HandleFunc("GET /of/{name}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(viewerPage("/file/"+url.PathEscape(r.PathValue("name")), cmp.Or(r.URL.Query().Get("library"), assets.URL("vendor/pdfjs")))))
	})
	mux.HandleFunc("GET /half/build/pdf.min.mjs", func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = assets.URL("vendor/pdfjs") + "/build/pdf.min.mjs"
		assets.Handler().ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /file/{name}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/pdf")
		w.Header().Set("Content-Disposition", "attachment")
		_, _ = w.Write(files[r.PathValue("name")])
	})
	mux.HandleFunc("POST /shown", func(w http.ResponseWriter, r *http.Request) {
		for _, tell := range told {
			tell(r)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return func(name string) string { return server.URL + "/of/" + url.PathEscape(name) }
}

// The viewer paints a Korean PDF under the pages' policy, tells once that it is shown, has its text for readers of the screen,
// and enlarges.
func TestViewer(t *testing.T) {
	t.Parallel()
	pdf, err := sample.PDF("viewer", clock.System().Now())
	require.NoError(t, err)
	var shown atomic.Int32
	at := viewerAt(t, map[string][]byte{"sample": pdf}, func(r *http.Request) {
		if r.Header.Get("X-Naru-Csrf") == "t" {
			shown.Add(1)
		}
	})
	for _, s := range []screen{phone, desktop} {
		t.Run(s.name, func(t *testing.T) {
			b := open(t, s)
			b.do(chromedp.Navigate(at("sample")), chromedp.WaitVisible(".viewer-tools", chromedp.ByQuery),
				chromedp.Poll(`document.querySelector("[data-status]").textContent === "shown"`, nil))
			b.look("viewer")
			var text string
			b.do(chromedp.Evaluate(`document.querySelector(".textLayer").textContent`, &text))
			require.Contains(t, text, "시험용")
			var before, after float64
			width := `document.querySelector(".sheet").getBoundingClientRect().width`
			b.do(chromedp.Evaluate(width, &before), chromedp.Click(`[data-do="larger"]`, chromedp.ByQuery), chromedp.Poll(`document.querySelector(".sheet canvas") !== null`, nil), chromedp.Evaluate(width, &after))
			require.InDelta(t, 1.25*before, after, 2)
			b.look("larger")
			b.mu.Lock()
			defer b.mu.Unlock()
			require.NotEmpty(t, b.referers, "this server has no policy about it, so the watch sees some")
		})
	}
	require.EqualValues(t, 2, shown.Load())
}

// Where the worker does not come, the page says so and does not wait for ever.
func TestViewerWithoutWorker(t *testing.T) {
	t.Parallel()
	at, b := viewerAt(t, map[string][]byte{"sample": harness.PDF()}), open(t, phone)
	b.answered("404")
	b.do(chromedp.Navigate(at("sample")+"?library=/half"), chromedp.Poll(`document.querySelector("[data-status]").textContent === "failed"`, nil))
}

// A very long page, enlarged, has no more dots than browsers can paint.
func TestLongPage(t *testing.T) {
	t.Parallel()
	p := newPDF()
	p.page("/MediaBox [0 0 600 14400]", write(60, 14300, 20, wide("긴 쪽")), 0, p.korean("UniKS-UTF16-H"))
	at, b := viewerAt(t, map[string][]byte{"long": p.plain(0)}), open(t, desktop)
	b.do(chromedp.Navigate(at("long")), chromedp.Poll(`document.querySelector("[data-status]").textContent === "shown"`, nil))
	b.do(chromedp.Click(`[data-do="larger"]`, chromedp.ByQuery), chromedp.Click(`[data-do="larger"]`, chromedp.ByQuery))
	b.textOf(1)
	var dots, high, wide float64
	b.do(chromedp.Evaluate(`(c => c.width * c.height)(document.querySelector(".sheet canvas"))`, &dots),
		chromedp.Evaluate(`document.querySelector(".sheet").clientHeight`, &high), chromedp.Evaluate(`document.querySelector(".sheet").clientWidth`, &wide))
	require.InDelta(t, 24, high/wide, 0.1)
	require.Greater(t, high*wide, 16_777_216.0, "it would have more")
	require.LessOrEqual(t, dots, 16_777_216.0)
}

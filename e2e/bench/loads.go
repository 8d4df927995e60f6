package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// The telephone: a processor four times as slow as this one, and slow 4G as Lighthouse slows a browser down (150 ms and
// 1.6 Mbit/s, with what that costs a browser's own requests).
const (
	slowdown                           = 4
	loadLatency                        = 562.5
	downloadPerSecond, uploadPerSecond = 1.6 * 0.9 * (1 << 20) / 8, 750.0 * 0.9 * (1 << 10) / 8
	loadPatience                       = time.Minute
	fullLoads, quickLoads              = 5, 1
	// largest is kept of what the page paints.
	largest = `new PerformanceObserver((seen) => { for (const e of seen.getEntries()) globalThis.largestPaint = e.startTime; })
		.observe({ type: "largest-contentful-paint", buffered: true });`
)

var errNoBrowser = errors.New("there is no Chromium")

// loaded is when pages were painted, in seconds from their addresses.
type loaded struct {
	LCP map[string][]float64 `json:"largestContentfulPaint"`
	// FirstPage is a document's first page in the viewer.
	FirstPage []float64 `json:"firstPage"`
}

func (l loaded) medians() (all []float64) {
	for _, took := range l.LCP {
		all = append(all, median(took))
	}
	return all
}

// loads opens each page in a browser that has nothing of it yet.
func (b *bench) loads(ctx context.Context, r *reader) (loaded, error) {
	l := loaded{LCP: map[string][]float64{}}
	if _, err := exec.LookPath("chromium"); err != nil {
		return l, errNoBrowser
	}
	allocator, stop := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:], chromedp.IgnoreCertErrors, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("accept-lang", "ko"), chromedp.Flag("disable-dev-shm-usage", true))...)
	defer stop()
	tab, end := chromedp.NewContext(allocator)
	defer end()
	if err := chromedp.Run(tab, network.Enable(), emulation.SetDeviceMetricsOverride(360, 740, 2, true), emulation.SetCPUThrottlingRate(slowdown),
		chromedp.ActionFunc(func(ctx context.Context) error {
			slow := []*network.Conditions{{Latency: loadLatency, DownloadThroughput: downloadPerSecond, UploadThroughput: uploadPerSecond}}
			if _, err := network.EmulateNetworkConditionsByRule(slow).Do(ctx); err != nil {
				return err
			}
			_, err := page.AddScriptToEvaluateOnNewDocument(largest).Do(ctx)
			return err
		})); err != nil {
		return l, fmt.Errorf("start Chromium: %w", err)
	}
	cookies, err := r.cookies()
	if err != nil {
		return l, err
	}
	if _, err := painted(tab, r.web+"/terms"); err != nil { // the browser's own first time
		return l, fmt.Errorf("load a first page: %w", err)
	}
	names, paths := r.pages()
	times := fullLoads
	if b.options.quick {
		times = quickLoads
	}
	for range times {
		for _, name := range names {
			if err := chromedp.Run(tab, network.ClearBrowserCookies()); err != nil {
				return l, fmt.Errorf("forget cookies: %w", err)
			}
			for _, c := range cookies {
				if name == "start" {
					continue // it leads whoever has signed in to the inbox
				}
				set := network.SetCookie(c.Name, c.Value).WithURL(r.web).WithSecure(true).WithHTTPOnly(true)
				if err := chromedp.Run(tab, set); err != nil {
					return l, fmt.Errorf("take the session: %w", err)
				}
			}
			took, err := painted(tab, r.web+paths[name])
			if err != nil {
				return l, fmt.Errorf("load %s: %w", name, err)
			}
			l.LCP[name] = append(l.LCP[name], took)
		}
		took, err := firstPage(tab, r.web+"/inbox/"+r.document)
		if err != nil {
			return l, fmt.Errorf("view a document: %w", err)
		}
		l.FirstPage = append(l.FirstPage, took)
	}
	return l, nil
}

// painted loads a page and returns when its largest part was painted.
func painted(tab context.Context, address string) (seconds float64, err error) {
	ctx, cancel := context.WithTimeout(tab, loadPatience)
	defer cancel()
	var took float64
	err = chromedp.Run(ctx, network.ClearBrowserCache(), chromedp.Navigate(address),
		chromedp.Poll(`document.readyState === "complete" && globalThis.largestPaint`, &took))
	return rounded(took/1e3, 3), err
}

// firstPage opens a document and returns when its first page stood on the screen: then the page tells the relay so.
func firstPage(tab context.Context, address string) (seconds float64, err error) {
	ctx, cancel := context.WithTimeout(tab, loadPatience)
	defer cancel()
	var took float64
	err = chromedp.Run(ctx, network.ClearBrowserCache(), chromedp.Navigate(address), chromedp.Click(`form[action$="/view"] button`, chromedp.ByQuery),
		chromedp.WaitReady("naru-viewer", chromedp.ByQuery),
		chromedp.Poll(`performance.getEntriesByType("resource").find((e) => e.name.endsWith("/shown"))?.startTime`, &took))
	return rounded(took/1e3, 3), err
}

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/client/sample"
	"github.com/naru-relay/naru/services/sandbox/pki"
)

const (
	pagesName = "pages"
	// pagesRate is how many pages are asked for each second, one kind after the other.
	pagesRate = 60
	// inboxDocuments and sentDocuments are what the lists hold.
	inboxDocuments, sentDocuments = 50, 10
	kib                           = 1 << 10
)

// pagesRow asks for the pages as people do: what the server takes for each, what goes over the line, and, where there is a
// Chromium, when somebody with a slow telephone sees them. Its floor is a file that the same process serves over the same socket,
// asked for in turn with the pages.
func pagesRow() row {
	return row{name: pagesName, measure: measurePages, lines: []line{
		most("pages: p95 of the slowest (start, inbox of 50, document, sent list, send form)", 50, "ms to the whole page"),
		reported("pages: p95 of the slowest by that of a static file over the same socket", "times the file's"),
		most("pages: largest HTML, gz", 30*kib, "bytes"), most("pages: CSS, gz", 20*kib, "bytes"), most("pages: script, gz", 15*kib, "bytes"),
		most("pages: first view over the line, without fonts", 65*kib, "bytes"),
		most("pages: LCP of the slowest, 4× slower processor, slow 4G, nothing cached", 2, "s"),
		reported("pages: a document's first page painted, the same telephone", "s from its address"),
	}}
}

// reader is somebody at the pages, who has signed in.
type reader struct {
	*member
	web    string
	client *http.Client
	// stranger has not signed in: the start page is for those.
	stranger *http.Client
	// upload is a file that waits to be sent, document one that the relay shows.
	upload, document string
}

// pages are what is measured, by name.
func (r *reader) pages() (names []string, paths map[string]string) {
	return []string{"start", "inbox", "document", "sent", "send"}, map[string]string{
		"start": "/", "inbox": "/inbox", "document": "/inbox/" + r.document, "sent": "/sent", "send": "/send?content=" + r.upload,
	}
}

func measurePages(ctx context.Context, b *bench, lines []line) ([]line, error) {
	r, err := b.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer r.client.CloseIdleConnections()
	sizes, style, err := r.sizes(ctx)
	if err != nil {
		return nil, err
	}
	served, err := r.ask(ctx, b, style)
	if err != nil {
		return nil, err
	}
	names, _ := r.pages()
	slowest := 0.0
	for _, name := range names {
		slowest = max(slowest, served[name].P95)
	}
	detail := map[string]any{"served": served, "sizes": sizes}
	b.report.Rows[pagesName] = detail
	lines[0], lines[1] = lines[0].is(slowest), lines[1].is(rounded(slowest/served[floorPage].P95, 2))
	for i, size := range []int{sizes.HTML, sizes.CSS, sizes.Script, sizes.FirstView} {
		lines[2+i] = lines[2+i].is(float64(size))
	}
	loads, err := b.loads(ctx, r)
	if errors.Is(err, errNoBrowser) {
		lines[6], lines[7] = lines[6].not("not checked: there is no Chromium"), lines[7].not("not checked: there is no Chromium")
		return lines, nil
	}
	if err != nil {
		return nil, err
	}
	detail["loads"] = loads
	lines[6], lines[7] = lines[6].is(slices.Max(loads.medians())), lines[7].is(median(loads.FirstPage))
	return lines, nil
}

// reader makes somebody with documents in both lists, a file to send, and a session at the pages.
func (b *bench) reader(ctx context.Context) (*reader, error) {
	c, rest := b.chain, b.stack.rest()
	defer rest.close()
	joined, err := b.stack.join(ctx, c.conns[0], len(c.members), 1)
	if err != nil {
		return nil, err
	}
	r := &reader{member: &joined[0], web: b.stack.Web}
	batch := &intakev1.BatchSendRequest{}
	for n := range inboxDocuments - 1 {
		item, err := c.document(c.sender, fmt.Sprintf("%s-%d", pagesName, n), r.ci, c.authority.Signer(pki.Archive))
		if err != nil {
			return nil, err
		}
		batch.Items = append(batch.Items, item)
	}
	bearer, err := c.sender.bearer(ctx)
	if err != nil {
		return nil, err
	}
	shown, err := rest.sample(ctx, bearer, b.stack.clock.Now(), "shown")
	if err != nil {
		return nil, err
	}
	batch.Items = append(batch.Items, c.byReference(pagesName+"-shown", r.ci, shown))
	var again atomic.Int64
	accepted, err := c.sendOne(ctx, c.sender, intakev1.NewIntakeServiceClient(c.conns[0]), batch, &again)
	if err != nil {
		return nil, err
	}
	r.document = accepted.last()
	own := &intakev1.BatchSendRequest{}
	for n := range sentDocuments {
		upload, err := rest.sample(ctx, r.session, b.stack.clock.Now(), fmt.Sprintf("sent-%d", n))
		if err != nil {
			return nil, err
		}
		own.Items = append(own.Items, c.byReference(fmt.Sprintf("%s-sent-%d", pagesName, n), c.members[0].ci, upload))
	}
	if _, err := intakev1.NewIntakeServiceClient(c.conns[0]).BatchSend(r.as(ctx), own); err != nil {
		return nil, fmt.Errorf("send as a member: %w", err)
	}
	if r.upload, err = rest.sample(ctx, r.session, b.stack.clock.Now(), "waiting"); err != nil {
		return nil, err
	}
	f := newFollower(c.sender)
	for _, number := range accepted.numbers {
		if err := f.await(ctx, number, inInbox); err != nil {
			return nil, err
		}
	}
	if _, err := b.stack.settle(ctx); err != nil {
		return nil, err
	}
	return r, r.signIn(ctx, b.stack)
}

// sample uploads a PDF that can be shown.
func (r *rest) sample(ctx context.Context, bearer string, now time.Time, own string) (string, error) {
	pdf, err := sample.PDF(own, now)
	if err != nil {
		return "", err
	}
	return r.handOver(ctx, bearer, newFile(own+".pdf", pdf, nil))
}

// signIn opens a session at the pages.
func (r *reader) signIn(ctx context.Context, s *stack) (err error) {
	if r.client, err = endpoints.HTTP(s.Sandbox.Authority); err != nil {
		return err
	}
	if r.client.Jar, err = cookiejar.New(nil); err != nil {
		return fmt.Errorf("keep cookies: %w", err)
	}
	if transport, ours := r.client.Transport.(*http.Transport); ours {
		transport.MaxIdleConnsPerHost = restConnections
	}
	r.stranger = &http.Client{Transport: r.client.Transport}
	r.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	_, to, err := r.get(ctx, r.web+"/signin")
	for hop := 0; err == nil && hop < 2; hop++ { // to the identity provider, and back
		if !strings.HasPrefix(to, r.web) {
			to += "&login_hint=" + r.id
		}
		_, to, err = r.get(ctx, to)
	}
	if err != nil || to != "/inbox" {
		return errors.Join(fmt.Errorf("signing in at the pages led to %q", to), err)
	}
	return nil
}

// get returns what is sent, as it goes over the line, or where it leads.
func (r *reader) get(ctx context.Context, address string) (body []byte, to string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", fmt.Errorf("ask for a page: %w", err)
	}
	request.Header.Set("Accept-Encoding", "gzip")
	client := r.client
	if request.URL.Path == "/" {
		client = r.stranger
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, "", fmt.Errorf("ask for a page: %w", err)
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s was answered %s", request.URL.Path, response.Status)
	}
	return body, response.Header.Get("Location"), err
}

// pageSizes in bytes. FirstView is what goes over the line for the largest page; what is packed there counts packed.
type pageSizes struct {
	HTML      int            `json:"html"`
	CSS       int            `json:"css"`
	Script    int            `json:"script"`
	FirstView int            `json:"firstView"`
	Sent      map[string]int `json:"htmlAsSent"`
}

var loadedAsset = regexp.MustCompile(`(?:href|src)="(/assets/[^"]+\.(?:css|js|svg))"`)

// sizes asks for every page and what it loads, and returns the address of the style sheet, too.
func (r *reader) sizes(ctx context.Context) (s pageSizes, style string, err error) {
	s.Sent = map[string]int{}
	loaded := map[string]int{}
	names, paths := r.pages()
	for _, name := range names {
		html, _, err := r.get(ctx, r.web+paths[name])
		if err != nil {
			return s, "", err
		}
		s.Sent[name] = len(html)
		s.HTML = max(s.HTML, packed(html))
		for _, found := range loadedAsset.FindAllSubmatch(html, -1) {
			loaded[string(found[1])] = 0
		}
	}
	for address := range loaded {
		body, _, err := r.get(ctx, r.web+address)
		if err != nil {
			return s, "", err
		}
		loaded[address] = len(body)
		s.FirstView += len(body)
		switch {
		case strings.HasSuffix(address, ".css"):
			s.CSS, style = s.CSS+len(body), address
		case strings.HasSuffix(address, ".js"):
			s.Script += len(body)
		}
	}
	largest := 0
	for _, sent := range s.Sent {
		largest = max(largest, sent)
	}
	s.FirstView += largest
	return s, style, nil
}

func packed(content []byte) int {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(content) // into memory
	_ = w.Close()
	return out.Len()
}

// floorPage is the file that is asked for in turn with the pages.
const floorPage = "static file"

// served is how long a page took, in milliseconds.
type served struct {
	Calls int     `json:"calls"`
	P50   float64 `json:"p50Milliseconds"`
	P95   float64 `json:"p95Milliseconds"`
}

// ask asks for all pages in turn, at a fixed rate.
func (r *reader) ask(ctx context.Context, b *bench, style string) (map[string]served, error) {
	names, paths := r.pages()
	names, paths[floorPage] = append(names, floorPage), style
	once := func(ctx context.Context, i int) error {
		_, _, err := r.get(ctx, r.web+paths[names[i%len(names)]])
		return err
	}
	if err := each(ctx, len(names), 4*len(names), once); err != nil { // connections, plans
		return nil, err
	}
	took, err := arrivals(ctx, b.stack.clock.Now, time.Second/pagesRate, int(pagesRate*b.options.pages.Seconds()), once)
	if err != nil {
		return nil, err
	}
	of := map[string]served{}
	for i, name := range names {
		var own []time.Duration
		for n := i; n < len(took); n += len(names) {
			own = append(own, took[n])
		}
		slices.Sort(own)
		of[name] = served{len(own), milliseconds(own, 0.5), milliseconds(own, 0.95)}
	}
	return of, nil
}

// cookies are those of the session, for a browser.
func (r *reader) cookies() ([]*http.Cookie, error) {
	at, err := url.Parse(r.web)
	if err != nil {
		return nil, fmt.Errorf("read the pages' address: %w", err)
	}
	return r.client.Jar.Cookies(at), nil
}

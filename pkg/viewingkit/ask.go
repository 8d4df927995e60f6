package viewingkit

import (
	"net/http"
	"strings"
)

// page asks whether the document is to be opened. Its form goes to the URL it came from, token and all, and has no field, so it
// repeats nothing of the request.
const page = `<!doctype html>
<html lang="ko">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>전자문서 열람</title>
<h1>전자문서 열람</h1>
<p>아래 단추를 누르면 전자문서가 열리고, 열람한 시각이 기록됩니다. 한 번만 열 수 있습니다.</p>
<form method="post"><button type="submit" lang="ko">열람하기</button></form>
<p lang="en">The button opens the document, once, and the time is recorded.</p>
</html>
`

// ask answers with the page. A GET is safe (RFC 9110 9.2.1): who looks ahead, a browser that prefetches or a scanner of mail,
// follows links and presses no button.
func ask(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	_, _ = w.Write([]byte(page)) // who has gone does not read it
}

// ahead reports whether a helper says of a request that nobody asked for it yet (Sec-Purpose, and Purpose before it).
func ahead(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		said := strings.ToLower(strings.Join(r.Header.Values(name), ","))
		if strings.Contains(said, "prefetch") || strings.Contains(said, "prerender") || strings.Contains(said, "preview") {
			return true
		}
	}
	return false
}

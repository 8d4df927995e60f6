package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/naru-relay/naru/pkg/lifecycle"
)

// Middleware performs the transport level scenarios around next. It ignores business level scenarios.
func (s *Set) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := facts{method: r.Method, path: r.URL.Path}
		if sc, ok := s.take(call, Slow); ok && lifecycle.Wait(r.Context(), time.Duration(sc.Delay)) != nil {
			return
		}
		sc, ok := s.take(call, Down, FailureOK, TextPlain, Encoded, AnswerLost, GarbageBody)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		s.carryOut(sc, w, r, next)
	})
}

func (s *Set) carryOut(sc Scenario, w http.ResponseWriter, r *http.Request, next http.Handler) {
	switch sc.Kind {
	case Down:
		if sc.HTTPStatus == 0 {
			drop(w)
			return
		}
		answer(w, sc, sc.HTTPStatus, "text/plain; charset=utf-8", []byte("unavailable\n"))
	case FailureOK:
		answer(w, sc, sc.status(), "application/json", sc.encoded(failureBody(sc)))
	case TextPlain:
		answer(w, sc, sc.status(), "text/plain; charset=utf-8", sc.encoded(failureBody(sc)))
	case GarbageBody:
		answer(w, sc, sc.status(), "application/json", []byte("<html>\x00{\"resultCode\":"))
	case Encoded:
		next.ServeHTTP(encodedAnswer{ResponseWriter: w, scenario: sc}, r)
	case AnswerLost:
		// The work must be completed although its answer is lost.
		next.ServeHTTP(&lostAnswer{header: http.Header{}}, r.WithContext(context.WithoutCancel(r.Context())))
		drop(w)
	default:
		next.ServeHTTP(w, r)
	}
}

// answer writes the scenario's own body if it has one.
func answer(w http.ResponseWriter, sc Scenario, status int, contentType string, body []byte) {
	if sc.Body != "" {
		body = []byte(sc.Body)
	}
	if sc.ContentType != "" {
		contentType = sc.ContentType
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// failureBody is the hub's failure form: resultCode 0 with errCode and errMsg.
func failureBody(sc Scenario) []byte {
	if sc.ErrCode == "" {
		sc.ErrCode = "ERR-01-999"
	}
	if sc.ErrMsg == "" {
		sc.ErrMsg = "시험용 실패 응답"
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string]any{"resultCode": sc.ResultCode, "errCode": sc.ErrCode, "errMsg": sc.ErrMsg}); err != nil {
		return []byte(fmt.Sprintf(`{"resultCode":0,"errCode":%q}`, "ERR-01-999"))
	}
	return bytes.TrimSpace(b.Bytes())
}

// drop closes the connection without an answer.
func drop(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		// An HTTP/2 connection cannot be hijacked. This panic is net/http's documented way to abort one stream; the server
		// recovers it.
		panic(http.ErrAbortHandler) //nolint:forbidigo // documented abort of net/http
	}
	_ = conn.Close()
}

// lostAnswer discards an answer.
type lostAnswer struct{ header http.Header }

func (l *lostAnswer) Header() http.Header         { return l.header }
func (l *lostAnswer) Write(p []byte) (int, error) { return len(p), nil }
func (l *lostAnswer) WriteHeader(int)             {}
func (l *lostAnswer) Flush()                      {}

package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/fault"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

// HandlerDeps is what a Handler needs.
type HandlerDeps struct {
	Routes *Routes
	// API is the mux the generated handlers are registered on.
	API http.Handler
	// Admit judges the caller before the body is read, and gives the context of the call. It may set headers of the answer.
	Admit func(ctx context.Context, r *http.Request, route *Route, answer http.Header) (context.Context, error)
	// Missed counts a call to what is not there, and gives what to answer where that is not the usual; optional.
	Missed func(ctx context.Context) error
	// File serves a request whose route streams a file. Only its body is not judged yet; request is the first message. It keeps
	// its own time. Required if there are such routes.
	File func(w http.ResponseWriter, r *http.Request, route *Route, request proto.Message)
	// Timeout is the deadline of a call that streams nothing.
	Timeout time.Duration
}

// Handler judges requests of the API and passes the good ones on.
type Handler struct{ deps HandlerDeps }

// NewHandler makes a handler of the API.
func NewHandler(deps HandlerDeps) (*Handler, error) {
	if deps.Routes == nil || deps.API == nil || deps.Admit == nil || deps.Timeout <= 0 {
		return nil, errors.New("making an API handler: routes, API, admit and timeout are required")
	}
	if deps.File == nil && slices.ContainsFunc(deps.Routes.routes, func(r *Route) bool { return r.File != nil }) {
		return nil, errors.New("making an API handler: there are routes of files, and nothing serves them")
	}
	return &Handler{deps: deps}, nil
}

// ServeHTTP serves one call.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	route, allow := h.deps.Routes.Match(r.Method, r.URL.Path)
	if route == nil {
		Miss(ctx, w, h.deps.Missed, allow...)
		return
	}
	if route.File == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.deps.Timeout)
		defer cancel()
	}
	setRoute(ctx, route)
	ctx = context.WithValue(ctx, routeKey{}, route)
	ctx, err := h.deps.Admit(ctx, r, route, w.Header())
	if err != nil {
		if route.File != nil {
			GiveUpBody(w, r)
		}
		WriteError(ctx, w, err)
		return
	}
	if route.File != nil {
		h.file(ctx, w, r, route)
		return
	}
	violations := append(route.checkPath(r.URL.Path), route.checkQuery(r.URL.RawQuery)...)
	body, ok := h.body(ctx, w, r, route)
	if !ok {
		return
	}
	body, wrong, err := route.read(body)
	if err != nil {
		WriteError(ctx, w, err)
		return
	}
	violations = append(violations, wrong...)
	if len(violations) > 0 {
		// Not WriteError: these paths begin inside the body already.
		writeProblem(w, fault.ProblemOf(notWellFormed(violations...), Instance(ctx)))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	r = r.WithContext(ctx)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	h.deps.API.ServeHTTP(w, r)
}

// body reads the body of a route that has one; false when the request was answered. No body at all is the same as an empty
// object.
func (h *Handler) body(ctx context.Context, w http.ResponseWriter, r *http.Request, route *Route) ([]byte, bool) {
	if route.body == nil {
		return nil, true
	}
	limit := int64(route.Bounds.RequestBytes)
	if r.ContentLength > limit {
		tooLarge(ctx, w, limit)
		return nil, false
	}
	if r.ContentLength != 0 && !isJSON(r.Header) {
		w.Header().Set("Accept", "application/json")
		httpProblem(ctx, w, http.StatusUnsupportedMediaType, gatewayv1.Reason_REASON_UNSUPPORTED_MEDIA_TYPE, "the body must be application/json in UTF-8, not encoded further")
		return nil, false
	}
	// The announced length is nobody's promise: room is made as bytes come.
	var buffer bytes.Buffer
	_, err := buffer.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	var refused *fault.Error
	switch {
	case errors.As(err, &over):
		tooLarge(ctx, w, limit)
		return nil, false
	case errors.As(err, &refused):
		WriteError(ctx, w, err)
		return nil, false
	case errors.Is(err, os.ErrDeadlineExceeded):
		WriteBodyLate(ctx, w)
		return nil, false
	case err != nil:
		WriteError(ctx, w, fault.New(fault.Invalid, Domain, gatewayv1.Reason_REASON_INVALID_REQUEST, "the body did not arrive whole", fault.Wrap(err)))
		return nil, false
	}
	return buffer.Bytes(), true
}

// WriteBodyLate answers a request whose body did not arrive in time.
func WriteBodyLate(ctx context.Context, w http.ResponseWriter) {
	httpProblem(ctx, w, http.StatusRequestTimeout, gatewayv1.Reason_REASON_BODY_LATE, "the body did not arrive in time")
}

func tooLarge(ctx context.Context, w http.ResponseWriter, limit int64) {
	httpProblem(ctx, w, http.StatusRequestEntityTooLarge, gatewayv1.Reason_REASON_BODY_TOO_LARGE, fmt.Sprintf("the body has more than %d bytes", limit))
}

func isJSON(header http.Header) bool {
	media, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return false
	}
	charset, has := parameters["charset"]
	encoding := header.Get("Content-Encoding")
	return (!has || strings.EqualFold(charset, "utf-8")) && (encoding == "" || strings.EqualFold(encoding, "identity"))
}

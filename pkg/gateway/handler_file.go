package gateway

import (
	"context"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/naru-relay/naru/pkg/fault"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

// file judges a request of a file's route but for its body, and passes it on. It has no deadline of a call.
func (h *Handler) file(ctx context.Context, w http.ResponseWriter, r *http.Request, route *Route) {
	violations := append(route.checkPath(r.URL.Path), route.checkQuery(r.URL.RawQuery)...)
	var offset int64
	if route.File.Upload {
		if !isFile(r.Header) {
			GiveUpBody(w, r)
			w.Header().Set("Accept-"+map[bool]string{false: "Patch", true: "Post"}[route.File.Whole], FileMedia)
			httpProblem(ctx, w, http.StatusUnsupportedMediaType, gatewayv1.Reason_REASON_UNSUPPORTED_MEDIA_TYPE, "the body must be "+FileMedia+", not encoded further")
			return
		}
		var broken rule
		if offset, broken = route.File.uploadOffset(r.Header); broken != ruleNone {
			violations = append(violations, fault.Violation{Field: UploadOffset, Rule: broken.name, Message: broken.wants})
		}
	}
	if len(violations) > 0 {
		GiveUpBody(w, r)
		WriteError(ctx, w, notWellFormed(violations...))
		return
	}
	request, err := route.request(r.URL.Path, r.URL.RawQuery)
	if err != nil {
		GiveUpBody(w, r)
		WriteError(ctx, w, err)
		return
	}
	route.File.SetOffset(request, offset)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	h.deps.File(w, r.WithContext(ctx), route, request)
}

// GiveUpBody gives up what was not read of a body, before the answer. Over HTTP/1 the connection ends with the answer: else the
// server would wait for the rest.
func GiveUpBody(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 && r.ContentLength != 0 {
		w.Header().Set("Connection", "close")
	}
}

// WriteRangeBeyond answers a request for a range that begins beyond the end of the file.
func WriteRangeBeyond(ctx context.Context, w http.ResponseWriter) {
	httpProblem(ctx, w, http.StatusRequestedRangeNotSatisfiable, gatewayv1.Reason_REASON_INVALID_REQUEST, "the range begins beyond the end of the file")
}

// notWellFormed is the fault of a request that cannot become a message.
func notWellFormed(violations ...fault.Violation) error {
	return fault.New(fault.Invalid, Domain, gatewayv1.Reason_REASON_INVALID_REQUEST, "the request is not well formed", fault.WithViolations(violations...))
}

func isFile(header http.Header) bool {
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	encoding := header.Get("Content-Encoding")
	return err == nil && media == FileMedia && (encoding == "" || strings.EqualFold(encoding, "identity"))
}

// uploadOffset reads where the bytes of an upload begin.
func (f *File) uploadOffset(header http.Header) (int64, rule) {
	if f.Whole {
		return 0, ruleNone
	}
	given := header.Values(UploadOffset)
	if len(given) != 1 {
		return 0, rule{"header.required", "must be given once"}
	}
	if broken := checkInteger(protoreflect.Int64Kind, given[0]); broken != ruleNone {
		return 0, broken
	}
	offset, err := strconv.ParseInt(given[0], 10, 64)
	if err != nil || offset < 0 {
		return 0, ruleRange
	}
	return offset, ruleNone
}

// parseQuery takes a query apart that was judged already.
func parseQuery(raw string) (url.Values, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, notWellFormed(fault.Violation{Field: "?", Rule: "query.syntax", Message: "is not a query"})
	}
	return values, nil
}

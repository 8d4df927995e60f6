package gateway

import (
	"context"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

// WriteError answers with the problem document of err, whose paths are those of the request message. If the route's body is one
// field of the request, the paths start inside it, as the caller wrote it.
func WriteError(ctx context.Context, w http.ResponseWriter, err error) {
	problem := fault.ProblemOf(err, Instance(ctx))
	if route := routeOf(ctx); route != nil && route.bodyField != "" && route.bodyField != "*" {
		for i, v := range problem.Violations {
			if v.Field == route.bodyField {
				problem.Violations[i].Field = ""
			} else {
				problem.Violations[i].Field = strings.TrimPrefix(v.Field, route.bodyField+".")
			}
		}
	}
	writeProblem(w, problem)
}

func writeProblem(w http.ResponseWriter, problem fault.Problem) {
	if problem.Status == http.StatusUnauthorized {
		// RFC 6750 §3.
		challenge := `Bearer realm="naru"`
		if problem.Reason == string(authn.ReasonTokenInvalid) || problem.Reason == string(authn.ReasonTokenExpired) {
			challenge += `, error="invalid_token"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	fault.WriteProblem(w, problem)
}

// NoSuchRoute is the fault of a call to what is not there.
func NoSuchRoute() error {
	return fault.New(fault.NotFound, Domain, gatewayv1.Reason_REASON_NO_SUCH_ROUTE, "there is nothing at this path")
}

// Miss answers a request for a path that is not there, or that has only the methods in allow. missed counts the request, and may
// refuse it as one too many; nil counts nothing.
func Miss(ctx context.Context, w http.ResponseWriter, missed func(ctx context.Context) error, allow ...string) {
	if missed != nil {
		if err := missed(ctx); fault.KindOf(err) == fault.Exhausted {
			WriteError(ctx, w, err)
			return
		}
	}
	if len(allow) == 0 {
		WriteError(ctx, w, NoSuchRoute())
		return
	}
	w.Header().Set("Allow", strings.Join(allow, ", "))
	httpProblem(ctx, w, http.StatusMethodNotAllowed, gatewayv1.Reason_REASON_NO_SUCH_ROUTE, "this path has other methods")
}

// Instance names this call in problem documents: its trace id, empty when there is none.
func Instance(ctx context.Context) string {
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		return span.TraceID().String()
	}
	return ""
}

// httpProblem answers with a status that no kind of fault has.
func httpProblem(ctx context.Context, w http.ResponseWriter, status int, reason gatewayv1.Reason, detail string) {
	problem := fault.ProblemOf(fault.New(fault.Invalid, Domain, reason, detail), Instance(ctx))
	problem.Status, problem.Title = status, http.StatusText(status)
	writeProblem(w, problem)
}

type routeKey struct{}

// routeOf is the route of the call, nil outside of a Handler.
func routeOf(ctx context.Context) *Route {
	route, _ := ctx.Value(routeKey{}).(*Route)
	return route
}

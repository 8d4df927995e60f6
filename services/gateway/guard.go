package gateway

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
)

// maxConnectionAge is after how long a connection is asked to end, so that callers spread over the replicas there are.
const maxConnectionAge = time.Hour

// guard stands before everything at a door: it knows where a call comes from, and lets its bytes in as far as there is room.
type guard struct {
	door     *door
	inFlight *inFlight
	limits   LimitsConfig
	timeout  time.Duration
	// bound is the largest body of a request, and whether its caller is judged before it is read.
	bound func(r *http.Request) (bytes int, judged bool)
	// refuse answers a call that there is no room for.
	refuse func(w http.ResponseWriter, r *http.Request, err error)
	// buffered says that whoever reads keeps whole buffers.
	buffered bool
	next     http.Handler
}

type originKey struct{}

// originOf is the network address that a call comes from.
func originOf(ctx context.Context) string {
	origin, _ := ctx.Value(originKey{}).(string)
	return origin
}

// ServeHTTP serves one call.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if began, ok := r.Context().Value(connectionKey{}).(time.Time); ok && clock.System().Now().Sub(began) > maxConnectionAge {
		w.Header().Set("Connection", "close")
	}
	control := connectionOf(w)
	defer control.served()
	ctx := context.WithValue(r.Context(), originKey{}, g.door.proxies.OfRequest(r))
	ctx = context.WithValue(ctx, controlKey{}, control)
	holding := g.inFlight.from(originOf(ctx))
	defer holding.end()
	turn, err := holding.take(callBytes)
	if err != nil {
		g.door.metrics.refusal(ctx, g.door.name, err)
		g.refuse(w, r, err)
		return
	}
	if r.ContentLength == 0 || r.Body == nil {
		holding.whole()
		g.next.ServeHTTP(w, r.WithContext(ctx))
		return
	}
	bound, judged := g.bound(r)
	b := &body{
		from: r.Body, control: control, holding: holding, buffered: g.buffered, admitted: make(chan struct{}),
		left: int64(bound), limit: int64(bound), firstByte: g.limits.FirstByte.Std(), until: clock.System().Now().Add(g.timeout),
	}
	if !judged {
		close(b.admitted)
	} else {
		b.refused = make(chan error, 1)
	}
	if r.ProtoMajor == 1 {
		// Else the server would wait for the rest before it sends the answer.
		b.broken = func() { w.Header().Set("Connection", "close") }
	}
	if turn {
		b.hurry()
	}
	// Also of a body that nobody reads: the server waits for it before it answers.
	b.deadline(clock.System().Now().Add(b.firstByte))
	r = r.WithContext(context.WithValue(ctx, bodyKey{}, b))
	r.Body = b
	g.next.ServeHTTP(w, r)
}

type connectionKey struct{}

// connectionContext notes when a connection began.
func connectionContext(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, clock.System().Now())
}

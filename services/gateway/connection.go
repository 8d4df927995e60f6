package gateway

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// connection sets the times of a request's connection while the request is served. grpc-go ends a call whose caller is gone
// before everything that works for it has ended; what that sets later is of no request, or of the next.
type connection struct {
	mu sync.Mutex
	// control is nil once the request has been served.
	control *http.ResponseController
}

func connectionOf(w http.ResponseWriter) *connection {
	return &connection{control: http.NewResponseController(w)}
}

// readUntil ends reading of the request at a time; never where that is zero. A connection that has no times keeps its server's.
func (c *connection) readUntil(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.control != nil {
		_ = c.control.SetReadDeadline(at)
	}
}

// writeUntil ends writing of the answer at a time.
func (c *connection) writeUntil(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.control != nil {
		_ = c.control.SetWriteDeadline(at)
	}
}

// served ends all that.
func (c *connection) served() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.control = nil
}

type controlKey struct{}

// controlOf is the connection of the request that ctx belongs to; nil for none.
func controlOf(ctx context.Context) *connection {
	control, _ := ctx.Value(controlKey{}).(*connection)
	return control
}

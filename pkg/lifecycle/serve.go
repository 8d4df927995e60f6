package lifecycle

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Serve is a task that serves until its context ends, and ends when stop, which has the grace to let calls under way finish, has
// returned.
func Serve(name string, grace time.Duration, serve func() error, stop func(ctx context.Context)) Task {
	return Task{Name: name, Run: func(ctx context.Context) error {
		stopped := make(chan struct{})
		unhook := context.AfterFunc(ctx, func() {
			defer close(stopped)
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
			defer cancel()
			stop(ending)
		})
		err := serve()
		if !unhook() {
			<-stopped
		}
		return err
	}}
}

// ServeHTTP is Serve for an HTTP server, with TLS where it is configured. Calls that outlast the grace are cut off.
func ServeHTTP(name string, grace time.Duration, server *http.Server, listener net.Listener) Task {
	serve := server.Serve
	if server.TLSConfig != nil {
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	return Serve(name, grace, func() error {
		if err := serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}, func(ctx context.Context) {
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
	})
}

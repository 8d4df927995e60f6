package unit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/work"
)

const (
	readyTimeout = 3 * time.Second
	opsTimeout   = 10 * time.Second
	closeTimeout = 5 * time.Second
)

// Running are units that have been started.
type Running struct {
	hosts  []*host
	group  *lifecycle.Group
	ops    *http.Server
	closed sync.Once
}

// Start builds the units in the order of what they require and starts them. They stop, in reverse, when ctx ends, when Stop is
// called, or when one of their tasks fails.
func Start(ctx context.Context, rt Runtime, units ...Unit) (*Running, error) {
	sorted, err := ordered(units)
	if err != nil {
		return nil, err
	}
	r := &Running{group: lifecycle.New()}
	work.SpareThreads()
	slots := work.NewSlots()
	for _, u := range sorted {
		h, err := build(ctx, rt, slots, u)
		if err != nil {
			r.close(context.WithoutCancel(ctx))
			return nil, err
		}
		r.hosts = append(r.hosts, h)
	}
	if rt.Ops != "" {
		if err := r.serveOps(ctx, rt.Ops); err != nil {
			r.close(context.WithoutCancel(ctx))
			return nil, err
		}
	}
	r.group.Panicked = func(task string, cause any, stack []byte) { r.panicked(ctx, task, cause, stack) }
	for _, h := range r.hosts {
		r.group.Go(ctx, h.tasks()...)
	}
	return r, nil
}

// panicked logs the unit whose task panicked. The value is not logged, because it may contain anything.
func (r *Running) panicked(ctx context.Context, task string, cause any, stack []byte) {
	for _, h := range r.hosts {
		if strings.HasPrefix(task, h.unit.Name+"/") {
			h.panics.Add(ctx, 1)
			h.telemetry.Log.LogAttrs(ctx, slog.LevelError, "task panicked and is run again", slog.String("task", task),
				slog.String("type", fmt.Sprintf("%T", cause)), slog.String("stack", string(stack)))
		}
	}
}

// Run starts the units and waits until they have stopped.
func Run(ctx context.Context, rt Runtime, units ...Unit) error {
	r, err := Start(ctx, rt, units...)
	if err != nil {
		return err
	}
	return r.Wait(ctx)
}

// Wait blocks until every unit has stopped and has closed what it held. Several callers may wait.
func (r *Running) Wait(ctx context.Context) error {
	err := r.group.Wait()
	r.closed.Do(func() { r.close(context.WithoutCancel(ctx)) })
	return err
}

// Stop stops the units; Wait returns when they have stopped.
func (r *Running) Stop(ctx context.Context) error { return r.group.Stop(ctx) }

// Ready returns what keeps the units from working; nil when nothing does.
func (r *Running) Ready(ctx context.Context) error {
	var problems []error
	for _, h := range r.hosts {
		if err := h.ready(ctx); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", h.unit.Name, err))
		}
	}
	return errors.Join(problems...)
}

func (r *Running) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	for i := len(r.hosts) - 1; i >= 0; i-- {
		r.hosts[i].close(ctx)
	}
	if r.ops != nil {
		r.ops.Close()
	}
}

// serveOps serves /livez, /readyz and /metrics. It goes on while the units stop, so that stopping can be watched.
func (r *Running) serveOps(ctx context.Context, address string) error {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for health and metrics: %w", err)
	}
	gatherers := prometheus.Gatherers{}
	for _, h := range r.hosts {
		gatherers = append(gatherers, h.telemetry.Gatherer)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, req *http.Request) { r.answerReady(ctx, w, req) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(gatherers, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	r.ops = &http.Server{Handler: mux, ReadTimeout: opsTimeout, ReadHeaderTimeout: opsTimeout, WriteTimeout: opsTimeout}
	go func() { _ = r.ops.Serve(listener) }() // ends with ops.Close
	return nil
}

// answerReady lists per unit what is wrong. The answer contains no addresses and no data.
func (r *Running) answerReady(running context.Context, w http.ResponseWriter, req *http.Request) {
	ctx, cancel := context.WithTimeout(req.Context(), readyTimeout)
	defer cancel()
	report := map[string]string{}
	for _, h := range r.hosts {
		report[h.unit.Name] = "ready"
		if err := h.ready(ctx); err != nil {
			report[h.unit.Name] = err.Error()
			w.Header().Set("Naru-Not-Ready", h.unit.Name)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	if running.Err() != nil || w.Header().Get("Naru-Not-Ready") != "" {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(report) // the caller has gone
}

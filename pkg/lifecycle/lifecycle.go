// Package lifecycle starts the long-running tasks of a unit and stops them in reverse order.
//
// A task runs until its context ends. Tasks are stopped one after the other, the last started first; the next one is stopped
// after the one before has returned. So a task may rely on those started before it until it has returned itself. The group stops
// as a whole when a context given to Go ends, when Stop is called, or when one task returns an error. A task that panics is run
// again.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// Task is one long-running activity.
type Task struct {
	// Name identifies the task in errors and logs.
	Name string
	// Run works until ctx ends and then returns without delay. Returning nil earlier ends this task alone; returning an error
	// other than that of its ended context stops the whole group.
	Run func(ctx context.Context) error
}

// Every makes a task that calls run at once and then each time the interval has passed since run last returned. Errors are run's
// own to report: a periodic duty that did not succeed is tried again, it does not stop its group.
func Every(name string, interval time.Duration, run func(ctx context.Context)) Task {
	return Task{Name: name, Run: func(ctx context.Context) error {
		timer := time.NewTimer(0)
		defer timer.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-timer.C:
				run(ctx)
				timer.Reset(interval)
			}
		}
	}}
}

// Group runs tasks. The zero value is ready to use; a Group is safe for concurrent use and MUST NOT be copied.
type Group struct {
	// Panicked, if set before Go, is called after a task panicked, before it is run again.
	Panicked func(task string, cause any, stack []byte)

	mu       sync.Mutex
	running  []*running
	stopping bool
	abandon  chan struct{}
	stopped  chan struct{}
	failure  error
}

type running struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{}
}

// New makes an empty group.
func New() *Group { return &Group{} }

// Go starts the tasks in the order given. They see the values of ctx, but their end comes from the group: when ctx ends, the
// group stops in reverse order. Tasks given to a group that is already stopping are not started.
func (g *Group) Go(ctx context.Context, tasks ...Task) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping {
		return
	}
	for _, task := range tasks {
		taskCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		r := &running{name: task.Name, cancel: cancel, done: make(chan struct{})}
		g.running = append(g.running, r)
		go g.run(taskCtx, task, r)
	}
	// The registration lives as long as ctx, which outlives the group in every sensible use; a stopped group ignores it.
	context.AfterFunc(ctx, func() { g.begin(nil) })
}

func (g *Group) run(ctx context.Context, task Task, r *running) {
	defer close(r.done)
	defer r.cancel()
	err := g.survive(ctx, task)
	if err == nil || (ctx.Err() != nil && errors.Is(err, ctx.Err())) {
		return
	}
	g.begin(fmt.Errorf("running task %s: %w", task.Name, err))
}

// afterPanic is the pause before a task that panicked is run again.
const afterPanic = time.Second

// survive runs a task, and again after a panic: whatever one thing made it panic, the process has others to do.
func (g *Group) survive(ctx context.Context, task Task) error {
	for {
		err, panicked := g.attempt(ctx, task)
		if !panicked {
			return err
		}
		if err := Wait(ctx, afterPanic); err != nil {
			return err
		}
	}
}

func (g *Group) attempt(ctx context.Context, task Task) (err error, panicked bool) { //nolint:revive // the error is the task's, not the attempt's
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		err, panicked = nil, true
		if g.Panicked != nil {
			g.Panicked(task.Name, cause, debug.Stack())
		}
	}()
	return task.Run(ctx), false
}

// begin starts the stopping once and remembers the failures that come before or during it.
func (g *Group) begin(failure error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failure = errors.Join(g.failure, failure)
	if g.stopping {
		return
	}
	g.stopping = true
	g.prepare()
	go g.unwind()
}

// prepare makes the channels of the zero value; the caller holds the lock.
func (g *Group) prepare() {
	if g.stopped == nil {
		g.stopped, g.abandon = make(chan struct{}), make(chan struct{})
	}
}

func (g *Group) unwind() {
	defer close(g.stopped)
	for i := len(g.running) - 1; i >= 0; i-- {
		g.running[i].cancel()
		select {
		case <-g.running[i].done:
		case <-g.abandon:
			g.cancelAll()
			<-g.running[i].done
		}
	}
}

func (g *Group) cancelAll() {
	for _, r := range g.running {
		r.cancel()
	}
}

// Wait blocks until the group has stopped, and returns the errors of its tasks joined; nil if all ended because they were
// stopped. A group whose tasks have all returned nil has stopped, too.
func (g *Group) Wait() error {
	g.mu.Lock()
	g.prepare()
	g.mu.Unlock()
	for i := 0; ; i++ {
		g.mu.Lock()
		if i == len(g.running) || g.stopping {
			g.mu.Unlock()
			break
		}
		next := g.running[i]
		g.mu.Unlock()
		select {
		case <-next.done:
		case <-g.stopped:
		}
	}
	g.begin(nil)
	<-g.stopped
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failure
}

// Stop stops the tasks in reverse order, and waits. If ctx ends first, every task still running is stopped at once and the error
// names them; Wait can then still be used to wait for them.
func (g *Group) Stop(ctx context.Context) error {
	g.begin(nil)
	select {
	case <-g.stopped:
	case <-ctx.Done():
		late := g.unfinished()
		g.mu.Lock()
		select {
		case <-g.abandon:
		default:
			close(g.abandon)
		}
		g.mu.Unlock()
		return fmt.Errorf("stopping tasks %s: %w", strings.Join(late, ", "), ctx.Err())
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failure
}

func (g *Group) unfinished() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var names []string
	for _, r := range g.running {
		select {
		case <-r.done:
		default:
			names = append(names, r.name)
		}
	}
	return names
}

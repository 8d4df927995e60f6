package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/e2e/link"
	"github.com/naru-relay/naru/pkg/lifecycle"
)

// revival is the pause between two looks for units that ended by themselves.
const revival = 300 * time.Millisecond

// faults do to a relay what a schedule says.
type faults struct {
	stack   *harness.Stack
	servers *servers
	units   []string
	say     func(format string, about ...any)

	mu   sync.Mutex
	hits map[string]int
}

// run does all acts, each for its time, and returns when the last is over.
func (f *faults) run(ctx context.Context, acts []act) error {
	var group sync.WaitGroup
	problems := make([]error, len(acts))
	for n, a := range acts {
		group.Go(func() {
			if lifecycle.Wait(ctx, a.at) != nil {
				return
			}
			if err := f.do(ctx, a, fmt.Sprintf("crash-%d", n)); err != nil && ctx.Err() == nil {
				problems[n] = fmt.Errorf("%s: %w", a, err)
			}
		})
	}
	group.Wait()
	return errors.Join(problems...)
}

// do does one act and undoes it.
func (f *faults) do(ctx context.Context, a act, name string) error {
	switch {
	case a.kill == thePrimary:
		hit, err := f.servers.storage.promote(ctx)
		if hit {
			f.count(a.kill)
		}
		f.say("%s%s", a, map[bool]string{true: "", false: " (it was dead)"}[hit])
		return err
	case a.kill != "":
		hit, restart := f.kill(a.kill)
		if hit {
			f.count(a.kill)
		}
		f.say("%s%s", a, map[bool]string{true: "", false: " (it was dead)"}[hit])
		if err := lifecycle.Wait(ctx, a.lasts); err != nil {
			return err // interrupted: nothing is started any more
		}
		return restart(ctx)
	case a.refuses == busDisk:
		f.say("%s", a)
		return fill(ctx, f.servers.disks.bus, a, func(context.Context) {})
	case a.refuses == databaseDisk:
		f.say("%s", a)
		return fill(ctx, f.servers.disks.database, a, func(ctx context.Context) { f.exhaustLog(ctx, a) })
	case a.refuses == readOnlyDB:
		f.say("%s", a)
		return f.servers.storage.refuseWrites(ctx, a)
	case a.steps != 0:
		f.say("%s", a)
		return f.servers.clock.step(ctx, f.servers.storage, a)
	case a.cut != "":
		f.say("%s", a)
		f.servers.sever(a.cut, a.severs)
		defer f.servers.sever(a.cut, link.Whole)
		return lifecycle.Wait(ctx, a.lasts)
	default:
		f.say("%s", a)
		if err := f.administer(ctx, http.MethodPut, name, a); err != nil {
			return err
		}
		return errors.Join(lifecycle.Wait(ctx, a.lasts), f.administer(ctx, http.MethodDelete, name, a))
	}
}

func (f *faults) administer(ctx context.Context, method, name string, a act) error {
	base := map[string]string{"hub": f.stack.Endpoints.Sandbox.Hub, "archive": f.stack.Endpoints.Sandbox.Archive}[a.system]
	return try(ctx, func(t testing.TB) { f.stack.Sandbox(t, base, method, "/sandbox/scenarios/"+name, a.scenario, nil) })
}

// kill kills what is named, tells whether something of it was alive, and gives what starts it again. What was dead already is
// left to who is starting it.
func (f *faults) kill(what string) (hit bool, restart func(ctx context.Context) error) {
	switch what {
	case everything:
		return f.killAll()
	case theBus:
		hit, restart = f.servers.killBus()
	case theDatabase:
		return f.servers.storage.kill()
	default:
		hit = f.stack.Alive(what) && f.stack.Kill(what) == nil
		restart = func(ctx context.Context) error { return f.stack.StartUnit(ctx, what) }
	}
	if !hit {
		restart = func(context.Context) error { return nil }
	}
	return hit, restart
}

// killAll kills everything at the same time, and gives what starts it again, as a machine does that was switched on: units that
// find no database end and are started once more.
func (f *faults) killAll() (hit bool, restart func(ctx context.Context) error) {
	all := append([]string{theBus, theDatabase}, f.units...)
	hits, restarts := make([]bool, len(all)), make([]func(context.Context) error, len(all))
	at(all, func(n int, what string) {
		if what == theBus {
			hits[n], restarts[n] = f.servers.killWholeBus()
			return
		}
		hits[n], restarts[n] = f.kill(what)
	})
	return slices.Contains(hits, true), func(ctx context.Context) error {
		problems := make([]error, len(all))
		at(all, func(n int, _ string) { problems[n] = restarts[n](ctx) })
		return errors.Join(problems...)
	}
}

// at does something with all of them at the same time.
func at(all []string, do func(n int, what string)) {
	var group sync.WaitGroup
	for n, what := range all {
		group.Go(func() { do(n, what) })
	}
	group.Wait()
}

func (f *faults) count(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hits[what]++
}

// hit counts kills of something alive.
func (f *faults) hit() (all int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.hits {
		all += n
	}
	return all
}

// revive is the service manager: what ended by itself is started again.
func (f *faults) revive(ctx context.Context) {
	for lifecycle.Wait(ctx, revival) == nil {
		for _, unit := range f.units {
			if err := f.stack.Revive(ctx, unit); err != nil {
				f.say("%v", err)
			}
		}
	}
}

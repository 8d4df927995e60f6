package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/clock"
)

// round is one run of a relay that stands already.
type round struct {
	options options
	stack   *harness.Stack
	servers *servers
	faults  *faults
	clock   clock.Clock

	// perSecond is what the relay completed undisturbed; backlog what was left when the last fault was over: documents, and
	// certificates and bundles that were asked for.
	perSecond        float64
	backlog          int
	drained, longest time.Duration
}

func (r *round) run(ctx, begin context.Context, acts []act) error {
	l, err := newLoad(begin, r.stack)
	if err != nil {
		return err
	}
	if r.perSecond, err = l.warmUp(begin, warmUp, r.clock.Now); err != nil {
		return fmt.Errorf("warm-up: %w", err)
	}
	v := &verdict{}
	drained, err := r.disturb(ctx, l, acts)
	if err != nil {
		return err
	}
	if drained != nil {
		v.lose("%v", drained)
	}
	if err := l.found(); err != nil {
		v.lose("%v", err)
	}
	if err := v.judge(ctx, l, r.servers); err != nil {
		return err
	}
	return r.tell(l, v)
}

// disturb loads and disturbs the relay for its time, and waits until everything has drained. It tells what did not in time.
func (r *round) disturb(ctx context.Context, l *load, acts []act) (drained, err error) {
	watched, dismiss := context.WithCancel(ctx)
	defer dismiss()
	go r.faults.revive(watched)
	loading, cease := context.WithTimeout(ctx, r.options.duration)
	defer cease()
	patience, lose := context.WithCancel(ctx)
	defer lose()
	done := make(chan struct{})
	go func() { defer close(done); l.run(loading, patience) }()
	if err := r.faults.run(ctx, acts); err != nil {
		return nil, err
	}
	<-loading.Done()
	if ctx.Err() != nil {
		return nil, errors.New("interrupted")
	}
	well := r.clock.Now()
	if err := r.awaitReady(ctx); err != nil {
		return nil, err
	}
	left, _, err := l.unfinished(ctx, l.accepted())
	if err != nil {
		return nil, err
	}
	open, err := unissued(ctx, l.proven())
	if err != nil {
		return nil, err
	}
	r.backlog = len(left) + len(open)
	r.longest = grace + time.Duration(float64(r.backlog)/r.perSecond*float64(time.Second))
	end := time.AfterFunc(r.longest-r.clock.Now().Sub(well), lose)
	defer end.Stop()
	<-done
	drained = errors.Join(l.drain(patience), l.drainProofs(patience))
	r.drained = r.clock.Now().Sub(well)
	return drained, nil
}

// awaitReady waits until every unit is ready. One that ends meanwhile, because the database is not up yet, is started again.
func (r *round) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, harness.Patience)
	defer cancel()
	for _, unit := range r.faults.units {
		if err := persist(ctx, func(ctx context.Context) error { return r.stack.AwaitUnit(ctx, unit) }); err != nil {
			return err
		}
	}
	return nil
}

// tell prints the result; its last line is the verdict.
func (r *round) tell(l *load, v *verdict) error {
	viewed := 0
	promises := l.accepted()
	for _, p := range promises {
		if p.viewed {
			viewed++
		}
	}
	certificates, bundles := counted(l.proven())
	fmt.Printf("%d kills hit something alive (%s); %d documents, %d viewed; %d certificates, %d bundles; %.0f documents/s undisturbed; backlog %d, drained in %.1fs of %.1fs\n",
		r.faults.hit(), kindsOf(r.faults.hits), len(promises), viewed, certificates, bundles, r.perSecond, r.backlog, r.drained.Seconds(), r.longest.Seconds())
	for _, findings := range [][]string{v.lost, v.doubled, v.disordered} {
		for n, finding := range findings {
			if n == shown {
				fmt.Printf("… and %d more\n", len(findings)-shown)
				break
			}
			fmt.Println(finding)
		}
	}
	fmt.Println(v)
	if !v.clean() {
		return errFound
	}
	return nil
}

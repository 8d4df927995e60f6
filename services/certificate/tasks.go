package certificate

import (
	"context"
	"time"

	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/work"
)

// bundleTimeout bounds one attempt to assemble a bundle: the archive issues up to 1 GiB.
const bundleTimeout = 15 * time.Minute

// tasks are what the unit does by itself: each claims what is due and does it.
func (s *service) tasks() ([]lifecycle.Task, error) {
	c := s.config.Worker
	var tasks []lifecycle.Task
	for _, begin := range []func() (lifecycle.Task, error){
		work.Loop[job]{
			Name: "obtain-certificates", Workers: c.Workers, Interval: c.Interval.Std(), Timeout: c.Timeout.Std(), Wake: s.wake, Log: s.log,
			Claim: func(ctx context.Context, limit int) ([]job, error) {
				return claim(ctx, s.db, c.Claimed(s.replica, limit))
			},
			Do: s.obtain,
		}.Task,
		work.Loop[figures]{
			Name: "obtain-figures", Workers: c.Workers, Interval: c.Interval.Std(), Timeout: c.Timeout.Std(), Wake: s.wakeFigures, Log: s.log,
			Claim: func(ctx context.Context, limit int) ([]figures, error) {
				return claimFigures(ctx, s.db, c.Claimed(s.replica, limit))
			},
			Do: s.obtainFigures,
		}.Task,
		work.Loop[pushed]{
			Name: "take-pushes", Workers: c.Workers, Interval: c.Interval.Std(), Timeout: c.Timeout.Std(), Wake: s.wakePushes, Log: s.log,
			Claim: func(ctx context.Context, limit int) ([]pushed, error) {
				return claimPushes(ctx, s.db, c.Claimed(s.replica, limit))
			},
			Do: s.takePush,
		}.Task,
		work.Loop[bundleJob]{
			Name: "assemble-bundles", Workers: c.Workers, Interval: c.Interval.Std(), Timeout: bundleTimeout, Wake: s.bundleWake, Log: s.log,
			Claim: func(ctx context.Context, limit int) ([]bundleJob, error) {
				return claimBundles(ctx, s.db, c.Claimed(s.replica, limit))
			},
			Do: s.holdBundle,
		}.Task,
		work.Loop[renewal]{
			Name: "renew-time-stamps", Workers: c.Workers, Interval: s.config.Bundles.Renewal.Interval.Std(), Timeout: renewalTimeout, Log: s.log,
			Claim: func(ctx context.Context, limit int) ([]renewal, error) {
				if !s.assembler.offered() {
					return nil, nil
				}
				return claimRenewals(ctx, s.db, work.Lease{Owner: s.replica, For: renewalTimeout + c.Lease.Std(), Limit: limit})
			},
			Do: s.renew,
		}.Task,
	} {
		task, err := begin()
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, task)
	}
	return tasks, nil
}

package viewingkit

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"
)

// Clock tells the time; pkg/clock has one.
type Clock interface {
	Now() time.Time
}

// Reporter delivers read reports from an Outbox to the relay until it takes or refuses them. Several may share an Outbox.
type Reporter struct {
	relay  Relay
	outbox Outbox
	clock  Clock
	log    *slog.Logger
	poll   time.Duration
	kick   chan struct{}
}

// ReporterOptions configure a Reporter. All but Poll are required.
type ReporterOptions struct {
	Relay  Relay
	Outbox Outbox
	Clock  Clock
	Log    *slog.Logger
	// Poll is the time between looks for due reports; default 1 s.
	Poll time.Duration
}

// Times and sizes of the Reporter.
const (
	defaultPoll    = time.Second
	reportsAtOnce  = 50
	reportDeadline = 15 * time.Second
	firstBackoff   = time.Second
	// deliveriesAtOnce bounds the calls to the relay under way.
	deliveriesAtOnce = 8
	lastBackoff      = 5 * time.Minute
	// healsWithin is how long after the reading a refusal that may heal is not yet final: a clock that is further ahead is wrong.
	healsWithin = 15 * time.Minute
)

// NewReporter makes a Reporter; start it with Run.
func NewReporter(o ReporterOptions) (*Reporter, error) {
	if o.Relay == nil || o.Outbox == nil || o.Clock == nil || o.Log == nil {
		return nil, errors.New("make reporter: relay, outbox, clock and log are required")
	}
	if o.Poll <= 0 {
		o.Poll = defaultPoll
	}
	return &Reporter{relay: o.Relay, outbox: o.Outbox, clock: o.Clock, log: o.Log, poll: o.Poll, kick: make(chan struct{}, 1)}, nil
}

// Put stores a report durably and wakes Run.
func (r *Reporter) Put(ctx context.Context, p PendingReport) error {
	if err := r.outbox.Put(ctx, p); err != nil {
		return err
	}
	select {
	case r.kick <- struct{}{}:
	default:
	}
	return nil
}

// Run delivers due reports until ctx ends.
func (r *Reporter) Run(ctx context.Context) error {
	ticker := time.NewTicker(r.poll)
	defer ticker.Stop()
	for {
		for r.deliverDue(ctx) == reportsAtOnce {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-r.kick:
		}
	}
}

// deliverDue returns how many reports it took.
func (r *Reporter) deliverDue(ctx context.Context) int {
	due, err := r.outbox.Due(ctx, r.clock.Now(), reportsAtOnce)
	if err != nil {
		if ctx.Err() == nil {
			r.log.LogAttrs(ctx, slog.LevelError, "read reports not taken from the outbox", slog.Any("error", err))
		}
		return 0
	}
	// Several at once, so that one report the relay is slow to answer holds up no other.
	var delivering errgroup.Group
	delivering.SetLimit(deliveriesAtOnce)
	for _, p := range due {
		delivering.Go(func() error {
			if ctx.Err() == nil {
				r.deliver(ctx, p)
			}
			return nil
		})
	}
	_ = delivering.Wait() // a delivery's failure is its own to settle
	if ctx.Err() != nil {
		return 0
	}
	return len(due)
}

func (r *Reporter) deliver(ctx context.Context, p PendingReport) {
	call, cancel := context.WithTimeout(ctx, reportDeadline)
	p.Report.ReportedAt = r.clock.Now()
	err := r.relay.ReportRead(call, p.Report)
	cancel()
	if ctx.Err() != nil && err != nil {
		return // told to stop; the report stays due
	}
	p.Attempt++
	state := ReportDelivered
	switch {
	case err == nil:
		p.LastError = ""
	case IsRefused(err) && (!MayHeal(err) || r.clock.Now().Sub(p.Report.ReadAt) > healsWithin):
		state, p.LastError = ReportRefused, printable(err.Error())
	default:
		state, p.LastError = ReportPending, printable(err.Error())
		p.DueAt = r.clock.Now().Add(backoff(p.Attempt))
	}
	attrs := []slog.Attr{
		slog.String("edoc_num", p.Report.EdocNum), slog.String("verification_id", p.Report.VerificationID),
		slog.Int("attempt", p.Attempt), slog.String("state", string(state)),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	level := map[ReportState]slog.Level{ReportDelivered: slog.LevelInfo, ReportPending: slog.LevelWarn, ReportRefused: slog.LevelError}[state]
	r.log.LogAttrs(ctx, level, "read report attempted", attrs...)
	if err := r.outbox.Settle(context.WithoutCancel(ctx), p, state); err != nil {
		r.log.LogAttrs(ctx, slog.LevelError, "outcome of a read report not stored", append(attrs, slog.Any("error", err))...)
	}
}

func backoff(attempt int) time.Duration {
	d := firstBackoff
	for i := 1; i < attempt && d < lastBackoff; i++ {
		d *= 2
	}
	return min(d, lastBackoff)
}

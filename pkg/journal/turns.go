package journal

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"github.com/naru-relay/naru/pkg/frame"
)

// turnPoll is how often to look for frames that another replica committed but did not publish before it ended.
const turnPoll = time.Second

// takeTurns publishes paced frames at a bounded rate: one frame of each sender that has some waiting, then the next sender, round
// and round. A frame has a bounded number of events, so turns by the frame share the rate fairly, however much one sender has
// waiting.
func (p *Publisher) takeTurns(ctx context.Context) error {
	limit := rate.NewLimiter(rate.Inf, frame.MaxEvents)
	if p.deps.EventsPerSecond > 0 {
		limit = rate.NewLimiter(rate.Limit(p.deps.EventsPerSecond), frame.MaxEvents)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.turns:
		case <-timer.C:
		}
		for {
			frames, err := p.nextTurn(ctx, last)
			if err != nil && ctx.Err() == nil {
				p.deps.Log.LogAttrs(ctx, slog.LevelWarn, "paced frames were not published, tried again", slog.Any("error", err))
			}
			if err != nil || len(frames) == 0 {
				break
			}
			last = frames[0].turn
			p.publishChecked(ctx, frames)
			if err := limit.WaitN(ctx, frames[0].Count); err != nil {
				return err
			}
		}
		timer.Reset(turnPoll)
	}
}

// nextTurn claims the oldest frame of the next sender after last, in a circle. A frame older than the window must have a leaf,
// because the log judges its time.
func (p *Publisher) nextTurn(ctx context.Context, last string) ([]Sealed, error) {
	const pick = `
		select frame_id
		from   journal_mark
		where  published_at is null and turn is not null and refused is null and turn > $3
		  and  (lease_until is null or lease_until < now()) and (leaf is not null or frame_id > $4)
		order  by turn, frame_id
		limit  $1
		for update skip locked`
	recent := firstIDAt(p.deps.Clock.Now().Add(-window))
	frames, err := p.claim(ctx, 1, pick, last, recent)
	if err == nil && len(frames) == 0 && last != "" {
		frames, err = p.claim(ctx, 1, pick, "", recent)
	}
	return frames, err
}

package journal

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/naru-relay/naru/pkg/pg"
)

// ErrNoStream says that the bus has no stream of the unit: the migrate step has to make it.
var ErrNoStream = errors.New("the bus has no stream of this unit")

// Stream is what the bus tells of a unit's stream.
type Stream struct {
	Created time.Time
	// Last is the sequence of the newest frame it took; 0 for none.
	Last uint64
}

// StreamAge is how long a frame stays in a stream: what is older was lost to nobody.
const StreamAge = 7 * 24 * time.Hour

// compareStream looks whether the stream still holds what it has acknowledged. A stream that went back, to an older copy or to
// nothing, is filled again by itself: the marks of publishing of what it lost are taken away, and the sweep publishes it again.
// Readers take a frame once, however often it comes.
func (p *Publisher) compareStream(ctx context.Context) error {
	now, err := pg.Value[time.Time](ctx, p.deps.DB, "read database time", `select now()`)
	if err != nil {
		return err
	}
	since := now.Add(-StreamAge)
	// The database first: the stream is never behind what was marked before.
	const newest = `
		select stream_seq from journal_mark where published_at is not null and frame_id >= $1 order by stream_seq desc limit 1`
	var highest int64
	known, err := pg.Scan(ctx, p.deps.DB, "read the newest sequence", []any{&highest}, newest, firstIDAt(since))
	if err != nil || !known {
		return err
	}
	stream, err := p.deps.Bus.Stream(ctx, p.deps.Unit)
	if err != nil {
		return err
	}
	if stream.Created.After(since) && !stream.Created.Equal(p.stream) {
		// What was published before the stream was made went into another.
		if err := p.lost(ctx, since, `published_at < $2`, stream.Created); err != nil {
			return err
		}
	}
	p.stream = stream.Created
	if uint64(highest) > stream.Last { //nolint:gosec // the table keeps sequences as they came
		return p.lost(ctx, since, `stream_seq > $2`, int64(stream.Last)) //nolint:gosec // see above
	}
	return nil
}

// lost has the frames published again that fit a condition.
func (p *Publisher) lost(ctx context.Context, since time.Time, condition string, arg any) error {
	tag, err := p.deps.DB.Exec(ctx, `
		update journal_mark
		set    published_at = null, stream_seq = null, lease_until = null
		where  frame_id >= $1 and lane > 0 and published_at is not null and `+condition, firstIDAt(since), arg)
	if err != nil {
		return err
	}
	if frames := tag.RowsAffected(); frames > 0 {
		p.again.Add(ctx, frames)
		p.deps.Log.LogAttrs(ctx, slog.LevelError, "the stream has lost frames, they are published again", slog.Int64("frames", frames))
	}
	return nil
}

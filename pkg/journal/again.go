package journal

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// againBound is the largest number of frames that one call publishes again.
const againBound = 100_000

// ErrTooLongAgo is returned for a time before which readers take nothing any more.
var ErrTooLongAgo = fmt.Errorf("readers take nothing that is older than %d days", int(Republished.Hours()/24))

// Again says what is published again.
type Again struct {
	Frames int64
	// Until is the time of the last frame, set when the bound was reached and there may be more.
	Until time.Time
}

// PublishAgain has the public frames stated since a time published again. It clears the marks of their first publishing, and
// states the operator's act as a fact. A reader takes a frame once, however often it comes.
func (j *Journal) PublishAgain(ctx context.Context, since time.Time, operator, reason string) (Again, error) {
	const unmark = `
		with taken as (
		  select frame_id
		  from   journal_mark
		  where  frame_id >= $1 and published_at is not null and lane > 0
		  order  by frame_id
		  limit  $2
		  for update),
		unmarked as (
		  update journal_mark m
		  set    published_at = null, stream_seq = null, lease_until = null
		  from   taken t
		  where  m.frame_id = t.frame_id
		  returning m.frame_id)
		select count(*), coalesce(max(j.recorded_at), 'epoch')
		from   unmarked u
		join   journal j using (frame_id)`
	now := j.deps.Clock.Now()
	if now.Sub(since) > Republished {
		return Again{}, ErrTooLongAgo
	}
	var again Again
	err := j.InTx(ctx, func(tx *Tx) error {
		var last time.Time
		if _, err := pg.Scan(ctx, tx, "take the marks of publishing away", []any{&again.Frames, &last}, unmark, firstIDAt(since), againBound); err != nil {
			return err
		}
		again.Until = time.Time{} // the transaction may run again
		if again.Frames == 0 {
			return nil
		}
		if again.Frames == againBound {
			again.Until = last.UTC()
		}
		return tx.Record(ctx, Fact{Subject: "journal:" + now.UTC().Format(time.RFC3339Nano), Actor: operator, OccurredAt: now, Message: &platformv1.PublishedAgain{
			Since: timestamppb.New(since), Until: timestamppb.New(last), Frames: again.Frames, Reason: reason,
		}})
	})
	if err != nil {
		return Again{}, fmt.Errorf("publish the frames of %s again: %w", j.deps.Unit, err)
	}
	return again, nil
}

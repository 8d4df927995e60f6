package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/pg"
)

// Publication says which checkpoints of a log are published: those that the unit's own witness has cosigned, and as many of the
// witnesses outside of the relay as are required. The zero Publication requires none.
type Publication struct {
	// Required is how many of Outside a checkpoint needs.
	Required int
	// Outside are the witnesses that count: name and hash of their keys.
	Outside []string
}

// published is the condition on a checkpoint c of being published; its arguments are those of args. A log that has grown since
// shows the newest checkpoint that has all it needs.
const published = `
	c.cosigned is not null and ($1 = 0 or (c.generation, c.size) = (
		select k.generation, k.size
		from   log_cosignature k
		where  k.witness = any($2::text[])
		group  by k.generation, k.size
		having count(*) >= $1
		order  by k.generation desc, k.size desc
		limit  1))`

func (p Publication) args() []any { return []any{p.Required, p.Outside} }

// Newest reads a log's newest published checkpoint, unverified; the zero Checkpoint where there is none.
func (p Publication) Newest(ctx context.Context, db pg.DBTX) (Checkpoint, error) {
	const read = `
		select c.note, c.cosigned, c.made_at, ` + laterLines + `
		from   log_checkpoint c
		where  ` + published + `
		order  by c.seq desc
		limit  1`
	return newestBy(ctx, db, read, p.args()...)
}

// begun reads the newest checkpoint that one of the witnesses that count has cosigned; the zero Checkpoint where there is none.
func (p Publication) begun(ctx context.Context, db pg.DBTX) (Checkpoint, error) {
	const read = `
		select c.note, c.cosigned, c.made_at, ''
		from   (select generation, size from log_cosignature where witness = any($1::text[]) order by generation desc, size desc limit 1) k
		join   log_checkpoint c using (generation, size)
		where  c.cosigned is not null`
	return newestBy(ctx, db, read, p.Outside)
}

// waitingSince is when the first cosigned checkpoint was made that is not published; zero where there is none.
func (p Publication) waitingSince(ctx context.Context, db pg.DBTX) (time.Time, error) {
	const read = `
		select w.made_at
		from   log_checkpoint w
		where  w.cosigned is not null and w.seq > coalesce((select c.seq from log_checkpoint c where ` + published + ` order by c.seq desc limit 1), 0)
		order  by w.seq
		limit  1`
	var since time.Time
	_, err := pg.Scan(ctx, db, "read since when checkpoints wait", []any{&since}, read, p.args()...)
	return since, err
}

// newestBy reads a checkpoint with its cosignatures, unverified.
func newestBy(ctx context.Context, db pg.DBTX, read string, args ...any) (Checkpoint, error) {
	var c Checkpoint
	known, err := pg.Scan(ctx, db, "read newest checkpoint", []any{&c.Note, &c.Cosigned, &c.MadeAt, &c.Later}, read, args...)
	if err != nil || !known {
		return Checkpoint{}, err
	}
	parsed, err := parseText(unsignedText(c.Note), c.Note)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("read newest checkpoint: %w", err)
	}
	parsed.Cosigned, parsed.Later, parsed.MadeAt = c.Cosigned, c.Later, c.MadeAt.UTC()
	return parsed, nil
}

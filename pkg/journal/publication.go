package journal

import (
	"context"
	"fmt"

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

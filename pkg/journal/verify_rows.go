package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/pg"
)

// rows compares each leaf with its row.
func (v *verification) rows(ctx context.Context, hashes []tlog.Hash) error {
	const read = `
		select m.leaf, m.released_by, ` + frameColumns + `
		from   journal_mark m
		join   journal j using (frame_id)
		where  m.leaf is not null
		order  by m.leaf`
	next, checkpoint := int64(0), 0
	var index int64
	var releasedBy *uuid.UUID
	err := pg.Walk(ctx, v.tx, "read frames", scanFrame(v.opts.Unit, &index, &releasedBy), func(f Sealed) error {
		for ; next < index && next < int64(len(hashes)); next++ {
			v.found(FrameMissing, fmt.Sprint("leaf ", next), "no row is marked with it")
		}
		v.report.Leaves++
		if index < next || index >= int64(len(hashes)) {
			v.found(LeafMisplaced, f.ID.String(), "it is marked with leaf %d", index)
			return nil
		}
		next = index + 1
		for checkpoint < len(v.signed) && v.signed[checkpoint].N <= index {
			checkpoint++
		}
		v.frame(ctx, f, hashes[index])
		v.time(f, checkpoint, releasedBy)
		return nil
	}, read)
	if err != nil {
		return err
	}
	for ; next < int64(len(hashes)); next++ {
		v.found(FrameMissing, fmt.Sprint("leaf ", next), "no row is marked with it")
	}
	return nil
}

// frame checks a row against its leaf, its MAC and its body, and reports the first check that fails.
func (v *verification) frame(ctx context.Context, f Sealed, hash tlog.Hash) {
	v.report.Frames++
	v.report.Events += int64(f.Count)
	if f.Leaf() != hash {
		v.found(FrameChanged, f.ID.String(), "the row is not what was logged")
		return
	}
	v.mac(ctx, f)
	if _, err := f.EncodedEvents(); err != nil {
		v.found(BodyChanged, f.ID.String(), "%v", err)
	}
}

func (v *verification) mac(ctx context.Context, f Sealed) {
	if v.opts.Keys == nil {
		v.report.MACsNotChecked++
		return
	}
	switch err := v.opts.Keys.Check(ctx, f.Header, f.MAC); {
	case err == nil:
		v.report.MACsChecked++
	case errors.Is(err, ErrForged):
		v.found(FrameForged, f.ID.String(), "its MAC is not the unit's")
	default:
		v.report.MACsNotChecked++ // the key was destroyed: leaf, checkpoint and witness remain
	}
}

// time checks that a frame's time fits its checkpoint, unless an operator released the frame.
func (v *verification) time(f Sealed, checkpoint int, releasedBy *uuid.UUID) {
	if releasedBy != nil || checkpoint >= len(v.signed) {
		return
	}
	var since time.Time
	if checkpoint > 0 {
		since = v.signed[checkpoint-1].MadeAt
	}
	if outside(f.RecordedAt, since, v.signed[checkpoint].MadeAt) {
		v.found(TimeOutside, f.ID.String(), "recorded at %s, logged at %s", f.RecordedAt.Format(time.RFC3339Nano), v.signed[checkpoint].MadeAt.Format(time.RFC3339Nano))
	}
}

// unlogged looks for rows without a leaf, rows without a mark, and marks without a row.
func (v *verification) unlogged(ctx context.Context) error {
	const read = `
		select m.frame_id is not null, m.refused, m.held_at is not null and m.released_by is null, ` + frameColumns + `
		from   journal j
		left   join journal_mark m using (frame_id)
		where  m.leaf is null
		order  by j.frame_id`
	var marked bool
	var refused *string
	var held *bool
	err := pg.Walk(ctx, v.tx, "read frames without a leaf", scanFrame(v.opts.Unit, &marked, &refused, &held), func(f Sealed) error {
		v.report.Frames++
		switch {
		case !marked:
			v.found(FrameUnmarked, f.ID.String(), "the row has no mark, so nobody publishes or logs it")
		case refused != nil:
			v.report.Refused++
			v.found(FrameForged, f.ID.String(), "the unit refused it: %s", *refused)
		case held != nil && *held:
			v.report.Held++
		default:
			v.report.Pending++
			if v.opts.Now.Sub(f.RecordedAt) > patience {
				v.found(FrameUnlogged, f.ID.String(), "it has had no leaf since %s", f.RecordedAt.Format(time.RFC3339))
			}
		}
		return nil
	}, read)
	if err != nil {
		return err
	}
	return v.orphans(ctx)
}

// orphans are marks whose frame is gone. One with a leaf is already reported as a missing frame.
func (v *verification) orphans(ctx context.Context) error {
	var id uuid.UUID
	return pg.Each(ctx, v.tx, "read marks without a frame", []any{&id}, func() error {
		v.found(FrameMissing, id.String(), "a mark has no row")
		return nil
	}, `select m.frame_id from journal_mark m left join journal j using (frame_id) where j.frame_id is null and m.leaf is null`)
}

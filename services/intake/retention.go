package intake

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/evidence"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
)

const (
	forgetInterval = 24 * time.Hour
	forgetBatch    = 5000
)

// partitions of what is kept ten years after the end of its year, like the evidence about it, and as long as a number of it is under
// legal hold. One hold, by number, serves the document, its cancel request and its evidence.
func partitions() []pg.Partition {
	guard := `select not exists (select
	                               from (select distinct on (subject) subject, action
	                                       from evidence_hold
	                                      order by subject, id desc) h
	                               join ${partition} d on d.edoc_num = h.subject
	                              where h.action = 'placed')`
	kept := pg.Retain{Years: evidence.RetentionYears}
	return []pg.Partition{
		// A row of usual size stays in one piece: 4080 is what lets two of them share a page.
		{Table: "document", Kind: pg.ByYearText, With: "toast_tuple_target = 4080", Retain: kept, Guard: guard, GuardTables: []string{"evidence_hold"}},
		{Table: "cancel_request", Kind: pg.ByYearText, Retain: kept, Guard: guard, GuardTables: []string{"evidence_hold"}},
	}
}

// forgetter deletes the own keys of documents that have gone with their year; the table of keys has no years of its own to drop.
type forgetter struct {
	db    pg.DBTX
	clock clock.Clock
	log   *slog.Logger
}

func (f *forgetter) task() lifecycle.Task {
	return lifecycle.Every("intake-forget-keys", forgetInterval, func(ctx context.Context) {
		if _, err := f.forget(ctx); err != nil && ctx.Err() == nil {
			f.log.LogAttrs(ctx, slog.LevelWarn, "keys of former years were not deleted", slog.Any("error", err))
		}
	})
}

// forget deletes the keys of years past their retention, in slices, and tells how many.
func (f *forgetter) forget(ctx context.Context) (int64, error) {
	below := strconv.Itoa(f.clock.Now().In(id.KST).Year()-evidence.RetentionYears) + "0000"
	var total int64
	for {
		var gone int64
		if err := f.db.QueryRow(ctx, `select forget_keys($1, $2)`, below, forgetBatch).Scan(&gone); err != nil {
			return total, fmt.Errorf("delete keys of former years: %w", err)
		}
		if total += gone; gone < forgetBatch {
			return total, nil
		}
	}
}

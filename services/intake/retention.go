package intake

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
)

const (
	forgetInterval      = 24 * time.Hour
	forgetItemsInterval = time.Hour
	forgetBatch         = 5000
)

// partitions that are kept ten years after the end of their year. One hold, by number, covers the document and its cancel
// request; an authorisation has one by its own id.
func partitions() []pg.Partition {
	return []pg.Partition{
		// A row of usual size stays in one piece: with 4080 two such rows share a page.
		journal.Kept("document", pg.ByYearText, "toast_tuple_target = 4080", "e.edoc_num"),
		journal.Kept("cancel_request", pg.ByYearText, "", "e.edoc_num"),
		journal.Kept("authorisation", pg.ByYearUUIDv7, "", "e.id::text"),
	}
}

// forgetter deletes the own keys of documents whose year was dropped; the table of keys has no partitions by year.
type forgetter struct {
	db     pg.DBTX
	expiry func(ctx context.Context) (time.Time, error)
	log    *slog.Logger
}

func (f *forgetter) task() lifecycle.Task {
	return lifecycle.Every("intake-forget-keys", forgetInterval, func(ctx context.Context) {
		if _, err := f.forget(ctx); err != nil && ctx.Err() == nil {
			f.log.LogAttrs(ctx, slog.LevelWarn, "keys of former years were not deleted", slog.Any("error", err))
		}
	})
}

// itemsTask deletes what senders were shown of items, when nobody has to look at it any more.
func (f *forgetter) itemsTask() lifecycle.Task {
	return lifecycle.Every("intake-forget-items", forgetItemsInterval, func(ctx context.Context) {
		if err := f.forgetItems(ctx); err != nil && ctx.Err() == nil {
			f.log.LogAttrs(ctx, slog.LevelWarn, "items of ended authorisations were not deleted", slog.Any("error", err))
		}
	})
}

func (f *forgetter) forgetItems(ctx context.Context) error {
	expiry, err := f.expiry(ctx)
	if err != nil || expiry.IsZero() {
		return err
	}
	return deleteContent(ctx, f.db, expiry)
}

// forget deletes the keys of years past their retention, in slices, and returns how many.
func (f *forgetter) forget(ctx context.Context) (int64, error) {
	expiry, err := f.expiry(ctx)
	if err != nil || expiry.IsZero() {
		return 0, err
	}
	below := strconv.Itoa(expiry.In(id.KST).Year()-journal.RetentionYears) + "0000"
	var total int64
	for {
		gone, err := forgetKeys(ctx, f.db, below, forgetBatch)
		if err != nil {
			return total, err
		}
		if total += gone; gone < forgetBatch {
			return total, nil
		}
	}
}

package content

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// consumers: each kind has its own consumer, so a transaction handles one kind. If a transaction locked uploads in order for one
// kind and then again from the start for another, two such transactions would deadlock.
func (s *service) consumers() []inbox.Consumer {
	return []inbox.Consumer{
		{Purpose: "named", From: "intake", Handlers: []inbox.Handler{inbox.On(s.onContentsNamed)}},
		{Purpose: "search-cancelled", From: "address", Handlers: []inbox.Handler{
			onEnd(s, func(m *addressv1.DocumentCancelled) time.Time { return m.GetCancelledAt().AsTime() }),
		}},
		{Purpose: "cancelled", From: "delivery", Handlers: []inbox.Handler{
			onEnd(s, func(m *deliveryv1.DocumentCancelled) time.Time { return m.GetCancelledAt().AsTime() }),
		}},
		{Purpose: "expired", From: "delivery", Handlers: []inbox.Handler{
			onEnd(s, func(m *deliveryv1.DeliveryExpired) time.Time { return m.GetExpiredAt().AsTime() }),
		}},
		{Purpose: "failed", From: "delivery", Handlers: []inbox.Handler{
			onEnd(s, func(m *deliveryv1.DeliveryFailed) time.Time { return m.GetFailedAt().AsTime() }),
		}},
	}
}

// onContentsNamed keeps the files of a document for as long as it may be viewed.
func (s *service) onContentsNamed(ctx context.Context, tx *journal.Tx, events []inbox.Event[*intakev1.ContentsNamed]) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	var uses []use
	for i, e := range events {
		named, err := usesOf(e, s.config.Grace.Viewing.Std())
		if err != nil {
			verdicts[i] = inbox.Park("content_unreadable")
			continue
		}
		uses = append(uses, named...)
	}
	if len(uses) == 0 {
		return verdicts, nil
	}
	// A file may stand twice in a document.
	slices.SortFunc(uses, func(a, b use) int {
		return cmp.Or(cmp.Compare(a.edocNum, b.edocNum), cmp.Compare(a.upload.String(), b.upload.String()))
	})
	uses = slices.CompactFunc(uses, func(a, b use) bool { return a.edocNum == b.edocNum && a.upload == b.upload })
	ids := pg.Column(uses, func(u use) uuid.UUID { return u.upload })
	here, err := lockUploads(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	if err := insertUses(ctx, tx, uses, s.config.Grace.End.Std()); err != nil {
		return nil, err
	}
	for _, u := range uses {
		if !here[u.upload] {
			s.metrics.missing.Add(ctx, 1)
			s.log.LogAttrs(ctx, slog.LevelError, "a document names a file that is not here", slog.String("edoc_num", u.edocNum), slog.String("upload", u.upload.String()))
		}
	}
	return verdicts, reckon(ctx, tx, ids, s.clock.Now())
}

var errNoDeadline = errors.New("a document with files has no viewing deadline")

// usesOf are the uses of the files that a document names.
func usesOf(e inbox.Event[*intakev1.ContentsNamed], grace time.Duration) ([]use, error) {
	if !e.Message.GetViewingDeadline().IsValid() {
		return nil, errNoDeadline
	}
	uploads, err := id.ParseAll(e.Message.GetUploads())
	if err != nil {
		return nil, err
	}
	uses := make([]use, len(uploads))
	for i, upload := range uploads {
		uses[i] = use{edocNum: e.Subject, upload: upload, until: e.Message.GetViewingDeadline().AsTime().Add(grace), frame: e.FrameID}
	}
	return uses, nil
}

// onEnd shortens the time for which the files of a document are kept: nobody will view it.
func onEnd[M proto.Message](s *service, endedAt func(M) time.Time) inbox.Handler {
	return inbox.On(func(ctx context.Context, tx *journal.Tx, events []inbox.Event[M]) ([]inbox.Verdict, error) {
		byNumber := map[string]end{}
		for _, e := range events {
			byNumber[e.Subject] = end{edocNum: e.Subject, at: endedAt(e.Message), frame: e.FrameID}
		}
		numbers, ends := make([]string, 0, len(byNumber)), make([]end, 0, len(byNumber))
		for number, e := range byNumber {
			numbers, ends = append(numbers, number), append(ends, e)
		}
		ids, err := usedBy(ctx, tx, numbers)
		if err != nil {
			return nil, err
		}
		if len(ids) > 0 {
			if _, err := lockUploads(ctx, tx, ids); err != nil {
				return nil, err
			}
		}
		if err := insertEnds(ctx, tx, ends); err != nil || len(ids) == 0 {
			return nil, err
		}
		now := s.clock.Now()
		// An end that comes late leaves time to those who were told before that the files stay longer.
		if err := shortenUses(ctx, tx, numbers, s.config.Grace.End.Std(), now.Add(minKept)); err != nil {
			return nil, err
		}
		return nil, reckon(ctx, tx, ids, now)
	})
}

package content

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
)

// RetainContents keeps files of a document longer, and states that. A file that the document does not name, or whose bytes are
// gone, is not kept.
func (s *service) RetainContents(ctx context.Context, r *contentv1.RetainContentsRequest) (*contentv1.RetainContentsResponse, error) {
	ids, err := id.ParseAll(r.GetIds())
	if err != nil {
		return nil, contentNotFound()
	}
	var kept []uuid.UUID
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		here, err := lockUploads(ctx, tx, ids)
		if err != nil {
			return err
		}
		present := slices.DeleteFunc(slices.Clone(ids), func(one uuid.UUID) bool { return !here[one] })
		until := r.GetUntil().AsTime()
		if kept, err = prolongUses(ctx, tx, r.GetEdocNum(), present, until); err != nil || len(kept) == 0 {
			return err
		}
		now := s.clock.Now()
		if err := reckon(ctx, tx, kept, now); err != nil {
			return err
		}
		return tx.Record(ctx, retainedFact(r.GetEdocNum(), kept, until, now))
	})
	if err != nil {
		return nil, err
	}
	answer := &contentv1.RetainContentsResponse{}
	for _, one := range kept {
		answer.Ids = append(answer.Ids, one.String())
	}
	return answer, nil
}

func retainedFact(number string, kept []uuid.UUID, until, at time.Time) journal.Fact {
	message := &contentv1.ContentRetained{EdocNum: number, Until: timestamppb.New(until)}
	for _, one := range kept {
		message.Uploads = append(message.Uploads, one.String())
	}
	return journal.Fact{Subject: id.New().String(), Actor: "unit:certificate", OccurredAt: at, Message: message}
}

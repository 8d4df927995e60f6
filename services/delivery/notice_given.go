package delivery

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// settleGiven writes down the notices whose claim is still ours, with evidence and events.
func (s *service) settleGiven(ctx context.Context, group []notice) error {
	return s.journal.InTx(ctx, func(tx *journal.Tx) error {
		settled, err := markGiven(ctx, tx, group)
		if err != nil {
			return err
		}
		now := s.clock.Now()
		var given []document
		for _, n := range group {
			if settled[n.id] {
				given = append(given, n.document())
			}
		}
		events := make([]journal.Fact, len(given))
		for i, d := range given {
			events[i] = journal.Fact{Subject: d.number, Sender: d.sender, Actor: actor, OccurredAt: now,
				Message: &deliveryv1.NoticeGiven{EdocNum: d.number, Sender: d.sender, Lane: d.lane, GivenAt: timestamppb.New(now)}}
		}
		return errors.Join(
			appendEvidence(ctx, tx, now, "notice_given", given),
			journal.StateByLane(ctx, tx, events, func(i int) platformv1.Lane { return given[i].lane }))
	})
}

// document is what is known of a notice's document without looking it up.
func (n notice) document() document {
	return document{number: n.number, lane: platformv1.Lane(n.lane), sender: n.sender}
}

func markGiven(ctx context.Context, tx pg.DBTX, group []notice) (map[uuid.UUID]bool, error) {
	// Rows are locked in the order in which stopNotices locks them.
	const mark = `
		update notice n
		set    state = 'GIVEN', settled_at = now(), lease_until = null, last_error = null
		from   (select l.id
		        from   notice l join unnest($1::uuid[], $2::text[], $3::integer[]) g(id, owner, attempt) using (id)
		        where  l.owner = g.owner and l.attempt = g.attempt and l.state = 'DUE'
		        order  by l.edoc_num
		        for    update of l) given
		where  n.id = given.id
		returning n.id`
	var ids []uuid.UUID
	var owners []string
	var attempts []int32
	for _, n := range group {
		ids, owners, attempts = append(ids, n.id), append(owners, n.owner), append(attempts, int32(n.attempt))
	}
	rows, err := tx.Query(ctx, mark, ids, owners, attempts)
	if err != nil {
		return nil, fmt.Errorf("mark %d notices as given: %w", len(group), err)
	}
	marked, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("mark %d notices as given: %w", len(group), err)
	}
	settled := make(map[uuid.UUID]bool, len(marked))
	for _, one := range marked {
		settled[one] = true
	}
	return settled, nil
}

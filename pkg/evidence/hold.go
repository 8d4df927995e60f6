package evidence

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/id"
)

// ErrNoEntry says that no entry is kept about a subject or under an id.
var ErrNoEntry = errors.New("no such evidence entry")

// Hold places a legal hold: no partition with an entry about the subject is dropped until Release.
// reference names the order behind it (a file number, never personal data). Without an entry about
// the subject it returns ErrNoEntry.
func Hold(ctx context.Context, tx pgx.Tx, subject, actor, reference string) error {
	return addHold(ctx, tx, subject, "placed", actor, reference)
}

// Release ends the legal hold of a subject. Both stay on record.
func Release(ctx context.Context, tx pgx.Tx, subject, actor, reference string) error {
	return addHold(ctx, tx, subject, "released", actor, reference)
}

func addHold(ctx context.Context, tx pgx.Tx, subject, action, actor, reference string) error {
	// The statement waits for a drop under way (it locks this table) and then no longer finds the entry.
	tag, err := tx.Exec(ctx,
		`insert into evidence_hold (id, subject, action, actor, reference)
		 select $1::uuid, $2, $3, $4, $5
		  where exists (select from evidence_entry where subject = $2)`,
		id.New(), subject, action, actor, reference)
	if err != nil {
		return fmt.Errorf("record legal hold %s: %w", action, err)
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("record legal hold %s: %w", action, ErrNoEntry)
	}
	return nil
}

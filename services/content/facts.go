package content

import (
	"context"
	"time"

	"github.com/naru-relay/naru/pkg/journal"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
)

// actor names this unit where nobody else acted.
const actor = "unit:content"

// recordReceived states, for this unit alone, that a file is here whole and nothing in it is refused.
func recordReceived(ctx context.Context, tx *journal.Tx, u upload, now time.Time) error {
	return tx.Record(ctx, journal.Fact{
		Subject: u.id.String(), Actor: u.principal, OccurredAt: now,
		Message: &contentv1.ContentReceived{Hash: u.digest(), Size: u.size, MediaType: u.mediaType},
	})
}

// recordRefused states that a file was not taken.
func recordRefused(ctx context.Context, tx *journal.Tx, u upload, findings []finding, now time.Time) error {
	return tx.Record(ctx, journal.Fact{
		Subject: u.id.String(), Actor: u.principal, OccurredAt: now, Message: &contentv1.ContentRefused{Reasons: reasonsOf(findings)},
	})
}

// recordDeleted states that the keys of files were destroyed.
func recordDeleted(ctx context.Context, tx *journal.Tx, gone []deletion, now time.Time) error {
	facts := make([]journal.Fact, len(gone))
	for i, d := range gone {
		facts[i] = journal.Fact{Subject: d.id.String(), Actor: d.actor, OccurredAt: now, Message: &contentv1.ContentDeleted{Why: d.why}}
	}
	return tx.Record(ctx, facts...)
}

// destroy deletes uploads that the caller has locked, and states it.
func destroy(ctx context.Context, tx *journal.Tx, gone []deletion, now time.Time) error {
	if len(gone) == 0 {
		return nil
	}
	if err := deleteUploads(ctx, tx, gone, now); err != nil {
		return err
	}
	return recordDeleted(ctx, tx, gone, now)
}

package delivery

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// changes are what has changed about recipients since they were found.
type changes struct {
	// ended holds the addresses that have ended.
	ended map[string]bool
	// choices tells how often a recipient has changed consent and refusals.
	choices map[string]uint32
}

// readChanges reads what has changed about the recipients of the documents that would be delivered.
func readChanges(ctx context.Context, tx pg.DBTX, documents []document, now time.Time) (changes, error) {
	var addresses, recipients []string
	for _, d := range documents {
		if d.state == Delivered || d.state == Depositing {
			addresses, recipients = append(addresses, d.facts.GetTo().GetAddress()), append(recipients, d.facts.GetRecipient())
		}
	}
	since := changes{ended: map[string]bool{}, choices: map[string]uint32{}}
	if len(addresses) == 0 {
		return since, nil
	}
	const read = `
		select address, '', 0 from withdrawn_address where address = any($1) and valid_until <= $2
		union all
		select '', recipient, choices from recipient_choice where recipient = any($3)`
	var address, recipient string
	var choices int32
	return since, pg.Each(ctx, tx, "read what recipients have changed", []any{&address, &recipient, &choices}, func() error {
		if recipient == "" {
			since.ended[address] = true
		} else {
			since.choices[recipient] = uint32(choices) //nolint:gosec // counts from 1
		}
		return nil
	}, read, addresses, now, recipients)
}

func insertWithdrawn(ctx context.Context, tx pg.DBTX, ended map[string]moved) error {
	const insert = `insert into withdrawn_address (address, valid_until, frame_id) values ($1, $2, $3) on conflict do nothing`
	for _, address := range slices.Sorted(maps.Keys(ended)) {
		if err := pg.Exec(ctx, tx, "insert withdrawn address", insert, address, ended[address].at, ended[address].frame); err != nil {
			return err
		}
	}
	return nil
}

// choice is how often a recipient had changed consent and refusals, and the frame that states the last of these changes.
type choice struct {
	choices uint32
	frame   uuid.UUID
}

// upsertChoices keeps the highest count of each recipient, in whatever order they come.
func upsertChoices(ctx context.Context, tx *journal.Tx, newest map[string]choice) error {
	const upsert = `
		insert into recipient_choice as r (recipient, choices, frame_id)
		select * from unnest($1::text[], $2::integer[], $3::uuid[])
		on conflict (recipient) do update
		set    choices = excluded.choices, frame_id = excluded.frame_id
		where  r.choices < excluded.choices`
	recipients := slices.Sorted(maps.Keys(newest))
	return pg.Exec(ctx, tx, fmt.Sprintf("keep choices of %d recipients", len(recipients)), upsert, recipients,
		pg.Column(recipients, func(r string) int32 { return int32(newest[r].choices) }), //nolint:gosec // counts from 1
		pg.Column(recipients, func(r string) uuid.UUID { return newest[r].frame }))
}

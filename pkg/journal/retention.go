package journal

import (
	"context"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pg"
)

// placed are the subjects under legal hold.
const placed = `(select subject from (select distinct on (subject) subject, action from legal_hold order by subject, id desc) h where action = 'placed')`

// Kept describes a table whose partitions are dropped ten years after their end, but not while a subject in them is under legal
// hold. subject is the column, or the expression over a row e of the partition, that a hold names; if it is empty, any hold keeps
// all partitions.
func Kept(table string, kind pg.PartitionKind, with, subject string) pg.Partition {
	guard := `select not exists (select from ` + placed + ` held)`
	if subject != "" {
		guard = `select not exists (select from ${partition} e where ` + subject + ` in ` + placed + `)`
	}
	return pg.Partition{Table: table, Kind: kind, With: with, Retain: pg.Retain{Years: RetentionYears}, Guard: guard, GuardTables: []string{"legal_hold"}}
}

// Hold places a legal hold on a subject: a document's number, or whatever else facts are about. reference names the order behind
// it (a file number, never personal data).
func Hold(ctx context.Context, tx *pg.Tx, subject, actor, reference string) error {
	return addHold(ctx, tx, subject, "placed", actor, reference)
}

// ReleaseHold ends the legal hold of a subject. Both acts stay on record.
func ReleaseHold(ctx context.Context, tx *pg.Tx, subject, actor, reference string) error {
	return addHold(ctx, tx, subject, "released", actor, reference)
}

func addHold(ctx context.Context, tx *pg.Tx, subject, action, actor, reference string) error {
	const insert = `insert into legal_hold (id, subject, action, actor, reference) values ($1, $2, $3, $4, $5)`
	return pg.Exec(ctx, tx, "record legal hold "+action, insert, id.New(), subject, action, actor, reference)
}

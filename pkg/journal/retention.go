package journal

import "github.com/naru-relay/naru/pkg/pg"

// placed are the subjects under legal hold.
const placed = `(select subject from hold_in_force)`

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

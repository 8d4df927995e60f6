package evidence

import (
	"embed"

	"github.com/naru-relay/naru/pkg/pg"
)

//go:embed migrations/*.sql
var migrations embed.FS

// RetentionYears is how long entries are kept after the end of their year (architecture, section 7).
const RetentionYears = 10

// Migrations makes this package's tables in a unit's schema.
func Migrations() pg.Source {
	return pg.Source{Name: "evidence", FS: migrations, Partitions: Partitions()}
}

// Partitions of the entries: by year, dropped whole after the retention unless a subject in them is
// under legal hold or an entry is not anchored.
func Partitions() []pg.Partition {
	return []pg.Partition{{
		Table:  "evidence_entry",
		Kind:   pg.ByYearUUIDv7,
		Retain: pg.Retain{Years: RetentionYears},
		Guard: `select not exists (select
		                             from (select distinct on (subject) subject, action
		                                     from evidence_hold
		                                    order by subject, id desc) h
		                             join ${partition} e on e.subject = h.subject
		                            where h.action = 'placed')
		           and not exists (select
		                             from ${partition}
		                            where xid >= coalesce((select xid_below from evidence_anchor order by seq desc limit 1), '0'))`,
		GuardTables: []string{"evidence_hold"},
	}}
}

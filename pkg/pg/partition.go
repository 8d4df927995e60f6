package pg

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// PartitionKind says by what key and time span a table is partitioned. Upper bounds are exclusive.
type PartitionKind int

// The kinds of partitioning.
const (
	// ByDayUUIDv7 partitions on a UUIDv7 key by its UTC day.
	ByDayUUIDv7 PartitionKind = iota + 1
	// ByYearUUIDv7 partitions on a UUIDv7 key by its UTC year.
	ByYearUUIDv7
	// ByYearText partitions on an edoc number (text collate "C") by the KST year it begins with.
	ByYearText
	// ByMonthUUIDv7 partitions on a UUIDv7 key by its UTC month.
	ByMonthUUIDv7
	// ByDayTime partitions on a timestamptz by UTC day.
	ByDayTime
	// ByMonthTime partitions on a timestamptz by UTC month.
	ByMonthTime
)

// kst is the zone of the date in an edoc number (+09:00 without daylight saving).
var kst = time.FixedZone("KST", 9*60*60)

// Retain is how long a partition is kept after its end. The zero value keeps it forever.
type Retain struct {
	Years, Months, Days int
}

func (r Retain) isZero() bool { return r == Retain{} }

// Partition says how one table of a schema is partitioned and kept.
type Partition struct {
	// Table is the partitioned table; its partitions are <table>_<2026 | 202601 | 20260131>.
	Table string
	Kind  PartitionKind
	// With are storage parameters of each partition, e.g. "fillfactor = 60".
	With string
	// Retain is the age after which a partition may be dropped.
	Retain Retain
	// Guard is a query for one boolean that must be true before a partition is dropped; ${partition} stands for the partition. It
	// is required with Retain, so that nobody forgets to think about rows that must stay:
	//
	//	select not exists (select from ${partition} where published_at is null)
	Guard string
	// GuardTables are the other tables the guard reads. They are locked against new rows between the guard's answer and the drop.
	GuardTables []string
}

const partitionLockTimeout = 3 * time.Second

// Clocks are what retention is judged by.
type Clocks struct {
	// Unit is the unit's clock, and Database the database's.
	Unit, Database time.Time
	// Trusted reports whether the unit's clock may be believed.
	Trusted bool
}

// Expiry is the moment up to which what has had its time may end: past by both clocks. It is zero, before everything, by a clock
// that may not be believed.
func (c Clocks) Expiry() time.Time {
	switch {
	case !c.Trusted:
		return time.Time{}
	case c.Database.Before(c.Unit):
		return c.Database
	default:
		return c.Unit
	}
}

// mostMissed bounds how many partitions are made for a time in which nobody made any.
const mostMissed = 100

// MaintainPartitions makes the partitions that are missing around now, by both clocks, and since the last that was made; and
// drops those past their retention whose guard agrees. It runs as the tables' owner; several replicas may run it at once. A table
// that was busy for longer than 3 s gives an error and is tried at the next run.
func MaintainPartitions[DB Beginner](ctx context.Context, db DB, parts []Partition, now Clocks) error {
	var failures error
	for _, p := range parts {
		if err := maintain(ctx, db, p, now); err != nil {
			failures = errors.Join(failures, fmt.Errorf("maintain partitions of %s: %w", p.Table, err))
		}
	}
	return failures
}

// CheckPartitions reports by name the partitions that are missing for now or for the near future (one day, or seven days for
// months and years). An error means that the unit cannot work.
func CheckPartitions(ctx context.Context, db DBTX, parts []Partition, now time.Time) error {
	var failures error
	for _, p := range parts {
		if err := p.check(); err != nil {
			failures = errors.Join(failures, err)
			continue
		}
		existing, err := attached(ctx, db, p.Table)
		if err != nil {
			failures = errors.Join(failures, err)
			continue
		}
		needed := []span{p.spanAt(now)}
		if soon := p.spanAt(now.Add(p.period().margin)); soon.name != needed[0].name {
			needed = append(needed, soon)
		}
		for _, s := range needed {
			if !existing[s.name] {
				failures = errors.Join(failures, fmt.Errorf("partition %s is missing", s.name))
			}
		}
	}
	return failures
}

func maintain[DB Beginner](ctx context.Context, db DB, p Partition, now Clocks) error {
	if err := p.check(); err != nil {
		return err
	}
	var existing map[string]bool
	err := InTx(ctx, db, func(tx *Tx) error {
		var err error
		existing, err = attached(ctx, tx, p.Table)
		return err
	})
	if err != nil {
		return err
	}
	var failures error
	for _, s := range p.wanted(existing, now) {
		if !existing[s.name] {
			failures = errors.Join(failures, create(ctx, db, p, s))
		}
	}
	for name := range existing {
		s, ok := p.parse(name)
		if ok && p.expired(s, now.Expiry()) {
			failures = errors.Join(failures, drop(ctx, db, p, name))
		}
	}
	return failures
}

// wanted are the partitions that should be there: around each clock's present, and since the last before it, because what was
// made while nobody made partitions may still arrive. They are sorted, and none is past its retention by either clock.
func (p Partition) wanted(existing map[string]bool, now Clocks) []span {
	byName := map[string]span{}
	for _, present := range []time.Time{now.Unit, now.Database} {
		// Start one before the present partition, for keys that arrive late.
		s := p.spanAt(p.spanAt(present).start.Add(-time.Hour))
		for range 2 + p.period().ahead {
			byName[s.name] = s
			s = p.spanAt(s.end)
		}
		s = p.spanAt(p.spanAt(present).start.Add(-time.Hour))
		var missed []span
		for len(existing) > 0 && !existing[s.name] && len(missed) < mostMissed {
			missed = append(missed, s)
			s = p.spanAt(s.start.Add(-time.Hour))
		}
		if existing[s.name] {
			for _, one := range missed {
				byName[one.name] = one
			}
		}
	}
	wanted := slices.SortedFunc(maps.Values(byName), func(a, b span) int { return a.start.Compare(b.start) })
	return slices.DeleteFunc(wanted, func(s span) bool { return p.expired(s, now.Unit) || p.expired(s, now.Database) })
}

// create makes a table like the parent and attaches it. "create table … partition of" would block every reader of the parent;
// attaching blocks none.
func create[DB Beginner](ctx context.Context, db DB, p Partition, s span) error {
	return InTx(ctx, db, func(tx *Tx) error {
		existing, err := lockForChange(ctx, tx, p.Table)
		if err != nil || existing[s.name] {
			return err
		}
		with := ""
		if p.With != "" {
			with = " with (" + p.With + ")"
		}
		name, parent := pgx.Identifier{s.name}.Sanitize(), pgx.Identifier{p.Table}.Sanitize()
		from, to := p.bound(s.start), p.bound(s.end)
		for _, stmt := range []string{
			fmt.Sprintf(`create table %s (like %s including defaults including constraints including generated including storage including compression)%s`,
				name, parent, with),
			fmt.Sprintf(`alter table %s attach partition %s for values from ('%s') to ('%s')`, parent, name, from, to),
		} {
			if err := Exec(ctx, tx, "create partition "+s.name, stmt); err != nil {
				return err
			}
		}
		return nil
	})
}

// drop asks the guard and drops within one transaction that locks writers out of the partition, so that the answer is still true
// when the partition is dropped.
func drop[DB Beginner](ctx context.Context, db DB, p Partition, name string) error {
	return InTx(ctx, db, func(tx *Tx) error {
		existing, err := lockForChange(ctx, tx, p.Table)
		if err != nil || !existing[name] {
			return err
		}
		quoted := pgx.Identifier{name}.Sanitize()
		locks := []string{fmt.Sprintf(`lock table %s in exclusive mode`, quoted)}
		for _, t := range p.GuardTables {
			locks = append(locks, fmt.Sprintf(`lock table %s in share mode`, pgx.Identifier{t}.Sanitize()))
		}
		for _, stmt := range locks {
			if err := Exec(ctx, tx, "drop partition "+name, stmt); err != nil {
				return err
			}
		}
		agreed, err := Value[bool](ctx, tx, "ask guard of partition "+name, strings.ReplaceAll(p.Guard, "${partition}", quoted))
		if err != nil {
			return err
		}
		if !agreed {
			return nil
		}
		return Exec(ctx, tx, "drop partition "+name, `drop table `+quoted)
	})
}

// lockForChange lets one replica at a time change a table's partitions and returns those that exist.
func lockForChange(ctx context.Context, tx *Tx, table string) (map[string]bool, error) {
	tx.LimitLockWait(partitionLockTimeout)
	schema, err := Value[string](ctx, tx, "read schema", `select current_schema()`)
	if err != nil {
		return nil, err
	}
	if err := LockTx(ctx, tx, schema+"/partition/"+table); err != nil {
		return nil, err
	}
	return attached(ctx, tx, table)
}

// attached names the partitions of a table of the present schema.
func attached(ctx context.Context, db DBTX, table string) (map[string]bool, error) {
	const list = `
		select c.relname
		from   pg_catalog.pg_inherits i
		join   pg_catalog.pg_class c on c.oid = i.inhrelid
		join   pg_catalog.pg_class p on p.oid = i.inhparent
		where  p.relname = $1
		  and  p.relnamespace = (select oid from pg_catalog.pg_namespace where nspname = current_schema())
		  and  not i.inhdetachpending`
	return Set[string](ctx, db, "list partitions of "+table, list, table)
}

// span is the time one partition covers.
type span struct {
	name       string
	start, end time.Time
}

func (p Partition) zone() *time.Location {
	if p.Kind == ByYearText {
		return kst
	}
	return time.UTC
}

// period is how much time a partition covers and how it is named.
type period struct {
	years, months, days int
	suffix              string
	// ahead is how many partitions are made beyond the present one; margin is how long before its start the next must exist.
	ahead  int
	margin time.Duration
}

func (p Partition) period() period {
	switch p.Kind {
	case ByYearUUIDv7, ByYearText:
		return period{years: 1, suffix: "2006", ahead: 1, margin: 7 * 24 * time.Hour}
	case ByMonthTime, ByMonthUUIDv7:
		return period{months: 1, suffix: "200601", ahead: 2, margin: 7 * 24 * time.Hour}
	default:
		return period{days: 1, suffix: "20060102", ahead: 7, margin: 24 * time.Hour}
	}
}

func (p Partition) spanAt(t time.Time) span {
	zone, of := p.zone(), p.period()
	name := t.In(zone).Format(of.suffix)
	start, _ := time.ParseInLocation(of.suffix, name, zone) // it was written in this form
	return span{name: p.Table + "_" + name, start: start, end: start.AddDate(of.years, of.months, of.days)}
}

// parse reads a partition's span from its name; partitions with other names are not made here and are never dropped.
func (p Partition) parse(name string) (span, bool) {
	suffix, ok := strings.CutPrefix(name, p.Table+"_")
	if !ok {
		return span{}, false
	}
	t, err := time.ParseInLocation(p.period().suffix, suffix, p.zone())
	if err != nil {
		return span{}, false
	}
	s := p.spanAt(t)
	return s, s.name == name
}

func (p Partition) expired(s span, now time.Time) bool {
	return !p.Retain.isZero() && s.end.AddDate(p.Retain.Years, p.Retain.Months, p.Retain.Days).Before(now)
}

// bound is the literal of a partition bound.
func (p Partition) bound(t time.Time) string {
	switch p.Kind {
	case ByDayUUIDv7, ByMonthUUIDv7, ByYearUUIDv7:
		return uuidFloor(t).String()
	case ByYearText:
		return t.In(kst).Format("2006") + "0000"
	default:
		return t.UTC().Format("2006-01-02 15:04:05+00")
	}
}

// uuidFloor is the smallest UUID whose first 48 bits are t in milliseconds (RFC 9562 §5.7): every UUIDv7 made at or after t sorts
// behind it.
func uuidFloor(t time.Time) uuid.UUID {
	var u uuid.UUID
	binary.BigEndian.PutUint64(u[:8], uint64(t.UnixMilli())<<16) // after 1970
	return u
}

func (p Partition) check() error {
	switch {
	case !schemaPattern.MatchString(p.Table):
		return errors.New("partitioned table's name must be 1 to 40 characters of a-z 0-9 _ beginning with a letter")
	case p.Kind < ByDayUUIDv7 || p.Kind > ByMonthTime:
		return fmt.Errorf("table %s: unknown kind of partitioning %d", p.Table, p.Kind)
	case !p.Retain.isZero() && p.Guard == "":
		return fmt.Errorf("table %s: a retention needs a guard", p.Table)
	default:
		return nil
	}
}

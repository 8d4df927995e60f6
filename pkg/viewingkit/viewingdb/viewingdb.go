// Package viewingdb keeps the log and the outbox of viewingkit in PostgreSQL, in two tables that live in the schema of the
// viewing system (Migrations). Several processes may share them.
package viewingdb

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/viewingkit"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations of both tables, a source for pg.Migrate.
var Migrations fs.FS = migrations

// Store is a viewingkit.Log and a viewingkit.Outbox.
type Store struct{ db *pgxpool.Pool }

var (
	_ viewingkit.Log    = (*Store)(nil)
	_ viewingkit.Outbox = (*Store)(nil)
)

// New makes a Store over a migrated schema.
func New(db *pgxpool.Pool) (*Store, error) {
	if db == nil {
		return nil, errors.New("make viewing store: no database")
	}
	return &Store{db: db}, nil
}

const lastEntrySQL = `
	select seq, digest
	  from viewing_log
	 order by seq desc
	 limit 1`

const insertEntrySQL = `
	insert into viewing_log (seq, prev, digest, record)
	values ($1, $2, $3, $4)`

// Append implements viewingkit.Log. Appends wait for each other: a chain has one end.
func (s *Store) Append(ctx context.Context, check viewingkit.Check) (viewingkit.Entry, error) {
	var entry viewingkit.Entry
	err := pg.InTx(ctx, s.db, func(tx *pg.Tx) error {
		if err := pg.LockTx(ctx, tx, "viewing_log/append"); err != nil {
			return err
		}
		head := viewingkit.EmptyHead()
		if _, err := pg.Scan(ctx, tx, "read end of viewing log", []any{&head.Seq, &head.Digest}, lastEntrySQL); err != nil {
			return err
		}
		var err error
		if entry, err = head.Follow(check); err != nil {
			return err
		}
		return pg.Exec(ctx, tx, "append to viewing log", insertEntrySQL, entry.Seq, entry.Prev, entry.Digest, []byte(entry.Record))
	})
	return entry, err
}

const entriesSQL = `
	select seq, prev, digest, record
	  from viewing_log
	 where seq > $1
	 order by seq
	 limit $2`

// page is how many entries are read at once.
const page = 500

// Entries reads the log after seq in order, for viewingkit.VerifyChain (after 0) and for showing.
func (s *Store) Entries(ctx context.Context, seq int64) iter.Seq2[viewingkit.Entry, error] {
	return func(yield func(viewingkit.Entry, error) bool) {
		for {
			entries, err := pg.All(ctx, s.db, "read viewing log", func(row pgx.CollectableRow) (viewingkit.Entry, error) {
				var e viewingkit.Entry
				var record []byte
				err := row.Scan(&e.Seq, &e.Prev, &e.Digest, &record)
				e.Record = json.RawMessage(record)
				return e, err
			}, entriesSQL, seq, page)
			if err != nil {
				yield(viewingkit.Entry{}, err)
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
				seq = e.Seq
			}
			if len(entries) < page {
				return
			}
		}
	}
}

const putReportSQL = `
	insert into read_report (report_id, report, attempt, due_at, last_error)
	values ($1, $2, $3, $4, $5)
	    on conflict (report_id) do nothing`

// Put implements viewingkit.Outbox.
func (s *Store) Put(ctx context.Context, p viewingkit.PendingReport) error {
	return pg.Exec(ctx, s.db, "put read report", putReportSQL, p.ID, p.Report, p.Attempt, p.DueAt, p.LastError)
}

// dueSQL leases by moving due_at: a process that dies with reports in its hands leaves them due again after the lease.
const dueSQL = `
	with due as (
	    select report_id, due_at as was_due
	      from read_report
	     where state = 'PENDING' and due_at <= $1
	     order by due_at
	     limit $2
	       for update skip locked
	), leased as (
	    update read_report r
	       set due_at = $3
	      from due d
	     where r.report_id = d.report_id
	    returning r.report_id, r.report, r.attempt, d.was_due, r.last_error
	)
	select report_id::text, report, attempt, was_due, last_error
	  from leased
	 order by was_due`

// Due implements viewingkit.Outbox.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) ([]viewingkit.PendingReport, error) {
	return pg.All(ctx, s.db, "lease read reports", pendingReport, dueSQL, now, limit, now.Add(viewingkit.ReportLease))
}

const settleSQL = `
	update read_report
	   set state = $2, attempt = $3, due_at = $4, last_error = $5
	 where report_id = $1 and state = 'PENDING'`

// Settle implements viewingkit.Outbox; a report that is settled stays so.
func (s *Store) Settle(ctx context.Context, p viewingkit.PendingReport, state viewingkit.ReportState) error {
	return pg.Exec(ctx, s.db, "settle read report", settleSQL, p.ID, string(state), p.Attempt, p.DueAt, p.LastError)
}

const reportsSQL = `
	select report_id::text, report, attempt, due_at, last_error
	  from read_report
	 where state = $1
	 order by due_at
	 limit 1000`

// Reports lists up to 1,000 reports in a state, for showing.
func (s *Store) Reports(ctx context.Context, state viewingkit.ReportState) ([]viewingkit.PendingReport, error) {
	return pg.All(ctx, s.db, "list read reports", pendingReport, reportsSQL, string(state))
}

func pendingReport(row pgx.CollectableRow) (p viewingkit.PendingReport, err error) {
	err = row.Scan(&p.ID, &p.Report, &p.Attempt, &p.DueAt, &p.LastError)
	return p, err
}

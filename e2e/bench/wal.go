package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// walShares splits the write-ahead log of a round by database, in bytes per document.
type walShares struct {
	// Units is the cluster's less the sandbox's; what belongs to no database counts for the units.
	Units   float64 `json:"unitsBytes"`
	Sandbox float64 `json:"sandboxBytes"`
	// UnitsImages is the units' part in full-page images; UnitsRecords counts the units' records.
	UnitsImages  float64 `json:"unitsFullPageImageBytes"`
	UnitsRecords float64 `json:"unitsRecords"`
	Compression  string  `json:"walCompression"`
	// Problem says why the shares are unknown; Units is then the cluster's log.
	Problem string `json:"problem,omitempty"`
}

// shareWAL reads the log itself after the round (pg_walinspect), so it costs the round nothing. A record belongs to the database
// of the first block that it changes. A record without blocks, for example a commit, belongs to the database of its transaction.
func (s *stack) shareWAL(ctx context.Context, from string, r round) *walShares {
	shares := &walShares{Units: r.WALBytes}
	if err := s.readWAL(ctx, from, r, shares); err != nil {
		shares.Problem = err.Error()
	}
	return shares
}

func (s *stack) readWAL(ctx context.Context, from string, r round, shares *walShares) error {
	if _, err := s.db.Exec(ctx, "create extension if not exists pg_walinspect"); err != nil {
		return fmt.Errorf("look into the write-ahead log: %w", err)
	}
	rows, err := s.db.Query(ctx, `
		with record as materialized (
			select xid::text as xid, record_length, fpi_length, substring(block_ref from 'rel [0-9]+/([0-9]+)/')::oid as db
			from   pg_get_wal_records_info($1::pg_lsn, pg_current_wal_flush_lsn())),
		owner as (
			select xid, min(db) as db from record where db <> 0 and xid <> '0' group by xid)
		select coalesce(d.datname, ''), sum(record_length)::float8, sum(fpi_length)::float8, count(*)::float8, current_setting('wal_compression')
		from   record r
		       left join owner o using (xid)
		       left join pg_database d on d.oid = coalesce(nullif(r.db, 0), o.db)
		group by 1`, from)
	if err != nil {
		return fmt.Errorf("look into the write-ahead log: %w", err)
	}
	var name string
	var bytes, images, records, all, sandbox float64
	if _, err := pgx.ForEachRow(rows, []any{&name, &bytes, &images, &records, &shares.Compression}, func() error {
		all += bytes
		if name == sandboxDatabase {
			sandbox = bytes
			return nil
		}
		shares.UnitsImages += images
		shares.UnitsRecords += records
		return nil
	}); err != nil {
		return fmt.Errorf("look into the write-ahead log: %w", err)
	}
	// Records lack the headers and padding of pages. So the shares come from the records, and the total from the positions in the
	// log.
	documents := float64(r.Documents)
	shares.Sandbox = rounded(r.WALBytes*sandbox/all, 0)
	shares.Units = r.WALBytes - shares.Sandbox
	shares.UnitsImages, shares.UnitsRecords = rounded(shares.UnitsImages/documents, 0), rounded(shares.UnitsRecords/documents, 1)
	return nil
}

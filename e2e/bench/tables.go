package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// This file contains everything that reads the units' tables. It only counts, and not during measured time.

// inInbox counts a round's documents in recipients' inboxes.
func (s *stack) inInbox(ctx context.Context, round string) (n int64, err error) {
	if err := s.db.QueryRow(ctx, `
		select count(*)
		from   intake.own_key k
		       join delivery.delivery d using (edoc_num)
		where  k.own_key >= $1 and k.own_key < $2 and d.state = 'DELIVERED'`, round+"-", round+".").Scan(&n); err != nil {
		return 0, fmt.Errorf("count inboxes: %w", err)
	}
	return n, nil
}

// rowWritesQuery counts the row writes of the units' database since its creation. The report contains it.
const rowWritesQuery = `
select schemaname || '.' || relname, n_tup_ins, n_tup_upd, n_tup_del
from   pg_stat_user_tables
where  n_tup_ins + n_tup_upd + n_tup_del > 0`

// tableWrites are the writes of one table.
type tableWrites struct {
	Table   string  `json:"table"`
	Inserts float64 `json:"inserts"`
	Updates float64 `json:"updates"`
	Deletes float64 `json:"deletes"`
}

func (t tableWrites) all() float64 { return t.Inserts + t.Updates + t.Deletes }

const (
	// An idle session reports its counters at the latest 10 s after its last report (PGSTAT_IDLE_INTERVAL).
	toldAfter = 11 * time.Second
	toldPoll  = time.Second
)

// rowWrites reads the counters after the relay is at rest and they change only by its idle work. Then every session has reported.
func (s *stack) rowWrites(ctx context.Context) (map[string]tableWrites, error) {
	if err := wait(ctx, toldAfter); err != nil {
		return nil, err
	}
	var last map[string]tableWrites
	return last, poll(ctx, toldPoll, func() (bool, error) {
		now, err := s.readWrites(ctx)
		if err != nil {
			return false, err
		}
		const idle = 50
		same := last != nil && total(now)-total(last) < idle
		last = now
		return same, nil
	})
}

func (s *stack) readWrites(ctx context.Context) (map[string]tableWrites, error) {
	rows, err := s.db.Query(ctx, rowWritesQuery)
	if err != nil {
		return nil, fmt.Errorf("count row writes: %w", err)
	}
	read, err := pgx.CollectRows(rows, pgx.RowToStructByPos[tableWrites])
	if err != nil {
		return nil, fmt.Errorf("count row writes: %w", err)
	}
	byTable := map[string]tableWrites{}
	for _, t := range read {
		byTable[t.Table] = t
	}
	return byTable, nil
}

func total(tables map[string]tableWrites) (sum float64) {
	for _, t := range tables {
		sum += t.all()
	}
	return sum
}

// writesPerDocument returns the writes per document between two counts, most writes first. Tables below a hundredth are not
// listed, but are part of the sum.
func writesPerDocument(before, after map[string]tableWrites, documents float64) (sum float64, list []tableWrites) {
	for name, a := range after {
		b := before[name]
		t := tableWrites{
			Table: name, Inserts: (a.Inserts - b.Inserts) / documents, Updates: (a.Updates - b.Updates) / documents, Deletes: (a.Deletes - b.Deletes) / documents,
		}
		sum += t.all()
		if t.all() >= 0.01 {
			list = append(list, tableWrites{name, rounded(t.Inserts, 2), rounded(t.Updates, 2), rounded(t.Deletes, 2)})
		}
	}
	slices.SortFunc(list, func(x, y tableWrites) int {
		if d := y.all() - x.all(); d != 0 {
			return int(d * 1e6)
		}
		return strings.Compare(x.Table, y.Table)
	})
	return rounded(sum, 2), list
}

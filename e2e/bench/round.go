package main

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// round is one measurement, of the floor or of the product.
type round struct {
	// Documents is the number of documents or calls, depending on the row.
	Documents int     `json:"documents"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"perSecond"`
	// WALBytes is the write-ahead log of the cluster per document.
	WALBytes float64 `json:"walBytes"`
	CPU      cpu     `json:"cpu"`
	// Rounds that follow documents to the end have more facts.
	*followed
}

// followed holds the facts about a round whose documents were followed to the end.
type followed struct {
	Counts counts `json:"counts"`
	// Stages say when the last document reached each stage, in seconds from the first send.
	Stages stages `json:"lastDocumentAtSecond"`
	// Retries are requests sent again because the relay had no room.
	Retries int64 `json:"retries"`
	// Looks is the number of completion checks. ProbeShare is their processor time (at the price of a check at rest) as a share
	// of the round's.
	Looks      int64   `json:"looks"`
	ProbeShare float64 `json:"probeShare"`
	// PendingAtCompletion is the work, by gauge, that was left after the measured time. SettledAfter is how many seconds it took.
	PendingAtCompletion map[string]float64 `json:"pendingAtCompletion"`
	SettledAfter        float64            `json:"settledAfterSeconds"`
	// WAL by database; only for rounds of the row that measures costs per document.
	WAL *walShares `json:"wal,omitempty"`
}

// counts of one round or of all rounds. If they differ, the measurement is invalid.
type counts struct {
	Sent     int64 `json:"sent"`
	Accepted int64 `json:"accepted"`
	// Inbox counts the documents in recipients' inboxes, read from delivery's table.
	Inbox int64 `json:"inbox"`
	// Hub counts circulation records, read from the sandbox hub's inspection.
	Hub int64 `json:"hub"`
	// Status counts the documents that are complete according to the public door.
	Status int64 `json:"status"`
	Equal  bool  `json:"equal"`
}

func (c *counts) judge() {
	c.Equal = c.Accepted == c.Sent && c.Inbox == c.Sent && c.Hub == c.Sent && c.Status == c.Sent
}

type stages struct {
	Answered   float64 `json:"answered"`
	Received   float64 `json:"received"`
	Registered float64 `json:"registered"`
}

// mark is a moment from which to measure.
type mark struct {
	at    time.Time
	usage usage
	wal   string
}

// mark begins a measurement. First it makes a checkpoint and a garbage collection, so that earlier work does not count.
func (s *stack) mark(ctx context.Context) (mark, error) {
	if err := s.checkpoint(ctx); err != nil {
		return mark{}, err
	}
	if _, err := s.relay.order(order{Heap: true}); err != nil {
		return mark{}, err
	}
	runtime.GC()
	return s.markNow(ctx)
}

func (s *stack) markNow(ctx context.Context) (m mark, err error) {
	if m.usage, err = s.readUsage(ctx); err != nil {
		return m, err
	}
	if err := s.db.QueryRow(ctx, "select pg_current_wal_lsn()::text").Scan(&m.wal); err != nil {
		return m, fmt.Errorf("read the write-ahead log's position: %w", err)
	}
	m.at = s.clock.Now()
	return m, nil
}

// since measures from a mark until ended, which is now or just before.
func (s *stack) since(ctx context.Context, before mark, ended time.Time, documents int) (round, error) {
	after, err := s.markNow(ctx)
	if err != nil {
		return round{}, err
	}
	var wal float64
	if err := s.db.QueryRow(ctx, "select pg_wal_lsn_diff($1::pg_lsn, $2::pg_lsn)::float8", after.wal, before.wal).Scan(&wal); err != nil {
		return round{}, fmt.Errorf("compare positions of the write-ahead log: %w", err)
	}
	took := ended.Sub(before.at)
	return round{
		Documents: documents, Seconds: rounded(took.Seconds(), 3), PerSecond: rounded(float64(documents)/took.Seconds(), 1),
		WALBytes: rounded(wal/float64(documents), 0), CPU: after.usage.since(before.usage, documents, took),
	}, nil
}

package main

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// round is one measurement, of the floor or of the product.
type round struct {
	// Documents are documents or calls, whatever the row counts.
	Documents int     `json:"documents"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"perSecond"`
	// WALBytes are the cluster's, a document.
	WALBytes float64 `json:"walBytes"`
	CPU      cpu     `json:"cpu"`
	// The rest is told of rounds that follow documents to the end.
	*followed
}

// followed is what is known of a round whose documents were followed to the end.
type followed struct {
	Counts counts `json:"counts"`
	// Stages tell when the last document came so far, in seconds from the first send.
	Stages stages `json:"lastDocumentAtSecond"`
	// Retries are requests sent again because the relay had no room.
	Retries int64 `json:"retries"`
	// Looks for completion, and the processor time they took by the price of a look at rest, as a share of the round's.
	Looks      int64   `json:"looks"`
	ProbeShare float64 `json:"probeShare"`
	// PendingAtCompletion is the work the time does not hold, by gauge; SettledAfter the seconds until it was done.
	PendingAtCompletion map[string]float64 `json:"pendingAtCompletion"`
	SettledAfter        float64            `json:"settledAfterSeconds"`
	// WAL by database; told of the rounds of the row per document.
	WAL *walShares `json:"wal,omitempty"`
}

// counts of one round or of all. They agree or the measurement is worth nothing.
type counts struct {
	Sent     int64 `json:"sent"`
	Accepted int64 `json:"accepted"`
	// Inbox counts documents in recipients' inboxes, in delivery's table.
	Inbox int64 `json:"inbox"`
	// Hub counts circulation records, by the sandbox hub's own inspection.
	Hub int64 `json:"hub"`
	// Status counts documents told over the public door as complete.
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

// mark is a moment to measure from.
type mark struct {
	at    time.Time
	usage usage
	wal   string
}

// mark begins a measurement: a checkpoint and a collection come first, so that nobody pays for what went before.
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

// since measures from a mark until a moment that is now or was just before.
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

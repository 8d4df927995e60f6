package viewingkit

import (
	"context"
	"time"
)

// PendingReport is a read report on its way to the relay.
type PendingReport struct {
	// ID is a UUID given by the Viewer.
	ID     string     `json:"id"`
	Report ReadReport `json:"report"`
	// Attempt counts deliveries tried, DueAt is when the next is.
	Attempt int       `json:"attempt"`
	DueAt   time.Time `json:"dueAt"`
	// LastError says why the last attempt failed.
	LastError string `json:"lastError,omitempty"`
}

// Outbox keeps read reports until the relay has accepted or refused them. Each method MUST be durable when it returns.
type Outbox interface {
	// Put adds a report, due at its DueAt.
	Put(ctx context.Context, p PendingReport) error
	// Due takes up to limit reports due at now, the longest due first, and leases them for one minute: nobody else gets them
	// meanwhile.
	Due(ctx context.Context, now time.Time, limit int) ([]PendingReport, error)
	// Settle stores the result of an attempt.
	Settle(ctx context.Context, p PendingReport, state ReportState) error
}

// ReportState says where a report stands.
type ReportState string

// Report states.
const (
	// ReportPending is tried again at DueAt.
	ReportPending ReportState = "PENDING"
	// ReportDelivered was taken by the relay.
	ReportDelivered ReportState = "DELIVERED"
	// ReportRefused was judged and refused by the relay; it is kept for a person.
	ReportRefused ReportState = "REFUSED"
)

// ReportLease is how long Due keeps a report from others.
const ReportLease = time.Minute

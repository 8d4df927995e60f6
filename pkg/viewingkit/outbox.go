package viewingkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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
	// LastError tells why the last attempt did not succeed.
	LastError string `json:"lastError,omitempty"`
}

// Outbox keeps read reports until the relay has taken or refused them. Each
// method MUST be durable when it returns.
type Outbox interface {
	// Put adds a report, due at its DueAt.
	Put(ctx context.Context, p PendingReport) error
	// Due takes up to limit reports due at now, the longest due first, and leases
	// them for one minute: nobody else gets them meanwhile.
	Due(ctx context.Context, now time.Time, limit int) ([]PendingReport, error)
	// Settle stores what became of an attempt.
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

// FileOutbox keeps each report in a file of a folder; refused ones go to the
// folder "refused" in it. One process at a time may use it.
type FileOutbox struct {
	dir    string
	mu     sync.Mutex
	leased map[string]time.Time
}

const (
	refusedDir  = "refused"
	reportExt   = ".json"
	privateDir  = 0o700
	privateFile = 0o600
)

// OpenFileOutbox opens or makes the outbox in dir.
func OpenFileOutbox(dir string) (*FileOutbox, error) {
	if err := os.MkdirAll(filepath.Join(dir, refusedDir), privateDir); err != nil {
		return nil, fmt.Errorf("open outbox: %w", err)
	}
	return &FileOutbox{dir: dir, leased: map[string]time.Time{}}, nil
}

// Put implements Outbox.
func (o *FileOutbox) Put(_ context.Context, p PendingReport) error {
	if !ValidID(p.ID) {
		return errors.New("put report: the id is not valid")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.write(o.dir, p)
}

// Due implements Outbox. The lease lives in memory: whoever starts anew may try
// again at once, the relay takes a repeated report as the same.
func (o *FileOutbox) Due(_ context.Context, now time.Time, limit int) ([]PendingReport, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	files, err := os.ReadDir(o.dir)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	var due []PendingReport
	for _, f := range files {
		id, ok := strings.CutSuffix(f.Name(), reportExt)
		if !ok || f.IsDir() || now.Before(o.leased[id]) {
			continue
		}
		p, err := readReport(filepath.Join(o.dir, f.Name()))
		if err != nil {
			return nil, err
		}
		if !p.DueAt.After(now) {
			due = append(due, p)
		}
	}
	slices.SortFunc(due, func(a, b PendingReport) int { return a.DueAt.Compare(b.DueAt) })
	due = due[:min(limit, len(due))]
	for _, p := range due {
		o.leased[p.ID] = now.Add(ReportLease)
	}
	return due, nil
}

// Settle implements Outbox.
func (o *FileOutbox) Settle(_ context.Context, p PendingReport, state ReportState) error {
	if !ValidID(p.ID) {
		return errors.New("settle report: the id is not valid")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.leased, p.ID)
	if state == ReportPending {
		return o.write(o.dir, p)
	}
	if state == ReportRefused {
		if err := o.write(filepath.Join(o.dir, refusedDir), p); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(o.dir, p.ID+reportExt)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("settle report: %w", err)
	}
	return syncDir(o.dir)
}

func readReport(path string) (PendingReport, error) {
	var p PendingReport
	content, err := os.ReadFile(path) //nolint:gosec // a name from our own folder
	if err != nil {
		return p, fmt.Errorf("read report: %w", err)
	}
	if err := json.Unmarshal(content, &p); err != nil {
		return p, fmt.Errorf("read report %s: %w", filepath.Base(path), err)
	}
	return p, nil
}

// write replaces a report's file in one step.
func (o *FileOutbox) write(dir string, p PendingReport) (err error) {
	content, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	draft := filepath.Join(dir, p.ID+".new")
	f, err := os.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, privateFile) //nolint:gosec // a checked id
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(draft, filepath.Join(dir, p.ID+reportExt))
	}
	if err != nil {
		return fmt.Errorf("write report: %w", errors.Join(err, os.Remove(draft)))
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // our own folder
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}

package intake

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/pg"
)

const (
	// directoryAge is how long a good answer is reused. A suspension or withdrawal therefore takes effect within this time.
	directoryAge = time.Second
	// directorySize bounds what is remembered; when it is reached, everything is forgotten.
	directorySize = 10000
)

// senderRecord is what is known of a sender.
type senderRecord struct {
	suspended bool
	// address is nil where none is registered.
	address *senderAddress
}

type senderAddress struct {
	address, platform string
	validFrom         time.Time
}

// directory answers from the projections who a sender is and which viewing systems serve it. It remembers only good answers, so
// what has just become allowed is allowed at once.
type directory struct {
	db    pg.DBTX
	clock clock.Clock

	mu      sync.Mutex
	senders map[uuid.UUID]remembered
	served  map[serving]time.Time
}

type remembered struct {
	record senderRecord
	at     time.Time
}

// serving is a viewing system serving a sender.
type serving struct{ sender, viewingSystem uuid.UUID }

func newDirectory(db pg.DBTX, c clock.Clock) *directory {
	d := &directory{db: db, clock: c}
	d.forget()
	return d
}

func (d *directory) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.senders, d.served = make(map[uuid.UUID]remembered), make(map[serving]time.Time)
}

func (d *directory) sender(ctx context.Context, tenant uuid.UUID, now time.Time) (senderRecord, error) {
	d.mu.Lock()
	known, ok := d.senders[tenant]
	d.mu.Unlock()
	if ok && now.Sub(known.at).Abs() < directoryAge {
		return known.record, nil
	}
	record, err := readSender(ctx, d.db, tenant, now)
	if err != nil || record.suspended || record.address == nil {
		return record, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.senders) >= directorySize {
		clear(d.senders)
	}
	d.senders[tenant] = remembered{record, now}
	return record, nil
}

// serving tells which of the viewing systems serve the sender.
func (d *directory) serving(ctx context.Context, tenant uuid.UUID, systems map[uuid.UUID]bool, now time.Time) (map[uuid.UUID]bool, error) {
	answer := make(map[uuid.UUID]bool, len(systems))
	var unknown []uuid.UUID
	d.mu.Lock()
	for system := range systems {
		if at, ok := d.served[serving{tenant, system}]; ok && now.Sub(at).Abs() < directoryAge {
			answer[system] = true
			continue
		}
		unknown = append(unknown, system)
	}
	d.mu.Unlock()
	if len(unknown) == 0 {
		return answer, nil
	}
	found, err := readServing(ctx, d.db, tenant, unknown)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.served)+len(found) > directorySize {
		clear(d.served)
	}
	for _, system := range found {
		answer[system] = true
		d.served[serving{tenant, system}] = now
	}
	return answer, nil
}

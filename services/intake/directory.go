package intake

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
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

func readSender(ctx context.Context, db pg.DBTX, tenant uuid.UUID, now time.Time) (senderRecord, error) {
	// An address is registered from its newest registration on, unless it was withdrawn after that. If several are registered,
	// the one the gateway names counts.
	const read = `
		select p.suspended, a.address, a.platform_id, a.valid_from
		from   principal p
		left   join lateral (
		         select s.address, s.platform_id, s.valid_from
		         from   sender_address s
		         where  s.principal = p.id
		           and  s.valid_from <= $3
		           and  (s.valid_until is null or s.valid_until < s.valid_from)
		         order  by s.address = p.address desc, s.valid_from desc, s.address
		         limit  1) a on true
		where  p.id = $1 and p.kind = $2`
	var record senderRecord
	var address, platform *string
	var validFrom *time.Time
	into := []any{&record.suspended, &address, &platform, &validFrom}
	if _, err := pg.Scan(ctx, db, "read sender", into, read, tenant, int16(platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER), now); err != nil {
		return senderRecord{}, err
	}
	if address != nil && platform != nil && validFrom != nil {
		record.address = &senderAddress{address: *address, platform: *platform, validFrom: clock.Canonical(*validFrom)}
	}
	return record, nil
}

func readServing(ctx context.Context, db pg.DBTX, tenant uuid.UUID, systems []uuid.UUID) ([]uuid.UUID, error) {
	const read = `
		select id
		from   principal
		where  id = any($1::uuid[]) and kind = $2 and not suspended and $3::uuid = any(senders)`
	return pg.All(ctx, db, "read viewing systems", pgx.RowTo[uuid.UUID], read, systems, int16(platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM), tenant)
}

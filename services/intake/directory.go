package intake

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/text"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
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
	// memberships of certified archives, and the same as address sealed them.
	memberships []*addressv1.ArchiveMembership
	sealed      []byte
}

// owns reports whether the sender is the one whom an archive's certificate names as owner. Where certificates of the archive name
// none, and its policy accepts that, the sender must still be one of its members.
func (r senderRecord) owns(c *archivecert.Registration) bool {
	unnamed := slices.Contains(c.NotCheckable, archivecert.CheckOwner)
	return slices.ContainsFunc(r.memberships, func(m *addressv1.ArchiveMembership) bool {
		return text.Same(m.GetArchive(), c.Issuer) && (unnamed || text.Same(m.GetMember(), c.Owner))
	})
}

type senderAddress struct {
	address, platform string
	validFrom         time.Time
}

// directory answers from the projections who a sender is and which viewing systems serve it. It remembers only good answers, so
// what has just become allowed is allowed at once; other archive memberships or hosts in place of good ones count within
// directoryAge.
type directory struct {
	db    pg.DBTX
	clock clock.Clock
	box   sealed.Opener

	mu      sync.Mutex
	senders map[uuid.UUID]remembered
	served  map[serving]served
}

type remembered struct {
	record senderRecord
	at     time.Time
}

// serving is a viewing system serving a sender.
type serving struct{ sender, viewingSystem uuid.UUID }

// served is what a viewing system that serves a sender was at a time.
type served struct {
	hosts []string
	at    time.Time
}

func newDirectory(db pg.DBTX, c clock.Clock, box sealed.Opener) *directory {
	d := &directory{db: db, clock: c, box: box}
	d.forget()
	return d
}

func (d *directory) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.senders, d.served = make(map[uuid.UUID]remembered), make(map[serving]served)
}

// sender tells who a sender is: an institution, or a member of this relay by its session.
func (d *directory) sender(ctx context.Context, tenant uuid.UUID, kind platformv1.PrincipalKind, now time.Time) (senderRecord, error) {
	d.mu.Lock()
	known, ok := d.senders[tenant]
	d.mu.Unlock()
	if ok && now.Sub(known.at).Abs() < directoryAge {
		return known.record, nil
	}
	read := readSender
	if kind == platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT {
		read = readMember
	}
	record, err := read(ctx, d.db, tenant, now)
	if err != nil {
		return record, err
	}
	if record.memberships, err = d.memberships(ctx, tenant, record.sealed); err != nil || record.suspended || record.address == nil {
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

// memberships opens a sender's archive memberships; none were recorded of a sender that nobody knows yet.
func (d *directory) memberships(ctx context.Context, tenant uuid.UUID, value []byte) ([]*addressv1.ArchiveMembership, error) {
	if len(value) == 0 {
		return nil, nil
	}
	recorded := &addressv1.ArchiveMemberships{}
	if err := sealed.OpenMessage(ctx, d.box, sealedMemberships, tenant.String(), value, recorded); err != nil {
		return nil, fmt.Errorf("open archive memberships of %s: %w", tenant, err)
	}
	return recorded.GetMemberships(), nil
}

// serving tells which of the viewing systems serve the sender, each with the hosts to which it is bound.
func (d *directory) serving(ctx context.Context, tenant uuid.UUID, systems map[uuid.UUID]bool, now time.Time) (map[uuid.UUID][]string, error) {
	answer := make(map[uuid.UUID][]string, len(systems))
	var unknown []uuid.UUID
	d.mu.Lock()
	for system := range systems {
		if known, ok := d.served[serving{tenant, system}]; ok && now.Sub(known.at).Abs() < directoryAge {
			answer[system] = known.hosts
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
		answer[system.ID] = system.Hosts
		d.served[serving{tenant, system.ID}] = served{system.Hosts, now}
	}
	return answer, nil
}

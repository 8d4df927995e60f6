package intake

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// consumers keep the projections of senders, viewing systems and senders' addresses.
func (*service) consumers() []inbox.Consumer {
	return []inbox.Consumer{
		{Purpose: "principals", From: "gateway", Handlers: []inbox.Handler{inbox.On(onPrincipalChanged)}},
		{Purpose: "sender-addresses", From: "address", Handlers: []inbox.Handler{inbox.On(onAddressRegistered), inbox.On(onAddressWithdrawn)}},
	}
}

// principalRow is a version of a principal.
type principalRow struct {
	id        uuid.UUID
	kind      int16
	suspended bool
	address   string
	senders   []uuid.UUID
	version   int64
}

// onPrincipalChanged keeps the newest version of each sender and viewing system.
func onPrincipalChanged(ctx context.Context, tx *journal.Tx, events []inbox.Event[*gatewayv1.PrincipalChanged]) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	newest := map[uuid.UUID]principalRow{}
	for i, e := range events {
		switch kind := e.Message.GetKind(); {
		case !authn.Known(kind):
			verdicts[i] = inbox.Defer("principal_kind_unknown")
			continue
		case kind != platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER && kind != platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM:
			verdicts[i] = inbox.Ignore
			continue
		}
		row, err := principalRowOf(e)
		if err != nil {
			verdicts[i] = inbox.Park("principal_id_malformed")
			continue
		}
		if known, ok := newest[row.id]; !ok || known.version < row.version {
			newest[row.id] = row
		}
	}
	return verdicts, upsertPrincipals(ctx, tx, newest)
}

func principalRowOf(e inbox.Event[*gatewayv1.PrincipalChanged]) (principalRow, error) {
	m := e.Message
	principal, err := uuid.Parse(m.GetId())
	if err != nil {
		return principalRow{}, fmt.Errorf("read principal id: %w", err)
	}
	row := principalRow{
		id: principal, kind: int16(m.GetKind()), suspended: m.GetSuspended(), address: m.GetAddress(), //nolint:gosec // an enum of five
		senders: []uuid.UUID{}, version: int64(e.Ordinal),
	}
	for _, s := range m.GetSenders() {
		sender, err := uuid.Parse(s)
		if err != nil {
			return principalRow{}, fmt.Errorf("read sender id: %w", err)
		}
		row.senders = append(row.senders, sender)
	}
	return row, nil
}

func upsertPrincipals(ctx context.Context, db pg.DBTX, newest map[uuid.UUID]principalRow) error {
	// One row per statement: the lists of senders differ in length, and PostgreSQL's nested arrays cannot hold such lists.
	const upsert = `
		insert into principal as p (id, kind, suspended, address, senders, version)
		values ($1, $2, $3, $4, $5::uuid[], $6)
		on conflict (id) do update
		set    kind = excluded.kind, suspended = excluded.suspended, address = excluded.address, senders = excluded.senders,
		       version = excluded.version
		where  p.version < excluded.version`
	rows := make([]principalRow, 0, len(newest))
	for _, row := range newest {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b principalRow) int { return bytes.Compare(a.id[:], b.id[:]) })
	for _, r := range rows {
		if _, err := db.Exec(ctx, upsert, r.id, r.kind, r.suspended, r.address, r.senders, r.version); err != nil {
			return fmt.Errorf("keep principal %s: %w", r.id, err)
		}
	}
	return nil
}

// addressRow is what is known of one address of an institution; either half may be missing.
type addressRow struct {
	principal             uuid.UUID
	address               string
	platform              *string
	validFrom, validUntil *time.Time
}

func onAddressRegistered(ctx context.Context, tx *journal.Tx, events []inbox.Event[*addressv1.AddressRegistered]) ([]inbox.Verdict, error) {
	return keepAddresses(ctx, tx, events, func(m *addressv1.AddressRegistered) addressRow {
		platform, from := m.GetPlatformId(), clock.Canonical(m.GetValidFrom().AsTime())
		return addressRow{address: m.GetAddress(), platform: &platform, validFrom: &from}
	})
}

func onAddressWithdrawn(ctx context.Context, tx *journal.Tx, events []inbox.Event[*addressv1.AddressWithdrawn]) ([]inbox.Verdict, error) {
	return keepAddresses(ctx, tx, events, func(m *addressv1.AddressWithdrawn) addressRow {
		until := clock.Canonical(m.GetValidUntil().AsTime())
		return addressRow{address: m.GetAddress(), validUntil: &until}
	})
}

// ofPrincipal is a fact about an address of a principal's, or of a member's.
type ofPrincipal interface {
	proto.Message
	GetPrincipal() string
}

// keepAddresses keeps what the facts tell of institutions' addresses.
func keepAddresses[M ofPrincipal](ctx context.Context, tx *journal.Tx, events []inbox.Event[M], row func(M) addressRow) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	var rows []addressRow
	for i, e := range events {
		var principal uuid.UUID
		if principal, verdicts[i] = institution(e.Message.GetPrincipal()); verdicts[i] != inbox.Done {
			continue
		}
		told := row(e.Message)
		told.principal = principal
		rows = append(rows, told)
	}
	return verdicts, mergeAddresses(ctx, tx, rows)
}

// institution returns the institution whose address it is; this unit ignores members' addresses.
func institution(principal string) (uuid.UUID, inbox.Verdict) {
	if principal == "" {
		return uuid.UUID{}, inbox.Ignore
	}
	parsed, err := uuid.Parse(principal)
	if err != nil {
		return uuid.UUID{}, inbox.Park("principal_id_malformed")
	}
	return parsed, inbox.Done
}

// mergeAddresses keeps the last registration and the last withdrawal of each address, in whatever order they come.
func mergeAddresses(ctx context.Context, db pg.DBTX, rows []addressRow) error {
	const merge = `
		insert into sender_address as a (principal, address, platform_id, valid_from, valid_until)
		values ($1, $2, $3, $4, $5)
		on conflict (principal, address) do update
		set    platform_id = case when excluded.valid_from >= coalesce(a.valid_from, '-infinity') then excluded.platform_id else a.platform_id end,
		       valid_from  = greatest(a.valid_from, excluded.valid_from),
		       valid_until = greatest(a.valid_until, excluded.valid_until)`
	slices.SortStableFunc(rows, func(a, b addressRow) int {
		return cmp.Or(bytes.Compare(a.principal[:], b.principal[:]), cmp.Compare(a.address, b.address))
	})
	for _, r := range rows {
		if _, err := db.Exec(ctx, merge, r.principal, r.address, r.platform, r.validFrom, r.validUntil); err != nil {
			return fmt.Errorf("keep address of principal %s: %w", r.principal, err)
		}
	}
	return nil
}

package intake

import (
	"cmp"
	"context"
	"fmt"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// consumers keep the projections of senders, agents, viewing systems, and the addresses and archive memberships of senders.
func (*service) consumers() []inbox.Consumer {
	return []inbox.Consumer{
		{Purpose: "principals", From: "gateway", Handlers: []inbox.Handler{inbox.On(onPrincipalChanged)}},
		{Purpose: "institutions", From: "address", Handlers: []inbox.Handler{
			inbox.On(onAddressRegistered), inbox.On(onAddressWithdrawn), inbox.On(onArchiveMembershipsRecorded),
		}},
	}
}

// onPrincipalChanged keeps the newest version of each sender, agent and viewing system.
func onPrincipalChanged(ctx context.Context, tx *journal.Tx, events []inbox.Event[*gatewayv1.PrincipalChanged]) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	newest := map[uuid.UUID]principalRow{}
	for i, e := range events {
		switch kind := e.Message.GetKind(); kind {
		case platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT, platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM:
		default:
			verdicts[i] = inbox.Ignore
			if !authn.Known(kind) {
				verdicts[i] = inbox.Defer("principal_kind_unknown")
			}
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
		senders: []uuid.UUID{}, hosts: append([]string{}, m.GetHosts()...), keys: append([]string{}, m.GetAuthorisationKeys()...), name: m.GetName(),
		version: int64(e.Ordinal), frame: e.FrameID,
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

// ofOwner is a fact about an address, which is a principal's or a member's.
type ofOwner interface {
	proto.Message
	GetPrincipal() string
	GetRecipient() string
}

// keepAddresses keeps what the facts tell of the addresses from which institutions and members send.
func keepAddresses[M ofOwner](ctx context.Context, tx *journal.Tx, events []inbox.Event[M], row func(M) addressRow) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	var rows []addressRow
	for i, e := range events {
		owner, err := uuid.Parse(cmp.Or(e.Message.GetPrincipal(), e.Message.GetRecipient()))
		if err != nil {
			verdicts[i] = inbox.Park("owner_malformed")
			continue
		}
		told := row(e.Message)
		told.owner = owner
		rows = append(rows, told)
	}
	return verdicts, mergeAddresses(ctx, tx, rows)
}

// onArchiveMembershipsRecorded keeps the newest record of each institution. It stays sealed.
func onArchiveMembershipsRecorded(ctx context.Context, tx *journal.Tx, events []inbox.Event[*addressv1.ArchiveMembershipsRecorded]) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	newest := map[uuid.UUID]membershipRow{}
	for i, e := range events {
		principal, err := uuid.Parse(e.Message.GetPrincipal())
		if err != nil {
			verdicts[i] = inbox.Park("principal_id_malformed")
			continue
		}
		if row := (membershipRow{principal, e.Message.GetSealedMemberships(), int64(e.Ordinal), e.FrameID}); newest[principal].version < row.version {
			newest[principal] = row
		}
	}
	return verdicts, upsertMemberships(ctx, tx, newest)
}

package intake

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// The newest version of a principal wins, in whatever order and however often the versions come, in one frame or several.
func TestPrincipalVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b, served := unittest.NewID(), unittest.NewID(), unittest.NewID()
	event := func(id string, version uint32, senders ...string) journal.Fact {
		return w.principal(version, &gatewayv1.PrincipalChanged{Id: id, Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM, Senders: senders})
	}
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, event(b, 1), event(a, 3, served), event(a, 2), event(b, 2, served))
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, event(a, 1), event(b, 2))
	for id, version := range map[string]int64{a: 3, b: 2} {
		rows, err := w.App.Query(t.Context(), `select version, senders from principal where id = $1`, id)
		require.NoError(t, err)
		got, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[struct {
			Version int64
			Senders []uuid.UUID
		}])
		require.NoError(t, err)
		require.Equal(t, version, got.Version)
		require.Equal(t, []uuid.UUID{uuid.MustParse(served)}, got.Senders)
	}
}

// Kinds of principals that do not matter here are ignored, malformed ids are parked, and a kind that is not known yet is
// deferred.
func TestPrincipalVerdicts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.count(t, "principal")
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS,
		w.principal(1, &gatewayv1.PrincipalChanged{Id: unittest.NewID(), Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_ADMIN}),
		w.principal(1, &gatewayv1.PrincipalChanged{Id: "nobody", Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER}),
		w.principal(1, &gatewayv1.PrincipalChanged{Id: unittest.NewID(), Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM, Senders: []string{"nobody"}}),
		w.principal(1, &gatewayv1.PrincipalChanged{Id: unittest.NewID(), Kind: 77}))
	require.Equal(t, before, w.count(t, "principal"))
	require.Equal(t, 2, w.count(t, "parked_event"))
	require.Equal(t, 1, w.count(t, "deferred_event"))
}

// Registrations and withdrawals of an address have the same result in every order; addresses of members are ignored.
func TestAddressEventsCommute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	minute := func(n int) time.Time { return w.archive.at.Add(time.Duration(n-60) * time.Minute) }
	for _, tc := range []struct {
		name   string
		events func(sender, address string) []journal.Fact
		from   time.Time // zero: not registered
	}{
		{"registered", func(s, a string) []journal.Fact { return []journal.Fact{w.registered(s, a, minute(1))} }, minute(1)},
		{"withdrawn", func(s, a string) []journal.Fact {
			return []journal.Fact{w.registered(s, a, minute(1)), w.withdrawn(s, a, minute(2))}
		}, time.Time{}},
		{"registered again", func(s, a string) []journal.Fact {
			return []journal.Fact{w.registered(s, a, minute(1)), w.withdrawn(s, a, minute(2)), w.registered(s, a, minute(3))}
		}, minute(3)},
		{"withdrawn alone", func(s, a string) []journal.Fact { return []journal.Fact{w.withdrawn(s, a, minute(2))} }, time.Time{}},
	} {
		for _, order := range permutations(len(tc.events("", ""))) {
			t.Run(fmt.Sprintf("%s %v", tc.name, order), func(t *testing.T) {
				sender := unittest.NewID()
				address := "a@" + sender
				w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.principal(1, &gatewayv1.PrincipalChanged{Id: sender, Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER}))
				events := tc.events(sender, address)
				for _, i := range order {
					w.Deliver(t, platformv1.Lane_LANE_EXPRESS, events[i])
				}
				got, err := readSender(t.Context(), w.App, uuid.MustParse(sender), w.archive.at)
				require.NoError(t, err)
				if tc.from.IsZero() {
					require.Nil(t, got.address)
					return
				}
				require.Equal(t, &senderAddress{address: address, platform: unittest.Platform, validFrom: tc.from}, got.address)
			})
		}
	}
	// A member's address is the member's own: it sends from it.
	member := unittest.NewID()
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, journal.Fact{Subject: "m@x", OccurredAt: w.archive.at, Message: &addressv1.AddressRegistered{
		Address: "m@x", PlatformId: unittest.Platform, ValidFrom: timestamppb.New(w.archive.at), Recipient: member,
	}})
	got, err := readMember(t.Context(), w.App, uuid.MustParse(member), w.archive.at)
	require.NoError(t, err)
	require.Equal(t, &senderAddress{address: "m@x", platform: unittest.Platform, validFrom: w.archive.at}, got.address)
}

// If a sender has several registered addresses, the one that the gateway names is used.
func TestNamedAddressCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.registered(w.sender, "newer@x", w.archive.at.Add(-time.Minute)))
	got, err := readSender(t.Context(), w.App, uuid.MustParse(w.sender), w.archive.at)
	require.NoError(t, err)
	require.Equal(t, senderAddressText, got.address.address)
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for at := 0; at <= len(p); at++ {
			q := append(append(append([]int{}, p[:at]...), n-1), p[at:]...)
			all = append(all, q)
		}
	}
	return all
}

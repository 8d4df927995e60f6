package address

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// A joining is reported once the hub has confirmed it, whatever fails on the way, and always with the time of joining.
func TestJoin(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hub.set(func(h *fakeHub) { h.lossy = true })
	p := someone()
	recipient := w.prove(t, p)
	asked := w.ask(t, recipient)
	require.Regexp(t, `^[a-z2-7]{32}$`, asked.GetAddress())
	require.Equal(t, addressv1.MemberState_MEMBER_STATE_REGISTERING, asked.GetState())
	require.True(t, proto.Equal(asked, w.ask(t, recipient)), "joining twice is joining once")
	await.Require(t, unittest.Patience, func() bool {
		w.hub.mu.Lock()
		defer w.hub.mu.Unlock()
		return len(w.hub.registrations) >= 2
	})
	require.Empty(t, unittest.Facts[*addressv1.MemberJoined](t, w.Bench))
	w.Clock.Advance(5 * 60 * 1e9)
	w.hub.set(func(h *fakeHub) { h.lossy = false })
	w.awaitState(t, recipient, addressv1.MemberState_MEMBER_STATE_ACTIVE)

	for _, r := range w.hub.registrations {
		require.Equal(t, hubRegistration{
			address: asked.GetAddress(), idn: p.CI, name: p.Name, birth: p.BirthDate, phone: p.Phone, at: asked.GetJoinedAt().AsTime(),
		}, r)
	}
	registered, joined := unittest.Facts[*addressv1.AddressRegistered](t, w.Bench), unittest.Facts[*addressv1.MemberJoined](t, w.Bench)
	require.Len(t, registered, 1)
	require.Len(t, joined, 1)
	require.Equal(t, []string{asked.GetAddress(), unittest.Platform, recipient, ""},
		[]string{registered[0].GetAddress(), registered[0].GetPlatformId(), registered[0].GetRecipient(), registered[0].GetPrincipal()})
	require.True(t, registered[0].GetValidFrom().AsTime().Equal(asked.GetJoinedAt().AsTime()))
	require.Equal(t, recipient, joined[0].GetRecipient())
	require.Len(t, unittest.Facts[*addressv1.IdentityProved](t, w.Bench), 1)
	given := unittest.Facts[*addressv1.MembershipAsked](t, w.Bench)
	require.Len(t, given, 1)
	require.Equal(t, []string{recipient, "2026-01"}, []string{given[0].GetRecipient(), given[0].GetTermsVersion()})
	require.NotEmpty(t, given[0].GetSession())
	require.NotEmpty(t, registered[0].GetExchange())
	require.True(t, registered[0].GetAlreadyRegistered())
	require.Empty(t, unittest.Facts[*addressv1.AddressAtHub](t, w.Bench), "what is told to others is stated once")
	var commit uuid.UUID
	require.NoError(t, w.App.QueryRow(t.Context(), `select commit_id from member where recipient = $1`, recipient).Scan(&commit))
	require.NoError(t, journal.Find(t.Context(), w.App, "address", commit, recipient, &addressv1.MemberJoined{}), "the row names the commit that made it active")
}

// Withdrawing ends address and membership. Joining again gives another address.
func TestWithdrawAndJoinAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	recipient, address := w.member(t, p)
	w.Clock.Advance(1e9)
	ended, err := w.session(t, recipient).Withdraw(t.Context(), &addressv1.WithdrawRequest{})
	require.NoError(t, err)
	require.Equal(t, addressv1.MemberState_MEMBER_STATE_WITHDRAWN, ended.GetMembership().GetState())
	require.False(t, ended.GetMembership().GetInboxDesignated())
	_, err = w.session(t, recipient).Withdraw(t.Context(), &addressv1.WithdrawRequest{})
	require.NoError(t, err)
	await.Require(t, unittest.Patience, func() bool {
		return w.count(t, `select count(*) from address where address = $1 and removed_at is not null`, address) == 1
	})
	gone := unittest.Facts[*addressv1.AddressWithdrawn](t, w.Bench)
	require.Len(t, gone, 1)
	require.True(t, w.hub.withdrawn[address].Equal(gone[0].GetValidUntil().AsTime()))
	_, err = w.session(t, recipient).SetConsent(t.Context(), &addressv1.SetConsentRequest{Consent: true, TermsVersion: "1"})
	require.Equal(t, "NOT_A_MEMBER", fault.ReasonOf(err))
	w.awaitTold(t, w.send(t, send{to: byCI(p)}), none)
	require.Equal(t, none, w.told(t, w.send(t, send{to: byAddress(unittest.Platform, address, "")}))[0].GetResolution())

	_, again := w.member(t, p)
	require.NotEqual(t, address, again)
	require.Len(t, unittest.Facts[*addressv1.MemberJoined](t, w.Bench), 2)
	require.Equal(t, none, w.told(t, w.send(t, send{to: byAddress(unittest.Platform, address, "")}))[0].GetResolution(), "an old address is nobody's")
	require.Equal(t, own, w.told(t, w.send(t, send{to: byCI(p)}))[0].GetResolution())
	require.Equal(t, 4, w.count(t, `select count(*) from address_history where address = $1`, address))
}

// Withdrawing during the registration leaves nothing registered at the hub.
func TestWithdrawDuringRegistration(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p, recipient, hold := w.heldUp(t)
	address := w.ask(t, recipient).GetAddress()
	await.Require(t, unittest.Patience, func() bool { return w.count(t, `select count(*) from due_address where owner is not null`) == 1 })
	waiting := w.send(t, send{to: byCI(p)})
	_, err := w.session(t, recipient).Withdraw(t.Context(), &addressv1.WithdrawRequest{})
	require.NoError(t, err)
	w.hub.set(func(h *fakeHub) { h.hold = nil })
	close(hold)
	await.Require(t, unittest.Patience, func() bool { return w.count(t, `select count(*) from address where removed_at is not null`) == 1 })
	w.hub.set(func(h *fakeHub) { require.NotContains(t, h.registered, address) })
	require.Empty(t, unittest.Facts[*addressv1.AddressRegistered](t, w.Bench))
	require.Empty(t, unittest.Facts[*addressv1.AddressWithdrawn](t, w.Bench), "nobody heard of the address")
	w.awaitTold(t, waiting, none)
}

// An address that the hub refused is replaced when the person joins again. The hub is told that the refused one has ended,
// because a later answer of it may have registered it.
func TestRefusedAddressIsReplaced(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hub.set(func(h *fakeHub) { h.taken = true })
	p := someone()
	recipient := w.prove(t, p)
	refused := w.ask(t, recipient).GetAddress()
	edoc := w.send(t, send{to: byCI(p)})
	await.Require(t, unittest.Patience, func() bool { return w.count(t, `select count(*) from address where state = 'refused'`) == 1 })
	w.awaitTold(t, edoc, none)
	require.Equal(t, refusedAddress, w.membership(t, recipient).GetAddressState())
	w.hub.set(func(h *fakeHub) { h.taken = false })
	again := w.ask(t, recipient)
	require.NotEqual(t, refused, again.GetAddress())
	require.Equal(t, pendingAddress, again.GetAddressState())
	w.awaitTold(t, edoc, own)
	require.Len(t, unittest.Facts[*addressv1.MemberJoined](t, w.Bench), 1)
	await.Require(t, unittest.Patience, func() (ended bool) {
		w.hub.set(func(h *fakeHub) { _, ended = h.withdrawn[refused] })
		return ended
	})
}

// A session sees and changes only its own membership; nobody else can call these RPCs.
func TestIsolation(t *testing.T) {
	t.Parallel()
	w := setup(t)
	alice, _ := w.member(t, someone())
	bob := w.prove(t, someone())
	for _, stranger := range []string{bob, uuid.NewString()} {
		session := w.session(t, stranger)
		_, err := session.GetMembership(t.Context(), &addressv1.GetMembershipRequest{})
		require.Equal(t, "NOT_A_MEMBER", fault.ReasonOf(err))
		_, err = session.SetConsent(t.Context(), &addressv1.SetConsentRequest{})
		require.Equal(t, "NOT_A_MEMBER", fault.ReasonOf(err))
		_, err = session.SetRefusal(t.Context(), &addressv1.SetRefusalRequest{Refused: true})
		require.Equal(t, "NOT_A_MEMBER", fault.ReasonOf(err))
		_, err = session.Withdraw(t.Context(), &addressv1.WithdrawRequest{})
		require.Equal(t, "NOT_A_MEMBER", fault.ReasonOf(err))
	}
	_, err := w.session(t, uuid.NewString()).Join(t.Context(), &addressv1.JoinRequest{TermsVersion: "1", Consent: true, DesignateInbox: true})
	require.Equal(t, "NOT_A_MEMBER", fault.ReasonOf(err), "without an identity proof nobody joins")
	require.Equal(t, addressv1.MemberState_MEMBER_STATE_ACTIVE, w.membership(t, alice).GetState())

	_, err = addressv1.NewMembershipServiceClient(w.Sender(t, alice)).GetMembership(t.Context(), &addressv1.GetMembershipRequest{})
	require.ErrorIs(t, err, fault.Denied)
	_, err = w.units.RegisterInstitution(t.Context(), newInstitution("office_1", "1234567891"))
	require.ErrorIs(t, err, fault.Denied)
	_, err = addressv1.NewInstitutionServiceClient(w.Sender(t, alice)).GetInstitution(t.Context(), &addressv1.GetInstitutionRequest{Id: alice})
	require.ErrorIs(t, err, fault.Denied)
	_, err = addressv1.NewAddressServiceClient(w.Unit(t, "status")).ResolveIdentity(t.Context(), proofOf(w, someone()))
	require.ErrorIs(t, err, fault.Denied)
}

// Consent without the version of its terms is refused, and so is joining without consent.
func TestConsentNeedsTerms(t *testing.T) {
	t.Parallel()
	w := setup(t)
	recipient, _ := w.member(t, someone())
	_, err := w.session(t, recipient).SetConsent(t.Context(), &addressv1.SetConsentRequest{Consent: true})
	require.ErrorIs(t, err, fault.Invalid)
	_, err = w.session(t, recipient).Join(t.Context(), &addressv1.JoinRequest{TermsVersion: "1", DesignateInbox: true})
	require.ErrorIs(t, err, fault.Invalid)
}

// Any number of simultaneous proofs of one person make one identity. A changed phone makes a new version, which finds waiting
// documents.
func TestResolveIdentity(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	found := make([]string, 8)
	var all sync.WaitGroup
	for i := range found {
		all.Go(func() { found[i] = w.prove(t, p) })
	}
	all.Wait()
	for _, recipient := range found {
		require.Equal(t, found[0], recipient)
	}
	require.Equal(t, 1, w.count(t, `select count(*) from identity`))
	require.Equal(t, 1, w.count(t, `select count(*) from identity_version`))
	require.Len(t, unittest.Facts[*addressv1.IdentityProved](t, w.Bench), 8)
	require.Equal(t, uuid.Version(4), uuid.MustParse(found[0]).Version())

	w.member(t, p)
	moved := p
	moved.Phone = "01000000001"
	edoc := w.send(t, send{to: byFacts(moved)})
	w.awaitTold(t, edoc, none)
	answer, err := w.units.ResolveIdentity(t.Context(), proofOf(w, moved))
	require.NoError(t, err)
	require.True(t, answer.GetMember())
	require.Equal(t, w.membership(t, found[0]).GetAddress(), answer.GetAddress())
	w.awaitTold(t, edoc, own)
	moved.Phone = "+82 10-0000-0001"
	require.Equal(t, found[0], w.prove(t, moved))
	require.Equal(t, 2, w.count(t, `select count(*) from identity_version`), "another way of writing is no change")
}

// An address that the hub has lost is registered again with its original time, and is reported only once.
func TestConfirmAddress(t *testing.T) {
	t.Parallel()
	w := setup(t)
	circulation := addressv1.NewAddressServiceClient(w.Unit(t, "circulation"))
	confirm := func(address string) bool {
		answer, err := circulation.ConfirmAddress(t.Context(), &addressv1.ConfirmAddressRequest{Address: address})
		require.NoError(t, err)
		return answer.GetRegistered()
	}
	p := someone()
	recipient, address := w.member(t, p)
	principal := w.institution(t, "office_1", "1234567891")
	require.True(t, confirm(strings.ToUpper(address)))
	w.hub.set(func(h *fakeHub) { delete(h.registered, address); delete(h.registered, "office_1") })
	require.False(t, confirm(address))
	await.Require(t, unittest.Patience, func() bool { return confirm(address) })
	require.False(t, confirm("office_1"))
	w.awaitAddress(t, principal, addressv1.AddressState_ADDRESS_STATE_REFUSED)
	_, err := w.resubmit(t, principal, "lost", "", "B", "R")
	require.NoError(t, err)
	w.awaitAddress(t, principal, addressv1.AddressState_ADDRESS_STATE_REGISTERED)

	w.hub.set(func(h *fakeHub) {
		require.Equal(t, h.registrations[0], h.registrations[2], "the same registration time")
	})
	require.Len(t, unittest.Facts[*addressv1.AddressRegistered](t, w.Bench), 2)
	require.Len(t, unittest.Facts[*addressv1.MemberJoined](t, w.Bench), 1)
	require.Equal(t, addressv1.MemberState_MEMBER_STATE_ACTIVE, w.membership(t, recipient).GetState())
	_, err = circulation.ConfirmAddress(t.Context(), &addressv1.ConfirmAddressRequest{Address: "unknown"})
	require.Equal(t, "ADDRESS_UNKNOWN", fault.ReasonOf(err))
	w.hub.set(func(h *fakeHub) { h.down = true })
	_, err = circulation.ConfirmAddress(t.Context(), &addressv1.ConfirmAddressRequest{Address: address})
	require.Equal(t, "HUB_UNAVAILABLE", fault.ReasonOf(err))
}

// No table and no log line contains personal data in clear, in any encoding.
func TestNoPersonalDataInClear(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p, stranger := someone(), someone()
	w.hub.set(func(h *fakeHub) { h.down = true })
	recipient := w.prove(t, p)
	w.ask(t, recipient)
	numbers := []string{w.send(t, send{to: byCI(stranger)}), w.send(t, send{to: byFacts(stranger)}), w.send(t, send{to: byBusiness("9876543215")})}
	await.Require(t, unittest.Patience, func() bool { return w.hub.searched() >= 6 })
	w.hub.set(func(h *fakeHub) { h.down = false })
	w.awaitState(t, recipient, addressv1.MemberState_MEMBER_STATE_ACTIVE)
	for _, edoc := range numbers {
		w.awaitTold(t, edoc, none)
	}
	w.send(t, send{to: byFacts(p)})
	w.send(t, send{to: byAddress(unittest.Platform, p.Name, "")})
	w.institution(t, "office_9", "5556667773")

	dump := w.dump(t)
	require.Contains(t, dump, recipient, "the dump is one")
	for what, value := range map[string]string{
		"ci": p.CI, "name": p.Name, "phone": p.Phone, "stranger's ci": stranger.CI, "stranger's name": stranger.Name, "stranger's phone": stranger.Phone,
		"birth date": p.BirthDate, "business number": "9876543215", "institution's number": "5556667773", "institution's name": "가상상사",
	} {
		require.NotContains(t, dump, value, what)
		require.NotContains(t, dump, hexOf(value), what+" as bytes")
		require.NotContains(t, w.Logs.String(), value, what+" in the log")
	}
}

// dump returns every column of every table as text; bytea is hexadecimal.
func (w *world) dump(t testing.TB) string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	rows, err := w.Owner.Query(ctx, `select c.relname from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Greater(t, len(tables), 15)
	var b strings.Builder
	for _, table := range tables {
		name := pgx.Identifier{table}.Sanitize()
		rows, err := w.Owner.Query(ctx, `select t::text from `+name+` t`)
		require.NoError(t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		b.WriteString(strings.Join(lines, "\n"))
	}
	return b.String()
}

func hexOf(value string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for i := range len(value) {
		b.WriteByte(digits[value[i]>>4])
		b.WriteByte(digits[value[i]&15])
	}
	return b.String()
}

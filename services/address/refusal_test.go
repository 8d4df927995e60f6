package address

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

func (w *world) refusals(t testing.TB) addressv1.RefusedAddressServiceClient {
	return addressv1.NewRefusedAddressServiceClient(w.As(t, platformv1.PrincipalKind_PRINCIPAL_KIND_ADMIN, operator))
}

// listedRefusals is the whole queue, read in pages of one.
func (w *world) listedRefusals(t testing.TB) (all []*addressv1.RefusedAddress) {
	t.Helper()
	for token := ""; ; {
		page, err := w.refusals(t).ListRefusedAddresses(t.Context(), &addressv1.ListRefusedAddressesRequest{PageSize: 1, PageToken: token})
		require.NoError(t, err)
		all = append(all, page.GetAddresses()...)
		if token = page.GetNextPageToken(); token == "" {
			return all
		}
	}
}

// awaitAsked waits until the hub was asked so many times more.
func (w *world) awaitAsked(t testing.TB, more int) {
	t.Helper()
	before := w.asked()
	await.Require(t, unittest.Patience, func() bool { return w.asked() >= before+more })
}

func (w *world) shown(t testing.TB, id string) *addressv1.Institution {
	t.Helper()
	answer, err := w.operator(t).GetInstitution(t.Context(), &addressv1.GetInstitutionRequest{Id: id})
	require.NoError(t, err)
	return answer.GetInstitution()
}

// What the hub refuses by a code of its own it is asked again by itself, and everybody sees that: the institution's operator, the
// member, and who works the queue. Once the hub takes the addresses, everything goes on as if it had at once.
func TestRefusedAddressesAreAskedAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hub.set(func(h *fakeHub) { h.refuse = true })
	made, err := w.register(t, newInstitution("office_1", "1234567891"))
	require.NoError(t, err)
	w.awaitAddress(t, made.GetId(), refusedAddress)
	w.Clock.Advance(time.Second)
	p := someone()
	recipient := w.prove(t, p)
	address := w.ask(t, recipient).GetAddress()
	edoc := w.send(t, send{to: byCI(p)})
	w.awaitTold(t, edoc, none)
	w.awaitAsked(t, 4)

	shown := w.shown(t, made.GetId())
	require.Equal(t, []any{refusedAddress, "HUB_REFUSED:ERR-01-201"}, []any{shown.GetAddressState(), shown.GetRefusal()})
	require.NotNil(t, shown.GetAskedAgainAt())
	require.Equal(t, refusedAddress, w.membership(t, recipient).GetAddressState())
	require.NotNil(t, w.membership(t, recipient).GetAskedAgainAt())
	queue := w.listedRefusals(t)
	require.Len(t, queue, 2)
	require.Equal(t, []string{"office_1", made.GetId(), "", "HUB_REFUSED:ERR-01-201"},
		[]string{queue[0].GetAddress(), queue[0].GetPrincipal(), queue[0].GetRecipient(), queue[0].GetRefusal()})
	require.Equal(t, []string{address, "", recipient}, []string{queue[1].GetAddress(), queue[1].GetPrincipal(), queue[1].GetRecipient()})
	require.NotNil(t, queue[1].GetAskedAgainAt())
	require.InDelta(t, 2, w.Metric(t, "naru_address_refused_addresses"), 0)
	require.Zero(t, w.Metric(t, "naru_address_due_addresses"), "the alarm about what the hub was not told is another one")

	w.hub.set(func(h *fakeHub) { h.refuse = false })
	w.awaitAddress(t, made.GetId(), registeredAddress)
	w.awaitTold(t, edoc, own)
	require.Equal(t, address, w.membership(t, recipient).GetAddress())
	shown = w.shown(t, made.GetId())
	require.Empty(t, shown.GetRefusal())
	require.Nil(t, shown.GetAskedAgainAt())
	require.Empty(t, w.listedRefusals(t))
	require.Equal(t, []string{"registering", "refused", "registered"}, w.texts(t, `select state from address_history where address = 'office_1' order by id`))
	require.Len(t, w.Stated(t, &addressv1.AddressAtHub{}), 2, "a refusal is stated once, however often it is repeated")
	require.Len(t, unittest.Facts[*addressv1.MemberJoined](t, w.Bench), 1)
	require.Zero(t, w.count(t, `select count(*) from due_address`))
}

// A refusal is asked about for as long as the patience lasts by both clocks. Then an operator can have it asked again, or give it
// up.
func TestRefusalPatience(t *testing.T) {
	t.Parallel()
	database := clock.NewFake(clock.System().Now())
	w := setup(t, unittest.WithDatabaseClock(database))
	w.hub.set(func(h *fakeHub) { h.refuse = true })
	made, err := w.register(t, newInstitution("office_1", "1234567891"))
	require.NoError(t, err)
	w.awaitAddress(t, made.GetId(), refusedAddress)
	w.Advance(t, 8*24*time.Hour)
	w.awaitAsked(t, 3)

	database.Advance(8 * 24 * time.Hour)
	await.Require(t, unittest.Patience, func() bool { return w.shown(t, made.GetId()).GetAskedAgainAt() == nil })
	require.Zero(t, w.count(t, `select count(*) from due_address`))
	asked := w.asked()
	queue := w.listedRefusals(t)
	require.Len(t, queue, 1)
	require.Nil(t, queue[0].GetAskedAgainAt())

	_, err = w.refusals(t).RetryRefusedAddress(t.Context(), &addressv1.RetryRefusedAddressRequest{Address: "Office_1"})
	require.NoError(t, err)
	await.Require(t, unittest.Patience, func() bool { return w.asked() > asked+2 })
	_, err = w.refusals(t).GiveUpRefusedAddress(t.Context(), &addressv1.GiveUpRefusedAddressRequest{Address: "office_1", Reason: "another one was made"})
	require.NoError(t, err)
	_, err = w.refusals(t).GiveUpRefusedAddress(t.Context(), &addressv1.GiveUpRefusedAddressRequest{Address: "office_1", Reason: "once more"})
	require.NoError(t, err)
	require.Empty(t, w.listedRefusals(t))
	await.Require(t, unittest.Patience, func() bool { return w.count(t, `select count(*) from due_address`) == 0 })
	require.Zero(t, w.Metric(t, "naru_address_refused_addresses"))
	given := w.Stated(t, &addressv1.RefusedAddressGivenUp{})
	require.Len(t, given, 1)
	require.Equal(t, operator, given[0].GetActor())
	require.Len(t, w.Stated(t, &addressv1.RefusedAddressRetried{}), 1)

	w.hub.set(func(h *fakeHub) { h.refuse = false })
	_, err = w.refusals(t).RetryRefusedAddress(t.Context(), &addressv1.RetryRefusedAddressRequest{Address: "office_1"})
	require.NoError(t, err, "what was given up can be taken up again")
	w.awaitAddress(t, made.GetId(), registeredAddress)
	_, err = w.refusals(t).RetryRefusedAddress(t.Context(), &addressv1.RetryRefusedAddressRequest{Address: "office_1"})
	require.Equal(t, "ADDRESS_NOT_REFUSED", fault.ReasonOf(err))
	_, err = w.refusals(t).GiveUpRefusedAddress(t.Context(), &addressv1.GiveUpRefusedAddressRequest{Address: "nobody's", Reason: "r"})
	require.Equal(t, "ADDRESS_NOT_REFUSED", fault.ReasonOf(err))
}

// Who owns an address does not change by asking again.
func TestTakenAddressIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	shown := w.shown(t, w.refused(t, "office_1", "1234567891"))
	require.Equal(t, "ADDRESS_TAKEN", shown.GetRefusal())
	require.Nil(t, shown.GetAskedAgainAt())
	require.Zero(t, w.count(t, `select count(*) from due_address`))
	require.Equal(t, 1, w.asked())
}

// An address that the hub has lost and then refuses, whose papers are gone, needs another submission.
func TestLostAddressOfAnInstitutionNeedsPapers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.institution(t, "office_1", "1234567891")
	w.hub.set(func(h *fakeHub) { delete(h.registered, "office_1") })
	_, err := addressv1.NewAddressServiceClient(w.Unit(t, "circulation")).ConfirmAddress(t.Context(), &addressv1.ConfirmAddressRequest{Address: "office_1"})
	require.NoError(t, err)
	require.Equal(t, "MISSING_AT_HUB", w.shown(t, id).GetRefusal())
	_, err = w.refusals(t).RetryRefusedAddress(t.Context(), &addressv1.RetryRefusedAddressRequest{Address: "office_1"})
	require.Equal(t, "PAPERS_GONE", fault.ReasonOf(err))
	_, err = w.resubmit(t, id, "r-1", "", "B2", "R2")
	require.NoError(t, err)
	w.awaitAddress(t, id, registeredAddress)
}

// A member whose address the hub lost and then refused joins again with another one, which everybody hears.
func TestMemberWhoseAddressIsLostAndRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	recipient, lost := w.member(t, someone())
	w.hub.set(func(h *fakeHub) { delete(h.registered, lost); h.taken = true })
	_, err := addressv1.NewAddressServiceClient(w.Unit(t, "circulation")).ConfirmAddress(t.Context(), &addressv1.ConfirmAddressRequest{Address: lost})
	require.NoError(t, err)
	await.Require(t, unittest.Patience, func() bool { return w.membership(t, recipient).GetAddressState() == refusedAddress })
	w.hub.set(func(h *fakeHub) { h.taken = false })
	address := w.ask(t, recipient).GetAddress()
	w.awaitState(t, recipient, addressv1.MemberState_MEMBER_STATE_ACTIVE)
	joined := w.Stated(t, &addressv1.MemberJoined{})
	require.Len(t, joined, 2)
	require.Equal(t, []string{lost, address}, []string{
		unittest.Facts[*addressv1.MemberJoined](t, w.Bench)[0].GetAddress(), unittest.Facts[*addressv1.MemberJoined](t, w.Bench)[1].GetAddress(),
	})
	require.Len(t, unittest.Facts[*addressv1.AddressWithdrawn](t, w.Bench), 1)
}

// A refusal of earlier papers that comes while others were submitted does not count for these.
func TestRefusalDuringAResubmission(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hub.set(func(h *fakeHub) { h.refuse = true })
	made, err := w.register(t, newInstitution("office_1", "1234567891"))
	require.NoError(t, err)
	w.awaitAddress(t, made.GetId(), refusedAddress)
	hold := make(chan struct{})
	w.hub.set(func(h *fakeHub) { h.hold, h.refuse, h.refusePaper = hold, false, paper("R") })
	await.Require(t, unittest.Patience, func() (arrived bool) {
		w.hub.set(func(h *fakeHub) { arrived = h.held > 0 })
		return arrived
	})
	_, err = w.resubmit(t, made.GetId(), "r-1", "", "B2", "R2")
	require.NoError(t, err)
	w.hub.set(func(h *fakeHub) { h.hold = nil })
	close(hold)
	w.awaitAddress(t, made.GetId(), registeredAddress)
	require.Equal(t, []string{"registering", "refused", "registering", "registered"},
		w.texts(t, `select state from address_history where address = 'office_1' order by id`))
}

// An address that is given up while the hub is being asked is not asked about again, if that call ends without an answer.
func TestGivenUpDuringACall(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hub.set(func(h *fakeHub) { h.refuse = true })
	made, err := w.register(t, newInstitution("office_1", "1234567891"))
	require.NoError(t, err)
	w.awaitAddress(t, made.GetId(), refusedAddress)
	hold := make(chan struct{})
	w.hub.set(func(h *fakeHub) { h.hold = hold })
	await.Require(t, unittest.Patience, func() (arrived bool) {
		w.hub.set(func(h *fakeHub) { arrived = h.held > 0 })
		return arrived
	})
	_, err = w.refusals(t).GiveUpRefusedAddress(t.Context(), &addressv1.GiveUpRefusedAddressRequest{Address: "office_1", Reason: "another one was made"})
	require.NoError(t, err)
	require.Equal(t, 1, w.count(t, `select count(*) from due_address`), "a call is under way")
	w.hub.set(func(h *fakeHub) { h.hold, h.refuse, h.down = nil, false, true })
	close(hold)
	await.Require(t, unittest.Patience, func() bool { return w.count(t, `select count(*) from due_address`) == 0 })
	asked := w.asked()
	w.hub.set(func(h *fakeHub) { h.down = false })
	_, err = w.refusals(t).RetryRefusedAddress(t.Context(), &addressv1.RetryRefusedAddressRequest{Address: "office_1"})
	require.NoError(t, err)
	w.awaitAddress(t, made.GetId(), registeredAddress)
	require.Equal(t, asked+1, w.asked())
}

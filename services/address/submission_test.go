package address

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

// corrected makes a request the second submission, with another name and other papers.
func corrected(r *addressv1.RegisterOrganisationRequest) {
	r.Submission, r.Name, r.BusinessDocument, r.RegistrationDocument = 2, "가상상사 주식회사", []byte("B2"), []byte("R2")
}

// asked is how often the hub was asked to register an address.
func (w *world) asked() (n int) {
	w.hub.set(func(h *fakeHub) { n = len(h.registrations) })
	return n
}

// texts are the values of a query's one column.
func (w *world) texts(t testing.TB, sql string, args ...any) []string {
	t.Helper()
	rows, err := w.App.Query(t.Context(), sql, args...)
	require.NoError(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var one string
		require.NoError(t, rows.Scan(&one))
		all = append(all, one)
	}
	require.NoError(t, rows.Err())
	return all
}

// The hub is asked again for an address it refused only with papers submitted after the refusal, and the refusal stays on record.
func TestSubmissionAfterRefusal(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hub.set(func(h *fakeHub) { h.refuse = true })
	principal := uuid.NewString()
	_, err := w.organise(t, principal, "office_1", "1234567890")
	require.NoError(t, err)
	w.awaitAddress(t, principal, gatewayv1.AddressState_ADDRESS_STATE_REFUSED)

	// The gateway did not hear the answer and repeats what it said.
	repeated, err := w.organise(t, principal, "office_1", "1234567890")
	require.NoError(t, err)
	require.Equal(t, gatewayv1.AddressState_ADDRESS_STATE_REFUSED, repeated.GetState())
	require.Zero(t, w.count(t, `select count(*) from due_address`))
	require.Equal(t, 1, w.asked())

	w.hub.set(func(h *fakeHub) { h.refuse = false })
	w.Clock.Advance(24 * time.Hour)
	again, err := w.organise(t, principal, "office_1", "1234567890", corrected)
	require.NoError(t, err)
	require.Equal(t, gatewayv1.AddressState_ADDRESS_STATE_PENDING, again.GetState())
	w.awaitAddress(t, principal, gatewayv1.AddressState_ADDRESS_STATE_REGISTERED)
	w.hub.set(func(h *fakeHub) {
		require.Len(t, h.registrations, 2)
		first, last := h.registrations[0], h.registrations[1]
		require.Equal(t, []any{"가상상사 주식회사", []byte("B2"), []byte("R2")}, []any{last.name, last.business, last.registration})
		require.Equal(t, []any{first.address, first.idn, first.at}, []any{last.address, last.idn, last.at}, "the same address of the same owner since the same time")
	})
	for range 2 { // what was said before is said again
		for _, change := range []func(*addressv1.RegisterOrganisationRequest){second, func(*addressv1.RegisterOrganisationRequest) {}} {
			late, err := w.organise(t, principal, "office_1", "1234567890", change)
			require.NoError(t, err)
			require.Equal(t, gatewayv1.AddressState_ADDRESS_STATE_REGISTERED, late.GetState())
		}
	}
	require.Equal(t, []string{"registering", "refused", "registering", "registered"},
		w.texts(t, `select state from address_history where address = 'office_1' order by id`))
	require.Equal(t, []string{"1 HUB_REFUSED", "2 ok"},
		w.texts(t, `select attempt || ' ' || outcome from hub_attempt where subject = 'office_1' order by id`), "attempts at one address are counted on")
	require.Equal(t, []string{"OrganisationAddressAsked", "AddressAtHub", "OrganisationAddressAsked", "AddressRegistered"},
		w.texts(t, `select split_part(kind, '.', 4) from journal where kind like 'naru.address.%' order by frame_id`))
	require.Equal(t, addressv1.HubStep_HUB_STEP_REFUSED, unittest.Emitted[*addressv1.AddressAtHub](t, w.Bench)[0].GetStep())
	given := w.Stated(t, &addressv1.OrganisationAddressAsked{})
	require.Equal(t, []uint32{1, 2}, []uint32{given[0].GetOrdinal(), given[1].GetOrdinal()})
	require.Zero(t, w.count(t, `select count(*) from organisation_paper`))
	require.Len(t, unittest.Emitted[*addressv1.AddressRegistered](t, w.Bench), 1)
	require.Equal(t, 2, w.asked())
}

// One submission that comes several times at once is one call to the hub.
func TestOneSubmissionSeveralTimesAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hub.set(func(h *fakeHub) { h.refuse = true })
	principal := uuid.NewString()
	_, err := w.organise(t, principal, "office_1", "1234567890")
	require.NoError(t, err)
	w.awaitAddress(t, principal, gatewayv1.AddressState_ADDRESS_STATE_REFUSED)
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		all.Go(func() { _, errs[i] = w.organise(t, principal, "office_1", "1234567890", corrected) })
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	await.Require(t, unittest.Patience, func() bool { return w.count(t, `select count(*) from due_address`) == 0 })
	require.Equal(t, 2, w.asked(), "the hub refuses the second submission, and repeats of it are no third")
	require.Equal(t, 2, w.count(t, `select count(*) from address_history where state = 'registering'`))
}

// A refusal of papers that comes when others have been submitted meanwhile says nothing of those.
func TestLateRefusalOfEarlierPapers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	hold := make(chan struct{})
	w.hub.set(func(h *fakeHub) { h.hold, h.refusePaper = hold, []byte("R") })
	principal := uuid.NewString()
	_, err := w.organise(t, principal, "office_1", "1234567890")
	require.NoError(t, err)
	awaitHeld := func(calls int) {
		t.Helper()
		await.Require(t, unittest.Patience, func() (arrived bool) {
			w.hub.set(func(h *fakeHub) { arrived = h.held == calls })
			return arrived
		})
	}
	awaitHeld(1)

	// The lease of that call runs out, and another replica's call is refused.
	for _, sql := range []string{
		`insert into hub_attempt (id, subject, call, attempt, outcome, exchange, started_at, ended_at)
		 values ('01990000-0000-7000-8000-000000000001', 'office_1', 'register_organisation_address', 2, 'HUB_REFUSED', '', now(), now())`,
		`update address set state = 'refused' where address = 'office_1'`,
		`delete from due_address`,
	} {
		_, err := w.App.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	_, err = w.organise(t, principal, "office_1", "1234567890", corrected)
	require.NoError(t, err)
	awaitHeld(2)
	close(hold)
	await.Require(t, unittest.Patience, func() bool { return w.count(t, `select count(*) from hub_attempt`) == 3 })
	require.Equal(t, []string{"1 HUB_REFUSED", "2 HUB_REFUSED", "3 ok"},
		w.texts(t, `select attempt || ' ' || outcome from hub_attempt where subject = 'office_1' order by attempt`))
	w.awaitAddress(t, principal, gatewayv1.AddressState_ADDRESS_STATE_REGISTERED)
}

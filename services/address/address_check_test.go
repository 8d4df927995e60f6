package address

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

func (w *world) checked(t testing.TB, addresses ...string) map[string][]addressv1.AddressDifference {
	t.Helper()
	found := map[string][]addressv1.AddressDifference{}
	for token := ""; ; {
		page, err := addressv1.NewAddressCheckServiceClient(w.Admin(t)).CheckAddresses(t.Context(),
			&addressv1.CheckAddressesRequest{Addresses: addresses, PageSize: 1, PageToken: token})
		require.NoError(t, err)
		for _, one := range page.GetAddresses() {
			require.False(t, one.GetUnreadable())
			found[one.GetAddress()] = one.GetDifferences()
		}
		if token = page.GetNextPageToken(); token == "" {
			return found
		}
	}
}

// The operator sees in what the hub differs from what this relay believes: of persons, organisations and institutions.
func TestAddressesAreComparedWithTheHub(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	recipient, personal := w.member(t, p)
	office := newOffice(t, w).join(t)
	ofOffice := office.awaitMember(t).GetAddress()
	w.institution(t, "office_1", "1234567891")
	gone := someone()
	goer, left := w.member(t, gone)
	_, err := w.session(t, goer).Withdraw(t.Context(), &addressv1.WithdrawRequest{})
	require.NoError(t, err)
	await.Require(t, unittest.Patience, func() bool { return w.count(t, `select count(*) from due_address`) == 0 })
	require.Equal(t, map[string][]addressv1.AddressDifference{personal: nil, ofOffice: nil, "office_1": nil, left: nil}, w.checked(t))

	w.hub.set(func(h *fakeHub) {
		at := h.registered["office_1"]
		at.name, at.kind, at.at = "딴이름", 9, at.at.Add(-time.Hour)
		h.registered["office_1"] = at
		delete(h.registered, personal)
		clear(h.histories)
		h.registered[left] = hubRegistration{address: left, at: at.at}
	})
	require.Equal(t, map[string][]addressv1.AddressDifference{
		personal: {addressv1.AddressDifference_ADDRESS_DIFFERENCE_MISSING_AT_HUB}, ofOffice: nil,
		"office_1": {
			addressv1.AddressDifference_ADDRESS_DIFFERENCE_REGISTERED_AT, addressv1.AddressDifference_ADDRESS_DIFFERENCE_NAME,
			addressv1.AddressDifference_ADDRESS_DIFFERENCE_TYPE,
		},
		left: {addressv1.AddressDifference_ADDRESS_DIFFERENCE_STILL_AT_HUB, addressv1.AddressDifference_ADDRESS_DIFFERENCE_NOT_IN_HISTORY},
	}, w.checked(t))
	require.Equal(t, registeredAddress, w.membership(t, recipient).GetAddressState(), "nothing is changed")
	require.Len(t, w.checked(t, "Office_1"), 1)

	check := addressv1.NewAddressCheckServiceClient(w.Admin(t))
	_, err = check.CheckAddresses(t.Context(), &addressv1.CheckAddressesRequest{Addresses: []string{"nowhere"}})
	require.Equal(t, "ADDRESS_UNKNOWN", fault.ReasonOf(err))
	w.hub.set(func(h *fakeHub) { h.down = true })
	_, err = check.CheckAddresses(t.Context(), &addressv1.CheckAddressesRequest{})
	require.Equal(t, "HUB_UNAVAILABLE", fault.ReasonOf(err))
}

// An address that the hub refuses here and has nevertheless is told; an open change of a name is no difference.
func TestAddressThatTheHubHasUnexpectedly(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.refused(t, "office_1", "1234567891")
	w.hub.set(func(h *fakeHub) {
		h.taken, h.refuseNames = false, true
		h.registered["office_1"] = hubRegistration{address: "office_1"}
	})
	require.Equal(t, []addressv1.AddressDifference{addressv1.AddressDifference_ADDRESS_DIFFERENCE_UNEXPECTED_AT_HUB}, w.checked(t, "office_1")["office_1"])
	p := someone()
	recipient, address := w.member(t, p)
	p.Name = "새이름"
	w.prove(t, p)
	awaitChange(t, w.ofMember(t, recipient), nameRefused)
	require.Empty(t, w.checked(t, address)[address])
}

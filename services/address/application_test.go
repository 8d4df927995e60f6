package address

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/invented"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// What an operator refused stays refused, with its reason; another application may be made. Decided applications keep no papers.
func TestOrganisationIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	o := newOffice(t, w)
	first := o.apply(t, "r-1").GetId()
	_, err := w.persons(t, o.person).ApplyForOrganisation(t.Context(), o.application("r-1", "다른 이름", o.number))
	require.Equal(t, "REQUEST_ID_REUSED", fault.ReasonOf(err))
	_, err = w.persons(t, o.person).ApplyForOrganisation(t.Context(), o.application("r-2", "다른 이름", o.number))
	require.Equal(t, "APPLICATION_WAITS", fault.ReasonOf(err))
	for range 2 {
		_, err = w.clerk(t).RefuseApplication(t.Context(), &addressv1.RefuseApplicationRequest{Id: first, Reason: "상호가 다름"})
		require.NoError(t, err)
	}
	_, err = w.clerk(t).ConfirmApplication(t.Context(), &addressv1.ConfirmApplicationRequest{Id: first})
	require.Equal(t, "APPLICATION_REFUSED", fault.ReasonOf(err))
	require.Zero(t, w.count(t, `select count(*) from paper`))
	mine, err := w.persons(t, o.person).ListOrganisations(t.Context(), &addressv1.ListOrganisationsRequest{})
	require.NoError(t, err)
	require.Equal(t, []any{applicationRefused, "상호가 다름"}, []any{mine.GetApplications()[0].GetState(), mine.GetApplications()[0].GetReason()})
	require.Empty(t, mine.GetOrganisations())
	require.Zero(t, w.count(t, `select count(*) from identity where application is not null`), "a claim that nobody confirmed makes nothing")

	o.confirm(t, o.apply(t, "r-3").GetId())
	_, err = w.clerk(t).RefuseApplication(t.Context(), &addressv1.RefuseApplicationRequest{Id: w.Stated(t, &addressv1.OrganisationAnswered{})[1].GetSubject(), Reason: "너무 늦음"})
	require.Equal(t, "APPLICATION_CONFIRMED", fault.ReasonOf(err))
	for n := range maxWaiting {
		_, err = w.persons(t, o.person).ApplyForOrganisation(t.Context(), o.application(fmt.Sprint("more-", n), "가상나루", invented.AnyBusinessNumber()))
		require.NoError(t, err)
	}
	_, err = w.persons(t, o.person).ApplyForOrganisation(t.Context(), o.application("more", "가상나루", invented.AnyBusinessNumber()))
	require.Equal(t, "TOO_MANY_APPLICATIONS", fault.ReasonOf(err))
	_, err = w.persons(t, o.person).ApplyForOrganisation(t.Context(), o.application("bad", " ", "1234567890"))
	require.ErrorIs(t, err, fault.Invalid)
	require.Len(t, fault.As(err).Violations, 2, "every violation at once")
	w.audit(t)
}

// An organisation whose address the hub refused, or lost with the papers gone, joins by another application with other papers,
// as the same recipient.
func TestOrganisationAppliesAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	o := newOffice(t, w)
	w.hub.set(func(h *fakeHub) { h.refusePaper = paper("Rbad") })
	o.confirm(t, o.apply(t, "bad").GetId())
	addressState := func() addressv1.AddressState {
		mine, err := w.persons(t, o.person).ListOrganisations(t.Context(), &addressv1.ListOrganisationsRequest{})
		require.NoError(t, err)
		return mine.GetOrganisations()[0].GetAddressState()
	}
	await.Require(t, unittest.Patience, func() bool { return addressState() == addressv1.AddressState_ADDRESS_STATE_REFUSED })
	waiting := w.send(t, send{to: byBusiness(o.number)})
	w.awaitTold(t, waiting, none)

	first := o.organisation
	o.confirm(t, o.apply(t, "good").GetId())
	require.Equal(t, first, o.organisation)
	m := o.awaitMember(t)
	require.Equal(t, first, w.awaitTold(t, waiting, own).GetFacts().GetRecipient())
	require.Zero(t, w.count(t, `select count(*) from paper`))

	w.hub.set(func(h *fakeHub) { delete(h.registered, m.GetAddress()) })
	circulation := addressv1.NewAddressServiceClient(w.Unit(t, "circulation"))
	_, err := circulation.ConfirmAddress(t.Context(), &addressv1.ConfirmAddressRequest{Address: m.GetAddress()})
	require.NoError(t, err)
	require.Equal(t, addressv1.AddressState_ADDRESS_STATE_REFUSED, addressState())
	o.confirm(t, o.apply(t, "lost").GetId())
	again := o.awaitMember(t)
	require.NotEqual(t, m.GetAddress(), again.GetAddress())
	require.Equal(t, again.GetAddress(), w.told(t, w.send(t, send{to: byBusiness(o.number)}))[0].GetFacts().GetTo().GetAddress())

	// Withdrawn, and joined again.
	_, err = o.acting(t, o.person).Withdraw(t.Context(), &addressv1.WithdrawRequest{})
	require.NoError(t, err)
	_, err = o.staff(t, o.person).AuthorisePerson(t.Context(), &addressv1.AuthorisePersonRequest{
		Name: "가온별", BirthDate: "19900101", Phone: "01000000000", Rights: allRights(),
	})
	require.Equal(t, "NOT_A_MEMBER", fault.ReasonOf(err))
	o.confirm(t, o.apply(t, "back").GetId())
	o.awaitMember(t)
	require.Equal(t, first, o.organisation)
	require.Len(t, unittest.Facts[*addressv1.AuthorityGranted](t, w.Bench), 1, "the representative stayed")
	w.audit(t)
}

// An organisation that joins has its documents although an institution with its business number has an address here; while it has
// not joined, the institution's address has no inbox.
func TestOrganisationBesideInstitution(t *testing.T) {
	t.Parallel()
	w := setup(t)
	o := newOffice(t, w)
	made, err := w.register(t, newInstitution("office-beside", o.number))
	require.NoError(t, err)
	w.awaitAddress(t, made.GetId(), registeredAddress)
	waiting := w.send(t, send{to: byBusiness(o.number)})
	w.awaitTold(t, waiting, addressv1.Resolution_RESOLUTION_OWN_WITHOUT_CONSENT)
	o.join(t)
	require.Equal(t, o.organisation, w.awaitTold(t, waiting, own).GetFacts().GetRecipient())
	require.Equal(t, own, w.told(t, w.send(t, send{to: byBusiness(o.number)}))[0].GetResolution())
	_, err = o.acting(t, o.person).Withdraw(t.Context(), &addressv1.WithdrawRequest{})
	require.NoError(t, err)
	require.Equal(t, addressv1.Resolution_RESOLUTION_OWN_WITHOUT_CONSENT, w.told(t, w.send(t, send{to: byBusiness(o.number)}))[0].GetResolution())
}

// If a document and the confirmation of its organisation come at the same moment, the organisation receives it. Two operators
// who confirm two applications for one business number make one organisation with two representatives.
func TestOrganisationsAtTheSameMoment(t *testing.T) {
	t.Parallel()
	const rounds = 12
	w := setup(t)
	clerk, failures := w.clerk(t), make(chan error, 2)
	var numbers []string
	for range rounds {
		one := newOffice(t, w)
		other := &office{world: w, number: one.number, representative: someone()}
		other.person = w.prove(t, other.representative)
		first, second := one.apply(t, "r").GetId(), other.apply(t, "r").GetId()
		event := w.accepted(t, send{to: byBusiness(one.number)})
		numbers = append(numbers, event.Subject)
		frames := unittest.Frames(t, platformv1.Lane_LANE_EXPRESS, event)
		var all sync.WaitGroup
		all.Go(func() { w.DeliverFrames(t, frames...) })
		for _, id := range []string{first, second} {
			all.Go(func() {
				_, err := clerk.ConfirmApplication(t.Context(), &addressv1.ConfirmApplicationRequest{Id: id})
				failures <- err
			})
		}
		all.Wait()
		require.NoError(t, errors.Join(<-failures, <-failures))
	}
	for _, edoc := range numbers {
		w.awaitTold(t, edoc, own)
	}
	require.Equal(t, rounds, w.count(t, `select count(*) from identity where application is not null`))
	require.Equal(t, 2*rounds, w.count(t, `select count(*) from authority where role = 1 and ended_at is null`))
	require.Zero(t, w.count(t, `select count(*) from paper`))
	w.audit(t)
}

// Who was named is found by name, birth date and phone. If two persons have these, neither is believed to be the one; and a
// person with a new CI keeps its authority when an operator has merged the two identities.
func TestWhoWasNamed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	o := newOffice(t, w).join(t)
	reader := someone()
	twin := reader
	twin.CI = someone().CI
	o.authorise(t, reader)
	readerID, twinID := w.prove(t, reader), w.prove(t, twin)
	for _, who := range []string{readerID, twinID} {
		_, err := o.take(t, who)
		require.Equal(t, "NOT_AUTHORISED", fault.ReasonOf(err))
	}
	_, err := addressv1.NewIdentityServiceClient(w.Admin(t)).MergeIdentities(t.Context(), &addressv1.MergeIdentitiesRequest{Recipient: twinID, Into: readerID, Reason: "초본 확인"})
	require.NoError(t, err)
	_, err = o.take(t, w.prove(t, twin))
	require.NoError(t, err)
	for _, who := range []string{uuid.NewString(), o.organisation} {
		_, err = o.take(t, who)
		require.Equal(t, "NOT_AUTHORISED", fault.ReasonOf(err))
	}
	_, err = w.units.TakeAuthority(t.Context(), &addressv1.TakeAuthorityRequest{Person: readerID, Organisation: readerID})
	require.Equal(t, "NOT_AUTHORISED", fault.ReasonOf(err))
	_, err = addressv1.NewIdentityServiceClient(w.Admin(t)).MergeIdentities(t.Context(), &addressv1.MergeIdentitiesRequest{Recipient: twinID, Into: o.organisation, Reason: "시험"})
	require.Equal(t, "IDENTITIES_DIFFER", fault.ReasonOf(err))
	w.audit(t)
}

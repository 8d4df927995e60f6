package address

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/invented"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// office is an organisation of a test with its representative.
type office struct {
	*world
	number         string
	representative person
	// of the representative and, once confirmed, of the organisation.
	person, organisation string
}

func newOffice(t testing.TB, w *world) *office {
	t.Helper()
	p := someone()
	return &office{world: w, number: invented.AnyBusinessNumber(), representative: p, person: w.prove(t, p)}
}

func (w *world) persons(t testing.TB, person string) addressv1.OrganisationServiceClient {
	t.Helper()
	return addressv1.NewOrganisationServiceClient(w.Recipient(t, person))
}

func (w *world) clerk(t testing.TB) addressv1.OrganisationAdminServiceClient {
	t.Helper()
	return addressv1.NewOrganisationAdminServiceClient(w.Admin(t))
}

func (o *office) application(requestID, name, number string) *addressv1.ApplyForOrganisationRequest {
	return &addressv1.ApplyForOrganisationRequest{
		Application: &addressv1.OrganisationApplication{
			Name: name, BusinessNumber: number, Type: addressv1.OrganisationType_ORGANISATION_TYPE_CORPORATION, TermsVersion: "2026-01",
		},
		RequestId: requestID, Consent: true, DesignateInbox: true, BusinessDocument: paper("B" + requestID), RegistrationDocument: paper("R" + requestID),
	}
}

// apply asks for the organisation by its representative.
func (o *office) apply(t testing.TB, requestID string) *addressv1.OrganisationApplication {
	t.Helper()
	answer, err := o.persons(t, o.person).ApplyForOrganisation(t.Context(), o.application(requestID, "가상나루 주식회사", o.number))
	require.NoError(t, err)
	return answer.GetApplication()
}

// confirm has the operator confirm an application.
func (o *office) confirm(t testing.TB, id string) {
	t.Helper()
	answer, err := o.clerk(t).ConfirmApplication(t.Context(), &addressv1.ConfirmApplicationRequest{Id: id})
	require.NoError(t, err)
	require.Equal(t, applicationConfirmed, answer.GetApplication().GetState())
	o.organisation = answer.GetApplication().GetOrganisation()
}

// join applies, is confirmed and waits for the hub.
func (o *office) join(t testing.TB) *office {
	t.Helper()
	o.confirm(t, o.apply(t, "join").GetId())
	o.awaitMember(t)
	return o
}

func (o *office) awaitMember(t testing.TB) *addressv1.Membership {
	t.Helper()
	var m *addressv1.Membership
	await.Require(t, unittest.Patience, func(context.Context) error {
		answer, err := o.acting(t, o.person).GetMembership(t.Context(), &addressv1.GetMembershipRequest{})
		if err != nil {
			return err
		}
		if m = answer.GetMembership(); m.GetState() != addressv1.MemberState_MEMBER_STATE_ACTIVE {
			return fmt.Errorf("state %s", m.GetState())
		}
		return nil
	})
	return m
}

// acting is the membership of the organisation, with a session that the person took.
func (o *office) acting(t testing.TB, person string) addressv1.MembershipServiceClient {
	t.Helper()
	return addressv1.NewMembershipServiceClient(o.ActingFor(t, o.organisation, person))
}

// staff are the authorities of the organisation, with a session that the person took.
func (o *office) staff(t testing.TB, person string) addressv1.OrganisationServiceClient {
	t.Helper()
	return addressv1.NewOrganisationServiceClient(o.ActingFor(t, o.organisation, person))
}

func (o *office) authorise(t testing.TB, p person) *addressv1.Authority {
	t.Helper()
	answer, err := o.staff(t, o.person).AuthorisePerson(t.Context(), &addressv1.AuthorisePersonRequest{
		Name: p.Name, BirthDate: p.BirthDate, Phone: p.Phone, Rights: []addressv1.AuthorityRight{addressv1.AuthorityRight_AUTHORITY_RIGHT_RECEIVE},
	})
	require.NoError(t, err)
	return answer.GetAuthority()
}

// take asks what viewing asks.
func (o *office) take(t testing.TB, person string) (*addressv1.TakeAuthorityResponse, error) {
	t.Helper()
	return o.units.TakeAuthority(t.Context(), &addressv1.TakeAuthorityRequest{Person: person, Organisation: o.organisation})
}

// audit compares the tables that follow from this unit's own facts.
func (w *world) audit(t testing.TB) {
	t.Helper()
	tables := slices.DeleteFunc(follows(), func(of audit.Table) bool { return of.Name == "open_document" })
	report, err := audit.Run(t.Context(), w.App, []audit.Unit{{Name: "address", Tables: tables}}, w.Clock.Now())
	require.NoError(t, err)
	require.Empty(t, slices.DeleteFunc(report.Violations, func(v audit.Violation) bool {
		return v.Code == audit.FactUnfounded || v.Code == audit.ConsumedUnknown // documents are intake's to state
	}))
}

// An organisation receives what is sent to its business number once an operator has confirmed its representative and the hub
// has its address: what waited, and what comes later. Before, a sending institution with the number has an address and no
// inbox.
func TestOrganisationJoins(t *testing.T) {
	t.Parallel()
	w := setup(t)
	o := newOffice(t, w)
	waiting := w.send(t, send{to: byBusiness(o.number)})
	w.awaitTold(t, waiting, none)

	asked := o.apply(t, "r-1")
	require.Equal(t, applicationWaiting, asked.GetState())
	require.Equal(t, asked.GetId(), o.apply(t, "r-1").GetId(), "the same request twice is one application")
	queue, err := w.clerk(t).ListApplications(t.Context(), &addressv1.ListApplicationsRequest{})
	require.NoError(t, err)
	require.Len(t, queue.GetApplications(), 1)
	seen, err := w.clerk(t).GetApplication(t.Context(), &addressv1.GetApplicationRequest{Id: asked.GetId()})
	require.NoError(t, err)
	require.Equal(t, []any{"가상나루 주식회사", o.number, o.representative.Name, o.representative.BirthDate, paper("Br-1"), paper("Rr-1")}, []any{
		seen.GetApplication().GetName(), seen.GetApplication().GetBusinessNumber(), seen.GetApplicantName(), seen.GetApplicantBirthDate(),
		seen.GetBusinessDocument(), seen.GetRegistrationDocument(),
	})
	require.Equal(t, none, w.told(t, waiting)[len(w.told(t, waiting))-1].GetResolution(), "nothing before the operator has decided")

	w.Clock.Advance(3_600 * 1e9)
	o.confirm(t, asked.GetId())
	first := o.organisation
	o.confirm(t, asked.GetId())
	require.Equal(t, first, o.organisation, "confirming twice is confirming once")
	m := o.awaitMember(t)
	require.True(t, m.GetInboxDesignated())
	require.True(t, m.GetConsentedAt().AsTime().Equal(asked.GetAskedAt().AsTime()), "consent was given with the application")
	require.True(t, m.GetJoinedAt().AsTime().After(asked.GetAskedAt().AsTime()))
	require.Equal(t, hubRegistration{
		address: m.GetAddress(), idn: o.number, name: "가상나루 주식회사", kind: int(corporation), at: m.GetJoinedAt().AsTime(), business: paper("Br-1"), registration: paper("Rr-1"),
	}, w.hub.registrations[0])
	require.Zero(t, w.count(t, `select count(*) from paper`), "the hub has the papers")

	found := w.awaitTold(t, waiting, own)
	require.Equal(t, []string{o.organisation, m.GetAddress()}, []string{found.GetFacts().GetRecipient(), found.GetFacts().GetTo().GetAddress()})
	require.Equal(t, own, w.told(t, w.send(t, send{to: byBusiness(o.number)}))[0].GetResolution())
	require.Equal(t, own, w.told(t, w.send(t, send{to: byAddress(unittest.Platform, m.GetAddress(), "총무과")}))[0].GetResolution())

	granted := w.Stated(t, &addressv1.AuthorityGranted{})
	require.Len(t, granted, 1)
	given := unittest.Facts[*addressv1.AuthorityGranted](t, w.Bench)[0]
	require.Equal(t, []any{o.organisation, o.person, roleRepresentative}, []any{given.GetOrganisation(), given.GetPerson(), given.GetRole()})
	membership := w.Stated(t, &addressv1.MembershipAsked{})
	require.Equal(t, o.person, membership[0].GetActor(), "the person who acted")
	require.Equal(t, o.organisation, unittest.Facts[*addressv1.MembershipAsked](t, w.Bench)[0].GetRecipient())
	w.audit(t)
}

// What an organisation's session does is stated as its representative's act, and nobody else changes its membership.
func TestOrganisationActsByItsRepresentative(t *testing.T) {
	t.Parallel()
	w := setup(t)
	o := newOffice(t, w).join(t)
	reader := someone()
	o.authorise(t, reader)
	readerID := w.prove(t, reader)
	taken, err := o.take(t, readerID)
	require.NoError(t, err)
	require.Equal(t, roleAuthorised, taken.GetRole())

	_, err = o.acting(t, readerID).GetMembership(t.Context(), &addressv1.GetMembershipRequest{})
	require.NoError(t, err, "who is authorised reads")
	stranger := w.prove(t, someone())
	for who, reason := range map[string]string{readerID: "NOT_AUTHORISED", stranger: "NOT_AUTHORISED"} {
		_, err = o.acting(t, who).SetConsent(t.Context(), &addressv1.SetConsentRequest{})
		require.Equal(t, reason, fault.ReasonOf(err))
		_, err = o.acting(t, who).Withdraw(t.Context(), &addressv1.WithdrawRequest{})
		require.Equal(t, reason, fault.ReasonOf(err))
		_, err = o.staff(t, who).AuthorisePerson(t.Context(), &addressv1.AuthorisePersonRequest{
			Name: "가온별", BirthDate: "19900101", Phone: "01000000000", Rights: allRights(),
		})
		require.Equal(t, reason, fault.ReasonOf(err))
		_, err = o.staff(t, who).SetRights(t.Context(), &addressv1.SetRightsRequest{Id: uuid.NewString(), Rights: allRights()})
		require.Equal(t, reason, fault.ReasonOf(err))
		_, err = o.staff(t, who).ListAuthorities(t.Context(), &addressv1.ListAuthoritiesRequest{})
		require.Equal(t, reason, fault.ReasonOf(err))
	}
	_, err = o.acting(t, stranger).GetMembership(t.Context(), &addressv1.GetMembershipRequest{})
	require.Equal(t, "NOT_AUTHORISED", fault.ReasonOf(err))
	_, err = w.session(t, o.organisation).Withdraw(t.Context(), &addressv1.WithdrawRequest{})
	require.Equal(t, "NOT_AN_ORGANISATION", fault.ReasonOf(err), "a token without a person acts for no organisation")
	_, err = o.acting(t, o.person).Join(t.Context(), &addressv1.JoinRequest{TermsVersion: "1", Consent: true, DesignateInbox: true})
	require.Equal(t, "NOT_FOR_ORGANISATIONS", fault.ReasonOf(err))

	waiting := w.send(t, send{to: byBusiness(o.number)})
	w.awaitTold(t, waiting, own)
	_, err = o.acting(t, o.person).SetConsent(t.Context(), &addressv1.SetConsentRequest{})
	require.NoError(t, err)
	require.Equal(t, addressv1.Resolution_RESOLUTION_OWN_WITHOUT_CONSENT, w.told(t, w.send(t, send{to: byBusiness(o.number)}))[0].GetResolution())
	require.Equal(t, o.person, w.Stated(t, &addressv1.ConsentChanged{})[0].GetActor())
	_, err = o.acting(t, o.person).SetRefusal(t.Context(), &addressv1.SetRefusalRequest{Refused: true})
	require.NoError(t, err)
	require.Equal(t, o.person, w.Stated(t, &addressv1.RefusalChanged{})[0].GetActor())
	require.Equal(t, o.organisation, w.Stated(t, &addressv1.RefusalChanged{})[0].GetSubject())
	_, err = o.acting(t, o.person).Withdraw(t.Context(), &addressv1.WithdrawRequest{})
	require.NoError(t, err)
	require.Equal(t, o.person, w.Stated(t, &addressv1.MemberWithdrew{})[0].GetActor())
	require.Equal(t, o.person, w.Stated(t, &addressv1.AddressWithdrawn{})[0].GetActor())
	w.audit(t)
}

// An authority ends at once: no session, no token, no act from then on. The last representative stays until an operator ends it.
func TestAuthoritiesEnd(t *testing.T) {
	t.Parallel()
	w := setup(t)
	o := newOffice(t, w).join(t)
	reader := someone()
	named := o.authorise(t, reader)
	require.Empty(t, named.GetPerson(), "not proved yet")
	require.Equal(t, reader.Name, named.GetName())
	require.Equal(t, named.GetId(), o.authorise(t, reader).GetId(), "naming twice is naming once")
	readerID := w.prove(t, reader)
	mine, err := w.persons(t, readerID).ListOrganisations(t.Context(), &addressv1.ListOrganisationsRequest{})
	require.NoError(t, err)
	require.Len(t, mine.GetOrganisations(), 1)
	require.Equal(t, []any{o.organisation, "가상나루 주식회사", roleAuthorised, addressv1.AddressState_ADDRESS_STATE_REGISTERED}, []any{
		mine.GetOrganisations()[0].GetOrganisation(), mine.GetOrganisations()[0].GetName(), mine.GetOrganisations()[0].GetRole(), mine.GetOrganisations()[0].GetAddressState(),
	})
	for range 2 {
		_, err = o.take(t, readerID)
		require.NoError(t, err)
	}
	require.Len(t, unittest.Facts[*addressv1.AuthorityTaken](t, w.Bench), 1)

	for range 2 {
		_, err = o.staff(t, o.person).EndAuthority(t.Context(), &addressv1.EndAuthorityRequest{Id: named.GetId()})
		require.NoError(t, err)
	}
	ended := w.Stated(t, &addressv1.AuthorityEnded{})
	require.Len(t, ended, 1, "ending twice is ending once")
	require.Equal(t, []string{named.GetId(), o.person}, []string{ended[0].GetSubject(), ended[0].GetActor()})
	_, err = o.take(t, readerID)
	require.Equal(t, "NOT_AUTHORISED", fault.ReasonOf(err))
	_, err = o.acting(t, readerID).GetMembership(t.Context(), &addressv1.GetMembershipRequest{})
	require.Equal(t, "NOT_AUTHORISED", fault.ReasonOf(err), "a session that is still open")
	mine, err = w.persons(t, readerID).ListOrganisations(t.Context(), &addressv1.ListOrganisationsRequest{})
	require.NoError(t, err)
	require.Empty(t, mine.GetOrganisations())

	all, err := o.staff(t, o.person).ListAuthorities(t.Context(), &addressv1.ListAuthoritiesRequest{})
	require.NoError(t, err)
	require.Len(t, all.GetAuthorities(), 2)
	require.Equal(t, []string{o.representative.Name, reader.Name}, []string{all.GetAuthorities()[0].GetName(), all.GetAuthorities()[1].GetName()})
	last := all.GetAuthorities()[0].GetId()
	_, err = o.staff(t, o.person).EndAuthority(t.Context(), &addressv1.EndAuthorityRequest{Id: last})
	require.Equal(t, "LAST_REPRESENTATIVE", fault.ReasonOf(err))
	_, err = o.staff(t, o.person).EndAuthority(t.Context(), &addressv1.EndAuthorityRequest{Id: uuid.NewString()})
	require.Equal(t, "AUTHORITY_NOT_FOUND", fault.ReasonOf(err))

	shown, err := w.clerk(t).ListOrganisationAuthorities(t.Context(), &addressv1.ListOrganisationAuthoritiesRequest{Organisation: o.organisation})
	require.NoError(t, err)
	require.Len(t, shown.GetAuthorities(), 2)
	require.Empty(t, shown.GetAuthorities()[0].GetName(), "an operator is shown no names")
	for range 2 {
		_, err = w.clerk(t).EndOrganisationAuthority(t.Context(), &addressv1.EndOrganisationAuthorityRequest{Organisation: o.organisation, Id: last, Reason: "퇴임"})
		require.NoError(t, err)
	}
	_, err = o.take(t, o.person)
	require.Equal(t, "NOT_AUTHORISED", fault.ReasonOf(err))
	require.Equal(t, own, w.told(t, w.send(t, send{to: byBusiness(o.number)}))[0].GetResolution(), "the organisation is still a member")

	// The next representative comes by an application, which changes nothing else.
	before := len(w.hub.registrations)
	next := &office{world: w, number: o.number, representative: someone()}
	next.person = w.prove(t, next.representative)
	next.confirm(t, next.apply(t, "next").GetId())
	require.Equal(t, o.organisation, next.organisation)
	taken, err := next.take(t, next.person)
	require.NoError(t, err)
	require.Equal(t, roleRepresentative, taken.GetRole())
	require.Len(t, w.hub.registrations, before)
	require.Zero(t, w.count(t, `select count(*) from paper`))
	w.audit(t)
}

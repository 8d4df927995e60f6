package address

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// A member names a proxy, who acts for it with the rights that a person may give, until the member ends that.
func TestProxy(t *testing.T) {
	t.Parallel()
	w := setup(t)
	parent, child := someone(), someone()
	parentID, _ := w.member(t, parent)
	childID := w.prove(t, child)
	own := w.persons(t, parentID)
	name := func(rights ...addressv1.AuthorityRight) (*addressv1.Authority, error) {
		answer, err := own.AuthorisePerson(t.Context(), &addressv1.AuthorisePersonRequest{Name: child.Name, BirthDate: child.BirthDate, Phone: child.Phone, Rights: rights})
		return answer.GetAuthority(), err
	}
	receive, send := addressv1.AuthorityRight_AUTHORITY_RIGHT_RECEIVE, addressv1.AuthorityRight_AUTHORITY_RIGHT_SEND
	for _, beyond := range []addressv1.AuthorityRight{send, addressv1.AuthorityRight_AUTHORITY_RIGHT_APPROVE} {
		_, err := name(receive, beyond)
		require.Equal(t, "proxy.rights", fault.As(err).Violations[0].Rule)
	}
	named, err := name(receive)
	require.NoError(t, err)
	_, err = own.SetRights(t.Context(), &addressv1.SetRightsRequest{Id: named.GetId(), Rights: []addressv1.AuthorityRight{send}})
	require.Equal(t, "proxy.rights", fault.As(err).Violations[0].Rule)

	mine, err := w.persons(t, childID).ListOrganisations(t.Context(), &addressv1.ListOrganisationsRequest{})
	require.NoError(t, err)
	require.Len(t, mine.GetOrganisations(), 1)
	require.Equal(t, []any{parentID, parent.Name, true}, []any{
		mine.GetOrganisations()[0].GetOrganisation(), mine.GetOrganisations()[0].GetName(), mine.GetOrganisations()[0].GetPerson(),
	})
	taken, err := w.units.TakeAuthority(t.Context(), &addressv1.TakeAuthorityRequest{Person: childID, Organisation: parentID})
	require.NoError(t, err)
	require.Equal(t, []string{"documents.receive"}, taken.GetScopes())
	require.True(t, taken.GetMember())
	listed, err := own.ListAuthorities(t.Context(), &addressv1.ListAuthoritiesRequest{})
	require.NoError(t, err)
	require.Equal(t, []string{child.Name, childID}, []string{listed.GetAuthorities()[0].GetName(), listed.GetAuthorities()[0].GetPerson()})

	_, err = own.EndAuthority(t.Context(), &addressv1.EndAuthorityRequest{Id: named.GetId()})
	require.NoError(t, err)
	_, err = w.units.TakeAuthority(t.Context(), &addressv1.TakeAuthorityRequest{Person: childID, Organisation: parentID})
	require.Equal(t, "NOT_AUTHORISED", fault.ReasonOf(err))
	w.audit(t)
}

// A proxy changes nothing that is the member's own, and nobody is its own proxy or names one for another.
func TestProxyChangesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	parent, child := someone(), someone()
	parentID, _ := w.member(t, parent)
	childID := w.prove(t, child)
	rights := []addressv1.AuthorityRight{addressv1.AuthorityRight_AUTHORITY_RIGHT_RECEIVE}
	as := func(p person) *addressv1.AuthorisePersonRequest {
		return &addressv1.AuthorisePersonRequest{Name: p.Name, BirthDate: p.BirthDate, Phone: p.Phone, Rights: rights}
	}
	_, err := w.persons(t, parentID).AuthorisePerson(t.Context(), as(parent))
	require.Equal(t, "proxy.other", fault.As(err).Violations[0].Rule)
	named, err := w.persons(t, parentID).AuthorisePerson(t.Context(), as(child))
	require.NoError(t, err)
	_, err = w.units.TakeAuthority(t.Context(), &addressv1.TakeAuthorityRequest{Person: childID, Organisation: parentID})
	require.NoError(t, err)

	conn := w.ActingFor(t, parentID, childID)
	member, staff := addressv1.NewMembershipServiceClient(conn), addressv1.NewOrganisationServiceClient(conn)
	_, err = member.GetMembership(t.Context(), &addressv1.GetMembershipRequest{})
	require.NoError(t, err)
	for doing, call := range map[string]func() error{
		"consent": func() error { _, err := member.SetConsent(t.Context(), &addressv1.SetConsentRequest{}); return err },
		"refuse": func() error {
			_, err := member.SetRefusal(t.Context(), &addressv1.SetRefusalRequest{Refused: true})
			return err
		},
		"leave": func() error { _, err := member.Withdraw(t.Context(), &addressv1.WithdrawRequest{}); return err },
		"name":  func() error { _, err := staff.AuthorisePerson(t.Context(), as(someone())); return err },
		"list": func() error {
			_, err := staff.ListAuthorities(t.Context(), &addressv1.ListAuthoritiesRequest{})
			return err
		},
		"end": func() error {
			_, err := staff.EndAuthority(t.Context(), &addressv1.EndAuthorityRequest{Id: named.GetAuthority().GetId()})
			return err
		},
		"set rights": func() error {
			_, err := staff.SetRights(t.Context(), &addressv1.SetRightsRequest{Id: named.GetAuthority().GetId(), Rights: rights})
			return err
		},
	} {
		require.Equal(t, "NOT_AUTHORISED", fault.ReasonOf(call()), doing)
	}
	for doing, call := range map[string]func() error{
		"join": func() error {
			_, err := member.Join(t.Context(), &addressv1.JoinRequest{TermsVersion: "1", Consent: true, DesignateInbox: true})
			return err
		},
		"own data": func() error { _, err := member.GetOwnData(t.Context(), &addressv1.GetOwnDataRequest{}); return err },
		"apply": func() error {
			_, err := staff.ApplyForOrganisation(t.Context(), (&office{}).application("r-1", "가상나루", "1208147521"))
			return err
		},
	} {
		require.Equal(t, "NOT_FOR_ORGANISATIONS", fault.ReasonOf(call()), doing)
	}
	nobody := w.prove(t, someone())
	_, err = w.persons(t, nobody).AuthorisePerson(t.Context(), as(child))
	require.Equal(t, "NOT_A_MEMBER", fault.ReasonOf(err), "who has no inbox here has nothing to let anybody see")
}

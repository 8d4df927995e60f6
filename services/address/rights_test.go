package address

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Every right has scopes, all of which a recipient's token may hold, and all rights together give all of them.
func TestRightsHaveScopes(t *testing.T) {
	t.Parallel()
	values := addressv1.AuthorityRight(0).Descriptor().Values()
	require.Len(t, allRights(), values.Len()-1, "every right but UNSPECIFIED")
	for _, right := range allRights() {
		require.NotEmpty(t, rights{right}.scopes(), right)
	}
	require.Equal(t, authn.Scopes(platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT), allRights().scopes())
}

// A person may do for the organisation what a representative said, from when it was said.
func TestRightsOfAPerson(t *testing.T) {
	t.Parallel()
	w := setup(t)
	o := newOffice(t, w).join(t)
	clerk := someone()
	held := o.authorise(t, clerk)
	clerkID := w.prove(t, clerk)
	taken, err := o.take(t, clerkID)
	require.NoError(t, err)
	require.Equal(t, []string{"documents.receive"}, taken.GetScopes())

	set := func(id string, to ...addressv1.AuthorityRight) (*addressv1.Authority, error) {
		answer, err := o.staff(t, o.person).SetRights(t.Context(), &addressv1.SetRightsRequest{Id: id, Rights: to})
		return answer.GetAuthority(), err
	}
	certificates, sends := addressv1.AuthorityRight_AUTHORITY_RIGHT_CERTIFICATES, addressv1.AuthorityRight_AUTHORITY_RIGHT_SEND
	for range 2 {
		changed, err := set(held.GetId(), certificates, sends)
		require.NoError(t, err)
		require.Equal(t, []addressv1.AuthorityRight{sends, certificates}, changed.GetRights(), "in their order")
		require.Equal(t, clerk.Name, changed.GetName())
	}
	stated := w.Stated(t, &addressv1.AuthorityRightsChanged{})
	require.Len(t, stated, 1, "the same again changes nothing")
	require.Equal(t, []string{held.GetId(), o.person}, []string{stated[0].GetSubject(), stated[0].GetActor()})
	require.NotEmpty(t, unittest.Facts[*addressv1.AuthorityRightsChanged](t, w.Bench)[0].GetSession())
	taken, err = o.take(t, clerkID)
	require.NoError(t, err)
	require.Equal(t, []string{"certificates", "documents.read", "documents.send"}, taken.GetScopes())
	mine, err := w.persons(t, clerkID).ListOrganisations(t.Context(), &addressv1.ListOrganisationsRequest{})
	require.NoError(t, err)
	require.Equal(t, []addressv1.AuthorityRight{sends, certificates}, mine.GetOrganisations()[0].GetRights())

	all, err := o.staff(t, o.person).ListAuthorities(t.Context(), &addressv1.ListAuthoritiesRequest{})
	require.NoError(t, err)
	require.EqualValues(t, allRights(), all.GetAuthorities()[0].GetRights(), "the representative's")
	_, err = set(all.GetAuthorities()[0].GetId(), sends)
	require.Equal(t, "REPRESENTATIVE_HAS_ALL_RIGHTS", fault.ReasonOf(err))
	_, err = set(uuid.NewString(), sends)
	require.Equal(t, "AUTHORITY_NOT_FOUND", fault.ReasonOf(err))
	w.audit(t)

	_, err = o.staff(t, o.person).EndAuthority(t.Context(), &addressv1.EndAuthorityRequest{Id: held.GetId()})
	require.NoError(t, err)
	_, err = set(held.GetId(), certificates)
	require.Equal(t, "AUTHORITY_NOT_FOUND", fault.ReasonOf(err), "what has ended gives nothing again")
}

// Another organisation's representative changes nothing here, and nobody has an authority without any right.
func TestRightsThatAreNotSet(t *testing.T) {
	t.Parallel()
	w := setup(t)
	o, other := newOffice(t, w).join(t), newOffice(t, w).join(t)
	held := o.authorise(t, someone())
	_, err := other.staff(t, other.person).SetRights(t.Context(), &addressv1.SetRightsRequest{Id: held.GetId(), Rights: allRights()})
	require.Equal(t, "AUTHORITY_NOT_FOUND", fault.ReasonOf(err))
	_, err = o.staff(t, o.person).SetRights(t.Context(), &addressv1.SetRightsRequest{Id: held.GetId()})
	require.ErrorIs(t, err, fault.Invalid)
	require.Empty(t, w.Stated(t, &addressv1.AuthorityRightsChanged{}))
}

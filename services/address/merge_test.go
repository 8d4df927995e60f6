package address

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// withNewCI is the same person after its CI was given anew.
func withNewCI(p person) person {
	p.CI = someone().CI
	return p
}

// Somebody whose identity was proved and who never joined makes no member ambiguous.
func TestProvedButNeverJoinedMakesNobodyAmbiguous(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	member, _ := w.member(t, p)
	w.prove(t, withNewCI(p))
	told := w.awaitTold(t, w.send(t, send{to: byFacts(p)}), own)
	require.Equal(t, member, told.GetFacts().GetRecipient())
}

// A person with a new CI is listed beside the former identity. Once an operator has merged the two, the new one acts as the
// former: at once for documents that wait, and whatever the sender describes the person by.
func TestMerge(t *testing.T) {
	t.Parallel()
	w := setup(t)
	admin := addressv1.NewIdentityServiceClient(w.Admin(t))
	p := someone()
	renewed := withNewCI(p)
	member, _ := w.member(t, p)
	w.Clock.Advance(time.Hour)
	fresh := w.prove(t, renewed)
	require.NotEqual(t, member, fresh)
	w.prove(t, someone())

	listed, err := admin.ListAlikeIdentities(t.Context(), &addressv1.ListAlikeIdentitiesRequest{})
	require.NoError(t, err)
	require.Len(t, listed.GetIdentities(), 2)
	for i, want := range []struct {
		recipient string
		state     addressv1.MemberState
	}{{member, addressv1.MemberState_MEMBER_STATE_ACTIVE}, {fresh, addressv1.MemberState_MEMBER_STATE_UNSPECIFIED}} {
		require.Equal(t, want.recipient, listed.GetIdentities()[i].GetRecipient())
		require.Equal(t, want.state, listed.GetIdentities()[i].GetMembership())
		require.Equal(t, int32(1), listed.GetIdentities()[i].GetGroup())
	}

	waiting := w.send(t, send{to: byCI(renewed)})
	w.awaitTold(t, waiting, none)
	merge := &addressv1.MergeIdentitiesRequest{Recipient: fresh, Into: member, Reason: "초본 확인"}
	for range 2 {
		_, err = admin.MergeIdentities(t.Context(), merge)
		require.NoError(t, err)
	}
	require.Equal(t, member, w.awaitTold(t, waiting, own).GetFacts().GetRecipient())
	for _, to := range []person{p, renewed} {
		require.Equal(t, member, w.awaitTold(t, w.send(t, send{to: byCI(to)}), own).GetFacts().GetRecipient())
		require.Equal(t, member, w.awaitTold(t, w.send(t, send{to: byFacts(to)}), own).GetFacts().GetRecipient())
		require.Equal(t, member, w.prove(t, to))
	}
	moved := renewed
	moved.Phone = "01000000077"
	require.Equal(t, member, w.prove(t, moved), "also after another change")
	require.Equal(t, member, w.awaitTold(t, w.send(t, send{to: byFacts(moved)}), own).GetFacts().GetRecipient())

	merged := unittest.Facts[*addressv1.IdentitiesMerged](t, w.Bench)
	require.Len(t, merged, 1)
	require.Equal(t, member, merged[0].GetInto())
	require.Equal(t, "초본 확인", merged[0].GetReason())
	listed, err = admin.ListAlikeIdentities(t.Context(), &addressv1.ListAlikeIdentitiesRequest{})
	require.NoError(t, err)
	require.Empty(t, listed.GetIdentities())
}

// Only what is listed as alike is merged, in one step, and never somebody with an inbox.
func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	w := setup(t)
	admin := addressv1.NewIdentityServiceClient(w.Admin(t))
	p := someone()
	member, _ := w.member(t, p)
	other, stranger := w.prove(t, withNewCI(p)), w.prove(t, someone())
	third := w.prove(t, withNewCI(p))
	refused := func(from, into string) string {
		_, err := admin.MergeIdentities(t.Context(), &addressv1.MergeIdentitiesRequest{Recipient: from, Into: into, Reason: "r"})
		return fault.ReasonOf(err)
	}
	require.Equal(t, "IDENTITY_IS_MEMBER", refused(member, other))
	require.Equal(t, "IDENTITIES_DIFFER", refused(stranger, member))
	require.Equal(t, "IDENTITIES_DIFFER", refused(other, other))
	require.Equal(t, "IDENTITY_NOT_FOUND", refused(other, uuid.NewString()))
	require.Empty(t, refused(other, member))
	require.Equal(t, "IDENTITIES_DIFFER", refused(other, third), "it is merged already")
	require.Equal(t, "IDENTITIES_DIFFER", refused(third, other), "into one that is merged")
	_, err := addressv1.NewIdentityServiceClient(w.Sender(t, unittest.NewID())).MergeIdentities(t.Context(),
		&addressv1.MergeIdentitiesRequest{Recipient: third, Into: member, Reason: "r"})
	require.ErrorIs(t, err, fault.Denied)
}

// Pages hold whole groups.
func TestListAlikePages(t *testing.T) {
	t.Parallel()
	w := setup(t)
	admin := addressv1.NewIdentityServiceClient(w.Admin(t))
	want := map[string]bool{}
	for range 3 {
		p := someone()
		want[w.prove(t, p)], want[w.prove(t, withNewCI(p))] = true, true
	}
	token, pages := "", 0
	for more := true; more; more = token != "" {
		page, err := admin.ListAlikeIdentities(t.Context(), &addressv1.ListAlikeIdentitiesRequest{PageSize: 2, PageToken: token})
		require.NoError(t, err)
		for _, one := range page.GetIdentities() {
			require.True(t, want[one.GetRecipient()])
			delete(want, one.GetRecipient())
		}
		token, pages = page.GetNextPageToken(), pages+1
	}
	require.Empty(t, want)
	require.Equal(t, 2, pages)
}

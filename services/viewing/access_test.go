package viewing

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// A person sees its sign-ins, the sessions it took of organisations, and every token for what it received with what became of it;
// nobody else's.
func TestAccessesOfAPerson(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	b := o.bundle
	done, err := o.client.CompleteSession(t.Context(), o.login(t))
	require.NoError(t, err)
	organisation := unittest.NewID()
	o.address.authorise(organisation, o.recipient, unittest.NewID())
	b.Advance(t, time.Second)
	_, err = o.act(t, done.GetSessionToken(), organisation)
	require.NoError(t, err)
	b.Advance(t, time.Second)
	f := b.receive(t, o.recipient)
	_, err = b.issue(t, o.recipient, f.GetEdocNum())
	require.NoError(t, err)
	b.Advance(t, time.Second)
	used, err := b.issue(t, o.recipient, f.GetEdocNum())
	require.NoError(t, err)
	v, err := b.verify(t, b.system, used.GetToken(), "r-1")
	require.NoError(t, err)
	_, err = b.report(t, b.system, reportOn(f, v, v.GetVerifiedAt().AsTime()))
	require.NoError(t, err)
	stranger := unittest.NewID()
	_, err = b.issue(t, stranger, b.receive(t, stranger).GetEdocNum())
	require.NoError(t, err)

	client := viewingv1.NewAccessServiceClient(b.Bearing(t, done.GetSessionToken()))
	var all []*viewingv1.Access
	for token := ""; ; {
		page, err := client.ListAccesses(t.Context(), &viewingv1.ListAccessesRequest{PageSize: 1, PageToken: token})
		require.NoError(t, err)
		require.Len(t, page.GetAccesses(), 1)
		all = append(all, page.GetAccesses()...)
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	require.Len(t, all, 4)
	for i, kind := range []viewingv1.AccessKind{
		viewingv1.AccessKind_ACCESS_KIND_VIEWED, viewingv1.AccessKind_ACCESS_KIND_VIEWED, viewingv1.AccessKind_ACCESS_KIND_ACTED, viewingv1.AccessKind_ACCESS_KIND_SIGNED_IN,
	} {
		require.Equal(t, kind, all[i].GetKind(), "newest first")
		require.Equal(t, o.recipient, all[i].GetPerson())
	}
	require.Equal(t, []any{f.GetEdocNum(), b.system}, []any{all[0].GetEdocNum(), all[0].GetViewingSystem()})
	require.True(t, all[0].GetViewedAt().AsTime().Equal(v.GetVerifiedAt().AsTime()))
	require.True(t, all[0].GetReadAt().AsTime().Equal(v.GetVerifiedAt().AsTime()))
	require.Nil(t, all[1].GetViewedAt(), "the first token was not used")
	require.Nil(t, all[1].GetReadAt())
	require.Equal(t, organisation, all[2].GetOrganisation())
	require.Empty(t, all[3].GetOrganisation())

	_, err = client.ListAccesses(t.Context(), &viewingv1.ListAccessesRequest{PageToken: "x"})
	requireReason(t, err, fault.Invalid, viewingv1.Reason_REASON_PAGE_TOKEN_INVALID)
}

// The representatives of an organisation see who acted for it and who viewed; its other staff and everybody else see nothing of
// it.
func TestAccessesOfAnOrganisation(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	b := o.bundle
	organisation := unittest.NewID()
	o.address.authorise(organisation, o.recipient, unittest.NewID())
	done, err := o.client.CompleteSession(t.Context(), o.login(t))
	require.NoError(t, err)
	acting, err := o.act(t, done.GetSessionToken(), organisation)
	require.NoError(t, err)
	f := b.receive(t, organisation)
	_, err = viewingv1.NewViewingTokenServiceClient(b.Bearing(t, acting.GetSessionToken())).IssueViewingToken(t.Context(), &viewingv1.IssueViewingTokenRequest{EdocNum: f.GetEdocNum()})
	require.NoError(t, err)

	client := viewingv1.NewAccessServiceClient(b.Bearing(t, acting.GetSessionToken()))
	o.address.is(addressv1.AuthorityRole_AUTHORITY_ROLE_AUTHORISED)
	_, err = client.ListAccesses(t.Context(), &viewingv1.ListAccessesRequest{})
	requireReason(t, err, fault.Denied, viewingv1.Reason_REASON_NOT_AUTHORISED)
	o.address.is(addressv1.AuthorityRole_AUTHORITY_ROLE_REPRESENTATIVE)
	page, err := client.ListAccesses(t.Context(), &viewingv1.ListAccessesRequest{})
	require.NoError(t, err)
	require.Len(t, page.GetAccesses(), 2)
	for i, kind := range []viewingv1.AccessKind{viewingv1.AccessKind_ACCESS_KIND_VIEWED, viewingv1.AccessKind_ACCESS_KIND_ACTED} {
		one := page.GetAccesses()[i]
		require.Equal(t, []any{kind, o.recipient, organisation}, []any{one.GetKind(), one.GetPerson(), one.GetOrganisation()})
	}
	others, err := viewingv1.NewAccessServiceClient(b.Recipient(t, unittest.NewID())).ListAccesses(t.Context(), &viewingv1.ListAccessesRequest{})
	require.NoError(t, err)
	require.Empty(t, others.GetAccesses())
}

// The record of sessions is held against the proofs and sessions that were stated.
func TestSessionsFollowFromFacts(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	done, err := o.client.CompleteSession(t.Context(), o.login(t))
	require.NoError(t, err)
	organisation := unittest.NewID()
	o.address.authorise(organisation, o.recipient, unittest.NewID())
	_, err = o.act(t, done.GetSessionToken(), organisation)
	require.NoError(t, err)
	tables := slices.DeleteFunc(follows(), func(of audit.Table) bool { return of.Name != "session_opened" })
	codes := func() (codes []string) {
		report, err := audit.Run(t.Context(), o.Owner, []audit.Unit{{Name: domain, Tables: tables}}, o.Clock.Now())
		require.NoError(t, err)
		for _, v := range report.Violations {
			if v.Code != audit.ConsumedUnknown { // the producers' journals are not here
				codes = append(codes, v.Code)
			}
		}
		return codes
	}
	require.Empty(t, codes())
	for tampering, code := range map[string]string{
		`update session_opened set recipient = 'another' where person <> recipient`:                   audit.RowDiffers,
		`update session_opened set opened_at = opened_at - interval '1 day' where person = recipient`: audit.RowDiffers,
	} {
		_, err = o.Owner.Exec(t.Context(), tampering)
		require.NoError(t, err)
		require.Contains(t, codes(), code, tampering)
	}
	_, err = o.Owner.Exec(t.Context(), `delete from session_opened where person = recipient`)
	require.NoError(t, err)
	require.Contains(t, codes(), audit.RowMissing)
}

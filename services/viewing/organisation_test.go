package viewing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// errAway is what the address unit answers while it is away.
var errAway = fault.New(fault.Unavailable, "address", nil, "")

// act takes a session of an organisation with a session token.
func (b *bundle) act(t *testing.T, token, organisation string) (*viewingv1.ActForOrganisationResponse, error) {
	t.Helper()
	return viewingv1.NewSessionServiceClient(b.Bearing(t, token)).ActForOrganisation(t.Context(), &viewingv1.ActForOrganisationRequest{Organisation: organisation})
}

// A person with an authority gets a session of the organisation that ends with its own, and the fact says by which proof.
func TestActForOrganisation(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	organisation, authority := unittest.NewID(), unittest.NewID()
	done, err := o.client.CompleteSession(t.Context(), o.login(t))
	require.NoError(t, err)
	own, err := o.Env.Authn.Verify(t.Context(), done.GetSessionToken())
	require.NoError(t, err)

	_, err = o.act(t, done.GetSessionToken(), organisation)
	requireReason(t, err, fault.Denied, viewingv1.Reason_REASON_NOT_AUTHORISED)
	require.Empty(t, o.Stated(t, &viewingv1.OrganisationSessionOpened{}))

	o.address.authorise(organisation, o.recipient, authority)
	o.Advance(t, 4*time.Minute)
	acting, err := o.act(t, done.GetSessionToken(), organisation)
	require.NoError(t, err)
	require.Equal(t, []any{true, "k7w2-office", done.GetExpiresAt().AsTime()}, []any{acting.GetMember(), acting.GetAddress(), acting.GetExpiresAt().AsTime()})
	principal, err := o.Env.Authn.Verify(t.Context(), acting.GetSessionToken())
	require.NoError(t, err)
	require.Equal(t, []string{organisation, o.recipient, own.Session}, []string{principal.ID, principal.Actor, principal.Session})
	require.Equal(t, []string{"documents.receive"}, principal.Scopes, "those of the person's rights, and no others")
	require.Equal(t, principal.Scopes, acting.GetScopes())
	stated := o.Stated(t, &viewingv1.OrganisationSessionOpened{})
	require.Len(t, stated, 1)
	require.Equal(t, []string{principal.TokenID, o.recipient}, []string{stated[0].GetSubject(), stated[0].GetActor()})
	opened := unittest.Facts[*viewingv1.OrganisationSessionOpened](t, o.Bench)[0]
	require.Equal(t, []string{own.Session, organisation, authority}, []string{opened.GetSession(), opened.GetOrganisation(), opened.GetAuthority()})

	// Nobody acts for an organisation through another one, and a session that is about to end gives no other.
	other := unittest.NewID()
	o.address.authorise(other, organisation, unittest.NewID())
	_, err = o.act(t, acting.GetSessionToken(), other)
	requireReason(t, err, fault.Denied, viewingv1.Reason_REASON_NOT_AUTHORISED)
	o.Advance(t, 6*time.Minute-time.Second)
	_, err = o.act(t, done.GetSessionToken(), organisation)
	require.Equal(t, "TOKEN_EXPIRED", fault.ReasonOf(err))
}

// What is read for an organisation names the person who acted, and whose authority ended gets no token in a session that is open.
func TestReadingForAnOrganisation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	organisation, person := unittest.NewID(), unittest.NewID()
	b.address.authorise(organisation, person, unittest.NewID())
	f := b.receive(t, organisation)
	client := viewingv1.NewViewingTokenServiceClient(b.ActingFor(t, organisation, person))
	request := &viewingv1.IssueViewingTokenRequest{EdocNum: f.GetEdocNum()}
	issued, err := client.IssueViewingToken(t.Context(), request)
	require.NoError(t, err)
	v, err := b.verify(t, b.system, issued.GetToken(), "r-1")
	require.NoError(t, err)
	_, err = b.report(t, b.system, reportOn(f, v, v.GetVerifiedAt().AsTime()))
	require.NoError(t, err)

	token := b.Stated(t, &viewingv1.ViewingTokenIssued{})
	require.Len(t, token, 1)
	require.Equal(t, person, token[0].GetActor())
	require.Equal(t, organisation, unittest.Facts[*viewingv1.ViewingTokenIssued](t, b.Bench)[0].GetRecipient())
	read := unittest.Facts[*viewingv1.DocumentRead](t, b.Bench)
	require.Len(t, read, 1)
	require.Equal(t, []string{organisation, person}, []string{read[0].GetRecipient(), read[0].GetActedBy()})

	b.address.authorise(organisation, person, "")
	_, err = client.IssueViewingToken(t.Context(), request)
	requireReason(t, err, fault.Denied, viewingv1.Reason_REASON_NOT_AUTHORISED)
	b.address.authorise(organisation, person, unittest.NewID())
	b.address.fails(errAway)
	_, err = client.IssueViewingToken(t.Context(), request)
	require.ErrorIs(t, err, fault.Unavailable, "nothing is given while it cannot be known")
	require.Len(t, b.Stated(t, &viewingv1.ViewingTokenIssued{}), 1)

	// A person's own reading names nobody else.
	own := unittest.NewID()
	mine := b.receive(t, own)
	_, err = b.report(t, b.system, reportOn(mine, b.verifiedAgain(t, mine), b.Clock.Now()))
	require.NoError(t, err)
	for _, m := range unittest.Facts[*viewingv1.DocumentRead](t, b.Bench) {
		if m.GetEdocNum() == mine.GetEdocNum() {
			require.Empty(t, m.GetActedBy())
		}
	}
}

// The token of a person whose authority has ended is not verified, and none is lost while that cannot be known. Tokens of
// others are verified, and what was verified before is answered again.
func TestTokenOfAnEndedAuthority(t *testing.T) {
	t.Parallel()
	b := setup(t)
	organisation, person, other := unittest.NewID(), unittest.NewID(), unittest.NewID()
	f := b.receive(t, organisation)
	issue := func(who string) string {
		b.address.authorise(organisation, who, unittest.NewID())
		issued, err := viewingv1.NewViewingTokenServiceClient(b.ActingFor(t, organisation, who)).
			IssueViewingToken(t.Context(), &viewingv1.IssueViewingTokenRequest{EdocNum: f.GetEdocNum()})
		require.NoError(t, err)
		return issued.GetToken()
	}
	others, used, unused := issue(other), issue(person), issue(person)
	first, err := b.verify(t, b.system, used, "r-1")
	require.NoError(t, err)

	b.address.authorise(organisation, person, "")
	_, err = b.verify(t, b.system, unused, "r-2")
	requireReason(t, err, fault.Denied, viewingv1.Reason_REASON_NOT_AUTHORISED)
	again, err := b.verify(t, b.system, used, "r-1")
	require.NoError(t, err)
	require.Equal(t, first.GetVerificationId(), again.GetVerificationId())
	_, err = b.verify(t, b.system, used, "r-2")
	requireReason(t, err, fault.Conflict, viewingv1.Reason_REASON_TOKEN_REPLAYED)
	_, err = b.verify(t, b.system, malleated(t, unused), "r-2")
	requireReason(t, err, fault.Denied, viewingv1.Reason_REASON_TOKEN_FORGED)

	b.address.fails(errAway)
	_, err = b.verify(t, b.system, others, "r-3")
	require.ErrorIs(t, err, fault.Unavailable, "nothing is shown while it cannot be known")
	b.address.fails(nil)
	_, err = b.verify(t, b.system, others, "r-3")
	require.NoError(t, err)
	b.address.authorise(organisation, person, unittest.NewID())
	_, err = b.verify(t, b.system, unused, "r-2")
	require.NoError(t, err)
	require.Equal(t, []string{"ACCEPTED", "NOT_AUTHORISED", "REPEATED", "REPLAYED", "FORGED", "ACCEPTED", "ACCEPTED"}, b.outcomes(t, b.system))
}

package e2e

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/invented"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// Guide 5.1.1 with an organisation as recipient: its representative proves who it is and applies, an operator confirms, the hub
// registers its address, and what was sent to its business number arrives. Another person whom it named reads, and the evidence
// names that person. Whose authority has ended reads no more.
func TestOrganisationAsRecipient(t *testing.T) {
	t.Parallel()
	institution, number := stack.Institution(t), invented.AnyBusinessNumber()
	to := harness.ByBusinessNumber(number)
	document := institution.NewDocument(t, to)
	document.Invite()
	institution.Store(t, document, to)
	institution.Send(t, document)
	institution.AwaitState(t, document.EdocNum, "AWAITING_MEMBERSHIP")

	representative := stack.LogInPerson(t, stack.NewPerson(t))
	application := representative.Apply(t, number)
	require.Equal(t, "DOCUMENT_STATE_AWAITING_MEMBERSHIP", institution.Status(t, document.EdocNum).State, "an application alone changes nothing")
	refused := representative.Do(t, http.MethodPost, "/v1/sessions:act", map[string]string{"organisation": application}).Problem(t)
	require.Equal(t, http.StatusForbidden, refused.Status)
	var seen struct{ ApplicantName, BusinessDocument string }
	stack.Admin(t).Do(t, http.MethodGet, "/v1/admin/organisation-applications/"+application, nil).Into(t, &seen)
	require.Equal(t, representative.Name, seen.ApplicantName)
	require.NotEmpty(t, seen.BusinessDocument)

	o := stack.Joined(t, representative, number, stack.Confirm(t, application))
	received := institution.AwaitState(t, document.EdocNum, "RECEIVED")
	require.Equal(t, o.Address, received.RecipientAddress)
	require.Equal(t, []string{document.EdocNum}, inboxOf(t, o.Recipient))
	require.Empty(t, inboxOf(t, representative), "the representative's own inbox is another")

	reader := stack.LogInPerson(t, stack.NewPerson(t))
	authority := o.Authorise(t, reader.Person, "RECEIVE", "CERTIFICATES")
	acting := reader.ActFor(t, o.ID)
	require.Equal(t, []string{document.EdocNum}, inboxOf(t, acting))
	require.Equal(t, http.StatusForbidden, acting.Do(t, http.MethodGet, "/v1/organisation/authorities", nil).Status)
	token := acting.ViewingToken(t, document.EdocNum)
	shown, body := stack.Open(t, token.URL)
	require.Equal(t, http.StatusOK, shown, "%s", body)
	require.Equal(t, document.Bytes, body)
	institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool {
		return s.State == "DOCUMENT_STATE_READ" && s.Registered() && s.ReadTimeRegistered()
	})
	requireReader(t, document.EdocNum, o.ID, personOf(t, o, authority))

	o.Do(t, http.MethodDelete, "/v1/organisation/authorities/"+authority, nil).Into(t, &struct{}{})
	again := sendTo(t, institution, to, "RECEIVED")
	problem := acting.Do(t, http.MethodPost, "/v1/inbox/"+again.EdocNum+":view", map[string]any{}).Problem(t)
	require.Equal(t, http.StatusForbidden, problem.Status)
	require.Equal(t, http.StatusForbidden, reader.Do(t, http.MethodPost, "/v1/sessions:act", map[string]string{"organisation": o.ID}).Status)
	o.ViewingToken(t, again.EdocNum)
}

// Whose authority ends, by a representative or an operator, is refused at all units with the session that is open, and its
// viewing token shows nothing. The representative goes on, and a new authority gives a new session that works.
func TestOrganisationAuthorityEnds(t *testing.T) {
	t.Parallel()
	institution, o := stack.Institution(t), stack.NewOrganisation(t)
	to := harness.ByBusinessNumber(o.BusinessNumber)
	document := institution.NewDocument(t, to)
	institution.Store(t, document, to)
	institution.Send(t, document)
	institution.AwaitState(t, document.EdocNum, "RECEIVED")
	reader := stack.LogInPerson(t, stack.NewPerson(t))
	for _, end := range []func(authority string) harness.Answer{
		func(authority string) harness.Answer {
			return o.Do(t, http.MethodDelete, "/v1/organisation/authorities/"+authority, nil)
		},
		func(authority string) harness.Answer {
			return stack.Admin(t).Do(t, http.MethodPost, "/v1/admin/organisations/"+o.ID+"/authorities/"+authority+":end", map[string]string{"reason": "퇴사"})
		},
	} {
		authority := o.Authorise(t, reader.Person, "RECEIVE", "CERTIFICATES")
		acting := reader.ActFor(t, o.ID)
		require.Equal(t, []string{document.EdocNum}, inboxOf(t, acting))
		token := acting.ViewingToken(t, document.EdocNum)

		end(authority).Into(t, &struct{}{})
		shown, body := stack.Open(t, token.URL)
		require.Equal(t, http.StatusForbidden, shown, "%s", body)
		for _, path := range []string{"/v1/inbox", "/v1/documents/" + document.EdocNum + "/certificates", "/v1/membership"} {
			requireShut(t, acting, path)
		}
		require.Equal(t, []string{document.EdocNum}, inboxOf(t, o.Recipient))
	}

	o.Authorise(t, reader.Person, "RECEIVE", "CERTIFICATES")
	shown, body := stack.Open(t, reader.ActFor(t, o.ID).ViewingToken(t, document.EdocNum).URL)
	require.Equal(t, http.StatusOK, shown, "%s", body)
	require.Equal(t, document.Bytes, body)
}

// Staff of an organisation do what they have the right to, and nothing else; what is changed counts within a second, for the
// session that is open, too. What they send is the organisation's, by them.
func TestStaffOfAnOrganisation(t *testing.T) {
	t.Parallel()
	o, clerk, recipient := stack.NewOrganisation(t), stack.LogInPerson(t, stack.NewPerson(t)), stack.NewMember(t)
	authority := o.Authorise(t, clerk.Person, "LOOK")
	looking := clerk.ActFor(t, o.ID)
	require.Equal(t, http.StatusOK, looking.Do(t, http.MethodGet, "/v1/documents?ownKey=none", nil).Status)
	for _, path := range []string{"/v1/inbox", "/v1/authorisations", "/v1/documents/" + uuid.NewString() + "/certificates"} {
		refused := looking.Do(t, http.MethodGet, path, nil)
		require.Equal(t, http.StatusForbidden, refused.Status, path)
		require.Equal(t, "SCOPE_MISSING", refused.Problem(t).Reason, path)
	}
	require.Equal(t, "SCOPE_MISSING", looking.Do(t, http.MethodPost, "/v1/uploads", map[string]any{}).Problem(t).Reason)

	o.SetRights(t, authority, "RECEIVE")
	requireShut(t, looking, "/v1/documents?ownKey=none")
	require.Empty(t, inboxOf(t, clerk.ActFor(t, o.ID)))
	o.SetRights(t, authority, "SEND")
	sending := clerk.ActFor(t, o.ID)
	document := sending.HandedOver(t, recipient.ByDescription())
	sending.SendDocument(t, document)
	(&harness.Institution{Caller: o.Caller}).AwaitState(t, document.EdocNum, "RECEIVED")
	accepted := stack.Facts(t, "intake", &intakev1.DocumentAccepted{}, document.EdocNum)
	require.Len(t, accepted, 1)
	var fact intakev1.DocumentAccepted
	payload(t, accepted[0], &fact)
	require.Equal(t, []string{o.ID, personOf(t, o, authority)}, []string{fact.GetFacts().GetSender(), fact.GetFacts().GetActor()})
	require.Equal(t, "SCOPE_MISSING", sending.Do(t, http.MethodGet, "/v1/inbox", nil).Problem(t).Reason)
}

// A member's proxy reads for it: the evidence names both, the member sees who it was, and takes the authority back. The proxy
// changes nothing that is the member's own.
func TestProxyReads(t *testing.T) {
	t.Parallel()
	institution, member, proxy := stack.Institution(t), stack.NewMember(t), stack.LogInPerson(t, stack.NewPerson(t))
	document := institution.NewDocument(t, member.ByCI())
	institution.Store(t, document, member.ByCI())
	institution.Send(t, document)
	institution.AwaitState(t, document.EdocNum, "RECEIVED")

	own := &harness.Organisation{Recipient: member}
	authority := own.Authorise(t, proxy.Person, "RECEIVE")
	var mine struct {
		Organisations []struct {
			Organisation string
			Person       bool
		}
	}
	proxy.Do(t, http.MethodGet, "/v1/organisations", nil).Into(t, &mine)
	require.Len(t, mine.Organisations, 1)
	require.True(t, mine.Organisations[0].Person)
	id := mine.Organisations[0].Organisation
	acting := proxy.ActFor(t, id)
	require.Equal(t, []string{document.EdocNum}, inboxOf(t, acting))
	require.Empty(t, inboxOf(t, proxy))
	shown, body := stack.Open(t, acting.ViewingToken(t, document.EdocNum).URL)
	require.Equal(t, http.StatusOK, shown, "%s", body)
	institution.AwaitState(t, document.EdocNum, "READ")
	person := personOf(t, own, authority)
	requireReader(t, document.EdocNum, id, person)
	var seen struct {
		Accesses []struct{ Person, EdocNum string }
	}
	member.Do(t, http.MethodGet, "/v1/accesses?pageSize=1", nil).Into(t, &seen)
	require.Equal(t, []string{person, document.EdocNum}, []string{seen.Accesses[0].Person, seen.Accesses[0].EdocNum})

	require.Equal(t, "NOT_AUTHORISED", acting.Do(t, http.MethodDelete, "/v1/membership", nil).Problem(t).Reason)
	require.Equal(t, "SCOPE_MISSING", acting.Do(t, http.MethodPost, "/v1/documents", map[string]any{}).Problem(t).Reason)
	member.Do(t, http.MethodDelete, "/v1/organisation/authorities/"+authority, nil).Into(t, &struct{}{})
	requireShut(t, acting, "/v1/inbox")
}

// requireShut waits until a session is refused, because its person may not act any more.
func requireShut(t *testing.T, session *harness.Recipient, path string) {
	t.Helper()
	await.Require(t, harness.Patience, func() bool {
		answer := session.Do(t, http.MethodGet, path, nil)
		return answer.Status == http.StatusForbidden && answer.Problem(t).Reason == "NOT_AUTHORISED"
	})
}

// personOf is the recipient id of the person who has an authority.
func personOf(t *testing.T, o *harness.Organisation, authority string) string {
	t.Helper()
	var all struct {
		Authorities []struct{ ID, Person, Role string }
	}
	o.Do(t, http.MethodGet, "/v1/organisation/authorities", nil).Into(t, &all)
	for _, one := range all.Authorities {
		if one.ID == authority {
			require.Equal(t, "AUTHORITY_ROLE_AUTHORISED", one.Role)
			require.NotEmpty(t, one.Person)
			return one.Person
		}
	}
	require.Fail(t, "the authority is not listed")
	return ""
}

// requireReader checks that token and reading are the organisation's, by this person.
func requireReader(t *testing.T, edocNum, organisation, person string) {
	t.Helper()
	issued := stack.Facts(t, "viewing", &viewingv1.ViewingTokenIssued{}, edocNum)
	require.Len(t, issued, 1)
	require.Equal(t, person, issued[0].GetActor())
	read := stack.Facts(t, "viewing", &viewingv1.DocumentRead{}, edocNum)
	require.Len(t, read, 1)
	var fact viewingv1.DocumentRead
	payload(t, read[0], &fact)
	require.Equal(t, []string{organisation, person}, []string{fact.GetRecipient(), fact.GetActedBy()})
}

func payload(t *testing.T, e *platformv1.Event, into proto.Message) {
	t.Helper()
	require.NoError(t, proto.Unmarshal(e.GetPayload(), into))
}

// readForOrganisation takes a document to a business number through everything, with an application that is refused before.
func (c *planted) readForOrganisation(t *testing.T, institution *harness.Institution, representative *harness.Recipient) *harness.Document {
	t.Helper()
	stack.Admin(t).Do(t, http.MethodPost, "/v1/admin/organisation-applications/"+representative.ApplyAs(t, c.company, c.number)+":refuse",
		map[string]string{"reason": "다시"}).Into(t, &struct{}{})
	id := stack.Confirm(t, representative.ApplyAs(t, c.company, c.number))
	o := stack.Joined(t, representative, c.number, id)
	c.secret("organisation's session token", o.Token())
	o.Authorise(t, c.stranger, "RECEIVE")
	d := c.send(t, institution, harness.ByBusinessNumber(c.number))
	c.read(t, institution, o.Recipient, d)
	return d
}

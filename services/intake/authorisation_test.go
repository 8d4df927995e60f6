package intake

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/authorisation"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

func approve(t *testing.T, conn grpc.ClientConnInterface, id, digest string) (*intakev1.Authorisation, error) {
	t.Helper()
	got, err := intakev1.NewAuthorisationServiceClient(conn).ApproveAuthorisation(t.Context(), &intakev1.ApproveAuthorisationRequest{Id: id, Digest: digest})
	return got.GetAuthorisation(), err
}

func shownTo(t *testing.T, conn grpc.ClientConnInterface, id string) (*intakev1.Authorisation, error) {
	t.Helper()
	got, err := intakev1.NewAuthorisationServiceClient(conn).GetAuthorisation(t.Context(), &intakev1.GetAuthorisationRequest{Id: id})
	return got.GetAuthorisation(), err
}

// A person sees what the agent wants to send, and approves exactly that in its own session; nobody else can.
func TestApprovedByAPerson(t *testing.T) {
	t.Parallel()
	w, content := platformWorld(t)
	a := w.agent(t)
	person, somebody := w.member(t, "person@x"), unittest.NewID()
	session := w.Recipient(t, person)
	document := content.upload(a.id, w.archive.at.Add(48*time.Hour))
	item := w.handing(t, "own-1", document.GetId())
	item.DocumentHash = document.GetHash()
	item.Recipient = &platformv1.RecipientIdentifier{Person: &platformv1.PersonDescription{Name: canary, BirthDate: "19900101", Phone: "01012345678"}}
	asked := a.ask(t, "person@x", "r-1", item)

	shown, err := shownTo(t, session, asked.GetId())
	require.NoError(t, err)
	require.Len(t, shown.GetShown(), 1)
	one := shown.GetShown()[0]
	require.Equal(t, []string{"own-1", testTitle, canary + ", 19900101, 010****5678", authorisation.OfItem(item).String(), document.GetHash().GetValue()},
		[]string{one.GetOwnKey(), one.GetTitle(), one.GetRecipient(), one.GetDigest(), one.GetDocumentHash()})
	forAgent, err := shownTo(t, a.As(t, agentKind, a.id), asked.GetId())
	require.NoError(t, err)
	require.Empty(t, forAgent.GetShown())
	require.Equal(t, asked.GetDigest(), forAgent.GetDigest())

	_, err = approve(t, w.Recipient(t, somebody), asked.GetId(), asked.GetDigest())
	require.Equal(t, "AUTHORISATION_NOT_FOUND", fault.ReasonOf(err), "somebody else")
	_, err = approve(t, w.As(t, agentKind, a.id), asked.GetId(), asked.GetDigest())
	require.Equal(t, fault.Denied, fault.KindOf(err), "the agent itself")
	_, err = approve(t, w.As(t, agentKind, person), asked.GetId(), asked.GetDigest())
	require.Equal(t, fault.Denied, fault.KindOf(err), "an agent with the id of the person")
	_, err = approve(t, session, asked.GetId(), a.ask(t, "person@x", "r-2", item).GetDigest())
	require.Equal(t, "DIGEST_DIFFERS", fault.ReasonOf(err), "the digest of another request, even for the same item")
	_, err = a.asks.SignAuthorisation(t.Context(), &intakev1.SignAuthorisationRequest{Id: asked.GetId(), Jws: "a.b.c"})
	require.Equal(t, "SIGNATURE_INVALID", fault.ReasonOf(err), "a person has no keys")
	_, err = a.send(t, item, asked)
	require.Equal(t, "AUTHORISATION_MISSING", fault.ReasonOf(err))

	got, err := approve(t, session, asked.GetId(), asked.GetDigest())
	require.NoError(t, err)
	require.Equal(t, given, got.GetState())
	_, err = approve(t, session, asked.GetId(), asked.GetDigest())
	require.NoError(t, err, "what was given stays given")
	facts := unittest.Facts[*intakev1.AuthorisationGiven](t, w.Bench)
	require.Len(t, facts, 1)
	require.NotEmpty(t, facts[0].GetSession())
	require.Empty(t, facts[0].GetSignature())
	require.Equal(t, person, w.Stated(t, facts[0])[0].GetActor())

	_, err = a.send(t, item, asked)
	require.NoError(t, err)
	accepted := unittest.AwaitFacts[*intakev1.DocumentAccepted](t, w.Bench, 1)[0].GetFacts()
	require.Equal(t, []string{person, a.id, "person@x"}, []string{accepted.GetSender(), accepted.GetActor(), accepted.GetFrom().GetAddress()})
	w.unseen(t, canary, "12345678")
	w.audited(t)
}

// For an organisation approves and revokes who has the right to, and no other person.
func TestApprovedForAnOrganisation(t *testing.T) {
	t.Parallel()
	w, content := platformWorld(t)
	a := w.agent(t)
	organisation := w.member(t, "org@x")
	approver, sender, stranger := unittest.NewID(), unittest.NewID(), unittest.NewID()
	w.roles.give(approver, "authorisations")
	w.roles.give(sender, "documents.read", "documents.receive", "documents.send")
	item := w.handing(t, "own-1", content.upload(a.id, w.archive.at.Add(48*time.Hour)).GetId())
	asked := a.ask(t, "org@x", "r-1", item)
	for name, person := range map[string]string{"a person with other rights": sender, "a stranger": stranger} {
		conn := w.ActingFor(t, organisation, person)
		_, err := approve(t, conn, asked.GetId(), asked.GetDigest())
		require.Equal(t, "NOT_AUTHORISED", fault.ReasonOf(err), name)
		_, err = intakev1.NewAuthorisationServiceClient(conn).RevokeAuthorisation(t.Context(), &intakev1.RevokeAuthorisationRequest{Id: asked.GetId()})
		require.Equal(t, "NOT_AUTHORISED", fault.ReasonOf(err), name)
	}
	_, err := approve(t, w.ActingFor(t, organisation, approver), asked.GetId(), asked.GetDigest())
	require.NoError(t, err)
	fact := w.Stated(t, &intakev1.AuthorisationGiven{})[0]
	require.Equal(t, []string{organisation, approver}, []string{fact.GetSender(), fact.GetActor()})
	_, err = a.send(t, item, asked)
	require.NoError(t, err)
}

// A signature counts only by a registered key of the sender, over this authorisation, its agent, its sender and its digest, in
// time.
func TestSignaturesThatDoNotCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key, removed, elsewhere := newSigner(t), newSigner(t), newSigner(t)
	other := unittest.NewID()
	w.join(t, other, unittest.NewID())
	w.registerKeys(t, other, "other@x", 2, elsewhere)
	w.institution(t, 2, key, removed)
	a, stranger := w.agent(t), w.agent(t)
	item := w.item(t, "own-1")
	asked, second := a.ask(t, senderAddressText, "r-1", item), a.ask(t, senderAddressText, "r-2", item)
	bring := func(text string) (string, string) {
		_, err := a.asks.SignAuthorisation(t.Context(), &intakev1.SignAuthorisationRequest{Id: asked.GetId(), Jws: text})
		require.Error(t, err)
		rule := ""
		if violations := fault.As(err).Violations; len(violations) > 0 {
			rule = violations[0].Rule
		}
		return fault.ReasonOf(err), rule
	}
	signed := func(by keys.Signer, change func(*authorisation.Claims)) string {
		claims := claimsOf(asked)
		if change != nil {
			change(&claims)
		}
		text, err := authorisation.Sign(by, claims)
		require.NoError(t, err)
		return text
	}
	w.institution(t, 3, key)
	for name, tc := range map[string]struct{ text, reason, rule string }{
		"nothing signed":         {"x", "SIGNATURE_INVALID", "authorisation.malformed"},
		"unsigned":               {unsigned(signed(key, nil)), "SIGNATURE_INVALID", "authorisation.malformed"},
		"another institution's":  {signed(elsewhere, nil), "SIGNATURE_INVALID", "authorisation.key"},
		"a removed key":          {signed(removed, nil), "SIGNATURE_INVALID", "authorisation.key"},
		"a session's typ":        {otherType(t, key, asked), "SIGNATURE_INVALID", "authorisation.malformed"},
		"another authorisation":  {signed(key, func(c *authorisation.Claims) { c.Authorisation = second.GetId() }), "SIGNATURE_INVALID", "authorisation.mismatch"},
		"another agent":          {signed(key, func(c *authorisation.Claims) { c.Agent = stranger.id }), "SIGNATURE_INVALID", "authorisation.mismatch"},
		"another sender":         {signed(key, func(c *authorisation.Claims) { c.Sender = other }), "SIGNATURE_INVALID", "authorisation.mismatch"},
		"other items":            {signed(key, func(c *authorisation.Claims) { c.Digest = second.GetDigest() }), "DIGEST_DIFFERS", ""},
		"its time is over":       {signed(key, func(c *authorisation.Claims) { c.ExpiresAt = w.Clock.Now().Add(-time.Second) }), "SIGNATURE_INVALID", "authorisation.expired"},
		"a replay of the second": {signed(key, func(c *authorisation.Claims) { *c = claimsOf(second) }), "SIGNATURE_INVALID", "authorisation.mismatch"},
	} {
		reason, rule := bring(tc.text)
		require.Equal(t, []string{tc.reason, tc.rule}, []string{reason, rule}, name)
	}
	_, err := stranger.asks.SignAuthorisation(t.Context(), &intakev1.SignAuthorisationRequest{Id: asked.GetId(), Jws: signed(key, nil)})
	require.Equal(t, "AUTHORISATION_NOT_FOUND", fault.ReasonOf(err), "another agent's")
	require.Empty(t, unittest.Facts[*intakev1.AuthorisationGiven](t, w.Bench))

	// The institution brings it itself, and it ends when the signature says.
	soon := w.Clock.Now().Add(time.Minute).Truncate(time.Second)
	got, err := intakev1.NewAuthorisationServiceClient(w.Sender(t, w.sender)).SignAuthorisation(t.Context(), &intakev1.SignAuthorisationRequest{
		Id: asked.GetId(), Jws: signed(key, func(c *authorisation.Claims) { c.ExpiresAt = soon }),
	})
	require.NoError(t, err)
	require.Equal(t, soon, got.GetAuthorisation().GetExpiresAt().AsTime())
	w.Advance(t, time.Minute)
	_, err = a.send(t, item, asked)
	require.Equal(t, "AUTHORISATION_MISSING", fault.ReasonOf(err))
	w.audited(t)
}

// unsigned is a text without its signature.
func unsigned(text string) string {
	return text[:len(text)-86]
}

// otherType is signed as something else.
func otherType(t *testing.T, key keys.Signer, of *intakev1.Authorisation) string {
	t.Helper()
	text, err := jws.Profile{Type: "at+jwt", MaxBytes: authorisation.MaxBytes}.Sign(key, []byte(`{"authorisation":"`+of.GetId()+`"}`))
	require.NoError(t, err)
	return text
}

// It ends once: by the sender, who declines or revokes, or by the agent. What has ended cannot be given any more.
func TestEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := newSigner(t)
	w.institution(t, 2, key)
	a, stranger := w.agent(t), w.agent(t)
	item := w.item(t, "own-1")
	sender := intakev1.NewAuthorisationServiceClient(w.Sender(t, w.sender))
	revoke := func(by intakev1.AuthorisationServiceClient, of *intakev1.Authorisation) string {
		got, err := by.RevokeAuthorisation(t.Context(), &intakev1.RevokeAuthorisationRequest{Id: of.GetId()})
		if err != nil {
			return fault.ReasonOf(err)
		}
		require.NotNil(t, got.GetAuthorisation().GetDecidedAt())
		return got.GetAuthorisation().GetState().String()[len("AUTHORISATION_STATE_"):]
	}
	declined, revoked, withdrawn := a.ask(t, senderAddressText, "r-1", item), a.signed(t, key, item), a.ask(t, senderAddressText, "r-2", item)
	require.Equal(t, "AUTHORISATION_NOT_FOUND", revoke(stranger.asks, declined))
	require.Equal(t, "AUTHORISATION_NOT_FOUND", revoke(intakev1.NewAuthorisationServiceClient(w.Sender(t, unittest.NewID())), declined))
	require.Equal(t, "AUTHORISATION_NOT_FOUND", revoke(intakev1.NewAuthorisationServiceClient(w.Recipient(t, w.sender)), declined), "a session with the sender's id")
	for range 2 {
		require.Equal(t, "DECLINED", revoke(sender, declined))
		require.Equal(t, "REVOKED", revoke(sender, revoked))
		require.Equal(t, "REVOKED", revoke(a.asks, withdrawn))
	}
	require.Equal(t, "DECLINED", revoke(a.asks, declined), "it stays as it ended")
	var ends []intakev1.AuthorisationEnd
	for _, fact := range unittest.Facts[*intakev1.AuthorisationEnded](t, w.Bench) {
		ends = append(ends, fact.GetEnd())
	}
	require.Equal(t, []intakev1.AuthorisationEnd{1, 2, 3}, ends)
	for _, of := range []*intakev1.Authorisation{declined, revoked, withdrawn} {
		text, err := authorisation.Sign(key, claimsOf(of))
		require.NoError(t, err)
		_, err = a.asks.SignAuthorisation(t.Context(), &intakev1.SignAuthorisationRequest{Id: of.GetId(), Jws: text})
		require.Equal(t, "AUTHORISATION_DECIDED", fault.ReasonOf(err))
	}
	w.audited(t)
}

// A request is known by the agent's own id of it: the same items answer the first authorisation, others are refused. Broken rules
// are all told, and so is a sender that nobody knows.
func TestRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, other := w.agent(t), w.agent(t)
	one, two := w.item(t, "own-1"), w.item(t, "own-2")
	first := a.ask(t, senderAddressText, "r-1", one, two)
	require.Equal(t, first.GetId(), a.ask(t, senderAddressText, "r-1", one, two).GetId())
	byDigest := under(one, nil)
	byDigest.RegistrationCertificate, byDigest.RegistrationCertificateDigest = nil, digestOf(one.GetRegistrationCertificate())
	require.Equal(t, first.GetId(), a.ask(t, senderAddressText, "r-1", byDigest, two).GetId(), "the certificate's bytes or its digest")
	require.NotEqual(t, first.GetId(), other.ask(t, senderAddressText, "r-1", one, two).GetId(), "another agent's ids are its own")
	require.NotEqual(t, first.GetDigest(), a.ask(t, senderAddressText, "r-2", one, two).GetDigest(), "every request has a salt of its own")
	require.Len(t, unittest.Facts[*intakev1.AuthorisationRequested](t, w.Bench), 3)

	request := func(address, id string, items ...*intakev1.SendItem) *fault.Error {
		_, err := a.asks.RequestAuthorisation(t.Context(), &intakev1.RequestAuthorisationRequest{RequestId: id, SenderAddress: address, Items: items})
		require.Error(t, err)
		return fault.As(err)
	}
	require.Equal(t, "REQUEST_DIFFERS", request(senderAddressText, "r-1", two, one).Reason, "another order")
	require.Equal(t, "REQUEST_DIFFERS", request(senderAddressText, "r-1", one).Reason)
	w.member(t, "member@x")
	require.Equal(t, "REQUEST_DIFFERS", request("member@x", "r-1", one, two).Reason, "another sender")
	require.Equal(t, "SENDER_UNKNOWN", request("nobody@x", "r-3", one).Reason)
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, w.withdrawn(w.sender, senderAddressText, w.Clock.Now()))
	require.Equal(t, "SENDER_UNKNOWN", request(senderAddressText, "r-3", one).Reason, "its address was withdrawn")

	broken := under(one, nil)
	broken.OwnKey, broken.Title = "a b", ""
	refused := request("member@x", "r-4", two, broken)
	require.Contains(t, fieldsOf(refused.Violations), "items[1].ownKey items[1].title")
	require.NotEmpty(t, request("member@x", "r-4", under(two, first)).Violations, "it names an authorisation already")
	require.NotEmpty(t, request("member@x", "r-4").Violations, "no items")
	_, err := intakev1.NewAuthorisationServiceClient(w.Sender(t, w.sender)).RequestAuthorisation(t.Context(), &intakev1.RequestAuthorisationRequest{
		RequestId: "r-5", SenderAddress: "member@x", Items: []*intakev1.SendItem{one},
	})
	require.Equal(t, fault.Denied, fault.KindOf(err), "who is no agent")
}

// So many of one agent may wait; what is decided or over makes place. Agents and senders list their own.
func TestWaitingAuthorisations(t *testing.T) {
	t.Parallel()
	roots := newArchive(t, clock.System().Now()).rootFile(t)
	w := newWorld(t, unittest.Config(func(c *Config) {
		c.Authorisation.PerAgent = 2
		c.Archive.Issuers = []archivecert.IssuerConfig{{Name: archiveName, Profile: archivecert.Format, Roots: []string{roots}}}
	}))
	member := w.member(t, "member@x")
	a, other := w.agent(t), w.agent(t)
	item := w.item(t, "own-1")
	one, two := a.ask(t, "member@x", "r-1", item), a.ask(t, "member@x", "r-2", item)
	_, err := a.asks.RequestAuthorisation(t.Context(), &intakev1.RequestAuthorisationRequest{RequestId: "r-3", SenderAddress: "member@x", Items: []*intakev1.SendItem{item}})
	require.Equal(t, "TOO_MANY_AUTHORISATIONS", fault.ReasonOf(err))
	require.Equal(t, one.GetId(), a.ask(t, "member@x", "r-1", item).GetId(), "a repeat takes no place")
	a.revoke(t, one)
	three := a.ask(t, "member@x", "r-3", item)
	foreign := other.ask(t, "member@x", "r-1", item)

	list := func(by intakev1.AuthorisationServiceClient, waits bool) (ids []string) {
		t.Helper()
		request := &intakev1.ListAuthorisationsRequest{PageSize: 2, Waiting: waits}
		for {
			page, err := by.ListAuthorisations(t.Context(), request)
			require.NoError(t, err)
			for _, of := range page.GetAuthorisations() {
				require.Empty(t, of.GetShown())
				ids = append(ids, of.GetId())
			}
			if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
				return ids
			}
		}
	}
	session := intakev1.NewAuthorisationServiceClient(w.Recipient(t, member))
	require.Equal(t, []string{three.GetId(), two.GetId(), one.GetId()}, list(a.asks, false))
	require.Equal(t, []string{foreign.GetId(), three.GetId(), two.GetId(), one.GetId()}, list(session, false))
	require.Equal(t, []string{foreign.GetId(), three.GetId(), two.GetId()}, list(session, true))
	require.Empty(t, list(intakev1.NewAuthorisationServiceClient(w.Sender(t, w.sender)), false))

	// Eight days after the end nothing can be seen of the items any more.
	forget := &forgetter{db: w.App, expiry: func(context.Context) (time.Time, error) {
		return w.Clock.Now().Add(9*24*time.Hour - time.Microsecond), nil
	}}
	require.NoError(t, forget.forgetItems(t.Context()))
	require.Equal(t, 4, w.count(t, "authorisation_content"))
	forget.expiry = func(context.Context) (time.Time, error) {
		return w.Clock.Now().Add(9*24*time.Hour + time.Microsecond), nil
	}
	require.NoError(t, forget.forgetItems(t.Context()))
	require.Zero(t, w.count(t, "authorisation_content"))
	shown, err := shownTo(t, w.Recipient(t, member), two.GetId())
	require.NoError(t, err)
	require.Empty(t, shown.GetShown())
	w.Advance(t, 24*time.Hour)
	require.Empty(t, list(intakev1.NewAuthorisationServiceClient(w.Recipient(t, member)), true))
	shown, err = shownTo(t, w.Recipient(t, member), two.GetId())
	require.NoError(t, err)
	require.Equal(t, intakev1.AuthorisationState_AUTHORISATION_STATE_EXPIRED, shown.GetState())
	_, err = approve(t, w.Recipient(t, member), two.GetId(), two.GetDigest())
	require.Equal(t, "AUTHORISATION_DECIDED", fault.ReasonOf(err))
}

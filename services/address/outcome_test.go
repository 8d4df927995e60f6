package address

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/invented"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	own            = addressv1.Resolution_RESOLUTION_OWN
	withoutConsent = addressv1.Resolution_RESOLUTION_OWN_WITHOUT_CONSENT
	refusedAll     = addressv1.Resolution_RESOLUTION_REFUSED
	peer           = addressv1.Resolution_RESOLUTION_PEER
	none           = addressv1.Resolution_RESOLUTION_NONE
	ambiguous      = addressv1.Resolution_RESOLUTION_AMBIGUOUS
	unknown        = addressv1.Resolution_RESOLUTION_UNKNOWN
)

// The outcome for a member of this relay with consent names recipient and address, whatever the description.
func TestOwnMemberIsFoundByEveryDescription(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	recipient, address := w.member(t, p)
	oddly := p
	oddly.Name, oddly.BirthDate, oddly.Phone = "  "+p.Name+" ", p.BirthDate, p.Phone
	for name, to := range map[string]*platformv1.RecipientIdentifier{
		"ci":                                   byCI(p),
		"facts":                                byFacts(p),
		"facts written oddly":                  byFacts(oddly),
		"address":                              byAddress(unittest.Platform, address, "team-7"),
		"address in capitals":                  byAddress(strings.ToUpper(unittest.Platform), strings.ToUpper(address), "team-7"),
		"bulk lane (checked below by the row)": byCI(p),
	} {
		lane := platformv1.Lane_LANE_EXPRESS
		if strings.HasPrefix(name, "bulk") {
			lane = platformv1.Lane_LANE_BULK
		}
		edoc := w.send(t, send{to: to, lane: lane})
		told := w.told(t, edoc)
		require.Len(t, told, 1, name)
		require.Equal(t, own, told[0].GetResolution(), name)
		facts := told[0].GetFacts()
		require.Equal(t, recipient, facts.GetRecipient(), name)
		require.Equal(t, unittest.Platform, facts.GetTo().GetPlatformId(), name)
		require.Equal(t, address, facts.GetTo().GetAddress(), name)
		require.True(t, facts.GetTo().GetValidFrom().AsTime().Equal(w.membership(t, recipient).GetJoinedAt().AsTime()), name)
		require.Equal(t, []byte("sealed for viewing"), facts.GetSealedViewingIdentifier(), name)
		require.Equal(t, to.PlatformAddress != nil, facts.GetTo().GetSubAddress() == "team-7", name)
		require.Equal(t, documentOwn, w.stateOf(t, edoc), name)
	}
	require.Zero(t, w.hub.searched(), "own members are found without the hub")
	require.Equal(t, 1, w.count(t, `select count(*) from journal where kind = 'naru.address.v1.RecipientResolved' and lane = 2`))
	require.Equal(t, 0, w.count(t, `select count(*) from due_document`))
}

// If nobody here matches, the hub's answer decides.
func TestHubDecidesForStrangers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	at := func(platform, address string) *platformv1.PlatformAddress {
		return &platformv1.PlatformAddress{PlatformId: platform, Address: address}
	}
	for _, c := range []struct {
		name      string
		to        func(p person) *platformv1.RecipientIdentifier
		elsewhere []*platformv1.PlatformAddress
		want      addressv1.Resolution
		party     string
	}{
		{name: "nowhere", to: byCI, want: none},
		{name: "nowhere by facts", to: byFacts, want: none},
		{name: "one other relay", to: byCI, elsewhere: []*platformv1.PlatformAddress{at("beta-01-relay", "a1")}, want: peer, party: "beta-01-relay/a1"},
		{name: "one other relay by facts", to: byFacts, elsewhere: []*platformv1.PlatformAddress{at("beta-01-relay", "a1")}, want: peer, party: "beta-01-relay/a1"},
		{
			name: "several relays of one person: the first by platform id", to: byCI,
			elsewhere: []*platformv1.PlatformAddress{at("zeta-01-relay", "z"), at("beta-01-relay", "b2"), at("beta-01-relay", "b1")}, want: peer, party: "beta-01-relay/b1",
		},
		{
			name: "several addresses by facts", to: byFacts,
			elsewhere: []*platformv1.PlatformAddress{at("beta-01-relay", "b"), at("zeta-01-relay", "z")}, want: ambiguous,
		},
		{
			name: "the same address twice by facts", to: byFacts,
			elsewhere: []*platformv1.PlatformAddress{at("beta-01-relay", "b"), at("BETA-01-relay", "B")}, want: peer, party: "beta-01-relay/b",
		},
		{name: "an address of ours nobody here knows", to: byCI, elsewhere: []*platformv1.PlatformAddress{at(unittest.Platform, "ghost")}, want: none},
		{
			name: "organisation elsewhere", to: func(person) *platformv1.RecipientIdentifier { return byBusiness(invented.AnyBusinessNumber()) },
			elsewhere: []*platformv1.PlatformAddress{at("beta-01-relay", "org")}, want: peer, party: "beta-01-relay/org",
		},
	} {
		p := someone()
		to := c.to(p)
		w.hub.set(func(h *fakeHub) { h.elsewhere[identifierOf(to)] = c.elsewhere })
		edoc := w.send(t, send{to: to})
		told := w.awaitTold(t, edoc, c.want)
		require.Empty(t, told.GetFacts().GetRecipient(), c.name)
		party := ""
		if told.GetFacts().GetTo() != nil {
			party = told.GetFacts().GetTo().GetPlatformId() + "/" + told.GetFacts().GetTo().GetAddress()
		}
		require.Equal(t, c.party, party, c.name)
		require.Len(t, w.told(t, edoc), 1, c.name)
		require.Equal(t, "hub", told.GetSource(), c.name)
		require.NotEmpty(t, told.GetExchange(), c.name)
	}
}

// Platform and address in the request determine the relay: the hub is not asked.
func TestRequestFixesRelay(t *testing.T) {
	t.Parallel()
	w := setup(t)
	foreign := w.send(t, send{to: byAddress("beta-01-relay", "Somebody", "desk")})
	unknown := w.send(t, send{to: byAddress(unittest.Platform, "nobody-here", "")})

	party := w.awaitTold(t, foreign, peer).GetFacts().GetTo()
	require.Equal(t, []string{"beta-01-relay", "Somebody", "desk"}, []string{party.GetPlatformId(), party.GetAddress(), party.GetSubAddress()})
	require.Nil(t, w.awaitTold(t, unknown, none).GetFacts().GetTo())
	w.hurry(t)
	require.Zero(t, w.hub.searched())
}

// A refusal overrides consent. It concerns one sender or all.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	recipient, _ := w.member(t, p)
	sender := uuid.NewString()
	set := func(of string, refused bool) {
		_, err := w.session(t, recipient).SetRefusal(t.Context(), &addressv1.SetRefusalRequest{Sender: of, Refused: refused})
		require.NoError(t, err)
	}
	set(sender, true)
	set(sender, true)
	refused := w.send(t, send{to: byCI(p), sender: sender})
	require.Equal(t, refusedAll, w.told(t, refused)[0].GetResolution())
	require.Empty(t, w.told(t, refused)[0].GetFacts().GetRecipient())
	require.Equal(t, own, w.told(t, w.send(t, send{to: byCI(p)}))[0].GetResolution())

	set(sender, false)
	require.Equal(t, own, w.told(t, w.send(t, send{to: byCI(p), sender: sender}))[0].GetResolution())
	set("", true)
	require.Equal(t, refusedAll, w.told(t, w.send(t, send{to: byCI(p)}))[0].GetResolution())

	require.Len(t, w.told(t, refused), 1, "a refusal is final, lifting it changes nothing")
	require.Equal(t, 3, w.count(t, `select count(*) from refusal_history`), "only changes are kept")
	require.Len(t, unittest.Facts[*addressv1.RefusalChanged](t, w.Bench), 3)
	untold := w.Stated(t, &addressv1.RecipientWithheld{})
	require.Len(t, untold, 2, "who refused is known here alone")
	require.Equal(t, refused, untold[0].GetSubject())
}

// outdated gives a document back as delivery does, because its recipient has changed consent or refusals since this resolution.
func (w *world) outdated(t testing.TB, ordinal uint32, m *addressv1.RecipientResolved) {
	t.Helper()
	w.Deliver(t, platformv1.Lane_LANE_EXPRESS, journal.Fact{
		Subject: m.GetFacts().GetEdocNum(), Ordinal: ordinal, Sender: m.GetFacts().GetSender(), Actor: "unit:delivery", OccurredAt: w.Clock.Now(),
		Message: &deliveryv1.ResolutionOutdated{Facts: m.GetFacts()},
	})
}

// A document whose recipient was found and then changed consent or refusals before the delivery is decided anew, once for each
// resolution, by what the recipient has decided last.
func TestOutdatedResolution(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	recipient, address := w.member(t, p)
	session := w.session(t, recipient)
	consent := func(given bool, terms string) {
		_, err := session.SetConsent(t.Context(), &addressv1.SetConsentRequest{Consent: given, TermsVersion: terms})
		require.NoError(t, err)
	}
	refuse := func(sender string, refused bool) {
		_, err := session.SetRefusal(t.Context(), &addressv1.SetRefusalRequest{Sender: sender, Refused: refused})
		require.NoError(t, err)
	}
	sender := uuid.NewString()
	edoc, second := w.send(t, send{to: byAddress(unittest.Platform, address, "desk"), sender: sender}), w.send(t, send{to: byCI(p), sender: sender})
	found := w.told(t, edoc)[0]
	require.Zero(t, found.GetChoices())
	consent(false, "")
	w.outdated(t, 1, found)
	require.Nil(t, w.awaitTold(t, edoc, withoutConsent).GetFacts().GetTo())
	w.outdated(t, 1, found)
	w.hurry(t)
	consent(true, "2026-03")
	again := w.awaitTold(t, edoc, own)
	require.Equal(t, uint32(2), again.GetChoices())
	require.True(t, proto.Equal(found.GetFacts(), again.GetFacts()), "%v", again)
	require.Len(t, w.told(t, edoc), 3)
	consent(false, "")
	consent(true, "2026-03")
	w.outdated(t, 3, again)
	await.Require(t, unittest.Patience, func() bool { return len(w.told(t, edoc)) == 4 })
	require.Equal(t, own, w.told(t, edoc)[3].GetResolution())

	refuse(sender, true)
	w.outdated(t, 1, w.told(t, second)[0])
	w.awaitTold(t, second, refusedAll)
	refuse(sender, false)
	w.outdated(t, 1, w.told(t, second)[0])
	w.hurry(t)
	require.Len(t, w.told(t, second), 2, "a refusal is final")
}

// A recipient who has gone to another relay meanwhile is found there.
func TestOutdatedResolutionIsSoughtAtTheHub(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	recipient, _ := w.member(t, p)
	to := byCI(p)
	edoc := w.send(t, send{to: to})
	found := w.told(t, edoc)[0]
	w.hub.set(func(h *fakeHub) {
		h.elsewhere[identifierOf(to)] = []*platformv1.PlatformAddress{{PlatformId: "beta-01-relay", Address: "somebody"}}
	})
	_, err := w.session(t, recipient).Withdraw(t.Context(), &addressv1.WithdrawRequest{})
	require.NoError(t, err)
	require.Empty(t, w.intake.askedFor(), "the description came with the document")
	w.intake.setDown(true)
	w.outdated(t, 1, found)
	await.Require(t, unittest.Patience, func() bool {
		return w.count(t, `select count(*) from due_document where edoc_num = $1 and failures > 0`, edoc) == 1
	})
	require.Len(t, w.told(t, edoc), 1, "nothing is guessed meanwhile")
	w.intake.setDown(false)
	require.Equal(t, "beta-01-relay", w.awaitTold(t, edoc, peer).GetFacts().GetTo().GetPlatformId())
	require.Equal(t, []string{edoc}, w.intake.askedFor())
}

// Without consent a document waits. Consent gives it the outcome OWN with the next ordinal, and no outcome is stated twice.
func TestConsentResolvesWaiting(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	recipient, _ := w.member(t, p)
	consent := func(given bool, terms string) {
		_, err := w.session(t, recipient).SetConsent(t.Context(), &addressv1.SetConsentRequest{Consent: given, TermsVersion: terms})
		require.NoError(t, err)
	}
	consent(false, "")
	edoc := w.send(t, send{to: byFacts(p)})
	require.Equal(t, withoutConsent, w.told(t, edoc)[0].GetResolution())
	require.Nil(t, w.told(t, edoc)[0].GetFacts().GetTo())
	w.hurry(t)
	consent(true, "2026-02")
	consent(true, "2026-02")
	w.awaitTold(t, edoc, own)
	require.Len(t, w.told(t, edoc), 2)
	changes := unittest.Facts[*addressv1.ConsentChanged](t, w.Bench)
	require.Len(t, changes, 2)
	require.Equal(t, []bool{false, true}, []bool{changes[0].GetConsent(), changes[1].GetConsent()})
}

// If two persons have the same name, birth date and phone, neither is chosen; the CI still distinguishes them.
func TestOwnAmbiguity(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	twin := someone()
	twin.Name, twin.BirthDate, twin.Phone = p.Name, p.BirthDate, p.Phone
	recipient, _ := w.member(t, p)
	w.member(t, twin)

	edoc := w.send(t, send{to: byFacts(p)})
	require.Equal(t, ambiguous, w.told(t, edoc)[0].GetResolution())
	require.Equal(t, documentAmbiguous, w.stateOf(t, edoc))
	require.Equal(t, recipient, w.told(t, w.send(t, send{to: byCI(p)}))[0].GetFacts().GetRecipient())
}

// The hub may know a member by facts that this relay does not have. If its answer contains an address of this relay, that one is
// chosen before other relays.
func TestOwnAddressFromHub(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	recipient, address := w.member(t, p)
	formerly := someone() // the hub's old record of the member
	w.hub.set(func(h *fakeHub) {
		h.elsewhere[identifierOf(byFacts(formerly))] = []*platformv1.PlatformAddress{{PlatformId: unittest.Platform, Address: strings.ToUpper(address)}}
		h.elsewhere[formerly.CI] = []*platformv1.PlatformAddress{{PlatformId: "alfa-01-relay", Address: "x"}, {PlatformId: unittest.Platform, Address: address}}
	})
	require.Equal(t, recipient, w.awaitTold(t, w.send(t, send{to: byFacts(formerly)}), own).GetFacts().GetRecipient())
	require.Equal(t, recipient, w.awaitTold(t, w.send(t, send{to: byCI(formerly)}), own).GetFacts().GetRecipient())

	_, err := w.session(t, recipient).SetConsent(t.Context(), &addressv1.SetConsentRequest{})
	require.NoError(t, err)
	waiting := w.send(t, send{to: byFacts(formerly)})
	w.awaitTold(t, waiting, withoutConsent)
	_, err = w.session(t, recipient).SetConsent(t.Context(), &addressv1.SetConsentRequest{Consent: true, TermsVersion: "2026-02"})
	require.NoError(t, err)
	w.awaitTold(t, waiting, own)
}

// An institution has an address here but no inbox, so a document to it waits.
func TestInstitutionAsRecipient(t *testing.T) {
	t.Parallel()
	w := setup(t)
	before := w.send(t, send{to: byBusiness("1234567891")})
	w.awaitTold(t, before, none)
	w.institution(t, "Office_1", "1234567891")
	w.awaitTold(t, before, withoutConsent)
	require.Equal(t, withoutConsent, w.told(t, w.send(t, send{to: byAddress(unittest.Platform, "OFFICE_1", "")}))[0].GetResolution())
}

package address

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// A person is given what was proved of it, each time it changed, and every choice it made; nobody else is.
func TestOwnData(t *testing.T) {
	t.Parallel()
	w := setup(t)
	before := someone()
	after := before
	after.Phone = someone().Phone
	recipient := w.prove(t, before)
	require.Equal(t, recipient, w.prove(t, after), "the same person with another phone")
	require.Equal(t, recipient, w.prove(t, after))
	me := w.session(t, recipient)
	_, err := me.Join(t.Context(), &addressv1.JoinRequest{TermsVersion: "2026-01", Consent: true, DesignateInbox: true})
	require.NoError(t, err)
	sender := unittest.NewID()
	for _, refused := range []bool{true, false} {
		_, err = me.SetRefusal(t.Context(), &addressv1.SetRefusalRequest{Sender: sender, Refused: refused})
		require.NoError(t, err)
	}

	data, err := me.GetOwnData(t.Context(), &addressv1.GetOwnDataRequest{})
	require.NoError(t, err)
	require.Len(t, data.GetPersons(), 2)
	for i, p := range []person{after, before} {
		got := data.GetPersons()[i]
		require.Equal(t, []string{p.Name, p.BirthDate, p.Phone, p.CI}, []string{got.GetName(), got.GetBirthDate(), got.GetPhone(), got.GetCi()})
		require.False(t, got.GetRecordedAt().AsTime().IsZero())
	}
	type chosen struct {
		matter addressv1.Matter
		given  bool
		about  string
	}
	var choices []chosen
	for _, c := range data.GetChoices() {
		choices = append(choices, chosen{c.GetMatter(), c.GetGiven(), c.GetSender() + c.GetTermsVersion()})
	}
	refusal := addressv1.Matter_MATTER_REFUSAL
	require.Equal(t, []chosen{{refusal, false, sender}, {refusal, true, sender}}, choices[:2], "newest first")
	require.ElementsMatch(t, []chosen{
		{addressv1.Matter_MATTER_CONSENT, true, "2026-01"}, {addressv1.Matter_MATTER_DESIGNATION, true, "2026-01"},
	}, choices[2:])

	others, err := w.session(t, w.prove(t, someone())).GetOwnData(t.Context(), &addressv1.GetOwnDataRequest{})
	require.NoError(t, err)
	require.Len(t, others.GetPersons(), 1)
	require.Empty(t, others.GetChoices())
	o := newOffice(t, w).join(t)
	_, err = o.acting(t, o.person).GetOwnData(t.Context(), &addressv1.GetOwnDataRequest{})
	require.Equal(t, "NOT_FOR_ORGANISATIONS", fault.ReasonOf(err))
}

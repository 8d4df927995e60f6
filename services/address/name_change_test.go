package address

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

const (
	publicInstitution = addressv1.OrganisationType_ORGANISATION_TYPE_PUBLIC_INSTITUTION
	corporation       = addressv1.OrganisationType_ORGANISATION_TYPE_CORPORATION
)

func (w *world) names(t testing.TB) addressv1.NameChangeServiceClient {
	t.Helper()
	return addressv1.NewNameChangeServiceClient(w.Admin(t))
}

// ownerName is how other units are told an owner is called.
func (w *world) ownerName(t testing.TB, owner string) string {
	t.Helper()
	answer, err := addressv1.NewAddressServiceClient(w.Unit(t, "delivery")).GetOwnerName(t.Context(), &addressv1.GetOwnerNameRequest{Owner: owner})
	require.NoError(t, err)
	return answer.GetName()
}

// Certificate is told the address of an institution, and of a member also after it has left.
func TestOwnerAddress(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ask := func(owner string) (string, error) {
		answer, err := addressv1.NewAddressServiceClient(w.Unit(t, "certificate")).GetOwnerAddress(t.Context(), &addressv1.GetOwnerAddressRequest{Owner: owner})
		return answer.GetAddress(), err
	}
	got, err := ask(w.institution(t, "office_1", "1234567891"))
	require.NoError(t, err)
	require.Equal(t, "office_1", got)
	recipient, address := w.member(t, someone())
	_, err = w.session(t, recipient).Withdraw(t.Context(), &addressv1.WithdrawRequest{})
	require.NoError(t, err)
	got, err = ask(recipient)
	require.NoError(t, err)
	require.Equal(t, address, got)
	_, err = ask(w.prove(t, someone()))
	require.Equal(t, "NOT_A_MEMBER", fault.ReasonOf(err))
}

// awaitChange waits until the latest change that read gives is in the state.
func awaitChange(t testing.TB, read func() *addressv1.NameChange, want addressv1.NameChangeState) *addressv1.NameChange {
	t.Helper()
	var latest *addressv1.NameChange
	await.Require(t, unittest.Patience, func(context.Context) error {
		if latest = read(); latest.GetState() != want {
			return fmt.Errorf("state %s", latest.GetState())
		}
		return nil
	})
	return latest
}

func (w *world) ofMember(t testing.TB, recipient string) func() *addressv1.NameChange {
	return func() *addressv1.NameChange { return w.membership(t, recipient).GetNameChange() }
}

func (w *world) ofInstitution(t testing.TB, id string) func() *addressv1.NameChange {
	return func() *addressv1.NameChange { return w.shown(t, id).GetNameChange() }
}

// waitingNames is the operator's queue, read in pages of one.
func (w *world) waitingNames(t testing.TB) (all []*addressv1.WaitingNameChange) {
	t.Helper()
	for token := ""; ; {
		page, err := w.names(t).ListNameChanges(t.Context(), &addressv1.ListNameChangesRequest{PageSize: 1, PageToken: token})
		require.NoError(t, err)
		all = append(all, page.GetChanges()...)
		if token = page.GetNextPageToken(); token == "" {
			return all
		}
	}
}

func (w *world) change(t testing.TB, r *addressv1.ChangeInstitutionRequest) error {
	t.Helper()
	_, err := w.operator(t).ChangeInstitution(t.Context(), r)
	return err
}

// A member proves another name: the hub is told, and until it has it the name before is used.
func TestProvedNameIsUsedWhenTheHubHasIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	before := p.Name
	recipient, address := w.member(t, p)
	require.Nil(t, w.membership(t, recipient).GetNameChange())
	w.hub.set(func(h *fakeHub) { h.down = true })
	w.Clock.Advance(time.Minute)
	proved := w.Clock.Now()
	p.Name = "새이름"
	require.Equal(t, recipient, w.prove(t, p))
	w.prove(t, p)

	asked := w.membership(t, recipient).GetNameChange()
	require.Equal(t, nameAsked, asked.GetState())
	require.Equal(t, "새이름", asked.GetName())
	require.Equal(t, proved, asked.GetAskedAt().AsTime())
	require.Nil(t, asked.GetAcceptedAt())
	require.Equal(t, before, w.ownerName(t, recipient))
	await.Require(t, unittest.Patience, func() bool { return len(w.hub.renamed()) > 2 })
	queue := w.waitingNames(t)
	require.Len(t, queue, 1, "a proof of the same name begins nothing")
	require.Equal(t, []string{asked.GetId(), address, recipient, "", ""},
		[]string{queue[0].GetId(), queue[0].GetAddress(), queue[0].GetRecipient(), queue[0].GetPrincipal(), queue[0].GetRefusal()})
	require.NotNil(t, queue[0].GetAskedAgainAt())

	w.Clock.Advance(time.Minute)
	w.hub.set(func(h *fakeHub) { h.down = false })
	accepted := awaitChange(t, w.ofMember(t, recipient), nameAccepted)
	require.Equal(t, asked.GetId(), accepted.GetId())
	require.Equal(t, w.Clock.Now(), accepted.GetAcceptedAt().AsTime())
	require.Equal(t, "새이름", w.ownerName(t, recipient))
	require.Empty(t, w.waitingNames(t))
	for _, told := range w.hub.renamed() {
		require.Equal(t, hubChange{address: address, name: "새이름", at: proved}, told, "each attempt tells the same")
	}
	w.audit(t)
}

// Who is no member has no name at the hub; a member's name that changes while the address is being registered is told after the
// registration.
func TestNameOfWhoHasNoAddressYet(t *testing.T) {
	t.Parallel()
	w := setup(t)
	stranger := someone()
	recipient := w.prove(t, stranger)
	stranger.Name = "다른이름"
	w.prove(t, stranger)
	require.Equal(t, "다른이름", w.ownerName(t, recipient))
	require.Empty(t, w.waitingNames(t))

	p, joining, hold := w.heldUp(t)
	w.ask(t, joining)
	await.Require(t, unittest.Patience, func() bool { w.hub.mu.Lock(); defer w.hub.mu.Unlock(); return w.hub.held > 0 })
	before := p.Name
	p.Name = "새이름"
	w.prove(t, p)
	require.Equal(t, before, w.ownerName(t, joining))
	require.Equal(t, nameAsked, w.membership(t, joining).GetNameChange().GetState())
	require.Empty(t, w.hub.renamed())
	close(hold)
	awaitChange(t, w.ofMember(t, joining), nameAccepted)
	require.Equal(t, "새이름", w.ownerName(t, joining))
}

// A newer change takes the place of one that the hub does not have, also of one about which a call is under way: what that is
// answered is kept, and the hub is told the newer name last.
func TestNewerNameReplacesTheOneBefore(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := someone()
	recipient, address := w.member(t, p)
	hold := make(chan struct{})
	w.hub.set(func(h *fakeHub) { h.hold, h.held = hold, 0 })
	p.Name = "둘째이름"
	w.prove(t, p)
	await.Require(t, unittest.Patience, func() bool { w.hub.mu.Lock(); defer w.hub.mu.Unlock(); return w.hub.held == 1 })
	p.Name = "셋째이름"
	w.prove(t, p)
	require.Equal(t, "셋째이름", w.membership(t, recipient).GetNameChange().GetName())
	require.Len(t, w.waitingNames(t), 1)
	w.hub.set(func(h *fakeHub) { h.hold = nil })
	close(hold)
	awaitChange(t, w.ofMember(t, recipient), nameAccepted)
	require.Equal(t, "셋째이름", w.ownerName(t, recipient))
	told := w.hub.renamed()
	require.Equal(t, []string{"둘째이름", "셋째이름"}, []string{told[0].name, told[1].name})
	require.Equal(t, []string{"2", "2"}, w.texts(t, `select state::text from name_change where address = '`+address+`' order by id`), "the hub had both")
	w.audit(t)

	w.hub.set(func(h *fakeHub) { h.down = true })
	p.Name = "넷째이름"
	w.prove(t, p)
	_, err := w.session(t, recipient).Withdraw(t.Context(), &addressv1.WithdrawRequest{})
	require.NoError(t, err)
	require.Equal(t, nameReplaced, w.membership(t, recipient).GetNameChange().GetState())
	require.Empty(t, w.waitingNames(t), "an address that ended has no owner")
	w.audit(t)
}

// An operator enters another name of an institution with its documents, then another type without them; request ids are honoured.
func TestInstitutionChangesItsNameAndType(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.institution(t, "office_1", "1234567891")
	renamed := &addressv1.ChangeInstitutionRequest{Id: id, RequestId: "r-1", Name: "새상사", BusinessDocument: paper("B2"), RegistrationDocument: paper("R2")}
	require.NoError(t, w.change(t, renamed))
	require.NoError(t, w.change(t, renamed), "the same again")
	awaitChange(t, w.ofInstitution(t, id), nameAccepted)
	shown := w.shown(t, id)
	require.Equal(t, []any{"새상사", corporation, registeredAddress}, []any{shown.GetName(), shown.GetType(), shown.GetAddressState()})
	require.Equal(t, "새상사", w.ownerName(t, id))
	require.Zero(t, w.count(t, `select count(*) from paper`), "the hub has the papers")

	require.NoError(t, w.change(t, &addressv1.ChangeInstitutionRequest{Id: id, RequestId: "r-2", Type: publicInstitution}))
	await.Require(t, unittest.Patience, func() bool { return w.shown(t, id).GetType() == publicInstitution })
	require.Equal(t, "새상사", w.shown(t, id).GetName())
	told := w.hub.renamed()
	require.Len(t, told, 2)
	require.Equal(t, []any{"새상사", 0, paper("B2"), paper("R2")}, []any{told[0].name, told[0].kind, told[0].business, told[0].registration})
	require.Equal(t, []any{"새상사", 3, []byte(nil), []byte(nil)}, []any{told[1].name, told[1].kind, told[1].business, told[1].registration})
	w.audit(t)

	for _, tt := range []struct {
		name   string
		r      *addressv1.ChangeInstitutionRequest
		reason string
	}{
		{"nothing", &addressv1.ChangeInstitutionRequest{Id: id, RequestId: "x"}, "INVALID_REQUEST"},
		{"what the hub has", &addressv1.ChangeInstitutionRequest{Id: id, RequestId: "x", Name: "새상사", Type: publicInstitution}, "INVALID_REQUEST"},
		{"a name without documents", &addressv1.ChangeInstitutionRequest{Id: id, RequestId: "x", Name: "또새상사"}, "INVALID_REQUEST"},
		{"a name with one document", &addressv1.ChangeInstitutionRequest{Id: id, RequestId: "x", Name: "또새상사", BusinessDocument: paper("B")}, "INVALID_REQUEST"},
		{"a type with documents", &addressv1.ChangeInstitutionRequest{Id: id, RequestId: "x", Type: corporation, BusinessDocument: paper("B"), RegistrationDocument: paper("R")}, "INVALID_REQUEST"},
		{"another request under the id", &addressv1.ChangeInstitutionRequest{Id: id, RequestId: "r-1", Type: corporation}, "REQUEST_ID_REUSED"},
		{"nobody", &addressv1.ChangeInstitutionRequest{Id: uuid.NewString(), RequestId: "x", Type: corporation}, "INSTITUTION_NOT_FOUND"},
	} {
		require.Equal(t, tt.reason, fault.ReasonOf(w.change(t, tt.r)), tt.name)
	}
	require.Len(t, w.hub.renamed(), 2)
}

// What is not registered at the hub has nothing to change there; a corrected name comes with new papers.
func TestNothingChangesOfARefusedAddress(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.refused(t, "office_1", "1234567891")
	err := w.change(t, &addressv1.ChangeInstitutionRequest{Id: id, RequestId: "r-1", Type: publicInstitution})
	require.Equal(t, "ADDRESS_NOT_REGISTERED", fault.ReasonOf(err))
}

// A representative changes the organisation; others may not.
func TestRepresentativeChangesTheOrganisation(t *testing.T) {
	t.Parallel()
	w := setup(t)
	o := newOffice(t, w).join(t)
	request := &addressv1.ChangeOrganisationRequest{RequestId: "r-1", Name: "새나루 주식회사", BusinessDocument: paper("B2"), RegistrationDocument: paper("R2")}
	staff := someone()
	o.authorise(t, staff)
	person := w.prove(t, staff)
	_, err := w.units.TakeAuthority(t.Context(), &addressv1.TakeAuthorityRequest{Person: person, Organisation: o.organisation})
	require.NoError(t, err)
	_, err = o.staff(t, person).ChangeOrganisation(t.Context(), request)
	require.Equal(t, "NOT_AUTHORISED", fault.ReasonOf(err))
	_, err = w.persons(t, o.person).ChangeOrganisation(t.Context(), request)
	require.Equal(t, "NOT_AN_ORGANISATION", fault.ReasonOf(err))

	answer, err := o.staff(t, o.person).ChangeOrganisation(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, []any{nameAsked, "새나루 주식회사"}, []any{answer.GetChange().GetState(), answer.GetChange().GetName()})
	awaitChange(t, func() *addressv1.NameChange { return o.awaitMember(t).GetNameChange() }, nameAccepted)
	require.Equal(t, "새나루 주식회사", w.ownerName(t, o.organisation))
	mine, err := w.persons(t, o.person).ListOrganisations(t.Context(), &addressv1.ListOrganisationsRequest{})
	require.NoError(t, err)
	require.Equal(t, "새나루 주식회사", mine.GetOrganisations()[0].GetName())
	require.Equal(t, "가상나루 주식회사", mine.GetApplications()[0].GetName(), "what was applied for stays as it was")
	w.audit(t)
}

// The hub refuses a name: it is told again for the patience by both clocks, then an operator, or the member, has it told again or
// gives it up.
func TestRefusedName(t *testing.T) {
	t.Parallel()
	database := clock.NewFake(clock.System().Now())
	w := setup(t, unittest.WithDatabaseClock(database))
	p := someone()
	before := p.Name
	recipient, _ := w.member(t, p)
	w.hub.set(func(h *fakeHub) { h.refuseNames = true })
	p.Name = "새이름"
	w.prove(t, p)
	refused := awaitChange(t, w.ofMember(t, recipient), nameRefused)
	require.Equal(t, "HUB_REFUSED:ERR-01-201", refused.GetRefusal())
	require.NotNil(t, refused.GetAskedAgainAt())
	require.Equal(t, before, w.ownerName(t, recipient))
	require.InDelta(t, 1, w.Metric(t, "naru_address_refused_names"), 0)
	w.Advance(t, 8*24*time.Hour)
	told := len(w.hub.renamed())
	await.Require(t, unittest.Patience, func() bool { return len(w.hub.renamed()) > told+2 })
	require.Len(t, unittest.Facts[*addressv1.NameChangeAnswered](t, w.Bench), 1, "a repeated refusal is stated once")

	database.Advance(8 * 24 * time.Hour)
	await.Require(t, unittest.Patience, func() bool { return w.ofMember(t, recipient)().GetAskedAgainAt() == nil })
	told = len(w.hub.renamed())
	_, err := w.session(t, recipient).TellNameAgain(t.Context(), &addressv1.TellNameAgainRequest{})
	require.NoError(t, err)
	await.Require(t, unittest.Patience, func() bool { return len(w.hub.renamed()) > told+2 })

	giveUp := &addressv1.GiveUpNameChangeRequest{Id: refused.GetId(), Reason: "the person has another name at the hub"}
	for range 2 {
		_, err = w.names(t).GiveUpNameChange(t.Context(), giveUp)
		require.NoError(t, err)
	}
	require.Empty(t, w.waitingNames(t))
	w.hub.set(func(h *fakeHub) { h.refuseNames = false })
	_, err = w.names(t).RetryNameChange(t.Context(), &addressv1.RetryNameChangeRequest{Id: refused.GetId()})
	require.NoError(t, err)
	awaitChange(t, w.ofMember(t, recipient), nameAccepted)
	require.Equal(t, "새이름", w.ownerName(t, recipient))
	w.audit(t)

	_, err = w.session(t, recipient).TellNameAgain(t.Context(), &addressv1.TellNameAgainRequest{})
	require.Equal(t, "NAME_CHANGE_NOT_FOUND", fault.ReasonOf(err))
	_, err = w.names(t).GiveUpNameChange(t.Context(), giveUp)
	require.Equal(t, "NAME_CHANGE_NOT_FOUND", fault.ReasonOf(err))
	_, err = w.names(t).RetryNameChange(t.Context(), &addressv1.RetryNameChangeRequest{Id: uuid.NewString()})
	require.Equal(t, "NAME_CHANGE_NOT_FOUND", fault.ReasonOf(err))
}

// While the hub does not know the address, it is told again.
func TestNameOfAnAddressThatTheHubDoesNotKnowYet(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.institution(t, "office_1", "1234567891")
	w.hub.set(func(h *fakeHub) { h.unknownNames = true })
	require.NoError(t, w.change(t, &addressv1.ChangeInstitutionRequest{Id: id, RequestId: "r-1", Type: publicInstitution}))
	refused := awaitChange(t, w.ofInstitution(t, id), nameRefused)
	require.Equal(t, "ADDRESS_UNKNOWN", refused.GetRefusal())
	require.Equal(t, corporation, w.shown(t, id).GetType())
	w.hub.set(func(h *fakeHub) { h.unknownNames = false })
	awaitChange(t, w.ofInstitution(t, id), nameAccepted)
	require.Equal(t, publicInstitution, w.shown(t, id).GetType())
}

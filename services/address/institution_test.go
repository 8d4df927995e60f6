package address

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	pendingAddress    = addressv1.AddressState_ADDRESS_STATE_PENDING
	registeredAddress = addressv1.AddressState_ADDRESS_STATE_REGISTERED
	refusedAddress    = addressv1.AddressState_ADDRESS_STATE_REFUSED
)

// archiveName is the archive of these tests.
const archiveName = "시험용 전자문서보관소"

// operator is the principal who creates the institutions of these tests.
const operator = "01990000-0000-7000-8000-0000000000ad"

func newInstitution(address, number string) *addressv1.RegisterInstitutionRequest {
	return &addressv1.RegisterInstitutionRequest{
		Institution: &addressv1.Institution{
			Name: "가상상사", BusinessNumber: number, Type: addressv1.OrganisationType_ORGANISATION_TYPE_CORPORATION, Address: address,
			ArchiveMemberships: []*addressv1.ArchiveMembership{{Archive: archiveName, Member: "가상상사 문서과"}},
		},
		BusinessDocument: paper("B" + strings.Repeat("B", 1<<20+3)), RegistrationDocument: paper("R"), Operator: operator,
	}
}

// paper returns what the doors accept as a JPEG.
func paper(content string) []byte { return append([]byte{0xff, 0xd8, 0xff}, content...) }

// register creates an institution as the gateway does.
func (w *world) register(t testing.TB, r *addressv1.RegisterInstitutionRequest) (*addressv1.Institution, error) {
	t.Helper()
	answer, err := addressv1.NewAddressServiceClient(w.Unit(t, "gateway")).RegisterInstitution(t.Context(), r)
	return answer.GetInstitution(), err
}

// institution creates an institution, waits for the hub and returns its principal id.
func (w *world) institution(t testing.TB, address, number string) string {
	t.Helper()
	made, err := w.register(t, newInstitution(address, number))
	require.NoError(t, err)
	w.awaitAddress(t, made.GetId(), registeredAddress)
	return made.GetId()
}

// refused creates an institution whose address the hub refuses for good.
func (w *world) refused(t testing.TB, address, number string) string {
	t.Helper()
	w.hub.set(func(h *fakeHub) { h.taken = true })
	made, err := w.register(t, newInstitution(address, number))
	require.NoError(t, err)
	require.Equal(t, pendingAddress, made.GetAddressState())
	w.awaitAddress(t, made.GetId(), refusedAddress)
	return made.GetId()
}

func (w *world) operator(t testing.TB) addressv1.InstitutionServiceClient {
	return addressv1.NewInstitutionServiceClient(w.As(t, platformv1.PrincipalKind_PRINCIPAL_KIND_ADMIN, operator))
}

func (w *world) resubmit(t testing.TB, id, requestID, name, business, registrationPaper string) (*addressv1.Institution, error) {
	t.Helper()
	answer, err := w.operator(t).ResubmitInstitution(t.Context(), &addressv1.ResubmitInstitutionRequest{
		Id: id, RequestId: requestID, Name: name, BusinessDocument: paper(business), RegistrationDocument: paper(registrationPaper),
	})
	return answer.GetInstitution(), err
}

func (w *world) awaitAddress(t testing.TB, id string, want addressv1.AddressState) {
	t.Helper()
	operator := w.operator(t)
	await.Require(t, unittest.Patience, func() bool {
		answer, err := operator.GetInstitution(t.Context(), &addressv1.GetInstitutionRequest{Id: id})
		require.NoError(t, err)
		return answer.GetInstitution().GetAddressState() == want
	})
}

// asked returns how often the hub was asked to register an address.
func (w *world) asked() (n int) {
	w.hub.set(func(h *fakeHub) { n = len(h.registrations) })
	return n
}

// texts returns the values of a query's only column.
func (w *world) texts(t testing.TB, sql string, args ...any) []string {
	t.Helper()
	rows, err := w.App.Query(t.Context(), sql, args...)
	require.NoError(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var one string
		require.NoError(t, rows.Scan(&one))
		all = append(all, one)
	}
	require.NoError(t, rows.Err())
	return all
}

// companyIn opens the sealed name and number of a fact.
func (w *world) companyIn(t *testing.T, id string, fact *addressv1.InstitutionSubmitted) (c company) {
	t.Helper()
	plain, err := w.Env.Sealed.Open(t.Context(), sealedInstitution, id, fact.GetSealedInstitution())
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(plain, &c))
	return c
}

// An institution is created once. Its address is unique regardless of case. Its papers are stored until the hub has them.
func TestRegisterInstitution(t *testing.T) {
	t.Parallel()
	w := setup(t)
	made, err := w.register(t, newInstitution("Office_가", "1234567891"))
	require.NoError(t, err)
	require.True(t, proto.Equal(&addressv1.Institution{
		Id: made.GetId(), Name: "가상상사", BusinessNumber: "1234567891", Type: addressv1.OrganisationType_ORGANISATION_TYPE_CORPORATION,
		Address: "office_가", AddressState: pendingAddress, CreatedAt: timestamppb.New(w.Clock.Now()),
		ArchiveMemberships: []*addressv1.ArchiveMembership{{Archive: archiveName, Member: "가상상사 문서과"}},
	}, made), "%v", made)
	w.awaitAddress(t, made.GetId(), registeredAddress)
	w.hub.set(func(h *fakeHub) {
		require.Len(t, h.registrations, 1)
		given := h.registrations[0]
		require.Equal(t, []any{"office_가", "1234567891", "가상상사"}, []any{given.address, given.idn, given.name})
		require.True(t, bytes.Equal(newInstitution("", "").GetBusinessDocument(), given.business))
		require.Equal(t, paper("R"), given.registration)
	})
	require.Zero(t, w.count(t, `select count(*) from paper`))
	told := unittest.Facts[*addressv1.AddressRegistered](t, w.Bench)
	require.Len(t, told, 1)
	require.Equal(t, made.GetId(), told[0].GetPrincipal())
	require.Equal(t, []string{operator}, w.actors(t), "the operator's act")

	again, err := w.register(t, newInstitution("OFFICE_가", "1234567891"))
	require.NoError(t, err)
	made.AddressState = registeredAddress
	require.True(t, proto.Equal(made, again), "%v", again)
	_, address := w.member(t, someone())
	for name, tt := range map[string]struct {
		change func(*addressv1.Institution)
		reason string
	}{
		"another institution wants the address": {func(i *addressv1.Institution) { i.BusinessNumber = "1234567800" }, "ADDRESS_TAKEN"},
		"a member has the address":              {func(i *addressv1.Institution) { i.Address = address }, "ADDRESS_TAKEN"},
		"the same one with another name":        {func(i *addressv1.Institution) { i.Name = "다른상사" }, "INSTITUTION_DIFFERS"},
		"the same one of another type": {func(i *addressv1.Institution) {
			i.Type = addressv1.OrganisationType_ORGANISATION_TYPE_STATE_AGENCY
		}, "INSTITUTION_DIFFERS"},
		"the same one as another member of the archive": {func(i *addressv1.Institution) { i.ArchiveMemberships[0].Member = "가상상사 총무과" }, "INSTITUTION_DIFFERS"},
		"the same one with one membership more": {func(i *addressv1.Institution) {
			i.ArchiveMemberships = append(i.ArchiveMemberships, &addressv1.ArchiveMembership{Archive: archiveName, Member: "가상상사 총무과"})
		}, "INSTITUTION_DIFFERS"},
		"no membership":           {func(i *addressv1.Institution) { i.ArchiveMemberships = nil }, "INVALID_REQUEST"},
		"an address with a space": {func(i *addressv1.Institution) { i.Address = "with space" }, "INVALID_REQUEST"},
	} {
		r := newInstitution("office_가", "1234567891")
		tt.change(r.GetInstitution())
		_, err := w.register(t, r)
		require.Equal(t, tt.reason, fault.ReasonOf(err), name)
	}
	require.Equal(t, 1, w.count(t, `select count(*) from institution`))
	require.Zero(t, w.count(t, `select count(*) from paper`))
}

// actors returns who stated the submissions.
func (w *world) actors(t testing.TB) (actors []string) {
	t.Helper()
	for _, e := range w.Stated(t, &addressv1.InstitutionSubmitted{}) {
		actors = append(actors, e.GetActor())
	}
	return actors
}

// If several callers create the same institution at the same time, one creates it and all get it.
func TestRegisterInstitutionAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	made, errs := make([]*addressv1.Institution, 8), make([]error, 8)
	var all sync.WaitGroup
	for i := range made {
		all.Go(func() { made[i], errs[i] = w.register(t, newInstitution("office_1", "1234567891")) })
	}
	all.Wait()
	for i := range made {
		require.NoError(t, errs[i])
		require.Equal(t, made[0].GetId(), made[i].GetId())
	}
	w.awaitAddress(t, made[0].GetId(), registeredAddress)
	require.Equal(t, 1, w.asked())
}

// An institution whose sealed values cannot be opened is listed and told with what is known of it, and hides none of the others.
func TestUnreadableInstitutionsHideNoOthers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	broken, err := w.register(t, newInstitution("office_broken", "1234567891"))
	require.NoError(t, err)
	good, err := w.register(t, newInstitution("office_good", "1234567800"))
	require.NoError(t, err)
	_, err = w.App.Exec(t.Context(), `update institution set sealed = set_byte(sealed, length(sealed) - 1, get_byte(sealed, length(sealed) - 1) # 1) where principal = $1`, broken.GetId())
	require.NoError(t, err)
	listed, err := w.operator(t).ListInstitutions(t.Context(), &addressv1.ListInstitutionsRequest{})
	require.NoError(t, err)
	var got []string
	for _, i := range listed.GetInstitutions() {
		got = append(got, fmt.Sprint(i.GetId(), i.GetName(), i.GetAddress(), i.GetUnreadable()))
	}
	require.Equal(t, []string{fmt.Sprint(good.GetId(), "가상상사", "office_good", false), fmt.Sprint(broken.GetId(), "", "office_broken", true)}, got)
	told, err := w.operator(t).GetInstitution(t.Context(), &addressv1.GetInstitutionRequest{Id: broken.GetId()})
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint(broken.GetId(), "", "office_broken", true),
		fmt.Sprint(told.GetInstitution().GetId(), told.GetInstitution().GetName(), told.GetInstitution().GetAddress(), told.GetInstitution().GetUnreadable()))
	require.InDelta(t, 2, w.Metric(t, "naru_address_unreadable_institutions_total"), 0)
}

// Institutions are listed newest first, page by page.
func TestListInstitutions(t *testing.T) {
	t.Parallel()
	w := setup(t)
	client := w.operator(t)
	var want, got []string
	for n := range 3 {
		made, err := w.register(t, newInstitution(fmt.Sprintf("office_%d", n), "1234567891"))
		require.NoError(t, err)
		want = append([]string{made.GetId() + " 가상상사"}, want...)
	}
	for token := ""; ; {
		page, err := client.ListInstitutions(t.Context(), &addressv1.ListInstitutionsRequest{PageSize: 2, PageToken: token})
		require.NoError(t, err)
		for _, i := range page.GetInstitutions() {
			got = append(got, i.GetId()+" "+i.GetName())
		}
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	require.Equal(t, want, got)
	_, err := client.ListInstitutions(t.Context(), &addressv1.ListInstitutionsRequest{PageToken: "x"})
	require.Equal(t, "PAGE_TOKEN_INVALID", fault.ReasonOf(err))
	_, err = client.GetInstitution(t.Context(), &addressv1.GetInstitutionRequest{Id: uuid.NewString()})
	require.Equal(t, "INSTITUTION_NOT_FOUND", fault.ReasonOf(err))
}

// For an address that it refused for good, the hub is asked again only with papers submitted after the refusal. The refusal stays
// recorded.
func TestSubmissionAfterRefusal(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.refused(t, "office_1", "1234567891")
	repeated, err := w.register(t, newInstitution("office_1", "1234567891"))
	require.NoError(t, err)
	require.Equal(t, refusedAddress, repeated.GetAddressState(), "making it again asks nothing")
	require.Zero(t, w.count(t, `select count(*) from due_address`))
	require.Equal(t, 1, w.asked())

	w.hub.set(func(h *fakeHub) { h.taken = false })
	w.Clock.Advance(24 * time.Hour)
	again, err := w.resubmit(t, id, "r-1", "가상상사 주식회사", "B2", "R2")
	require.NoError(t, err)
	require.Equal(t, []any{"가상상사 주식회사", "office_1", pendingAddress}, []any{again.GetName(), again.GetAddress(), again.GetAddressState()})
	w.awaitAddress(t, id, registeredAddress)
	w.hub.set(func(h *fakeHub) {
		require.Len(t, h.registrations, 2)
		first, last := h.registrations[0], h.registrations[1]
		require.Equal(t, []any{"가상상사 주식회사", paper("B2"), paper("R2")}, []any{last.name, last.business, last.registration})
		require.Equal(t, []any{first.address, first.idn, first.at}, []any{last.address, last.idn, last.at}, "the same address of the same owner since the same time")
	})
	late, err := w.resubmit(t, id, "r-1", "가상상사 주식회사", "B2", "R2")
	require.NoError(t, err)
	require.Equal(t, registeredAddress, late.GetAddressState(), "a repeat answers the institution as it is")
	for name, tt := range map[string]struct{ id, request, name, reason string }{
		"the same id with another name": {id, "r-1", "", "REQUEST_ID_REUSED"},
		"another request":               {id, "r-2", "", "ADDRESS_NOT_REFUSED"},
		"nobody":                        {uuid.NewString(), "r-3", "", "INSTITUTION_NOT_FOUND"},
		"a name over 40 characters":     {id, "r-4", strings.Repeat("가", 41), "INVALID_REQUEST"},
		"no request id":                 {id, "", "", "INVALID_REQUEST"},
	} {
		_, err := w.resubmit(t, tt.id, tt.request, tt.name, "B2", "R2")
		require.Equal(t, tt.reason, fault.ReasonOf(err), name)
	}
	_, err = w.operator(t).ResubmitInstitution(t.Context(), &addressv1.ResubmitInstitutionRequest{
		Id: id, RequestId: "r-5", BusinessDocument: []byte("no JPEG"), RegistrationDocument: paper("R"),
	})
	require.ErrorIs(t, err, fault.Invalid)

	require.Equal(t, []string{"registering", "refused", "registering", "registered"},
		w.texts(t, `select state from address_history where address = 'office_1' order by id`))
	require.Equal(t, []string{"1 ADDRESS_TAKEN", "2 ok"},
		w.texts(t, `select attempt || ' ' || outcome from hub_attempt where subject = 'office_1' order by id`), "attempts at one address are counted on")
	require.Equal(t, []string{"ArchiveMembershipsRecorded", "InstitutionSubmitted", "AddressAtHub", "InstitutionSubmitted", "AddressRegistered"},
		w.texts(t, `select split_part(kind, '.', 4) from journal where kind like 'naru.address.%' order by frame_id`))
	require.Equal(t, addressv1.HubStep_HUB_STEP_REFUSED, unittest.Facts[*addressv1.AddressAtHub](t, w.Bench)[0].GetStep())
	require.Equal(t, []string{operator, operator}, w.actors(t))
	facts := unittest.Facts[*addressv1.InstitutionSubmitted](t, w.Bench)
	require.Equal(t, company{"가상상사", "1234567891"}, w.companyIn(t, id, facts[0]))
	require.Equal(t, company{"가상상사 주식회사", "1234567891"}, w.companyIn(t, id, facts[1]))
	require.True(t, proto.Equal(&addressv1.InstitutionSubmitted{
		SealedInstitution: facts[1].GetSealedInstitution(), Type: addressv1.OrganisationType_ORGANISATION_TYPE_CORPORATION, RequestId: "r-1",
		BusinessDocumentDigest: digestOf(paper("B2")), RegistrationDocumentDigest: digestOf(paper("R2")), Address: "office_1", ValidFrom: facts[0].GetValidFrom(),
	}, facts[1]), "%v", facts[1])
	require.Zero(t, w.count(t, `select count(*) from paper`))
	require.Len(t, unittest.Facts[*addressv1.AddressRegistered](t, w.Bench), 1)
	require.Equal(t, 2, w.asked())
	_, err = w.App.Exec(t.Context(), `update institution_submission set request_id = 'other'`)
	require.ErrorContains(t, err, "permission denied")
}

// Only a refused address can be submitted again. An address without an answer of the hub is not refused.
func TestResubmitOnlyARefusedAddress(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hub.set(func(h *fakeHub) { h.down = true })
	made, err := w.register(t, newInstitution("office_1", "1234567891"))
	require.NoError(t, err)
	_, err = w.resubmit(t, made.GetId(), "r-1", "", "B2", "R2")
	require.Equal(t, "ADDRESS_NOT_REFUSED", fault.ReasonOf(err))
	w.hub.set(func(h *fakeHub) { h.down = false })
	w.awaitAddress(t, made.GetId(), registeredAddress)
	_, err = w.resubmit(t, made.GetId(), "r-1", "", "B2", "R2")
	require.Equal(t, "ADDRESS_NOT_REFUSED", fault.ReasonOf(err))
}

// Of resubmissions at the same time one is made. Its repetitions get the same answer; the others are told that the address is not
// refused. The hub is asked once.
func TestResubmitAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.refused(t, "office_1", "1234567891")
	w.hub.set(func(h *fakeHub) { h.taken = false })
	errs := make([]error, 12)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { _, errs[i] = w.resubmit(t, id, fmt.Sprintf("r-%d", i%3), "", "B2", "R2") })
	}
	all.Wait()
	winners := w.texts(t, `select request_id from institution_submission`)
	require.Len(t, winners, 1)
	for i, err := range errs {
		if fmt.Sprintf("r-%d", i%3) == winners[0] {
			require.NoError(t, err)
		} else {
			require.Equal(t, "ADDRESS_NOT_REFUSED", fault.ReasonOf(err))
		}
	}
	w.awaitAddress(t, id, registeredAddress)
	require.Equal(t, 2, w.asked())
	require.Equal(t, 2, w.count(t, `select count(*) from address_history where state = 'registering'`))
}

// The same request id for two institutions makes two requests, in either order.
func TestResubmitTwoInstitutionsUnderOneID(t *testing.T) {
	t.Parallel()
	w := setup(t)
	one, other := w.refused(t, "office_1", "1234567891"), w.refused(t, "office_2", "1234567800")
	reasons := make([]string, 2)
	var all sync.WaitGroup
	for i, id := range []string{one, other} {
		all.Go(func() {
			_, err := w.resubmit(t, id, "r", "", "B2", "R2")
			reasons[i] = fault.ReasonOf(err)
		})
	}
	all.Wait()
	require.ElementsMatch(t, []string{"", "REQUEST_ID_REUSED"}, reasons)
	require.Equal(t, 1, w.count(t, `select count(*) from institution_submission`))
}

// A late refusal of earlier papers does not affect papers submitted meanwhile.
func TestLateRefusalOfEarlierPapers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	hold := make(chan struct{})
	w.hub.set(func(h *fakeHub) { h.hold, h.refusePaper = hold, paper("R") })
	made, err := w.register(t, newInstitution("office_1", "1234567891"))
	require.NoError(t, err)
	awaitHeld := func(calls int) {
		t.Helper()
		await.Require(t, unittest.Patience, func() (arrived bool) {
			w.hub.set(func(h *fakeHub) { arrived = h.held == calls })
			return arrived
		})
	}
	awaitHeld(1)

	// As if the lease of that call ran out and another replica's call was refused.
	for _, sql := range []string{
		`insert into hub_attempt (id, subject, call, attempt, outcome, exchange, started_at, ended_at)
		 values ('01990000-0000-7000-8000-000000000001', 'office_1', 'register_organisation_address', 2, 'HUB_REFUSED', '', now(), now())`,
		`update address set state = 'refused', refusal = 'HUB_REFUSED', refused_at = now() where address = 'office_1'`,
		`delete from due_address`,
	} {
		_, err := w.App.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	_, err = w.resubmit(t, made.GetId(), "r-1", "", "B2", "R2")
	require.NoError(t, err)
	awaitHeld(2)
	close(hold)
	await.Require(t, unittest.Patience, func() bool { return w.count(t, `select count(*) from hub_attempt`) == 3 })
	require.Equal(t, []string{"1 HUB_REFUSED", "2 HUB_REFUSED", "3 ok"},
		w.texts(t, `select attempt || ' ' || outcome from hub_attempt where subject = 'office_1' order by attempt`))
	w.awaitAddress(t, made.GetId(), registeredAddress)
}

package gateway

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

const (
	pendingAddress = gatewayv1.AddressState_ADDRESS_STATE_PENDING
	refusedAddress = gatewayv1.AddressState_ADDRESS_STATE_REFUSED
)

func resubmission(requestID, name string, business, registered int) string {
	return fmt.Sprintf(`{"requestId":%q,"name":%q,"businessDocument":%q,"registrationDocument":%q}`, requestID, name, jpeg(business), jpeg(registered))
}

// refusedByHub makes an institution whose address the hub refused.
func (w *world) refusedByHub(t *testing.T, number, address string) string {
	t.Helper()
	id, _ := w.institution(t, number, address)
	w.units.say(refusedAddress)
	return id
}

// submissions are the numbers of the submissions the address unit was given.
func (n *neighbours) submissions() []int32 {
	var numbers []int32
	for _, r := range n.registrations() {
		numbers = append(numbers, r.GetSubmission())
	}
	return numbers
}

// ofInstitution are the facts about an institution and its credentials, as "kind ordinal actor", in the order in which they were stated.
func (w *world) ofInstitution(t *testing.T, id string) []string {
	t.Helper()
	type told struct {
		frame uuid.UUID
		text  string
	}
	var all []told
	for _, kind := range New().States {
		rule, err := journal.RuleOf(kind)
		require.NoError(t, err)
		frames, err := journal.OfKind(t.Context(), w.App, unitName, rule.Kind)
		require.NoError(t, err)
		for _, f := range frames {
			events, err := f.Events()
			require.NoError(t, err)
			for _, e := range events {
				var made gatewayv1.ClientCreated
				if _, ok := kind.(*gatewayv1.ClientCreated); ok {
					require.NoError(t, proto.Unmarshal(e.GetPayload(), &made))
				}
				if e.GetSubject() != id && made.GetPrincipal() != id {
					continue
				}
				all = append(all, told{f.ID, fmt.Sprintf("%s %d %s", kind.ProtoReflect().Descriptor().Name(), e.GetOrdinal(), e.GetActor())})
			}
		}
	}
	slices.SortFunc(all, func(a, b told) int { return bytes.Compare(a.frame[:], b.frame[:]) })
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = one.text
	}
	return texts
}

// institutionIn opens the name and number that a fact holds sealed.
func (w *world) institutionIn(t *testing.T, id string, fact *gatewayv1.InstitutionSubmitted) []string {
	t.Helper()
	plain, err := w.Env.Sealed.Open(t.Context(), sealed.Institution, id, fact.GetSealedInstitution())
	require.NoError(t, err)
	var i gatewayv1.Institution
	require.NoError(t, proto.Unmarshal(plain, &i))
	return []string{i.GetName(), i.GetBusinessNumber()}
}

// New papers and a corrected name go to the address unit as the next submission, once, and nothing of what was before is lost.
func TestResubmitInstitution(t *testing.T) {
	t.Parallel()
	w := setup(t)
	admin := w.token(t, w.admin)
	id := w.refusedByHub(t, "1234567892", "sender-again")
	path := "/v1/admin/institutions/" + id
	require.Equal(t, "ADDRESS_STATE_REFUSED", w.call(t, "GET", path, admin, "").json(t)["institution"].(map[string]any)["addressState"])

	const largest = 2 << 20
	again := w.call(t, "POST", path+":resubmit", admin, resubmission("r-1", "바른기관", largest, 300))
	require.Equal(t, 200, again.status, "%.300s", again.body)
	institution := again.json(t)["institution"].(map[string]any)
	require.Equal(t, []any{id, "바른기관", "sender-again", "ADDRESS_STATE_PENDING"},
		[]any{institution["id"], institution["name"], institution["address"], institution["addressState"]})
	calls := w.units.registrations()
	require.Len(t, calls, 2)
	first, last := calls[0], calls[1]
	require.Equal(t, []int32{1, 2}, w.units.submissions())
	require.Equal(t, []any{"바른기관", largest, 300}, []any{last.GetName(), len(last.GetBusinessDocument()), len(last.GetRegistrationDocument())})
	require.Equal(t, []any{first.GetPrincipal(), first.GetBusinessNumber(), first.GetType(), first.GetAddress()},
		[]any{last.GetPrincipal(), last.GetBusinessNumber(), last.GetType(), last.GetAddress()})
	var documents int
	require.NoError(t, w.App.QueryRow(t.Context(), `select count(*) from address_registration where business_document is not null`).Scan(&documents))
	require.Zero(t, documents, "the documents are kept no longer than the first ones")

	operator, err := w.Env.Authn.Verify(t.Context(), admin)
	require.NoError(t, err)
	stated := []string{
		"InstitutionSubmitted 1 " + operator.ID, "ClientCreated 1 " + operator.ID, "PrincipalChanged 1 " + operator.ID,
		"AddressRegistrationSettled 1 " + unitActor, "InstitutionSubmitted 2 " + operator.ID, "AddressRegistrationSettled 2 " + unitActor,
	}
	require.Equal(t, stated, w.ofInstitution(t, id))
	submitted := unittest.Emitted[*gatewayv1.InstitutionSubmitted](t, w.Bench)
	require.Equal(t, []string{"보기기관", "1234567892"}, w.institutionIn(t, id, submitted[0]))
	require.Equal(t, []string{"바른기관", "1234567892"}, w.institutionIn(t, id, submitted[1]))
	for _, fact := range submitted {
		encoded, err := proto.Marshal(fact)
		require.NoError(t, err)
		require.NotContains(t, string(encoded), "기관")
		require.NotContains(t, string(encoded), "1234567892")
	}
	require.True(t, proto.Equal(&gatewayv1.InstitutionSubmitted{
		RequestId: "r-1", RefusedBy: "hub", SealedInstitution: submitted[1].GetSealedInstitution(), Type: first.GetType(),
		BusinessDocumentDigest: digestOf(last.GetBusinessDocument()), RegistrationDocumentDigest: digestOf(last.GetRegistrationDocument()),
	}, submitted[1]), "%v", submitted[1])
	var commit uuid.UUID
	require.NoError(t, w.App.QueryRow(t.Context(), `select commit_id from principal where id = $1`, id).Scan(&commit))
	require.NoError(t, journal.Find(t.Context(), w.App, unitName, commit, id, &gatewayv1.InstitutionSubmitted{}), "the row names the commit that renamed it")

	for _, tt := range []struct {
		name, path, body string
		status           int
		reason           string
	}{
		{"the same again", path, resubmission("r-1", "바른기관", largest, 300), 200, ""},
		{"the same id with other papers", path, resubmission("r-1", "바른기관", largest, 301), 422, "REQUEST_ID_REUSED"},
		{"the same id with another name", path, resubmission("r-1", "", largest, 300), 422, "REQUEST_ID_REUSED"},
		{"another request while the hub is asked", path, resubmission("r-2", "바른기관", largest, 300), 409, "ADDRESS_NOT_REFUSED"},
		{"nobody", "/v1/admin/institutions/" + uuid.NewString(), resubmission("r-3", "", 100, 100), 404, "INSTITUTION_NOT_FOUND"},
		{"a document that is no JPEG", path, strings.ReplaceAll(resubmission("r-4", "", 100, 100), "/9j/", "AAAA"), 400, "INVALID_REQUEST"},
		{"a document over 2 MiB", path, resubmission("r-4", "", largest+1, 100), 400, "INVALID_REQUEST"},
		{"no request id", path, resubmission("", "", 100, 100), 400, "INVALID_REQUEST"},
		{"a name over 40 characters", path, resubmission("r-4", strings.Repeat("가", 41), 100, 100), 400, "INVALID_REQUEST"},
	} {
		got := w.call(t, "POST", tt.path+":resubmit", admin, tt.body)
		require.Equal(t, tt.status, got.status, "%s: %.300s", tt.name, got.body)
		if tt.reason != "" {
			require.Equal(t, tt.reason, got.json(t)["reason"], tt.name)
		} else {
			require.Equal(t, institution, got.json(t)["institution"], tt.name)
		}
	}
	require.Equal(t, []int32{1, 2}, w.units.submissions(), "nothing was handed over again")
	require.Equal(t, stated, w.ofInstitution(t, id))

	// The hub refuses these papers too; now the next are taken, and a name that is not given stays.
	w.units.say(refusedAddress)
	third := w.call(t, "POST", path+":resubmit", admin, resubmission("r-2", "", 120, 130))
	require.Equal(t, 200, third.status, "%s", third.body)
	require.Equal(t, "바른기관", third.json(t)["institution"].(map[string]any)["name"])
	require.Equal(t, []int32{1, 2, 3}, w.units.submissions())
	require.Equal(t, []string{"바른기관", "1234567892"}, w.institutionIn(t, id, unittest.Emitted[*gatewayv1.InstitutionSubmitted](t, w.Bench)[2]))
	var kept []string
	require.NoError(t, w.App.QueryRow(t.Context(), `
		select array_agg(submission || ' ' || request_id || ' ' || refused_by order by submission) from institution_submission`).Scan(&kept))
	require.Equal(t, []string{"2 r-1 hub", "3 r-2 hub"}, kept)
	_, err = w.App.Exec(t.Context(), `delete from institution_submission`)
	require.ErrorContains(t, err, "permission denied")
	require.Len(t, unittest.Emitted[*gatewayv1.PrincipalChanged](t, w.Bench), 1, "the fact about the principal is as it was")
}

// Only a refused address is submitted again.
func TestResubmitOnlyARefusedAddress(t *testing.T) {
	t.Parallel()
	w := setup(t)
	client := gatewayv1.NewPrincipalAdminServiceClient(w.Admin(t))
	document := append([]byte{0xff, 0xd8, 0xff}, 1)
	for n, state := range []gatewayv1.AddressState{pendingAddress, gatewayv1.AddressState_ADDRESS_STATE_REGISTERED, gatewayv1.AddressState_ADDRESS_STATE_WITHDRAWN} {
		id, _ := w.institution(t, fmt.Sprintf("123456780%d", n), fmt.Sprintf("sender-%d", n))
		w.units.say(state)
		_, err := client.ResubmitInstitution(t.Context(), &gatewayv1.ResubmitInstitutionRequest{
			Id: id, RequestId: "r-1", BusinessDocument: document, RegistrationDocument: document,
		})
		require.ErrorIs(t, err, fault.Conflict, "%s", state)
		require.Equal(t, "ADDRESS_NOT_REFUSED", fault.ReasonOf(err))
	}
	w.units.refuse(fault.New(fault.Unavailable, "address", addressv1.Reason_REASON_HUB_UNAVAILABLE, ""))
	id, _ := w.institution(t, "1234567809", "sender-due")
	_, err := client.ResubmitInstitution(t.Context(), &gatewayv1.ResubmitInstitutionRequest{Id: id, RequestId: "r-1", BusinessDocument: document, RegistrationDocument: document})
	require.Equal(t, "ADDRESS_NOT_REFUSED", fault.ReasonOf(err), "one that has not been handed over is not refused")
}

// A resubmission the address unit could not take waits with its documents encrypted and is handed over later; one of an address that
// belonged to somebody else may be tried again.
func TestResubmissionIsRetried(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.units.refuse(fault.New(fault.Exists, "address", addressv1.Reason_REASON_ADDRESS_TAKEN, ""))
	id, _ := w.institution(t, "1234567895", "sender-retry")
	w.units.refuse(fault.New(fault.Unavailable, "address", addressv1.Reason_REASON_HUB_UNAVAILABLE, ""))
	admin := w.token(t, w.admin)
	got := w.call(t, "POST", "/v1/admin/institutions/"+id+":resubmit", admin, resubmission("r-1", "", 110, 120))
	require.Equal(t, 200, got.status, "%s", got.body)
	require.Equal(t, "ADDRESS_STATE_PENDING", got.json(t)["institution"].(map[string]any)["addressState"])
	var state string
	var kept []byte
	require.NoError(t, w.App.QueryRow(t.Context(), `select state, business_document from address_registration`).Scan(&state, &kept))
	require.Equal(t, stateDue, state)
	require.NotContains(t, string(kept), "\xff\xd8\xff\x01\x01\x01")

	w.units.refuse(nil)
	// The row is leased to the call that made it; the test does not wait for the lease.
	_, err := w.Owner.Exec(t.Context(), `update address_registration set due_at = now()`)
	require.NoError(t, err)
	await.Require(t, unittest.Patience, func(ctx context.Context) error {
		if err := w.App.QueryRow(ctx, `select state from address_registration`).Scan(&state); err != nil {
			return err
		}
		if state != stateTaken {
			return fault.New(fault.NotFound, "", nil, state)
		}
		return nil
	})
	calls := w.units.registrations()
	require.Equal(t, int32(2), calls[len(calls)-1].GetSubmission())
	require.Len(t, calls[len(calls)-1].GetBusinessDocument(), 110)
	settled := unittest.Emitted[*gatewayv1.AddressRegistrationSettled](t, w.Bench)
	require.Equal(t, []bool{false, true}, []bool{settled[0].GetTaken(), settled[1].GetTaken()})
	require.Equal(t, "relay", unittest.Emitted[*gatewayv1.InstitutionSubmitted](t, w.Bench)[1].GetRefusedBy())
}

// Of resubmissions at once one is made: repeats of it are answered like it, others are told that the address is not refused.
func TestResubmitAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.refusedByHub(t, "1234567800", "sender-at-once")
	client := gatewayv1.NewPrincipalAdminServiceClient(w.Admin(t))
	document := append([]byte{0xff, 0xd8, 0xff}, 1)
	errs := make([]error, 12)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			_, errs[i] = client.ResubmitInstitution(t.Context(), &gatewayv1.ResubmitInstitutionRequest{
				Id: id, RequestId: fmt.Sprintf("r-%d", i%3), BusinessDocument: document, RegistrationDocument: document,
			})
		})
	}
	all.Wait()
	var winner string
	require.NoError(t, w.App.QueryRow(t.Context(), `select request_id from institution_submission`).Scan(&winner))
	for i, err := range errs {
		if fmt.Sprintf("r-%d", i%3) == winner {
			require.NoError(t, err)
		} else {
			require.Equal(t, "ADDRESS_NOT_REFUSED", fault.ReasonOf(err))
		}
	}
	require.Equal(t, []int32{1, 2}, w.units.submissions())
}

// A request id of one institution is not another's, whoever of two calls comes first.
func TestResubmitTwoInstitutionsUnderOneID(t *testing.T) {
	t.Parallel()
	w := setup(t)
	one, other := w.refusedByHub(t, "1234567801", "sender-one"), w.refusedByHub(t, "1234567802", "sender-other")
	client := gatewayv1.NewPrincipalAdminServiceClient(w.Admin(t))
	document := append([]byte{0xff, 0xd8, 0xff}, 1)
	reasons := make([]string, 2)
	var all sync.WaitGroup
	for i, id := range []string{one, other} {
		all.Go(func() {
			_, err := client.ResubmitInstitution(t.Context(), &gatewayv1.ResubmitInstitutionRequest{Id: id, RequestId: "r", BusinessDocument: document, RegistrationDocument: document})
			reasons[i] = fault.ReasonOf(err)
		})
	}
	all.Wait()
	require.ElementsMatch(t, []string{"", "REQUEST_ID_REUSED"}, reasons)
	require.Len(t, w.units.submissions(), 3)
}

// What comes late of an earlier submission neither settles nor postpones a later one.
func TestLateResultOfEarlierSubmission(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.refusedByHub(t, "1234567803", "sender-late")
	w.units.refuse(fault.New(fault.Unavailable, "address", addressv1.Reason_REASON_HUB_UNAVAILABLE, ""))
	got := w.call(t, "POST", "/v1/admin/institutions/"+id+":resubmit", w.token(t, w.admin), resubmission("r-1", "", 110, 120))
	require.Equal(t, 200, got.status, "%s", got.body)
	again, found, err := institutionByAddress(t.Context(), w.App, "sender-late")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, int32(2), again.Submission)
	earlier := again
	earlier.Submission = 1
	settle := func(i institution) (settled bool) {
		require.NoError(t, w.Env.Journal.InTx(t.Context(), func(tx *journal.Tx) (err error) {
			settled, err = settleRegistration(t.Context(), tx, i, stateTaken, w.Clock.Now())
			return err
		}))
		return settled
	}
	require.False(t, settle(earlier))
	require.NoError(t, postponeRegistration(t.Context(), w.App, dueRegistration{institution: earlier}, 0))
	var due bool
	require.NoError(t, w.App.QueryRow(t.Context(), `select due_at <= now() from address_registration`).Scan(&due))
	require.False(t, due, "it still waits for the call that made it")
	require.True(t, settle(again))
}

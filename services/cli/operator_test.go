package cli

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/services/registry"
)

// A registration and a read time that wait for a person.
const (
	waitingRecord = `{"edocNum":"` + number + `","registration":{"state":"CALL_STATE_QUEUED","queueReason":"HUB_RESULT_3","attempts":7,"queuedAt":"2026-03-02T01:02:03.000000Z"}}`
	waitingRead   = `{"edocNum":"` + other + `","registration":{"state":"CALL_STATE_DONE"},"readTime":{"state":"CALL_STATE_QUEUED","queueReason":"HUB_RESULT_5","attempts":2,"queuedAt":"2026-03-02T02:00:00.000000Z"}}`
)

func operatorRun(t *testing.T, f *fakeRelay, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return runWith(t, nil, append(args, "--endpoints", f.path("naru.json"))...)
}

// The queue is read to its end, and tells which of the two calls waits and why.
func TestQueueList(t *testing.T) {
	t.Parallel()
	f := newRelay(t, map[string][]string{
		"GET /v1/admin/circulation/queue":                {`{"records":[` + waitingRecord + `],"nextPageToken":"more"}`},
		"GET /v1/admin/circulation/queue?pageToken=more": {`{"records":[` + waitingRead + `]}`},
	})
	code, stdout, stderr := operatorRun(t, f, "queue", "list")
	require.Equal(t, ExitOK, code, stderr)
	require.Regexp(t, `(?m)^`+number+` +registration +HUB_RESULT_3 +2026-03-02T01:02:03.000000Z +7$`, stdout)
	require.Regexp(t, `(?m)^`+other+` +read time +HUB_RESULT_5 +2026-03-02T02:00:00.000000Z +2$`, stdout)
	code, stdout, stderr = operatorRun(t, f, "queue", "list", "--only", "HUB_RESULT_5", "--json")
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, other)
	require.NotContains(t, stdout, number)
	code, stdout, stderr = operatorRun(t, f, "queue", "list", "--only", "HUB_RESULT_9")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, "nothing waits\n", stdout)
}

// Many are retried at once. What the relay refuses for one of them hinders no other, and is told.
func TestQueueRetry(t *testing.T) {
	t.Parallel()
	const again = "POST /v1/admin/circulation/queue/" + other + ":retry"
	f := newRelay(t, map[string][]string{
		"GET /v1/admin/circulation/queue": {`{"records":[` + waitingRecord + `,` + waitingRead + `]}`},
		again:                             {`{}`},
	})
	code, stdout, stderr := operatorRun(t, f, "queue", "retry", "--all")
	require.Equal(t, ExitFailed, code)
	require.Contains(t, stdout, number+"  not done: ")
	require.Contains(t, stdout, other+"  to be sent again\n")
	require.Contains(t, stderr, "1 of 2 not done")
	require.Equal(t, []string{"Bearer operator {}"}, f.bodies[again])
	code, stdout, stderr = operatorRun(t, f, "queue", "retry", "--all", "--only", "HUB_RESULT_5", "--json")
	require.Equal(t, ExitOK, code, stderr)
	require.JSONEq(t, `[{"id":"`+other+`"}]`, stdout)
	code, stdout, stderr = operatorRun(t, f, "queue", "retry", "--all", "--only", "HUB_RESULT_9")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, "nothing to do\n", stdout)
	code, _, stderr = operatorRun(t, f, "queue", "retry", other)
	require.Equal(t, ExitOK, code, stderr)
	require.Len(t, f.bodies[again], 3)
	for _, wrong := range [][]string{{}, {"--all", other}, {"--only", "HUB_RESULT_5"}, {other, "--only", "HUB_RESULT_5"}, {"17"}} {
		code, _, _ = operatorRun(t, f, append([]string{"queue", "retry"}, wrong...)...)
		require.Equal(t, ExitUsage, code, wrong)
	}
	require.Len(t, f.bodies[again], 3)
}

// What concerns all ends the work at once: a door that is not there is not knocked at for each number.
func TestBulkEndsWithWhatConcernsAll(t *testing.T) {
	t.Parallel()
	f := newRelay(t, nil)
	f.Close()
	code, stdout, stderr := operatorRun(t, f, "queue", "retry", number, other)
	require.Equal(t, ExitFailed, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "ended after 0 of 2")
}

// An answer of the hub is accepted with its reason.
func TestQueueAccept(t *testing.T) {
	t.Parallel()
	const call = "POST /v1/admin/circulation/queue/" + number + ":accept"
	f := newRelay(t, map[string][]string{call: {`{}`}})
	code, stdout, stderr := operatorRun(t, f, "queue", "accept", number, "--reason", "compared by telephone")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, number+"  accepted\n", stdout)
	require.JSONEq(t, `{"reason":"compared by telephone"}`, strings.TrimPrefix(f.bodies[call][0], "Bearer operator "))
	code, _, _ = operatorRun(t, f, "queue", "accept", number)
	require.Equal(t, ExitUsage, code)
}

// Queued calls are given up by number, with a reason; what the relay refuses for one hinders no other.
func TestQueueGiveUp(t *testing.T) {
	t.Parallel()
	const call = "POST /v1/admin/circulation/queue/" + number + ":give-up"
	f := newRelay(t, map[string][]string{call: {`{}`}})
	code, stdout, stderr := operatorRun(t, f, "queue", "give-up", other, number, "--reason", "never taken")
	require.Equal(t, ExitFailed, code, stderr)
	require.Contains(t, stdout, other+"  not done")
	require.Contains(t, stdout, number+"  given up\n")
	require.JSONEq(t, `{"reason":"never taken"}`, strings.TrimPrefix(f.bodies[call][0], "Bearer operator "))
	for _, args := range [][]string{{number}, {"--reason", "x"}, {"20260302", "--reason", "x"}} {
		code, _, _ = operatorRun(t, f, append([]string{"queue", "give-up"}, args...)...)
		require.Equal(t, ExitUsage, code, args)
	}
}

// Refused addresses are listed to the end with why and when the hub is asked again, retried together, and given up with a reason.
func TestRefusedAddresses(t *testing.T) {
	t.Parallel()
	const (
		list, retry, giveUp = "GET /v1/admin/refused-addresses", "POST /v1/admin/refused-addresses:retry", "POST /v1/admin/refused-addresses:give-up"
		forNow              = `{"address":"ferry-1","principal":"p-1","refusal":"HUB_REFUSED:ERR-01-201","refusedAt":"2026-03-02T01:02:03.000000Z","askedAgainAt":"2026-03-02T01:07:03.000000Z"}`
		forGood             = `{"address":"ferry-2","recipient":"r-1","refusal":"ADDRESS_TAKEN","refusedAt":"2026-03-02T02:00:00.000000Z"}`
	)
	f := newRelay(t, map[string][]string{
		list: {`{"addresses":[` + forNow + `],"nextPageToken":"more"}`}, list + "?pageToken=more": {`{"addresses":[` + forGood + `]}`}, retry: {`{}`}, giveUp: {`{}`},
	})
	code, stdout, stderr := operatorRun(t, f, "address", "refused")
	require.Equal(t, ExitOK, code, stderr)
	require.Regexp(t, `(?m)^ferry-1 +p-1 +HUB_REFUSED:ERR-01-201 +2026-03-02T01:02:03.000000Z +2026-03-02T01:07:03.000000Z$`, stdout)
	require.Regexp(t, `(?m)^ferry-2 +r-1 +ADDRESS_TAKEN +2026-03-02T02:00:00.000000Z +-$`, stdout)
	code, stdout, stderr = operatorRun(t, f, "address", "retry", "--all", "--only", "HUB_REFUSED:ERR-01-201")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, "ferry-1  the hub is asked again\n", stdout)
	require.Equal(t, []string{`Bearer operator {"address":"ferry-1"}`}, f.bodies[retry])
	code, stdout, stderr = operatorRun(t, f, "address", "give-up", "ferry-2", "--reason", "taken")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, "ferry-2  given up\n", stdout)
	require.JSONEq(t, `{"address":"ferry-2","reason":"taken"}`, strings.TrimPrefix(f.bodies[giveUp][0], "Bearer operator "))
	for _, args := range [][]string{{"retry"}, {"retry", "ferry-1", "--all"}, {"retry", "ferry-1", "--only", "x"}, {"give-up", "ferry-1"}, {"give-up", "--reason", "x"}} {
		code, _, _ = operatorRun(t, f, append([]string{"address"}, args...)...)
		require.Equal(t, ExitUsage, code, args)
	}
}

// Changes of names that the hub does not have are listed to the end, told again together, and given up with a reason.
func TestNameChanges(t *testing.T) {
	t.Parallel()
	const (
		list, asked, refused = "GET /v1/admin/name-changes", "0191d0a1-0000-7000-8000-000000000001", "0191d0a1-0000-7000-8000-000000000002"
		waiting              = `{"id":"` + asked + `","address":"ferry-1","principal":"p-1","state":"NAME_CHANGE_STATE_ASKED","askedAt":"2026-03-02T01:02:03.000000Z","askedAgainAt":"2026-03-02T01:07:03.000000Z"}`
		forGood              = `{"id":"` + refused + `","address":"ferry-2","recipient":"r-1","state":"NAME_CHANGE_STATE_REFUSED","refusal":"INVALID_REQUEST","askedAt":"2026-03-02T02:00:00.000000Z"}`
		retry, giveUp        = "POST /v1/admin/name-changes/" + refused + ":retry", "POST /v1/admin/name-changes/" + refused + ":give-up"
	)
	f := newRelay(t, map[string][]string{
		list: {`{"changes":[` + waiting + `],"nextPageToken":"more"}`}, list + "?pageToken=more": {`{"changes":[` + forGood + `]}`}, retry: {`{}`}, giveUp: {`{}`},
	})
	code, stdout, stderr := operatorRun(t, f, "name", "list")
	require.Equal(t, ExitOK, code, stderr)
	require.Regexp(t, `(?m)^`+asked+` +ferry-1 +p-1 +ASKED +- +2026-03-02T01:02:03.000000Z +2026-03-02T01:07:03.000000Z$`, stdout)
	require.Regexp(t, `(?m)^`+refused+` +ferry-2 +r-1 +REFUSED +INVALID_REQUEST +2026-03-02T02:00:00.000000Z +-$`, stdout)
	code, stdout, stderr = operatorRun(t, f, "name", "retry", "--all", "--only", "INVALID_REQUEST")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, refused+"  the hub is told again\n", stdout)
	require.Len(t, f.bodies[retry], 1)
	code, stdout, stderr = operatorRun(t, f, "name", "give-up", refused, "--reason", "of another company")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, refused+"  given up\n", stdout)
	require.JSONEq(t, `{"reason":"of another company"}`, strings.TrimPrefix(f.bodies[giveUp][0], "Bearer operator "))
	for _, args := range [][]string{{"retry"}, {"retry", refused, "--all"}, {"retry", refused, "--only", "x"}, {"give-up", refused}, {"give-up", "--reason", "x"}} {
		code, _, _ = operatorRun(t, f, append([]string{"name"}, args...)...)
		require.Equal(t, ExitUsage, code, args)
	}
}

// Addresses are compared with the hub: all, page by page, and what differs ends the command with 1.
func TestAddressCheck(t *testing.T) {
	t.Parallel()
	const all = "GET /v1/admin/addresses:check"
	f := newRelay(t, map[string][]string{
		all: {`{"addresses":[{"address":"ferry-1","state":"ADDRESS_STATE_REGISTERED"}],"nextPageToken":"more"}`},
		all + "?pageToken=more": {`{"addresses":[{"address":"ferry-2","state":"ADDRESS_STATE_REGISTERED",` +
			`"differences":["ADDRESS_DIFFERENCE_NAME","ADDRESS_DIFFERENCE_REGISTERED_AT"]}]}`},
		all + "?addresses=ferry-1": {`{"addresses":[{"address":"ferry-1","state":"ADDRESS_STATE_REGISTERED"}]}`},
	})
	code, stdout, _ := operatorRun(t, f, "address", "check")
	require.Equal(t, ExitFailed, code)
	require.Regexp(t, `(?m)^ferry-2 +REGISTERED +NAME, REGISTERED_AT$`, stdout)
	require.NotContains(t, stdout, "ferry-1")
	code, stdout, stderr := operatorRun(t, f, "address", "check", "ferry-1")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, "1 addresses are at the hub as they are here\n", stdout)
}

// An institution's other type is entered without documents, and the command ends once the hub has it, or says why it has not.
func TestInstitutionChange(t *testing.T) {
	t.Parallel()
	const id, change = "0191d0a1-0000-7000-8000-000000000001", "0191d0a1-0000-7000-8000-00000000000c"
	at := "POST /v1/admin/institutions/" + id + ":change"
	shown := func(state string) string {
		return `{"institution":{"id":"` + id + `","name":"새상사","type":"ORGANISATION_TYPE_OTHER","nameChange":{"id":"` + change + `","state":"NAME_CHANGE_STATE_` + state + `","refusal":"HUB_REFUSED"}}}`
	}
	for state, want := range map[string]int{"ACCEPTED": ExitOK, "REFUSED": ExitFailed, "REPLACED": ExitFailed} {
		f := newRelay(t, map[string][]string{at: {shown("ASKED")}, "GET /v1/admin/institutions/" + id: {shown(state)}})
		code, stdout, stderr := operatorRun(t, f, "institution", "change", id, "--type", "other", "--request-id", "r-1")
		require.Equal(t, want, code, stderr)
		require.JSONEq(t, `{"requestId":"r-1","type":"ORGANISATION_TYPE_OTHER"}`, strings.TrimPrefix(f.bodies[at][0], "Bearer operator "))
		if want == ExitOK {
			require.Equal(t, id+"  새상사  OTHER\n", stdout)
		}
	}
	for _, args := range [][]string{{}, {"--type", "other", "--sandbox"}, {"--name", "새상사"}} {
		code, _, _ := operatorRun(t, newRelay(t, nil), append([]string{"institution", "change", id}, args...)...)
		require.Equal(t, ExitUsage, code, args)
	}
}

// A hold is placed and ended in every unit, and listed once with how many units have it.
func TestLegalHolds(t *testing.T) {
	t.Parallel()
	units := unitNames()
	answers := map[string][]string{}
	for _, unit := range units {
		at := " /v1/admin/units/" + unit + "/legal-holds"
		answers["GET"+at] = []string{`{"holds":[{"subject":"` + number + `","reference":"case-1","actor":"o","placedAt":"2026-03-02T01:02:03.000000Z"}]}`}
		answers["POST"+at+":place"], answers["POST"+at+":release"] = []string{`{}`}, []string{`{}`}
	}
	f := newRelay(t, answers)
	code, stdout, stderr := operatorRun(t, f, "hold", "place", number, "--reference", "case-1")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, number+"  held\n", stdout)
	for _, unit := range units {
		bodies := f.bodies["POST /v1/admin/units/"+unit+"/legal-holds:place"]
		require.Len(t, bodies, 1)
		require.JSONEq(t, `{"subject":"`+number+`","reference":"case-1"}`, strings.TrimPrefix(bodies[0], "Bearer operator "))
	}
	answers["GET /v1/admin/units/hub/legal-holds"] = []string{`{}`}
	code, stdout, stderr = operatorRun(t, f, "hold", "list")
	require.Equal(t, ExitOK, code, stderr)
	require.Regexp(t, `(?m)^`+number+` +case-1 +2026-03-02T01:02:03.000000Z +`+fmt.Sprintf("%d of %d", len(units)-1, len(units))+`$`, stdout)
	code, stdout, stderr = operatorRun(t, f, "hold", "release", number, "--reference", "case-1")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, number+"  released\n", stdout)
	delete(answers, "POST /v1/admin/units/hub/legal-holds:place")
	code, stdout, _ = operatorRun(t, f, "hold", "place", number, "--reference", "case-1")
	require.Equal(t, ExitFailed, code)
	require.Contains(t, stdout, "unit hub")
	code, _, _ = operatorRun(t, f, "hold", "place", number)
	require.Equal(t, ExitUsage, code)
}

// Rounds of notices are listed, called again together, and given up with a reason; that fewer were done than asked for is told.
func TestNotices(t *testing.T) {
	t.Parallel()
	const (
		list, retry, giveUp = "GET /v1/admin/notice-rounds", "POST /v1/admin/notice-rounds:retry", "POST /v1/admin/notice-rounds:give-up"
		one, other          = "0191d0a1-0000-7000-8000-000000000001", "0191d0a1-0000-7000-8000-000000000002"
	)
	round := func(id, state string) string {
		return `{"id":"` + id + `","edocNums":["` + number + `"],"receivedAt":"2026-03-02T01:02:03.000000Z","attempts":300,"lastError":"answered with status 502",` + state + `}`
	}
	f := newRelay(t, map[string][]string{
		list:                   {`{"rounds":[` + round(one, `"nextAttemptAt":"2026-03-02T02:00:00.000000Z"`) + `]}`},
		list + "?givenUp=true": {`{"rounds":[` + round(one, `"givenUpAt":"2026-03-02T02:00:00.000000Z"`) + `,` + round(other, `"givenUpAt":"2026-03-02T02:00:00.000000Z"`) + `]}`},
		retry:                  {`{"retried":2}`}, giveUp: {`{"givenUp":1}`},
	})
	code, stdout, stderr := operatorRun(t, f, "notice", "list")
	require.Equal(t, ExitOK, code, stderr)
	require.Regexp(t, `(?m)^`+one+` +1 +2026-03-02T01:02:03.000000Z +300 +2026-03-02T02:00:00.000000Z +answered with status 502$`, stdout)
	code, stdout, stderr = operatorRun(t, f, "notice", "retry", "--all", "--given-up")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, "2 of 2 rounds to be called again\n", stdout)
	require.JSONEq(t, `{"ids":["`+one+`","`+other+`"]}`, strings.TrimPrefix(f.bodies[retry][0], "Bearer operator "))
	code, stdout, stderr = operatorRun(t, f, "notice", "give-up", one, other, "--reason", "by letter")
	require.Equal(t, ExitFailed, code)
	require.Equal(t, "1 of 2 rounds given up\n", stdout)
	require.Contains(t, stderr, "1 of 2 not done")
	require.JSONEq(t, `{"ids":["`+one+`","`+other+`"],"reason":"by letter"}`, strings.TrimPrefix(f.bodies[giveUp][0], "Bearer operator "))
	for _, args := range [][]string{{"retry"}, {"retry", one, "--all"}, {"retry", one, "--given-up"}, {"give-up", one}} {
		code, _, _ = operatorRun(t, f, append([]string{"notice"}, args...)...)
		require.Equal(t, ExitUsage, code, args)
	}
}

// Deposits that failed are listed with why and when again, tried again together, or given up with a reason.
func TestDeposits(t *testing.T) {
	t.Parallel()
	const (
		list, retry, giveUp = "GET /v1/admin/deposits", "POST /v1/admin/deposits:retry", "POST /v1/admin/deposits:give-up"
		sender, failure     = "0191d0a1-0000-7000-8000-000000000001", "certificate: signature"
	)
	deposit := func(state string) string {
		return `{"deposits":[{"edocNum":"` + number + `","sender":"` + sender + `","dueSince":"2026-03-02T01:02:03.000000Z","attempts":3,"lastError":"` + failure + `",` + state + `}]}`
	}
	f := newRelay(t, map[string][]string{
		list:                 {deposit(`"nextAttemptAt":"2026-03-02T02:00:00.000000Z"`)},
		list + "?ended=true": {deposit(`"endedAt":"2026-03-02T03:00:00.000000Z"`)},
		retry:                {`{"retried":1}`}, giveUp: {`{}`},
	})
	code, stdout, stderr := operatorRun(t, f, "deposits", "list")
	require.Equal(t, ExitOK, code, stderr)
	require.Regexp(t, `(?m)^`+number+` +`+sender+` +2026-03-02T01:02:03.000000Z +3 +2026-03-02T02:00:00.000000Z .*`+failure+`$`, stdout)
	code, stdout, _ = operatorRun(t, f, "deposit", "list", "--ended")
	require.Equal(t, ExitOK, code)
	require.Contains(t, stdout, "2026-03-02T03:00:00.000000Z")
	code, stdout, stderr = operatorRun(t, f, "deposit", "retry", "--all")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, "1 of 1 deposits to be tried again\n", stdout)
	require.JSONEq(t, `{"edocNums":["`+number+`"]}`, strings.TrimPrefix(f.bodies[retry][0], "Bearer operator "))
	code, stdout, _ = operatorRun(t, f, "deposit", "give-up", number, "--reason", "by letter")
	require.Equal(t, ExitFailed, code)
	require.Equal(t, "0 of 1 deposits given up\n", stdout)
	require.JSONEq(t, `{"edocNums":["`+number+`"],"reason":"by letter"}`, strings.TrimPrefix(f.bodies[giveUp][0], "Bearer operator "))
	for _, args := range [][]string{{"retry"}, {"retry", number, "--all"}, {"give-up", number}} {
		code, _, _ = operatorRun(t, f, append([]string{"deposit"}, args...)...)
		require.Equal(t, ExitUsage, code, args)
	}
}

// Invitations are listed without a contact, given again and given up.
func TestInvitations(t *testing.T) {
	t.Parallel()
	const (
		list, retry, giveUp = "GET /v1/admin/invitations", "POST /v1/admin/invitations:retry", "POST /v1/admin/invitations:give-up"
		one, other          = "0191d0a1-0000-7000-8000-000000000001", "0191d0a1-0000-7000-8000-000000000002"
	)
	f := newRelay(t, map[string][]string{
		list: {`{"invitations":[{"id":"` + one + `","sender":"` + other + `","documents":3,"dueSince":"2026-03-02T01:02:03.000000Z","attempts":7,
			"lastError":"answered with status 502","nextAttemptAt":"2026-03-02T02:00:00.000000Z"}]}`},
		retry: {`{"retried":1}`}, giveUp: {`{"givenUp":1}`},
	})
	code, stdout, stderr := operatorRun(t, f, "invitation", "list")
	require.Equal(t, ExitOK, code, stderr)
	require.Regexp(t, `(?m)^`+one+` +`+other+` +3 +2026-03-02T01:02:03.000000Z +7 +2026-03-02T02:00:00.000000Z +answered with status 502$`, stdout)
	code, stdout, stderr = operatorRun(t, f, "invitations", "retry", "--all")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, "1 of 1 invitations to be given again\n", stdout)
	require.JSONEq(t, `{"ids":["`+one+`"]}`, strings.TrimPrefix(f.bodies[retry][0], "Bearer operator "))
	code, stdout, stderr = operatorRun(t, f, "invitation", "give-up", one, other, "--reason", "abroad")
	require.Equal(t, ExitFailed, code)
	require.Equal(t, "1 of 2 invitations given up\n", stdout)
	require.Contains(t, stderr, "1 of 2 not done")
	for _, args := range [][]string{{"retry"}, {"retry", one, "--all"}, {"give-up", one}} {
		code, _, _ = operatorRun(t, f, append([]string{"invitation"}, args...)...)
		require.Equal(t, ExitUsage, code, args)
	}
}

// Held frames are those of all units. All of a unit that are held are released together; what was refused cannot be.
func TestHeldFrames(t *testing.T) {
	t.Parallel()
	const id, forged = "0191d0a1-0000-7000-8000-000000000001", "0191d0a1-0000-7000-8000-000000000002"
	const release = "POST /v1/admin/units/intake/held-frames/" + id + ":release"
	answers := map[string][]string{release: {`{}`}}
	for _, unit := range unitNames() {
		answers["GET /v1/admin/units/"+unit+"/held-frames"] = []string{`{}`}
	}
	answers["GET /v1/admin/units/intake/held-frames"] = []string{`{"frames":[{"frameId":"` + id + `","kind":"Accepted","recordedAt":"2026-03-02T01:02:03.000000Z","heldAt":"2026-03-02T02:00:00.000000Z"},
		{"frameId":"` + forged + `","kind":"Accepted","recordedAt":"2026-03-02T01:02:03.000000Z","refused":"mac_wrong"}]}`}
	f := newRelay(t, answers)
	code, stdout, stderr := operatorRun(t, f, "held", "list")
	require.Equal(t, ExitOK, code, stderr)
	require.Regexp(t, `(?m)^intake +`+id+` +Accepted +2026-03-02T01:02:03.000000Z +2026-03-02T02:00:00.000000Z`, stdout)
	require.Regexp(t, `(?m)^intake +`+forged+` .*mac_wrong$`, stdout)
	code, stdout, stderr = operatorRun(t, f, "held", "release", "intake", "--all", "--reason", "suspended")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, id+"  released\n", stdout)
	require.JSONEq(t, `{"reason":"suspended"}`, strings.TrimPrefix(f.bodies[release][0], "Bearer operator "))
	code, _, _ = operatorRun(t, f, "held", "release", "intake", "--reason", "x")
	require.Equal(t, ExitUsage, code)
}

// Parked events are those of all units; one that does not answer is told and hides none of the others.
func TestParkedList(t *testing.T) {
	t.Parallel()
	const event = `{"id":"0191d0a1-0000-7000-8000-000000000001","consumer":"delivery-express","kind":"Resolved","subject":"` + number + `","reason":"broken","parkedAt":"2026-03-02T01:02:03.000000Z"}`
	answers := map[string][]string{}
	for _, unit := range unitNames() {
		answers["GET /v1/admin/units/"+unit+"/parked-events"] = []string{`{}`}
	}
	f := newRelay(t, answers)
	code, stdout, stderr := operatorRun(t, f, "parked", "list")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, "nothing is parked\n", stdout)

	answers["GET /v1/admin/units/delivery/parked-events"] = []string{`{"events":[` + event + `]}`}
	delete(answers, "GET /v1/admin/units/hub/parked-events")
	code, stdout, stderr = operatorRun(t, f, "parked", "list")
	require.Equal(t, ExitFailed, code)
	require.Regexp(t, `(?m)^delivery +0191d0a1-0000-7000-8000-000000000001 +delivery-express +Resolved +`+number+` +2026-03-02T01:02:03.000000Z +broken$`, stdout)
	require.Contains(t, stderr, "unit hub")
	code, stdout, stderr = operatorRun(t, f, "parked", "list", "delivery", "--json")
	require.Equal(t, ExitOK, code, stderr)
	require.JSONEq(t, `{"delivery":{"events":[`+strings.Replace(event, `"reason"`, `"ordinal":0,"reason"`, 1)+`]}}`, stdout)
}

// Parked events are given up by their ids with a reason, as many in a call as the relay takes; what does not wait is told.
func TestParkedGiveUp(t *testing.T) {
	t.Parallel()
	var ids []string
	for i := range 130 {
		ids = append(ids, fmt.Sprintf("0191d0a1-0000-7000-8000-%012d", i))
	}
	const call = "POST /v1/admin/units/delivery/parked-events:give-up"
	f := newRelay(t, map[string][]string{call: {`{"givenUp":100}`, `{"givenUp":29}`}})
	code, stdout, stderr := operatorRun(t, f, append([]string{"parked", "give-up", "delivery", "--reason", "sent again"}, ids...)...)
	require.Equal(t, ExitFailed, code)
	require.Equal(t, "129 given up\n", stdout)
	require.Contains(t, stderr, "1 of 130 are not parked")
	require.Contains(t, f.bodies[call][0], `"reason":"sent again"`)
	require.Len(t, f.bodies[call], 2)
	code, _, _ = operatorRun(t, f, "parked", "give-up", "delivery", ids[0])
	require.Equal(t, ExitUsage, code)
}

// All parked events of a unit are replayed, as many in a call as the relay takes. Those that fail again are counted.
func TestParkedReplay(t *testing.T) {
	t.Parallel()
	var events []string
	for i := range 130 {
		events = append(events, fmt.Sprintf(`{"id":"0191d0a1-0000-7000-8000-%012d"}`, i))
	}
	const replay = "POST /v1/admin/units/delivery/parked-events:replay"
	f := newRelay(t, map[string][]string{
		"GET /v1/admin/units/delivery/parked-events": {`{"events":[` + strings.Join(events, ",") + `]}`},
		replay: {`{"replayed":100}`, `{"replayed":29,"stillParked":1}`},
	})
	code, stdout, stderr := operatorRun(t, f, "parked", "replay", "delivery", "--all")
	require.Equal(t, ExitFailed, code)
	require.Equal(t, "129 replayed, 1 still parked\n", stdout)
	require.Contains(t, stderr, "stay parked")
	require.Len(t, f.bodies[replay], 2)
	require.Equal(t, 100, strings.Count(f.bodies[replay][0], "0191d0a1"))
	require.Equal(t, 30, strings.Count(f.bodies[replay][1], "0191d0a1"))
	code, _, _ = operatorRun(t, f, "parked", "replay", "delivery")
	require.Equal(t, ExitUsage, code)
}

// Identities that look like one person are listed and merged.
func TestIdentities(t *testing.T) {
	t.Parallel()
	const first, second = "0191d0a1-0000-7000-8000-000000000001", "0191d0a1-0000-7000-8000-000000000002"
	const merge = "POST /v1/admin/identities/" + second + ":merge"
	f := newRelay(t, map[string][]string{
		"GET /v1/admin/identities/alike": {`{"identities":[
			{"recipient":"` + first + `","group":1,"provedAt":"2026-03-02T01:02:03.000000Z","membership":"MEMBER_STATE_ACTIVE"},
			{"recipient":"` + second + `","group":1,"provedAt":"2026-03-03T01:02:03.000000Z"}]}`, `{}`},
		merge: {`{}`},
	})
	code, stdout, stderr := operatorRun(t, f, "identity", "alike")
	require.Equal(t, ExitOK, code, stderr)
	require.Regexp(t, `(?m)^1 +`+first+` +2026-03-02T01:02:03.000000Z +ACTIVE$`, stdout)
	require.Regexp(t, `(?m)^1 +`+second+` +2026-03-03T01:02:03.000000Z +-$`, stdout)
	code, stdout, stderr = operatorRun(t, f, "identity", "alike")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, "no identities are alike\n", stdout)
	code, stdout, stderr = operatorRun(t, f, "identity", "merge", second, "--into", first, "--reason", "abstract seen")
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, second+" is "+first+"\n", stdout)
	require.JSONEq(t, `{"into":"`+first+`","reason":"abstract seen"}`, strings.TrimPrefix(f.bodies[merge][0], "Bearer operator "))
}

// unitNames are those of a relay's units.
func unitNames() []string {
	var names []string
	for _, u := range registry.Units() {
		names = append(names, u.Name)
	}
	return names
}

package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/testkit/await"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// hubCall is one of the two hub calls of a record, as the operator sees it.
type hubCall struct {
	State, QueueReason, QueuedAt string
	Result, Attempts             int
}

// queuedRecord is a record in the operator's queue.
type queuedRecord struct {
	EdocNum                string
	Registration, ReadTime hubCall
}

// operator is the person who handles queued records.
type operator struct{ *harness.Caller }

func newOperator(t *testing.T) operator {
	t.Helper()
	return operator{stack.Admin(t)}
}

// queue returns the operator's queue by edoc number.
func (o operator) queue(t *testing.T) map[string]queuedRecord {
	t.Helper()
	records := map[string]queuedRecord{}
	for page := ""; ; {
		var answer struct {
			Records       []queuedRecord
			NextPageToken string
		}
		o.Do(t, http.MethodGet, "/v1/admin/circulation/queue?pageSize=100&pageToken="+page, nil).Into(t, &answer)
		for _, record := range answer.Records {
			records[record.EdocNum] = record
		}
		if page = answer.NextPageToken; page == "" {
			return records
		}
	}
}

// awaitQueued waits until a document is in the operator's queue.
func (o operator) awaitQueued(t *testing.T, edocNum string) queuedRecord {
	t.Helper()
	var record queuedRecord
	await.Require(t, harness.Patience, func() (found bool) {
		record, found = o.queue(t)[edocNum]
		return found
	})
	return record
}

// retry sends a queued call again as the operator; the relay must accept it.
func (o operator) retry(t *testing.T, edocNum string) {
	t.Helper()
	answer := o.tryRetry(t, edocNum)
	require.Equal(t, http.StatusOK, answer.Status, "%s", answer.Body)
}

func (o operator) tryRetry(t *testing.T, edocNum string) harness.Answer {
	t.Helper()
	return o.Do(t, http.MethodPost, "/v1/admin/circulation/queue/"+edocNum+":retry", map[string]any{})
}

// awaitRegistered waits until the hub has registered the document with this result and it is not queued, and checks the hub's
// record.
func awaitRegistered(t *testing.T, i *harness.Institution, edocNum string, result int) {
	t.Helper()
	status := i.AwaitStatus(t, edocNum, func(s harness.Status) bool { return s.Hub.RegistrationResult != 0 && !s.Hub.Queued && !s.Hub.Retried })
	require.Equal(t, result, status.Hub.RegistrationResult)
	times := parseTimes(t, status.SentAt, status.ReceivedAt)
	record, held := stack.AtHub(t, edocNum)
	require.True(t, held)
	require.Equal(t, stack.Endpoints.PlatformID, record.RegisteredBy)
	require.Equal(t, harness.HubTime(times[0]), record.SendDate)
	require.Equal(t, harness.HubTime(times[1]), record.RecvDate)
	counts := timelineOf(t, i, edocNum)
	require.Equal(t, 1, counts["naru.circulation.v1.CirculationRegistered"], "%v", counts)
}

// waitingBatch sends a batch to a person who is not a member. All its documents are received when the person joins.
func waitingBatch(t *testing.T, i *harness.Institution, size int) (numbers []string, person harness.Person) {
	t.Helper()
	person = stack.NewPerson(t)
	document := i.NewDocument(t, person.ByCI())
	document.Invite()
	var answer batchAnswer
	i.Do(t, http.MethodPost, "/v1/documents:batch", map[string]any{"items": copies(document, size)}).Into(t, &answer)
	numbers = answer.numbers(t)
	for _, number := range numbers {
		i.AwaitState(t, number, "AWAITING_MEMBERSHIP")
	}
	return numbers, person
}

// copies returns send requests for one document, each with its own key.
func copies(d *harness.Document, size int) []any {
	items := make([]any, size)
	for n := range items {
		item := map[string]any{}
		for k, v := range d.Item {
			item[k] = v
		}
		item["ownKey"] = d.Hash[:20] + "-" + strconv.Itoa(n)
		items[n] = item
	}
	return items
}

// batchAnswer is the answer to a batch.
type batchAnswer struct {
	Outcomes []struct {
		Index    int
		Accepted *struct {
			OwnKey, EdocNum, Receipt string
			Duplicate                bool
		}
	}
}

// numbers returns the numbers of a batch without refusals.
func (a batchAnswer) numbers(t *testing.T) []string {
	t.Helper()
	numbers := make([]string, len(a.Outcomes))
	for n, outcome := range a.Outcomes {
		require.NotNil(t, outcome.Accepted, "%d", n)
		numbers[n] = outcome.Accepted.EdocNum
	}
	return numbers
}

// What the hub does not take for now goes again by itself, hinders nothing else and is shown to its sender; nobody has to look.
func TestHubRefusesAnItemForNow(t *testing.T) {
	t.Parallel()
	for _, result := range []int{4, 5, 6, 7, 9, 4242} {
		t.Run(fmt.Sprintf("result %d", result), func(t *testing.T) {
			t.Parallel()
			institution, office := stack.Institution(t), newOperator(t)
			numbers, person := waitingBatch(t, institution, 3)
			victim := numbers[1]
			hub := stack.Misbehave(t, scenario.Scenario{Kind: scenario.ItemResult, Match: scenario.Match{EdocNum: victim}, Result: result, Forever: true})
			stack.LogInPerson(t, person).Join(t)
			for _, number := range []string{numbers[0], numbers[2]} {
				awaitRegistered(t, institution, number, 1)
			}
			status := institution.AwaitStatus(t, victim, func(s harness.Status) bool { return s.Hub.Retried })
			require.Equal(t, fmt.Sprintf("HUB_RESULT_%d", result), status.Hub.Refusal)
			require.Equal(t, "DOCUMENT_STATE_RECEIVED", status.State)
			await.Require(t, harness.Patience, func() bool { return hub.Taken(t) >= 2 })
			require.NotContains(t, office.queue(t), victim)
			hub.End(t)
			awaitRegistered(t, institution, victim, 1)
			require.Empty(t, institution.Status(t, victim).Hub.Refusal)
		})
	}
}

// What the hub does not take for good waits for a person and hinders nothing else; sent again when the hub has come to its senses
// it is registered.
func TestHubRefusesAnItem(t *testing.T) {
	t.Parallel()
	for _, result := range []int{2, 3} {
		t.Run(fmt.Sprintf("result %d", result), func(t *testing.T) {
			t.Parallel()
			institution, office := stack.Institution(t), newOperator(t)
			numbers, person := waitingBatch(t, institution, 5)
			victim, others := numbers[2], append(append([]string{}, numbers[:2]...), numbers[3:]...)
			hub := stack.Misbehave(t, scenario.Scenario{Kind: scenario.ItemResult, Match: scenario.Match{EdocNum: victim}, Result: result, Times: 2})
			stack.LogInPerson(t, person).Join(t)
			for _, number := range others {
				awaitRegistered(t, institution, number, 1)
			}
			record := office.awaitQueued(t, victim)
			require.Equal(t, fmt.Sprintf("HUB_RESULT_%d", result), record.Registration.QueueReason)
			require.Equal(t, result, record.Registration.Result)
			require.Equal(t, 1, record.Registration.Attempts)
			parseTimes(t, record.Registration.QueuedAt)
			status := institution.AwaitStatus(t, victim, func(s harness.Status) bool { return s.Hub.Queued })
			require.Equal(t, "DOCUMENT_STATE_RECEIVED", status.State, "what the hub says does not change that it was received")
			_, held := stack.AtHub(t, victim)
			require.False(t, held)

			office.retry(t, victim) // the hub still misbehaves
			await.Require(t, harness.Patience, func() bool { return office.queue(t)[victim].Registration.Attempts == 2 })
			require.Equal(t, 2, hub.Taken(t))
			office.retry(t, victim)
			awaitRegistered(t, institution, victim, 1)
			require.NotContains(t, office.queue(t), victim)
			requireRefusal(t, office.tryRetry(t, victim), http.StatusConflict, "NOT_QUEUED")
		})
	}
}

// If the hub says that it already has a record, an operator can accept that, once. The record leaves the queue and is registered
// for its sender.
func TestOperatorTakesTheHubsWord(t *testing.T) {
	t.Parallel()
	institution, office, person := stack.Institution(t), newOperator(t), stack.NewPerson(t)
	document := sendTo(t, institution, person.ByCI(), "AWAITING_MEMBERSHIP")
	number := document.EdocNum
	stack.Misbehave(t, scenario.Scenario{Kind: scenario.ItemResult, Match: scenario.Match{EdocNum: number}, Result: 2})
	stack.LogInPerson(t, person).Join(t)
	office.awaitQueued(t, number)
	institution.AwaitStatus(t, number, func(s harness.Status) bool { return s.Hub.Queued })
	accept := func(reason string) harness.Answer {
		return office.Do(t, http.MethodPost, "/v1/admin/circulation/queue/"+number+":accept", map[string]any{"reason": reason})
	}
	require.Equal(t, http.StatusBadRequest, accept("").Status)
	answer := accept("허브 담당자와 대조함")
	require.Equal(t, http.StatusOK, answer.Status, "%s", answer.Body)
	requireRefusal(t, accept("두 번째"), http.StatusConflict, "NOT_QUEUED")
	require.NotContains(t, office.queue(t), number)
	status := institution.AwaitStatus(t, number, func(s harness.Status) bool { return s.Hub.RegistrationResult != 0 && !s.Hub.Queued && !s.Hub.Retried })
	require.Equal(t, 2, status.Hub.RegistrationResult)
	require.Len(t, stack.Facts(t, "circulation", &circulationv1.QueuedCallAccepted{}, number), 1)
	// The hub's answer was wrong: it holds no record. An audit against the hub finds the difference.
	stack.AuditMustName(audit.Violation{Unit: "circulation", Code: audit.HubDiffers, Subject: "document " + number,
		Detail: "circulation believes it registered, the hub has no record"})
}

// A read time before the receipt waits for a person, any other refusal goes again; one the hub has no record for has the
// registration checked first.
func TestHubRefusesAReadTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		result int
		queued bool
	}{{3, true}, {9, false}, {4, false}} {
		t.Run(fmt.Sprintf("result %d", c.result), func(t *testing.T) {
			t.Parallel()
			s, office := newScene(t), newOperator(t)
			document := s.deliver(t, nil)
			awaitRegistered(t, s.institution, document.EdocNum, 1)
			hub := stack.Misbehave(t, scenario.Scenario{Kind: scenario.ItemResult, Match: scenario.Match{EdocNum: document.EdocNum}, Result: c.result})
			s.report(t, document, s.verified(t, document), nil).Into(t, &struct{}{})
			if c.queued {
				record := office.awaitQueued(t, document.EdocNum)
				require.Equal(t, fmt.Sprintf("HUB_RESULT_%d", c.result), record.ReadTime.QueueReason)
				require.Equal(t, "CALL_STATE_DONE", record.Registration.State)
				require.NotEmpty(t, s.institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.Hub.Queued }).ReadAt)
				office.retry(t, document.EdocNum)
			}
			status := s.institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.ReadTimeRegistered() && !s.Hub.Queued && !s.Hub.Retried })
			require.Equal(t, 1, hub.Taken(t))
			requireAtHub(t, document, status)
			counts := timelineOf(t, s.institution, document.EdocNum)
			require.Equal(t, 1, counts["naru.circulation.v1.CirculationRegistered"], "%v", counts)
			require.Equal(t, 1, counts["naru.circulation.v1.ReadTimeRegistered"], "%v", counts)
		})
	}
}

// registrations matches the calls that register circulation records.
var registrations = scenario.Match{Method: http.MethodPost, Path: "/api/circulation"}

// In the following tests the hub misbehaves for every caller, so they run alone.

// Whatever happens to a call with a whole batch, in the end the hub has each document once, and nothing is queued for a person.
func TestHubOutOfOrder(t *testing.T) {
	for _, c := range []struct {
		name string
		how  scenario.Scenario
		// until is how often the hub misbehaves before the test ends the scenario.
		until int
		// left is how many documents of the batch the hub already had when the call was repeated.
		left int
	}{
		{"connections drop", scenario.Scenario{Kind: scenario.Down, Forever: true}, 2, 0},
		{"unavailable", scenario.Scenario{Kind: scenario.Down, HTTPStatus: http.StatusServiceUnavailable, Forever: true}, 1, 0},
		{"garbage", scenario.Scenario{Kind: scenario.GarbageBody, Forever: true}, 1, 0},
		{"slow", scenario.Scenario{Kind: scenario.Slow, Delay: scenario.Delay(sluggish)}, 1, 0},
		{"refuses a batch as a whole", scenario.Scenario{Kind: scenario.FailureOK}, 1, 0},
		{"refuses a batch as a whole with 400, in CP949", scenario.Scenario{Kind: scenario.FailureOK, HTTPStatus: 400, Charset: "CP949"}, 1, 0},
		{"answers with a byte order mark", scenario.Scenario{Kind: scenario.Encoded, Charset: "UTF-8-BOM"}, 1, 0},
		{"answers in UTF-16", scenario.Scenario{Kind: scenario.Encoded, Charset: "UTF-16-BOM"}, 1, 0},
		{"refuses a batch as a whole, in text", scenario.Scenario{Kind: scenario.TextPlain}, 1, 0},
		{"loses the token", scenario.Scenario{Kind: scenario.TokenLoss}, 1, 0},
		{"lets the token expire", scenario.Scenario{Kind: scenario.TokenLoss, ErrCode: "ERR-01-104"}, 1, 0},
		{"loses every token", scenario.Scenario{Kind: scenario.TokenLoss, Forever: true}, 2, 0},
		{"answer lost", scenario.Scenario{Kind: scenario.AnswerLost}, 1, 5},
		{"items missing in the answer", scenario.Scenario{Kind: scenario.MissingItems, Count: 2}, 1, 2},
		{"all items missing in the answer", scenario.Scenario{Kind: scenario.MissingItems, Count: 5}, 1, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			institution, member := stack.Institution(t), stack.NewMember(t)
			numbers, person := waitingBatch(t, institution, 5)
			if c.how.Kind != scenario.MissingItems { // MissingItems scenarios are matched without a path
				c.how.Match = registrations
			}
			hub := stack.Misbehave(t, c.how)
			stack.LogInPerson(t, person).Join(t)
			await.Require(t, harness.Patience, func() bool { return hub.Taken(t) >= c.until })
			if c.how.Forever {
				meanwhile := sendTo(t, institution, member.ByCI(), "RECEIVED")
				require.Equal(t, []string{meanwhile.EdocNum}, inboxOf(t, member))
				require.Zero(t, institution.Status(t, meanwhile.EdocNum).Hub.RegistrationResult)
				numbers = append(numbers, meanwhile.EdocNum)
			}
			hub.End(t)
			left := 0
			for _, number := range numbers {
				status := institution.AwaitStatus(t, number, func(s harness.Status) bool { return s.Hub.RegistrationResult != 0 })
				if status.Hub.RegistrationResult == 2 {
					left++
				}
				awaitRegistered(t, institution, number, status.Hub.RegistrationResult)
			}
			require.Equal(t, c.left, left, "results 2 are those of calls the hub did without our hearing of it")
		})
	}
}

// If the hub loses the token and issues no other, the relay waits for it.
func TestHubGivesNoToken(t *testing.T) {
	institution := stack.Institution(t)
	numbers, person := waitingBatch(t, institution, 5)
	recipient := stack.LogInPerson(t, person)
	lost := stack.Misbehave(t, scenario.Scenario{Kind: scenario.TokenLoss, Match: registrations})
	none := stack.Misbehave(t, scenario.Scenario{Kind: scenario.Down, Match: scenario.Match{Path: "/auth/token"}, Forever: true})
	recipient.Join(t)
	await.Require(t, harness.Patience, func() bool { return lost.Taken(t) == 1 && none.Taken(t) >= 1 })
	none.End(t)
	for _, number := range numbers {
		awaitRegistered(t, institution, number, 1)
	}
}

// sluggish is slower than any step of the relay itself, but within its patience.
const sluggish = 2 * time.Second

// A result belongs to the number that it names, whatever the order of the answer.
func TestHubAnswersInAnotherOrder(t *testing.T) {
	institution, office := stack.Institution(t), newOperator(t)
	numbers, person := waitingBatch(t, institution, 5)
	hub := stack.Misbehave(t, scenario.Scenario{Kind: scenario.WrongOrder, Forever: true})
	stack.Misbehave(t, scenario.Scenario{Kind: scenario.ItemResult, Match: scenario.Match{EdocNum: numbers[0]}, Result: 3})
	stack.LogInPerson(t, person).Join(t)
	for _, number := range numbers[1:] {
		awaitRegistered(t, institution, number, 1)
	}
	require.Equal(t, "HUB_RESULT_3", office.awaitQueued(t, numbers[0]).Registration.QueueReason)
	require.Positive(t, hub.Taken(t))
	office.retry(t, numbers[0])
	awaitRegistered(t, institution, numbers[0], 1)
}

// A hub that refuses every call is asked again for each document, which shows the hub's own code meanwhile; nobody has to look.
func TestHubRefusesEverything(t *testing.T) {
	institution, office := stack.Institution(t), newOperator(t)
	numbers, person := waitingBatch(t, institution, 3)
	hub := stack.Misbehave(t, scenario.Scenario{Kind: scenario.FailureOK, Match: registrations, ErrCode: "ERR-01-201", Forever: true})
	stack.LogInPerson(t, person).Join(t)
	for _, number := range numbers {
		status := institution.AwaitStatus(t, number, func(s harness.Status) bool { return s.Hub.Retried })
		require.Equal(t, "HUB_REFUSED:ERR-01-201", status.Hub.Refusal)
		require.NotEmpty(t, status.ReceivedAt)
		require.NotContains(t, office.queue(t), number)
	}
	hub.End(t)
	for _, number := range numbers {
		awaitRegistered(t, institution, number, 1)
	}
}

// While the hub's search is down, documents to strangers wait without an outcome, at most until their send deadline. Documents to
// members are not affected.
func TestHubSearchIsDown(t *testing.T) {
	institution, member, person := stack.Institution(t), stack.NewMember(t), stack.NewPerson(t)
	hub := stack.Misbehave(t, scenario.Scenario{Kind: scenario.Down, Match: scenario.Match{Path: "/api/eaddr/search"}, Forever: true})
	stranger, urgent := institution.NewDocument(t, person.ByCI()), institution.NewDocument(t, person.ByCI())
	stranger.Invite()
	urgent.Item["sendDeadline"] = clock.System().Now().Add(3 * time.Second).Format("2006-01-02T15:04:05.000000Z07:00")
	institution.Send(t, stranger)
	institution.Send(t, urgent)
	await.Require(t, harness.Patience, func() bool { return hub.Taken(t) >= 1 })
	registered(t, institution, member.ByCI())
	institution.AwaitState(t, urgent.EdocNum, "EXPIRED")
	requireNeverFound(t, institution, urgent.EdocNum)
	require.Equal(t, "DOCUMENT_STATE_ACCEPTED", institution.Status(t, stranger.EdocNum).State)
	hub.End(t)
	institution.AwaitState(t, stranger.EdocNum, "AWAITING_MEMBERSHIP")
}

// requireNeverFound checks that the timeline says why the document expired.
func requireNeverFound(t *testing.T, i *harness.Institution, edocNum string) {
	t.Helper()
	var timeline struct {
		Entries []struct {
			Kind    string
			Details map[string]string
		}
	}
	i.Do(t, http.MethodGet, "/v1/documents/"+edocNum+"/timeline", nil).Into(t, &timeline)
	var told []string
	for _, entry := range timeline.Entries {
		told = append(told, entry.Kind+" "+entry.Details["resolution"])
	}
	require.Equal(t, []string{"naru.intake.v1.DocumentAccepted ", "naru.address.v1.RecipientResolved UNKNOWN", "naru.delivery.v1.DeliveryExpired "}, told)
}

// A joining waits for the hub, and documents wait with it. A lost answer does not register the address twice.
func TestHubIsDownForAJoining(t *testing.T) {
	for _, c := range []struct {
		name string
		how  scenario.Scenario
	}{
		{"down", scenario.Scenario{Kind: scenario.Down, Forever: true}},
		{"answer lost", scenario.Scenario{Kind: scenario.AnswerLost}},
	} {
		t.Run(c.name, func(t *testing.T) {
			institution, person := stack.Institution(t), stack.NewPerson(t)
			c.how.Match = scenario.Match{Method: http.MethodPost, Path: "/api/eaddr"}
			hub := stack.Misbehave(t, c.how)
			recipient := stack.LogInPerson(t, person)
			recipient.Do(t, http.MethodPost, "/v1/membership", map[string]any{"termsVersion": "1", "consent": true, "designateInbox": true}).Into(t, &struct{}{})
			await.Require(t, harness.Patience, func() bool { return hub.Taken(t) >= 1 })
			document := institution.NewDocument(t, person.ByCI())
			institution.Send(t, document)
			if c.how.Forever {
				require.Empty(t, institution.Status(t, document.EdocNum).ReceivedAt)
				hub.End(t)
			}
			address := recipient.Join(t)
			requireReceived(t, institution, recipient, document, address)
			awaitRegistered(t, institution, document.EdocNum, 1)
			var history struct{ Eaddrs []struct{ Eaddr string } }
			stack.Sandbox(t, stack.Endpoints.Sandbox.Hub, http.MethodGet, "/sandbox/eaddrs?platformId="+stack.Endpoints.PlatformID, nil, &history)
			times := 0
			for _, period := range history.Eaddrs {
				if period.Eaddr == address {
					times++
				}
			}
			require.Equal(t, 1, times)
		})
	}
}

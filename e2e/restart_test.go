package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/services/registry"
)

const (
	// recovery is how long it may take until what a killed process held goes on: the longest lease (a batch for the hub) is a
	// minute and a half, an event nobody acknowledged comes again after a minute, and one may follow the other.
	recovery = 4 * time.Minute
	// perKill is the size of each of the two batches that are on their way when a unit is killed.
	perKill = 6
	// kills is how often each unit is killed: as soon as a batch is accepted, and as soon as the first of a batch is received.
	kills = 2
	// sendAgain is the pause before a request that was not answered is repeated.
	sendAgain = 100 * time.Millisecond
)

// sent is a batch with what it takes to send it again.
type sent struct {
	items     []any
	recipient int
	numbers   []string
}

// sendUntilAccepted sends a batch, as a patient sender does, until every item is accepted.
func sendUntilAccepted(ctx context.Context, i *harness.Institution, items []any) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, recovery)
	defer cancel()
	ticker := time.NewTicker(sendAgain)
	defer ticker.Stop()
	for {
		numbers, last := trySend(ctx, i, items)
		if last == nil {
			return numbers, nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("the batch was never accepted: %w", last)
		}
	}
}

func trySend(ctx context.Context, i *harness.Institution, items []any) ([]string, error) {
	answer, err := i.Try(ctx, http.MethodPost, "/v1/documents:batch", map[string]any{"items": items})
	if err != nil {
		return nil, err
	}
	var got batchAnswer
	if answer.Status != http.StatusOK || json.Unmarshal(answer.Body, &got) != nil || len(got.Outcomes) != len(items) {
		return nil, fmt.Errorf("%d %s", answer.Status, answer.Body)
	}
	numbers := make([]string, len(items))
	for n, outcome := range got.Outcomes {
		if outcome.Accepted == nil {
			return nil, fmt.Errorf("item %d was not accepted: %s", n, answer.Body)
		}
		numbers[n] = outcome.Accepted.EdocNum
	}
	return numbers, nil
}

// statuses reads many documents of an institution.
func statuses(t *testing.T, i *harness.Institution, numbers []string) map[string]harness.Status {
	t.Helper()
	found := map[string]harness.Status{}
	for some := range slices.Chunk(numbers, 100) {
		var answer struct {
			Statuses []harness.Status
			NotFound []string
		}
		i.Do(t, http.MethodPost, "/v1/documents:batchGet", map[string]any{"edocNums": some}).Into(t, &answer)
		require.Empty(t, answer.NotFound, "an accepted document is known at once, whoever was killed")
		for _, s := range answer.Statuses {
			found[s.EdocNum] = s
		}
	}
	return found
}

// Every unit is killed in turn while documents are on their way. Whatever was accepted is received once and registered once,
// everything that was stated is stated once, and the evidence is whole. It runs alone: it disturbs everybody.
func TestEveryUnitIsKilled(t *testing.T) {
	if stack.Mode != harness.Processes {
		t.Skip("units can be killed by themselves only where they are processes (E2E_MODE=procs)")
	}
	institution := stack.Institution(t)
	recipients := []*harness.Recipient{stack.NewMember(t), stack.NewMember(t), stack.NewMember(t)}
	certified := registered(t, institution, recipients[0].ByCI())
	certificates := map[string]string{}
	var all []sent
	for n, unit := range registry.Units() {
		certificates[unit.Name] = askUntilPromised(t, institution, certified, "killed-"+unit.Name+"-"+certified.Hash[:16])
		for late := range kills {
			all = append(all, killUnderway(t, institution, unit.Name, late > 0, n%len(recipients), recipients)...)
		}
	}
	for _, unit := range registry.Units() {
		require.NoError(t, stack.AwaitUnit(t.Context(), unit.Name), "the others have lived through it")
	}

	var numbers []string
	for _, batch := range all {
		numbers = append(numbers, batch.numbers...)
	}
	require.Len(t, numbers, 2*perKill*kills*len(registry.Units()))
	await.Require(t, recovery, func(context.Context) error { return unfinished(statuses(t, institution, numbers)) })
	for _, number := range numbers {
		requireStatedOnce(t, institution, number)
	}
	mine := map[int][]string{0: {certified.EdocNum}}
	for _, batch := range all {
		mine[batch.recipient] = append(mine[batch.recipient], batch.numbers...)
		again, err := trySend(t.Context(), institution, batch.items)
		require.NoError(t, err)
		require.Equal(t, batch.numbers, again, "the receipts outlived everything")
	}
	for n, recipient := range recipients {
		inbox := inboxOf(t, recipient)
		slices.Sort(inbox)
		require.Equal(t, slices.Sorted(slices.Values(mine[n])), inbox)
	}
	for unit, id := range certificates {
		await.Require(t, recovery, func() bool { return settled(t, institution.Caller, id).State == "CERTIFICATE_STATE_ISSUED" })
		require.NotEmpty(t, unit)
	}
}

// killUnderway kills a unit while one batch of its own is on its way and another is being sent, and starts it again.
func killUnderway(t *testing.T, i *harness.Institution, unit string, late bool, recipient int, recipients []*harness.Recipient) []sent {
	t.Helper()
	batches := make([]sent, 2)
	for n := range batches {
		batches[n] = sent{items: copies(i.NewDocument(t, recipients[recipient].ByCI()), perKill), recipient: recipient}
	}
	var err error
	batches[0].numbers, err = sendUntilAccepted(t.Context(), i, batches[0].items)
	require.NoError(t, err)
	if late {
		await.Require(t, recovery, func() bool {
			for _, status := range statuses(t, i, batches[0].numbers) {
				if status.ReceivedAt != "" {
					return true
				}
			}
			return false
		})
	}
	problem := make(chan error, 1)
	go func() {
		var err error
		batches[1].numbers, err = sendUntilAccepted(t.Context(), i, batches[1].items)
		problem <- err
	}()
	killed := stack.Kill(unit)
	started := stack.StartUnit(t.Context(), unit)
	require.NoError(t, killed)
	require.NoError(t, started)
	require.NoError(t, stack.AwaitUnit(t.Context(), unit))
	require.NoError(t, <-problem)
	return batches
}

// askUntilPromised asks for a certificate until the request is kept.
func askUntilPromised(t *testing.T, i *harness.Institution, d *harness.Document, requestID string) string {
	t.Helper()
	var made struct{ Certificate certificate }
	await.Require(t, recovery, func(ctx context.Context) error {
		answer, err := i.Try(ctx, http.MethodPost, "/v1/documents/"+d.EdocNum+"/certificates", map[string]string{"reason": "제출용", "requestId": requestID})
		if err != nil {
			return err
		}
		if answer.Status != http.StatusOK {
			return fmt.Errorf("%d %s", answer.Status, answer.Body)
		}
		return json.Unmarshal(answer.Body, &made)
	})
	return made.Certificate.ID
}

// unfinished tells which documents have not been received and registered yet.
func unfinished(found map[string]harness.Status) error {
	states := map[string]int{}
	for _, s := range found {
		if s.State != "DOCUMENT_STATE_RECEIVED" || s.Hub.RegistrationResult == 0 {
			states[fmt.Sprintf("%s, hub %d, queued %t", s.State, s.Hub.RegistrationResult, s.Hub.Queued)]++
		}
	}
	if len(states) > 0 {
		return fmt.Errorf("unfinished: %v", states)
	}
	return nil
}

// requireStatedOnce: every fact about the document was stated once, and the hub holds what the status tells.
func requireStatedOnce(t *testing.T, i *harness.Institution, number string) {
	t.Helper()
	// Facts come to status by ways of their own, and one that a killed process held comes last.
	await.Require(t, recovery, func(context.Context) error {
		counts := timelineOf(t, i, number)
		for kind, count := range counts {
			require.Equal(t, 1, count, "%s of %s: %v", kind, number, counts)
		}
		for _, kind := range []string{
			"naru.intake.v1.DocumentAccepted", "naru.address.v1.RecipientResolved", "naru.delivery.v1.DocumentReceived",
			"naru.circulation.v1.CirculationRegistered",
		} {
			if counts[kind] == 0 {
				return fmt.Errorf("%s of %s is not stated: %v", kind, number, counts)
			}
		}
		return nil
	})
	// A call that was done and not heard of was repeated: the hub then had it already (2).
	status := i.Status(t, number)
	require.Contains(t, []int{1, 2}, status.Hub.RegistrationResult)
	awaitRegistered(t, i, number, status.Hub.RegistrationResult)
}

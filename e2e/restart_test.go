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
	// recovery is how long it may take until what a killed process held goes on, on a machine that others use: leases run out one
	// after the other, and so do the times after which an event comes again that nobody acknowledged.
	recovery = 4 * time.Minute
	// perKill is the size of each of the two batches in progress when a unit is killed.
	perKill = 6
	// kills is how often each unit is killed: once as soon as a batch is accepted, once as soon as the first document of a batch
	// is received.
	kills = 2
	// sendAgain is the pause before an unanswered request is repeated.
	sendAgain = 100 * time.Millisecond
)

// sent is a batch with everything needed to send it again.
type sent struct {
	items     []any
	recipient int
	numbers   []string
}

// sendUntilAccepted repeats a batch until every item is accepted.
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

// statuses reads the statuses of many documents of an institution.
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

// Every unit is killed in turn while documents are in progress. Whatever was accepted is received once and registered once, every
// fact is stated once, and the evidence is complete. The test runs alone, because it disturbs all others.
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

// killUnderway kills a unit while one batch is in progress and another is being sent, and starts the unit again.
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

// askUntilPromised repeats a certificate request until it is accepted.
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

// unfinished returns an error that counts the documents not yet received and registered.
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

// requireStatedOnce checks that every fact about the document was stated once, and that the hub's record matches the status.
func requireStatedOnce(t *testing.T, i *harness.Institution, number string) {
	t.Helper()
	// Facts reach status on separate paths; a fact held by a killed process comes last.
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
	// If the hub did a call but its answer was lost, the repeated call got result 2.
	status := i.Status(t, number)
	require.Contains(t, []int{1, 2}, status.Hub.RegistrationResult)
	awaitRegistered(t, i, number, status.Hub.RegistrationResult)
}

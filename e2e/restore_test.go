package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/pkg/testkit/await"
)

// A backup of intake is put back while the bus and all others are ahead of it, and an operator follows the runbook
// DatabaseWentBack. What was accepted after the backup has come to its end and stays visible to its sender, no number is given
// again, and the audit names exactly these documents. The test has a relay of its own.
func TestBackupIsPutBack(t *testing.T) {
	if stack.Mode != harness.Processes {
		t.Skip("a unit can be stopped by itself only where it is a process (E2E_MODE=procs)")
	}
	relay, err := harness.Start(t.Context(), harness.Processes, os.Stderr)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, relay.Stop(context.WithoutCancel(t.Context()))) })
	institution, recipient := relay.Institution(t), relay.NewMember(t)
	send := func(n int) (numbers []string) {
		t.Helper()
		numbers, err := sendUntilAccepted(t.Context(), institution, copies(institution.NewDocument(t, recipient.ByCI()), n))
		require.NoError(t, err)
		return numbers
	}
	complete := func(numbers []string) {
		t.Helper()
		await.Require(t, recovery, func(context.Context) error { return unfinished(statuses(t, institution, numbers)) })
	}
	// The newest frames of a log that nobody has signed yet could be lost unseen.
	logged := func() {
		t.Helper()
		await.Require(t, harness.Patience, func() bool { return relay.Count(t, `select count(*) from intake.journal_mark where leaf is null`) == 0 })
	}
	before := send(3)
	complete(before)
	logged()
	require.NoError(t, relay.Audit(t.Context()))
	since := harness.Now()
	backup := relay.Dump(t, "naru", "--schema=intake", "--format=custom")
	lost := send(4)
	complete(lost)
	logged()

	require.NoError(t, relay.Kill("intake"))
	relay.SetBack(t, "intake", backup)
	require.NoError(t, relay.StartUnit(t.Context(), "intake"))
	refused := institution.NewDocument(t, recipient.ByCI())
	await.Require(t, harness.Patience, func(ctx context.Context) error {
		answer, err := institution.Try(ctx, http.MethodPost, "/v1/documents", refused.Item)
		if err == nil && (answer.Status != http.StatusServiceUnavailable || answer.Problem(t).Reason != "DATABASE_WENT_BACK") {
			err = fmt.Errorf("%d %s", answer.Status, answer.Body)
		}
		return err
	})
	admin := relay.Admin(t)
	admin.Do(t, http.MethodPost, "/v1/admin/units/intake/log:reopen", map[string]string{"reason": "the backup of tonight was put back"}).Into(t, &struct{}{})
	for _, neighbour := range []string{"gateway", "address"} {
		admin.Do(t, http.MethodPost, "/v1/admin/units/"+neighbour+"/journal:publishAgain",
			map[string]string{"since": since, "reason": "intake was put back"}).Into(t, &struct{}{})
	}
	require.NoError(t, relay.AwaitUnit(t.Context(), "intake"))

	after := send(3)
	complete(after)
	for _, number := range after {
		require.NotContains(t, append(before, lost...), number, "no number is given again")
	}
	complete(lost)
	require.Subset(t, inboxOf(t, recipient), append(before, append(lost, after...)...))
	logged()
	require.Equal(t, lostDocuments(lost), named(relay.Differences(t.Context(), t)))
}

// lostDocuments is what the audit names of documents whose acceptance intake has lost: that nobody accepted them, and what two
// other units keep of the acceptance.
func lostDocuments(numbers []string) map[string]int {
	want := map[string]int{"address consumed_unknown": 1, "status consumed_unknown": 1}
	for _, number := range numbers {
		want["all fact_unfounded document "+number] = 1
		want["address row_unfounded open_document "+number] = 1
		want["status row_differs document_summary "+number] = 5 // sender, own key, accepted at, two deadlines
	}
	return want
}

// named counts differences by unit, code and subject; the subject of a frame is left out.
func named(found []audit.Violation) map[string]int {
	counts := map[string]int{}
	for _, v := range found {
		name := v.Unit + " " + v.Code
		if v.Code != audit.ConsumedUnknown {
			name += " " + v.Subject
		}
		counts[name]++
	}
	return counts
}

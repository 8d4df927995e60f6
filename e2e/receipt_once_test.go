package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/testkit/await"
)

// answer is the answer to one of several concurrent calls.
type answer struct {
	harness.Answer
	err error
}

// atOnce makes n calls at the same time.
func atOnce(t *testing.T, n int, call func(ctx context.Context, n int) (harness.Answer, error)) []answer {
	t.Helper()
	answers, start := make([]answer, n), make(chan struct{})
	var calls sync.WaitGroup
	for i := range answers {
		calls.Go(func() {
			<-start
			answers[i].Answer, answers[i].err = call(t.Context(), i)
		})
	}
	close(start)
	calls.Wait()
	for _, a := range answers {
		require.NoError(t, a.err)
	}
	return answers
}

// requireOnce checks in every view that each document was received once.
func requireOnce(t *testing.T, i *harness.Institution, r *harness.Recipient, numbers ...string) {
	t.Helper()
	for _, number := range numbers {
		i.AwaitState(t, number, "RECEIVED")
		awaitRegistered(t, i, number, 1)
		counts := timelineOf(t, i, number)
		for _, kind := range []string{
			"naru.intake.v1.DocumentAccepted", "naru.address.v1.RecipientResolved", "naru.delivery.v1.DocumentReceived",
			"naru.circulation.v1.CirculationRegistered",
		} {
			require.Equal(t, 1, counts[kind], "%s: %v", kind, counts)
		}
	}
	inbox := inboxOf(t, r)
	slices.Sort(inbox)
	require.Equal(t, slices.Sorted(slices.Values(numbers)), inbox)
}

type acceptance struct {
	OwnKey, EdocNum, Receipt, AcceptedAt string
	Duplicate                            bool
}

// One send request makes one document, however often it is repeated and at the same time.
func TestSendRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	document := institution.NewDocument(t, recipient.ByCI())
	send := func(ctx context.Context, _ int) (harness.Answer, error) {
		return institution.Try(ctx, http.MethodPost, "/v1/documents", document.Item)
	}
	var first acceptance
	fresh := 0
	for _, a := range append(atOnce(t, 20, send), atOnce(t, 1, send)...) {
		var got acceptance
		a.Into(t, &got)
		if !got.Duplicate {
			fresh++
		}
		got.Duplicate = false
		if first.EdocNum == "" {
			first = got
		}
		require.Equal(t, first, got, "the same receipt to the byte")
	}
	require.Equal(t, 1, fresh, "one of them made the document")
	requireOnce(t, institution, recipient, first.EdocNum)
	before := institution.Status(t, first.EdocNum)

	// A repetition in a batch is the same request too, even after receipt.
	var again batchAnswer
	institution.Do(t, http.MethodPost, "/v1/documents:batch", map[string]any{"items": []any{document.Item}}).Into(t, &again)
	require.Equal(t, []string{first.EdocNum}, again.numbers(t))
	require.True(t, again.Outcomes[0].Accepted.Duplicate)
	requireOnce(t, institution, recipient, first.EdocNum)
	require.Equal(t, before, institution.Status(t, first.EdocNum))

	other := maps.Clone(document.Item)
	other["title"] = "다른 제목"
	refused := institution.Do(t, http.MethodPost, "/v1/documents", other)
	requireRefusal(t, refused, http.StatusConflict, "OWN_KEY_CONFLICT")
	require.Contains(t, string(refused.Body), first.EdocNum)
}

// If different contents come with one own key at the same time, one becomes the document, and the others are refused with its
// number.
func TestOwnKeyRace(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	document := institution.NewDocument(t, recipient.ByCI())
	var accepted []string
	var refused []answer
	for _, a := range atOnce(t, 10, func(ctx context.Context, n int) (harness.Answer, error) {
		item := maps.Clone(document.Item)
		item["title"] = "제목 " + strconv.Itoa(n)
		return institution.Try(ctx, http.MethodPost, "/v1/documents", item)
	}) {
		if a.Status != http.StatusOK {
			refused = append(refused, a)
			continue
		}
		var got acceptance
		a.Into(t, &got)
		accepted = append(accepted, got.EdocNum)
	}
	require.Len(t, accepted, 1)
	for _, a := range refused {
		requireRefusal(t, a.Answer, http.StatusConflict, "OWN_KEY_CONFLICT")
		require.Contains(t, string(a.Body), accepted[0])
	}
	requireOnce(t, institution, recipient, accepted...)
}

// A batch repeated at the same time gives every item one number and every number one place in the inbox.
func TestBatchRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	const size = 25
	items := copies(institution.NewDocument(t, recipient.ByCI()), size)
	var numbers []string
	fresh := 0
	for _, a := range atOnce(t, 8, func(ctx context.Context, n int) (harness.Answer, error) {
		turned := append(append([]any{}, items[n:]...), items[:n]...) // the order must not matter either
		return institution.Try(ctx, http.MethodPost, "/v1/documents:batch", map[string]any{"items": turned})
	}) {
		var got batchAnswer
		a.Into(t, &got)
		byKey := map[string]string{}
		for n, number := range got.numbers(t) {
			byKey[got.Outcomes[n].Accepted.OwnKey] = number
			if !got.Outcomes[n].Accepted.Duplicate {
				fresh++
			}
		}
		require.Len(t, byKey, size)
		sorted := make([]string, size)
		for n, item := range items {
			sorted[n] = byKey[fmt.Sprint(item.(map[string]any)["ownKey"])]
		}
		if numbers == nil {
			numbers = sorted
		}
		require.Equal(t, numbers, sorted)
	}
	require.Equal(t, size, fresh, "each item was made once")
	requireOnce(t, institution, recipient, numbers...)
}

// An item that occurs twice in one batch is one document.
func TestItemTwiceInABatch(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	document := institution.NewDocument(t, recipient.ByCI())
	var got batchAnswer
	institution.Do(t, http.MethodPost, "/v1/documents:batch", map[string]any{"items": []any{document.Item, document.Item}}).Into(t, &got)
	numbers := got.numbers(t)
	require.Equal(t, numbers[0], numbers[1])
	requireOnce(t, institution, recipient, numbers[0])
}

// A read report repeated at the same time counts once: one of the reports sets the read time, the same in status, inbox and hub.
func TestReadReportRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	document := s.deliver(t, nil)
	v := s.verified(t, document)
	received := s.institution.Status(t, document.EdocNum)
	fresh := map[string]bool{}
	told := map[string]bool{}
	for _, a := range atOnce(t, 12, func(ctx context.Context, n int) (harness.Answer, error) {
		at := harness.Now()
		return s.system.Try(ctx, http.MethodPost, "/v1/documents/"+document.EdocNum+":reportRead", map[string]any{
			"verificationId": v.VerificationID, "readAt": at, "shownHash": map[string]any{"algorithm": "SHA-256", "value": document.Hash},
			"logDigest": document.Hash[:62] + fmt.Sprintf("%02x", n),
		})
	}) {
		var got reportAnswer
		a.Into(t, &got)
		told[got.ReadAt] = true
		if !got.Duplicate {
			fresh[got.ReadAt] = true
		}
	}
	require.Len(t, told, 1, "everybody is told the one read time")
	require.Len(t, fresh, 1)
	status := s.institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.State == "DOCUMENT_STATE_READ" && s.ReadTimeRegistered() })
	require.True(t, told[status.ReadAt])
	require.Equal(t, received.ReceivedAt, status.ReceivedAt)
	require.Equal(t, received.SentAt, status.SentAt)
	requireAtHub(t, document, status)
	counts := timelineOf(t, s.institution, document.EdocNum)
	require.Equal(t, 1, counts["naru.viewing.v1.DocumentRead"], "%v", counts)
	require.Equal(t, 1, counts["naru.circulation.v1.ReadTimeRegistered"], "%v", counts)
	var inbox struct{ Item struct{ ReadAt string } }
	await.Require(t, harness.Patience, func() bool {
		s.recipient.Do(t, http.MethodGet, "/v1/inbox/"+document.EdocNum, nil).Into(t, &inbox)
		return inbox.Item.ReadAt != ""
	})
	require.Equal(t, status.ReadAt, inbox.Item.ReadAt)
}

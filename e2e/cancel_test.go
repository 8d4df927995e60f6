package e2e

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
)

func cancel(t *testing.T, c *harness.Caller, edocNum string) harness.Answer {
	t.Helper()
	return c.Do(t, http.MethodPost, "/v1/documents/"+edocNum+":cancel", map[string]any{})
}

// cancelled counts the facts that a document was cancelled, stated by either unit.
func cancelled(counts map[string]int) int {
	return counts["naru.address.v1.DocumentCancelled"] + counts["naru.delivery.v1.DocumentCancelled"]
}

// A document cancelled while it waits is never delivered, whatever the recipient does later. A repeated cancel changes nothing.
func TestCancelBeforeReceipt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		// waits sends a document that waits; becomes makes and returns the recipient who would receive it.
		waits func(t *testing.T, i *harness.Institution) (d *harness.Document, becomes func() *harness.Recipient)
	}{
		{"for a joining", func(t *testing.T, i *harness.Institution) (*harness.Document, func() *harness.Recipient) {
			person := stack.NewPerson(t)
			return sendTo(t, i, person.ByCI(), "AWAITING_MEMBERSHIP"), func() *harness.Recipient {
				r := stack.LogInPerson(t, person)
				r.Join(t)
				return r
			}
		}},
		{"for a consent", func(t *testing.T, i *harness.Institution) (*harness.Document, func() *harness.Recipient) {
			r := stack.NewMember(t)
			r.Do(t, http.MethodPut, "/v1/membership/consent", map[string]any{"consent": false}).Into(t, &struct{}{})
			return sendTo(t, i, r.ByCI(), "AWAITING_CONSENT"), func() *harness.Recipient {
				r.Do(t, http.MethodPut, "/v1/membership/consent", map[string]any{"consent": true, "termsVersion": "2"}).Into(t, &struct{}{})
				return r
			}
		}},
		{"for another relay", func(t *testing.T, i *harness.Institution) (*harness.Document, func() *harness.Recipient) {
			person := stack.NewPerson(t)
			stack.NewPeer(t).Register(t, person)
			return sendTo(t, i, person.ByCI(), "RECIPIENT_AT_OTHER_RELAY"), func() *harness.Recipient {
				r := stack.LogInPerson(t, person)
				r.Join(t)
				return r
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			institution := stack.Institution(t)
			document, becomes := c.waits(t, institution)
			for range 2 {
				require.Equal(t, http.StatusOK, cancel(t, institution.Caller, document.EdocNum).Status)
			}
			institution.AwaitState(t, document.EdocNum, "CANCELLED")
			require.Equal(t, http.StatusOK, cancel(t, institution.Caller, document.EdocNum).Status)

			recipient := becomes()
			later := sendTo(t, institution, recipient.ByCI(), "RECEIVED")
			require.Equal(t, []string{later.EdocNum}, inboxOf(t, recipient))
			status := institution.Status(t, document.EdocNum)
			require.Equal(t, "DOCUMENT_STATE_CANCELLED", status.State)
			require.Empty(t, status.ReceivedAt)
			require.False(t, status.CancelRefused)
			counts := timelineOf(t, institution, document.EdocNum)
			require.Equal(t, 1, cancelled(counts), "%v", counts)
			_, held := stack.AtHub(t, document.EdocNum)
			require.False(t, held, "what was never received is not registered")
		})
	}
}

// A cancel after receipt is refused, once, and removes nothing.
func TestCancelAfterReceipt(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	document := sendTo(t, institution, recipient.ByCI(), "RECEIVED")
	for range 2 {
		require.Equal(t, http.StatusOK, cancel(t, institution.Caller, document.EdocNum).Status)
		status := institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.CancelRefused })
		require.Equal(t, "DOCUMENT_STATE_RECEIVED", status.State)
	}
	require.Equal(t, []string{document.EdocNum}, inboxOf(t, recipient))
	institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.Registered() })
	counts := timelineOf(t, institution, document.EdocNum)
	require.Equal(t, 1, counts["naru.delivery.v1.CancelRefused"], "%v", counts)
	require.Zero(t, cancelled(counts), "%v", counts)
}

// A cancel does not change a document that has already ended in another way.
func TestCancelAfterTheEnd(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	setRefusal(t, recipient, "", true)
	document := sendTo(t, institution, recipient.ByCI(), "REFUSED")
	require.Equal(t, http.StatusOK, cancel(t, institution.Caller, document.EdocNum).Status)
	setRefusal(t, recipient, "", false)
	later := sendTo(t, institution, recipient.ByCI(), "RECEIVED")
	require.Equal(t, []string{later.EdocNum}, inboxOf(t, recipient))
	require.Equal(t, "DOCUMENT_STATE_REFUSED", institution.Status(t, document.EdocNum).State)
}

// Somebody else's document cannot be cancelled; the answer is the same as for a document that does not exist.
func TestCancelOfSomebodyElsesDocument(t *testing.T) {
	t.Parallel()
	institution, person := stack.Institution(t), stack.NewPerson(t)
	stranger, _ := stack.NewInstitution(t)
	document := sendTo(t, institution, person.ByCI(), "AWAITING_MEMBERSHIP")
	theirs := cancel(t, stranger.Caller, document.EdocNum).Problem(t)
	absent := cancel(t, stranger.Caller, absentNumber(document.EdocNum)).Problem(t)
	for _, problem := range []harness.Problem{theirs, absent} {
		require.Equal(t, http.StatusNotFound, problem.Status)
		require.Equal(t, "DOCUMENT_NOT_FOUND", problem.Reason)
	}
	require.Equal(t, absent.Detail, theirs.Detail)

	recipient := stack.LogInPerson(t, person)
	requireReceived(t, institution, recipient, document, recipient.Join(t))
	require.False(t, institution.Status(t, document.EdocNum).CancelRefused, "nobody has asked to cancel it")
}

// A cancel that races the delivery has exactly one of the two outcomes, and every view shows the same one.
func TestCancelRacesDelivery(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	const documents = 20
	var numbers []string
	for range documents {
		d := institution.NewDocument(t, recipient.ByCI())
		institution.Send(t, d)
		require.Equal(t, http.StatusOK, cancel(t, institution.Caller, d.EdocNum).Status)
		numbers = append(numbers, d.EdocNum)
	}
	var received []string
	for _, number := range numbers {
		status := institution.AwaitStatus(t, number, func(s harness.Status) bool {
			return s.State == "DOCUMENT_STATE_CANCELLED" || (s.State == "DOCUMENT_STATE_RECEIVED" && s.CancelRefused && s.Registered())
		})
		counts := timelineOf(t, institution, number)
		if status.State == "DOCUMENT_STATE_RECEIVED" {
			received = append(received, number)
			require.Zero(t, cancelled(counts), "%v", counts)
			continue
		}
		require.Equal(t, 1, cancelled(counts), "%v", counts)
		require.Zero(t, counts["naru.delivery.v1.DocumentReceived"]+counts["naru.delivery.v1.CancelRefused"], "%v", counts)
		_, held := stack.AtHub(t, number)
		require.False(t, held)
	}
	inbox := inboxOf(t, recipient)
	slices.Sort(inbox)
	slices.Sort(received)
	require.Equal(t, received, inbox)
}

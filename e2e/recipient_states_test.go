package e2e

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/testkit/invented"
)

// sendTo sends a new document to the recipient and waits for a state.
func sendTo(t *testing.T, i *harness.Institution, recipient map[string]any, state string) *harness.Document {
	t.Helper()
	d := i.NewDocument(t, recipient)
	if state == "AWAITING_MEMBERSHIP" {
		d.Invite() // without a contact it is unreachable
	}
	sendOnceServed(t, i, d)
	i.AwaitState(t, d.EdocNum, state)
	return d
}

// inboxOf returns the numbers in a recipient's inbox.
func inboxOf(t *testing.T, r *harness.Recipient) []string {
	t.Helper()
	var numbers []string
	for page := ""; ; {
		var inbox struct {
			Items         []struct{ EdocNum string }
			NextPageToken string
		}
		r.Do(t, http.MethodGet, "/v1/inbox?pageSize=100&pageToken="+page, nil).Into(t, &inbox)
		for _, item := range inbox.Items {
			numbers = append(numbers, item.EdocNum)
		}
		if page = inbox.NextPageToken; page == "" {
			return numbers
		}
	}
}

// timelineOf counts a document's facts by kind.
func timelineOf(t *testing.T, i *harness.Institution, edocNum string) map[string]int {
	t.Helper()
	var timeline struct{ Entries []struct{ Kind string } }
	i.Do(t, http.MethodGet, "/v1/documents/"+edocNum+"/timeline", nil).Into(t, &timeline)
	counts := map[string]int{}
	for _, entry := range timeline.Entries {
		counts[entry.Kind]++
	}
	return counts
}

// requireAddressUntold checks that before receipt neither the status nor the timeline shows the sender an address of its
// recipient (Act 18-6).
func requireAddressUntold(t *testing.T, i *harness.Institution, d *harness.Document, addresses ...string) {
	t.Helper()
	require.Empty(t, i.Status(t, d.EdocNum).RecipientAddress)
	for _, path := range []string{"", "/timeline"} {
		answer := i.Do(t, http.MethodGet, "/v1/documents/"+d.EdocNum+path, nil)
		require.Equal(t, http.StatusOK, answer.Status, "%s", answer.Body)
		for _, address := range addresses {
			require.NotContains(t, string(answer.Body), address)
		}
	}
}

// requireReceived checks that the document is in the inbox of this address, once.
func requireReceived(t *testing.T, i *harness.Institution, r *harness.Recipient, d *harness.Document, address string) {
	t.Helper()
	status := i.AwaitState(t, d.EdocNum, "RECEIVED")
	require.Equal(t, address, status.RecipientAddress)
	require.Equal(t, status.SentAt, status.ReceivedAt)
	counts := timelineOf(t, i, d.EdocNum)
	require.Equal(t, 1, counts["naru.delivery.v1.DocumentReceived"], "%v", counts)
	found := 0
	for _, number := range inboxOf(t, r) {
		if number == d.EdocNum {
			found++
		}
	}
	require.Equal(t, 1, found)
}

func addressOf(t *testing.T, r *harness.Recipient) string {
	t.Helper()
	var got struct{ Membership struct{ Address string } }
	r.Do(t, http.MethodGet, "/v1/membership", nil).Into(t, &got)
	require.NotEmpty(t, got.Membership.Address)
	return got.Membership.Address
}

func byAddress(platform, address string) map[string]any {
	return map[string]any{"platformAddress": map[string]any{"platformId": platform, "address": address}}
}

// A person who is a member nowhere receives the waiting documents right after joining, however the sender described the person.
func TestRecipientJoinsLater(t *testing.T) {
	t.Parallel()
	institution, person := stack.Institution(t), stack.NewPerson(t)
	waiting := []*harness.Document{
		sendTo(t, institution, person.ByCI(), "AWAITING_MEMBERSHIP"),
		sendTo(t, institution, person.ByDescription(), "AWAITING_MEMBERSHIP"),
	}
	recipient := stack.LogInPerson(t, person)
	for _, d := range waiting {
		require.Equal(t, "DOCUMENT_STATE_AWAITING_MEMBERSHIP", institution.Status(t, d.EdocNum).State, "a proof of identity is no joining")
		requireAddressUntold(t, institution, d)
	}
	address := recipient.Join(t)
	for _, d := range waiting {
		requireReceived(t, institution, recipient, d, address)
	}
	require.Len(t, inboxOf(t, recipient), len(waiting))
}

// A member who withdraws consent receives nothing until consenting again.
func TestConsentTakenBack(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	address := addressOf(t, recipient)
	recipient.Do(t, http.MethodPut, "/v1/membership/consent", map[string]any{"consent": false}).Into(t, &struct{}{})
	waiting := []*harness.Document{
		sendTo(t, institution, recipient.ByCI(), "AWAITING_CONSENT"),
		sendTo(t, institution, recipient.ByDescription(), "AWAITING_CONSENT"),
		sendTo(t, institution, byAddress(stack.Endpoints.PlatformID, address), "AWAITING_CONSENT"),
	}
	for _, d := range waiting { // even a sender who named the address is not told that it is right
		requireAddressUntold(t, institution, d, address)
	}
	require.Empty(t, inboxOf(t, recipient))
	recipient.Do(t, http.MethodPut, "/v1/membership/consent", map[string]any{"consent": true, "termsVersion": "2"}).Into(t, &struct{}{})
	for _, d := range waiting {
		requireReceived(t, institution, recipient, d, address)
	}
}

func setRefusal(t *testing.T, r *harness.Recipient, sender string, refused bool) {
	t.Helper()
	r.Do(t, http.MethodPut, "/v1/membership/refusals", map[string]any{"sender": sender, "refused": refused}).Into(t, &struct{}{})
}

// A document that the recipient refuses stays refused. Withdrawing the refusal affects only later documents.
func TestRefusalIsFinal(t *testing.T) {
	t.Parallel()
	unwanted, _ := stack.NewInstitution(t)
	other, recipient := stack.Institution(t), stack.NewMember(t)
	address := addressOf(t, recipient)

	setRefusal(t, recipient, unwanted.ID, true)
	byThis := sendTo(t, unwanted, recipient.ByCI(), "REFUSED")
	accepted := sendTo(t, other, recipient.ByCI(), "RECEIVED")
	setRefusal(t, recipient, "", true)
	byAll := sendTo(t, other, recipient.ByDescription(), "REFUSED")
	requireAddressUntold(t, unwanted, byThis, address)
	requireAddressUntold(t, other, byAll, address)

	setRefusal(t, recipient, "", false)
	setRefusal(t, recipient, unwanted.ID, false)
	later := sendTo(t, unwanted, recipient.ByCI(), "RECEIVED")
	require.Equal(t, "DOCUMENT_STATE_REFUSED", unwanted.Status(t, byThis.EdocNum).State)
	require.Equal(t, "DOCUMENT_STATE_REFUSED", other.Status(t, byAll.EdocNum).State)
	require.ElementsMatch(t, []string{accepted.EdocNum, later.EdocNum}, inboxOf(t, recipient))
}

// A member of another relay is found at the hub. Waiting documents are received here if the person joins this relay after all.
func TestRecipientAtOtherRelay(t *testing.T) {
	t.Parallel()
	institution, peer, person := stack.Institution(t), stack.NewPeer(t), stack.NewPerson(t)
	elsewhere := peer.Register(t, person)
	waiting := []*harness.Document{
		sendTo(t, institution, person.ByCI(), "RECIPIENT_AT_OTHER_RELAY"),
		sendTo(t, institution, person.ByDescription(), "RECIPIENT_AT_OTHER_RELAY"),
	}
	// Platform and address determine the relay: no search takes place, and nothing changes the outcome.
	fixed := sendTo(t, institution, byAddress(peer.ID, elsewhere), "RECIPIENT_AT_OTHER_RELAY")
	unheardOf := sendTo(t, institution, byAddress(peer.ID, "nobody-"+strings.ToLower(rand.Text())), "RECIPIENT_AT_OTHER_RELAY")
	for _, d := range append(waiting, fixed) {
		requireAddressUntold(t, institution, d, elsewhere)
	}

	recipient := stack.LogInPerson(t, person)
	address := recipient.Join(t)
	for _, d := range waiting {
		requireReceived(t, institution, recipient, d, address)
	}
	for _, d := range []*harness.Document{fixed, unheardOf} {
		require.Equal(t, "DOCUMENT_STATE_RECIPIENT_AT_OTHER_RELAY", institution.Status(t, d.EdocNum).State)
	}
	require.Len(t, inboxOf(t, recipient), len(waiting))
}

// A certified address of this relay finds its member, even in capitals. A document to an address that nobody has waits for a
// member, and reveals no address to the sender.
func TestRecipientByAddress(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	address := addressOf(t, recipient)
	for _, recipientOf := range []map[string]any{
		byAddress(stack.Endpoints.PlatformID, address),
		byAddress(strings.ToUpper(stack.Endpoints.PlatformID), strings.ToUpper(address)),
	} {
		requireReceived(t, institution, recipient, sendTo(t, institution, recipientOf, "RECEIVED"), address)
	}
	nobody := sendTo(t, institution, byAddress(stack.Endpoints.PlatformID, "nobody-"+strings.ToLower(rand.Text())), "AWAITING_MEMBERSHIP")
	requireAddressUntold(t, institution, nobody)
}

// twins makes two persons whom a description cannot distinguish.
func twins(t *testing.T) [2]harness.Person {
	t.Helper()
	first := stack.NewPerson(t)
	second := first
	second.ID = "twin-" + uuid.NewString()[:8]
	var made harness.Person
	stack.Sandbox(t, stack.Endpoints.Sandbox.IDP, http.MethodPost, "/sandbox/persons",
		map[string]string{"id": second.ID, "name": second.Name, "birthDate": second.BirthDate, "phone": second.Phone}, &made)
	second.CI = made.CI
	require.NotEqual(t, first.CI, second.CI)
	return [2]harness.Person{first, second}
}

// If several persons match, none receives anything, whatever happens later. Each is still found by an identifier of her own.
func TestAmbiguousRecipientReceivesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		// known makes the persons members here, or of another relay at the hub.
		known func(t *testing.T, persons [2]harness.Person)
	}{
		{"both members here", func(t *testing.T, persons [2]harness.Person) {
			for _, p := range persons {
				stack.LogInPerson(t, p).Join(t)
			}
		}},
		{"both members of another relay", func(t *testing.T, persons [2]harness.Person) {
			peer := stack.NewPeer(t)
			for _, p := range persons {
				peer.Register(t, p)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			institution, persons := stack.Institution(t), twins(t)
			c.known(t, persons)
			ambiguous := sendTo(t, institution, persons[0].ByDescription(), "RECIPIENT_AMBIGUOUS")
			requireAddressUntold(t, institution, ambiguous)
			for _, p := range persons {
				recipient := stack.LogInPerson(t, p)
				recipient.Join(t)
				mine := sendTo(t, institution, p.ByCI(), "RECEIVED")
				require.Equal(t, []string{mine.EdocNum}, inboxOf(t, recipient))
			}
			require.Equal(t, "DOCUMENT_STATE_RECIPIENT_AMBIGUOUS", institution.Status(t, ambiguous.EdocNum).State)
			require.Zero(t, timelineOf(t, institution, ambiguous.EdocNum)["naru.delivery.v1.DocumentReceived"])
		})
	}
}

// An institution of this relay has an address but no inbox, so it receives nothing by its business number. An unknown number
// belongs to nobody.
func TestRecipientByBusinessNumber(t *testing.T) {
	t.Parallel()
	institution := stack.Institution(t)
	other, _ := stack.NewInstitution(t)
	var got struct {
		Institution struct{ BusinessNumber string }
	}
	stack.Admin(t).Do(t, http.MethodGet, "/v1/admin/institutions/"+other.ID, nil).Into(t, &got)
	require.Len(t, got.Institution.BusinessNumber, 10)

	own := sendTo(t, institution, map[string]any{"businessNumber": got.Institution.BusinessNumber}, "AWAITING_CONSENT")
	requireAddressUntold(t, institution, own, other.Address)
	nobody := sendTo(t, institution, map[string]any{"businessNumber": invented.AnyBusinessNumber()}, "AWAITING_MEMBERSHIP")
	requireAddressUntold(t, institution, nobody)
}

// A member who leaves receives nothing more, keeps what was received, and is found again at the next address.
func TestRecipientWithdraws(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	first := addressOf(t, recipient)
	received := registered(t, institution, recipient.ByCI())
	recipient.Do(t, http.MethodDelete, "/v1/membership", nil).Into(t, &struct{}{})
	waiting := []*harness.Document{
		sendTo(t, institution, recipient.ByCI(), "AWAITING_MEMBERSHIP"),
		sendTo(t, institution, recipient.ByDescription(), "AWAITING_MEMBERSHIP"),
	}
	toOld := sendTo(t, institution, byAddress(stack.Endpoints.PlatformID, first), "AWAITING_MEMBERSHIP")
	require.Equal(t, first, institution.Status(t, received.EdocNum).RecipientAddress, "what was received stays received")
	require.Equal(t, []string{received.EdocNum}, inboxOf(t, recipient))

	second := recipient.Join(t)
	require.NotEqual(t, first, second)
	for _, d := range waiting {
		requireReceived(t, institution, recipient, d, second)
	}
	require.Equal(t, "DOCUMENT_STATE_AWAITING_MEMBERSHIP", institution.Status(t, toOld.EdocNum).State, "an address that has ended finds nobody")
}

// A waiting document ends at its send deadline. A later joining or cancel does not change that.
func TestSendDeadline(t *testing.T) {
	t.Parallel()
	institution, person := stack.Institution(t), stack.NewPerson(t)
	document := institution.NewDocument(t, person.ByCI())
	document.Invite()
	document.Item["sendDeadline"] = clock.System().Now().Add(3 * time.Second).Format("2006-01-02T15:04:05.000000Z07:00")
	institution.Send(t, document)
	institution.AwaitState(t, document.EdocNum, "AWAITING_MEMBERSHIP")
	institution.AwaitState(t, document.EdocNum, "EXPIRED")
	recipient := stack.LogInPerson(t, person)
	recipient.Join(t)
	require.Equal(t, http.StatusOK, cancel(t, institution.Caller, document.EdocNum).Status)
	later := sendTo(t, institution, person.ByCI(), "RECEIVED")
	require.Equal(t, []string{later.EdocNum}, inboxOf(t, recipient))
	require.Equal(t, "DOCUMENT_STATE_EXPIRED", institution.Status(t, document.EdocNum).State)
	counts := timelineOf(t, institution, document.EdocNum)
	require.Equal(t, 1, counts["naru.delivery.v1.DeliveryExpired"], "%v", counts)
}

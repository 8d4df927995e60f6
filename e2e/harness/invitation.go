package harness

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/await"
)

// Invitation is what the sandbox phone shows of one.
type Invitation struct {
	Relay, Sender, Code, Join string
}

// Invitations are those that a phone has got.
func (s *Stack) Invitations(t testing.TB, phone string) (all []Invitation) {
	t.Helper()
	var got struct{ Invitations []struct{ Body Invitation } }
	s.Sandbox(t, s.Endpoints.Sandbox.IDP, http.MethodGet, "/sandbox/invitations?phone="+phone, nil, &got)
	for _, one := range got.Invitations {
		all = append(all, one.Body)
	}
	return all
}

// SendToStranger sends a document to a person who is a member nowhere, named by CI, with the person's phone.
func (i *Institution) SendToStranger(t testing.TB, person Person) *Document {
	t.Helper()
	d := i.NewDocument(t, person.ByCI())
	d.Item["contact"] = map[string]any{"phone": person.Phone}
	i.Send(t, d)
	return d
}

// Invite has a person invited by a document, and returns the invitation as it arrived.
func (i *Institution) Invite(t testing.TB, person Person) (Invitation, *Document) {
	t.Helper()
	d := i.SendToStranger(t, person)
	i.AwaitStatus(t, d.EdocNum, func(s Status) bool { return s.InvitedAt != "" && s.State == "DOCUMENT_STATE_AWAITING_MEMBERSHIP" })
	received := i.stack.Invitations(t, person.Phone)
	require.Len(t, received, 1)
	return received[0], d
}

// NoticeOf waits until the phone has got the notice of a document, and returns the address at which it is confirmed.
func (s *Stack) NoticeOf(t testing.TB, edocNum string) (confirm string) {
	t.Helper()
	await.Require(t, Patience, func() bool {
		var got struct {
			Notices []struct {
				Body struct {
					Notices []struct {
						Documents []struct{ EdocNum, Confirm string }
					}
				}
			}
		}
		s.Sandbox(t, s.Endpoints.Sandbox.IDP, http.MethodGet, "/sandbox/notices", nil, &got)
		for _, one := range got.Notices {
			for _, to := range one.Body.Notices {
				for _, d := range to.Documents {
					if d.EdocNum == edocNum {
						confirm = d.Confirm
					}
				}
			}
		}
		return confirm != ""
	})
	return confirm
}

package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

// Guide 5.1.1 4)(2): who is a member nowhere is invited once, for all documents of a sender; the relay confirms the invitation by
// its code, and joining receives what waits.
func TestInvitation(t *testing.T) {
	t.Parallel()
	institution, person := stack.Institution(t), stack.NewPerson(t)
	described := institution.NewDocument(t, person.ByDescription()) // the description has the same phone
	institution.Send(t, described)
	documents := []*harness.Document{institution.SendToStranger(t, person), described}
	for _, d := range documents {
		institution.AwaitStatus(t, d.EdocNum, func(s harness.Status) bool {
			return s.InvitedAt != "" && s.State == "DOCUMENT_STATE_AWAITING_MEMBERSHIP"
		})
	}
	received := stack.Invitations(t, person.Phone)
	require.Len(t, received, 1)
	require.Equal(t, "나루", received[0].Relay)
	require.NotEmpty(t, received[0].Sender)
	require.True(t, strings.HasSuffix(received[0].Join, strings.ReplaceAll(received[0].Code, "-", "")))
	var confirmed struct{ Relay, Sender, State string }
	institution.Do(t, http.MethodPost, "/v1/invitations:find", map[string]any{"code": received[0].Code}).Into(t, &confirmed)
	require.Equal(t, "INVITATION_STATE_OPEN", confirmed.State)
	require.Equal(t, received[0].Sender, confirmed.Sender)
	require.Equal(t, http.StatusNotFound, institution.Do(t, http.MethodPost, "/v1/invitations:find", map[string]any{"code": "00000-00000"}).Status)

	recipient := stack.LogInPerson(t, person)
	recipient.Join(t)
	for _, d := range documents {
		institution.AwaitState(t, d.EdocNum, "RECEIVED")
	}
	require.Equal(t, 1, timelineOf(t, institution, documents[0].EdocNum)["naru.delivery.v1.RecipientInvited"])
	await.Require(t, harness.Patience, func() bool {
		institution.Do(t, http.MethodPost, "/v1/invitations:find", map[string]any{"code": received[0].Code}).Into(t, &confirmed)
		return confirmed.State == "INVITATION_STATE_ENDED"
	})
}

// Each way in which nobody is invited has an end of its own, and who refuses is asked no more.
func TestInvitationsThatLeadNowhere(t *testing.T) {
	t.Parallel()
	institution := stack.Institution(t)
	without := stack.NewPerson(t)
	alone := institution.NewDocument(t, without.ByCI())
	institution.Send(t, alone)
	institution.AwaitState(t, alone.EdocNum, "UNREACHABLE")
	stack.LogInPerson(t, without).Join(t)
	institution.AwaitState(t, alone.EdocNum, "RECEIVED")

	gone := stack.NewPerson(t)
	stack.Sandbox(t, stack.Endpoints.Sandbox.IDP, http.MethodPut, "/sandbox/scenarios/gone-"+gone.Phone,
		scenario.Scenario{Kind: scenario.NoSuchPerson, Match: scenario.Match{Key: gone.Phone}}, nil)
	institution.AwaitState(t, institution.SendToStranger(t, gone).EdocNum, "NO_SUCH_PERSON")

	refusing := stack.NewPerson(t)
	d := institution.SendToStranger(t, refusing)
	institution.AwaitStatus(t, d.EdocNum, func(s harness.Status) bool { return s.InvitedAt != "" })
	code := stack.Invitations(t, refusing.Phone)[0].Code
	require.Equal(t, http.StatusOK, institution.Do(t, http.MethodPost, "/v1/invitations:refuse", map[string]any{"code": code, "all": true}).Status)
	institution.AwaitState(t, d.EdocNum, "INVITATION_REFUSED")
	institution.AwaitState(t, institution.SendToStranger(t, refusing).EdocNum, "INVITATION_REFUSED")
	require.Len(t, stack.Invitations(t, refusing.Phone), 1)
}

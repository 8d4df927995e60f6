package delivery_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

// A replica that dies between call and result has the message sent again: under the same id and with the same code, so that it
// can be recognised. The invitee's code is confirmed from the first call on, and the document is stated as invited once.
func TestMessageGoesAgainAfterACrash(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	stuck, over := make(chan struct{}), make(chan struct{})
	o, m := inviting(t, func(http.ResponseWriter, message) {
		if calls.Add(1) == 1 {
			close(stuck)
			<-over
		}
	})
	o.Deliver(t, express, found(1, o.stranger(t, phoned())))
	<-stuck
	confirmed, err := o.invitations(t).GetInvitation(t.Context(), &deliveryv1.GetInvitationRequest{Code: m.messages()[0].Code})
	require.NoError(t, err)
	require.Equal(t, deliveryv1.InvitationState_INVITATION_STATE_OPEN, confirmed.GetState())
	require.Nil(t, confirmed.GetInvitedAt(), "nobody knows yet whether it was taken")
	// As after a crash: the lease has run out, and another replica's claim comes next.
	_, err = o.App.Exec(t.Context(), `update invitation set lease_until = now() - interval '1 second'`)
	require.NoError(t, err)
	unittest.AwaitFacts[*deliveryv1.RecipientInvited](t, o.Bench, 1)
	close(over)
	await.Require(t, unittest.Patience, func() bool { return o.count(t, `select count(*) from invitation where state = 'OPEN'`) == 1 })
	got := m.messages()
	require.Len(t, got, 2)
	require.Equal(t, got[0].webhook, got[1].webhook)
	require.Equal(t, got[0].Code, got[1].Code)
	require.Len(t, unittest.Facts[*deliveryv1.RecipientInvited](t, o.Bench), 1, "the late result changes nothing")
}

// What joins, is cancelled and is invited at the same time comes to one end, and no lock waits for another.
func TestInvitationsUnderContention(t *testing.T) {
	t.Parallel()
	o, m := inviting(t, nil)
	const n = 30
	documents := make([]*addressv1.RecipientResolved, n)
	first := make([]journal.Fact, n)
	for i := range documents {
		documents[i] = o.stranger(t, phoned())
		first[i] = found(1, documents[i])
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, f := range first {
			o.Deliver(t, express, f)
		}
	}()
	for _, d := range documents[:n/2] {
		o.cancel(t, d.GetFacts().GetEdocNum())
	}
	<-done
	await.Require(t, unittest.Patience, func() bool { return o.count(t, `select count(*) from invitation where state = 'DUE'`) == 0 })
	require.LessOrEqual(t, len(m.messages()), 1)
	require.Equal(t, o.count(t, `select count(*) from delivery where state = 'WAITING'`), o.count(t, `select count(*) from invitation_document`))
	require.NotContains(t, o.Logs.String(), "deadlock")
}

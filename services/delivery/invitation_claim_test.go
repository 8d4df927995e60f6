package delivery

import (
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/unittest"
)

// However many replicas claim at the same time, each invitation is in exactly one claim; none is while the channel is left alone.
func TestReplicasShareInvitations(t *testing.T) {
	t.Parallel()
	b := unittest.New(t, Unit, unittest.Neighbour("intake", unittest.NewMaker(t, sealedTitle, domain).Register))
	const n = 60
	for i := range n {
		_, err := b.App.Exec(t.Context(), `
			insert into invitation (id, sender, contact_digest, code_digest, reached_by, sealed_contact, sealed_for, state, message, due_since, due_at, changed_at)
			values ($1, 's', $2, $2, 'PHONE', 'x', 'n', 'DUE', $1, now(), now(), now())`, uuid.New(), []byte{byte(i)})
		require.NoError(t, err)
	}
	var mu sync.Mutex
	claimed := map[uuid.UUID]int{}
	var together sync.WaitGroup
	for range 4 {
		s := &service{db: b.App, clock: b.Clock, replica: uuid.NewString(), inviter: &inviter{channel: &mailer{}}}
		together.Go(func() {
			for {
				calls, err := s.claimInvitations(t.Context(), 7)
				mu.Lock()
				for _, c := range calls {
					claimed[c.id]++
				}
				mu.Unlock()
				if err != nil || len(calls) == 0 {
					return
				}
			}
		})
	}
	together.Wait()
	require.Len(t, claimed, n)
	for _, times := range claimed {
		require.Equal(t, 1, times)
	}
}

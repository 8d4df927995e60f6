package address

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
)

// What a clock of the database that was a year ahead has put off is done once it has been set right.
func TestWorkPutOffByAClockThatWasAhead(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.hub.set(func(h *fakeHub) { h.down = true })
	edoc := w.send(t, send{to: byCI(someone())})
	made, err := w.register(t, newInstitution("office_1", "1234567891"))
	require.NoError(t, err)
	await.Require(t, unittest.Patience, func() bool {
		return w.count(t, `select count(*) from due_document where failures > 0`)+w.count(t, `select count(*) from due_address where failures > 0`) == 2
	})
	w.Restart(t, "", func() {
		for _, sql := range []string{
			`update due_document set due_at = now() + interval '1 year', lease_until = now() + interval '1 year', owner = 'a replica that is gone'`,
			`update due_address set due_at = now() + interval '1 year'`,
		} {
			_, err := w.App.Exec(t.Context(), sql)
			require.NoError(t, err)
		}
		w.hub.set(func(h *fakeHub) { h.down = false })
	})
	w.awaitTold(t, edoc, none)
	w.awaitAddress(t, made.GetId(), registeredAddress)
}

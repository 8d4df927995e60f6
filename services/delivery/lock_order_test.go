package delivery

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Whatever the outcomes of a batch's documents, their rows are locked and inserted in the order of their numbers. So a
// transaction that locks the first and then wants the last of them, like a batch of cancels, never deadlocks.
func TestBatchLocksInOrder(t *testing.T) {
	t.Parallel()
	const first, last = "20260101_NARUTEST01_0000000000001", "20260101_NARUTEST01_0000000000002"
	for _, test := range []struct {
		name string
		// known rows exist before; otherwise both transactions insert them.
		known bool
	}{{"rows that are there", true}, {"new rows", false}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := unittest.New(t, Unit, unittest.Neighbour("intake", unittest.NewMaker(t, sealedTitle, domain).Register))
			now := b.Clock.Now()
			lane := platformv1.Lane_LANE_EXPRESS
			one := func(number string, state State) document {
				return document{number: number, state: state, lane: lane, sender: "s", facts: &platformv1.DocumentFacts{}}
			}
			if test.known {
				require.NoError(t, b.Env.Journal.InTx(t.Context(), func(tx *journal.Tx) error {
					_, err := advance(t.Context(), tx, []document{one(first, Waiting), one(last, Waiting)}, now)
					return err
				}))
			}
			advanced := make(chan error, 1)
			require.NoError(t, b.Env.Journal.InTx(t.Context(), func(tx *journal.Tx) error {
				_, err := requestCancel(t.Context(), tx, []document{one(first, Waiting)}, now)
				require.NoError(t, err)
				go func() {
					_ = b.Env.Journal.InTx(t.Context(), func(tx *journal.Tx) error {
						// CLOSED sorts before FAILED, the numbers the other way round.
						_, err := advance(t.Context(), tx, []document{one(first, Failed), one(last, Closed)}, now)
						advanced <- err
						return errUndone
					})
				}()
				awaitWaiting(t, b)
				// In the wrong order the two would now wait for each other, and one would get a deadlock error.
				_, err = requestCancel(t.Context(), tx, []document{one(last, Waiting)}, now.Add(time.Second))
				require.NoError(t, err)
				return nil
			}))
			require.NoError(t, <-advanced)
		})
	}
}

var errUndone = errors.New("to be undone")

// awaitWaiting waits until a transaction waits for another's lock.
func awaitWaiting(t *testing.T, b *unittest.Bench) {
	t.Helper()
	await.Require(t, unittest.Patience, func() bool {
		var waiting int
		err := b.App.QueryRow(t.Context(), `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`).Scan(&waiting)
		return err == nil && waiting == 1
	})
}

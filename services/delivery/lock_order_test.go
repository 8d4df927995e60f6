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

// Whatever becomes of the documents of a batch, it locks and inserts their rows in the order of their numbers: a transaction that
// has the first and wants the last of them, as a batch of cancels does, waits for nobody.
func TestBatchLocksInOrder(t *testing.T) {
	t.Parallel()
	const first, last = "20260101_NARUTEST01_0000000000001", "20260101_NARUTEST01_0000000000002"
	for _, test := range []struct {
		name string
		// known: the rows are there, else both transactions insert them.
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
						// CLOSED comes before FAILED, the numbers come the other way round.
						_, err := advance(t.Context(), tx, []document{one(first, Failed), one(last, Closed)}, now)
						advanced <- err
						return errUndone
					})
				}()
				awaitWaiting(t, b)
				// One of the two that waited for each other would be told of a deadlock.
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

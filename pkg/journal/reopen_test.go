package journal_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// backedUp lists the tables of a journal that a backup holds.
var backedUp = []string{"journal", "journal_mark", "log_tile", "log_checkpoint", "log_turn"}

// goOn states two more facts after the backup, and returns the checkpoint that restoring the backup loses.
func (b *bench) goOn(t *testing.T, logger *journal.Logger) journal.Checkpoint {
	t.Helper()
	b.state(t, cancelled("b"))
	b.state(t, cancelled("c"))
	require.NoError(t, logger.Drain(t.Context()))
	lost, err := journal.Newest(t.Context(), b.db.App)
	require.NoError(t, err)
	return lost
}

func (b *bench) backUp(t *testing.T) {
	t.Helper()
	for _, table := range backedUp {
		_, err := b.db.Owner.Exec(t.Context(), `create table saved_`+table+` as table `+table)
		require.NoError(t, err)
	}
}

func (b *bench) restore(t *testing.T) {
	t.Helper()
	for _, table := range backedUp {
		_, err := b.db.Owner.Exec(t.Context(), `delete from `+table+`; insert into `+table+` select * from saved_`+table)
		require.NoError(t, err)
	}
}

func (b *bench) verify(t *testing.T, of *journal.WitnessOf, known ...string) journal.Verification {
	t.Helper()
	v, err := journal.Verify(t.Context(), b.db.Owner, journal.VerifyOptions{Unit: "intake", Log: b.Signer.Public, Witnesses: []string{of.Key.PublicCosigner}, Known: known,
		Keys: b.Keys, Now: b.Clock.Now()})
	require.NoError(t, err)
	return v
}

// A database restored from an older copy continues by an operator's act, in a new generation that its witness accepts. The loss
// stays visible.
func TestReopen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	logger, of, w := witnessed(t, b)
	b.state(t, cancelled("a"))
	require.NoError(t, logger.Drain(t.Context()))
	_, err := logger.Reopen(t.Context(), b.Journal.Journal, "operator", "a mistake")
	require.ErrorIs(t, err, journal.ErrLogWhole)
	b.backUp(t)
	lost := b.goOn(t, logger)
	require.EqualValues(t, 3, lost.N)

	b.restore(t)
	b.state(t, cancelled("d"))
	require.ErrorIs(t, logger.Drain(t.Context()), journal.ErrLogWentBack)
	// Without an operator's act there is no new generation: neither the row of the turn nor a frame that says something else
	// begins one.
	_, err = b.db.App.Exec(t.Context(), `update log_turn set generation = 2`)
	require.NoError(t, err)
	require.ErrorIs(t, logger.Drain(t.Context()), journal.ErrLogWentBack)
	_, err = b.db.App.Exec(t.Context(), `update log_turn set reopened_by = (select frame_id from journal order by frame_id limit 1)`)
	require.NoError(t, err)
	require.ErrorIs(t, logger.Drain(t.Context()), journal.ErrLogWentBack)
	_, err = b.db.App.Exec(t.Context(), `update log_turn set generation = 1, reopened_by = null`)
	require.NoError(t, err)

	generation, err := logger.Reopen(t.Context(), b.Journal.Journal, "operator", "restored after a disk failed")
	require.NoError(t, err)
	require.Equal(t, 2, generation)
	require.NoError(t, logger.Drain(t.Context()))
	b.state(t, cancelled("e"))
	require.NoError(t, logger.Drain(t.Context()))
	newest, err := journal.Newest(t.Context(), b.db.App)
	require.NoError(t, err)
	require.Equal(t, journal.OriginOf(journal.OwnerOf(journaltest.Platform, "intake"), 2), newest.Origin)
	require.NotEmpty(t, newest.Cosigned)
	require.EqualValues(t, 4, newest.N, "a, d, the act, e")

	verified := b.verify(t, of, lost.Note)
	require.Empty(t, verified.Violations)
	require.Equal(t, []journal.Reopening{{Generation: 2, Kept: 1, Signed: 3, Reason: "restored after a disk failed"}}, verified.Reopened)

	// The witness has recorded the loss.
	witnessed := journaltest.OfKind(t, w.db.App, "intake", frame.KindOf(&platformv1.ReopeningWitnessed{}))
	require.Len(t, witnessed, 1)
	events, err := witnessed[0].Events()
	require.NoError(t, err)
	var fact platformv1.ReopeningWitnessed
	require.NoError(t, proto.Unmarshal(events[0].GetPayload(), &fact))
	require.Equal(t, lost.Note, fact.GetLost())
}

// A witness does not accept a log that claims a smaller loss than the witness has seen.
func TestWitnessDoesNotFollowALogThatTellsLess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	logger, of, _ := witnessed(t, b)
	owner := journal.OwnerOf(journaltest.Platform, "intake")
	b.state(t, cancelled("a"))
	require.NoError(t, logger.Drain(t.Context()))
	less, err := journal.Newest(t.Context(), b.db.App)
	require.NoError(t, err)
	b.backUp(t)
	b.state(t, cancelled("b"))
	require.NoError(t, logger.Drain(t.Context()))
	b.restore(t)
	_, err = logger.Reopen(t.Context(), b.Journal.Journal, "operator", "restored")
	require.NoError(t, err)
	alone := b.NewLogger(t, b.db.App, func(ctx context.Context, r journal.Request) (journal.Answer, error) {
		for _, told := range []string{"", less.Note, r.Checkpoint} {
			r.Lost = told
			_, err := of.Cosign(ctx, owner, r)
			require.ErrorIs(t, err, journal.ErrNotExtended)
		}
		return journal.Answer{}, journal.ErrNotExtended
	})
	require.ErrorIs(t, alone.Drain(t.Context()), journal.ErrNotExtended)
	require.NoError(t, logger.Drain(t.Context()), "the true request is followed")
}

// The verification reports a generation that no act began, and lost frames that no act names.
func TestVerifyTellsAGenerationThatNobodyBegan(t *testing.T) {
	t.Parallel()
	b := setup(t)
	logger, of, _ := witnessed(t, b)
	b.state(t, cancelled("a"))
	require.NoError(t, logger.Drain(t.Context()))
	b.backUp(t)
	lost := b.goOn(t, logger)
	b.restore(t)
	_, err := logger.Reopen(t.Context(), b.Journal.Journal, "operator", "restored")
	require.NoError(t, err)
	require.NoError(t, logger.Drain(t.Context()))
	_, err = b.db.Owner.Exec(t.Context(), `
		update journal_mark set leaf = null where leaf = 1;
		delete from journal where kind = 'naru.platform.v1.LogReopened'`)
	require.NoError(t, err)
	var codes []string
	for _, v := range b.verify(t, of, lost.Note).Violations {
		codes = append(codes, v.Code)
	}
	require.Contains(t, codes, journal.GenerationUnasked)
	require.Contains(t, codes, journal.LogCutOff)
	require.Contains(t, codes, journal.FrameMissing)
}

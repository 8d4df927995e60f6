package journal_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/testkit/await"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// forge inserts a frame with the unit's own database role, like an attacker who has only that role.
func (b *bench) forge(t *testing.T, f journal.Sealed, change func(*journal.Sealed)) uuid.UUID {
	t.Helper()
	f.ID = frame.IDOf(frame.NewCommit(), 1)
	change(&f)
	_, err := b.db.App.Exec(t.Context(), `
		insert into journal (frame_id, kind, lane, events, key_id, compression, raw_length, recorded_at, root, mac, body)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		f.ID, string(f.Kind), int16(f.Lane), f.Count, f.KeyID, int16(f.Compression), f.RawLength, f.RecordedAt, f.Root[:], f.MAC, f.Body)
	require.NoError(t, err)
	_, err = b.db.App.Exec(t.Context(), `insert into journal_mark (frame_id, lane) values ($1, $2)`, f.ID, int16(f.Lane))
	require.NoError(t, err)
	return f.ID
}

// A row that the unit did not write is neither published nor logged, whatever was changed in it.
func TestForgedFramesAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	commit := b.state(t, cancelled("a"))
	true1, err := journal.OfCommit(t.Context(), b.db.App, "intake", commit)
	require.NoError(t, err)
	other := journaltest.Open(t, b.db.App, "intake", nil)
	for name, change := range map[string]func(f *journal.Sealed){
		"replayed under another id": func(*journal.Sealed) {},
		"wrong MAC":                 func(f *journal.Sealed) { f.MAC = make([]byte, 32) },
		"another count":             func(f *journal.Sealed) { f.Count = 2 },
		"another lane":              func(f *journal.Sealed) { f.Lane = bulk },
		"another kind":              func(f *journal.Sealed) { f.Kind = frame.KindOf(&intakev1.DocumentAccepted{}) },
		"another time":              func(f *journal.Sealed) { f.RecordedAt = f.RecordedAt.Add(time.Second) },
		"back-dated":                func(f *journal.Sealed) { f.RecordedAt = f.RecordedAt.AddDate(0, -1, 0) },
		"of the future":             func(f *journal.Sealed) { f.RecordedAt = f.RecordedAt.AddDate(0, 1, 0) },
		"another unit's key": func(f *journal.Sealed) {
			made, err := other.Keys.Seal(t.Context(), "intake", frame.NewCommit(), []frame.Frame{f.Frame})
			require.NoError(t, err)
			// Keep the key id of the unit: a frame with an unknown key would only wait.
			key := f.KeyID
			*f = made[0]
			f.KeyID = key
		},
	} {
		t.Run(name, func(t *testing.T) {
			id := b.forge(t, true1[0], change)
			require.NoError(t, b.Logger.Drain(t.Context()))
			require.Equal(t, 1, b.count(t, `select count(*) from journal_mark where frame_id = $1 and refused = 'mac_wrong' and leaf is null`, id))
		})
	}
	b.publish(t, 0)
	await.Require(t, patience, func() bool { return len(b.bus()) == 1 })
	require.Equal(t, true1[0].ID, b.bus()[0].ID)
	held, err := journal.ListHeld(t.Context(), b.db.App, uuid.UUID{}, 100)
	require.NoError(t, err)
	require.Len(t, held, 9)
	require.EqualValues(t, 9, b.Metric(t, "naru.journal.refused.frames"), "an alarm for each")
}

// A paced row is published without waiting for the log, so it is checked before.
func TestForgedPacedFrameIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.InTx(t.Context(), func(tx *journal.Tx) error { return tx.State(t.Context(), bulk, accepted("sender", "a")) }))
	stated := journaltest.OfKind(t, b.db.App, "intake", frame.KindOf(&intakev1.DocumentAccepted{}))
	id := b.forge(t, stated[0], func(*journal.Sealed) {})
	_, err := b.db.Owner.Exec(t.Context(), `update journal_mark set turn = 'sender' where frame_id = $1`, id)
	require.NoError(t, err)
	b.publish(t, 0)
	await.Require(t, patience, func() bool {
		return b.count(t, `select count(*) from journal_mark where frame_id = $1 and refused = 'mac_wrong'`, id) == 1
	})
	require.Len(t, b.bus(), 1)
	require.EqualValues(t, 1, b.Metric(t, "naru.journal.refused.frames"), "one metric, whoever met it")
}

// A body that does not match its header cannot be opened.
func TestChangedBodyDoesNotOpen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.state(t, cancelled("a"))
	f := b.Committed()[0].Frame
	f.Body = append([]byte{}, f.Body...)
	f.Body[len(f.Body)-1] ^= 1
	_, err := f.Events()
	require.ErrorIs(t, err, frame.ErrBodyDiffers)
}

// A frame with a correct MAC whose time is not now is held and not published. Only an operator's act releases it, and its time
// stays.
func TestFrameOfAnotherTimeIsHeld(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]time.Duration{"last month": -31 * 24 * time.Hour, "tomorrow": 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.state(t, cancelled("a"))
			require.NoError(t, b.Logger.Drain(t.Context()))
			// The key is stolen, so the frame is exactly what the unit would have made at that time.
			thief := journal.NewKeys(b.Store, clock.NewFake(b.Clock.Now().Add(at)))
			made, err := thief.Seal(t.Context(), "intake", frame.NewCommit(), []frame.Frame{b.Committed()[0].Frame})
			require.NoError(t, err)
			id := b.forge(t, made[0], func(f *journal.Sealed) { *f = made[0] })
			require.NoError(t, b.Logger.Drain(t.Context()))
			held, err := journal.ListHeld(t.Context(), b.db.App, uuid.UUID{}, 10)
			require.NoError(t, err)
			require.Len(t, held, 1)
			require.Equal(t, id, held[0].ID)
			require.Equal(t, made[0].RecordedAt, held[0].RecordedAt)
			require.Equal(t, b.Clock.Now(), held[0].HeldAt)
			require.EqualValues(t, 1, b.Metric(t, "naru.journal.held.frames"), "an operator is told")

			// A mark without the operator's act releases nothing.
			_, err = b.db.App.Exec(t.Context(), `update journal_mark set released_by = $2 where frame_id = $1`, id, b.Committed()[0].ID)
			require.NoError(t, err)
			require.NoError(t, b.Logger.Drain(t.Context()))
			require.Zero(t, b.count(t, `select count(leaf) from journal_mark where frame_id = $1`, id))

			require.NoError(t, b.Release(t.Context(), id, "operator", "the process had paused"))
			require.ErrorIs(t, b.Release(t.Context(), id, "operator", "again"), journal.ErrNotHeld)
			require.NoError(t, b.Logger.Drain(t.Context()))
			require.Equal(t, 1, b.count(t, `select count(leaf) from journal_mark where frame_id = $1`, id))
		})
	}
}

// After the clock was set back by a year, what is stated with the time of now is logged at once, and verified. What the wrong
// clock had stated stays.
func TestClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	logger, of, _ := witnessed(t, b)
	b.Clock.Advance(365 * 24 * time.Hour)
	b.state(t, cancelled("a"))
	require.NoError(t, logger.Drain(t.Context()))
	b.Clock.Advance(-365 * 24 * time.Hour)
	for _, subject := range []string{"b", "c"} {
		b.state(t, cancelled(subject))
		require.NoError(t, logger.Drain(t.Context()))
		b.Clock.Advance(time.Hour)
	}
	require.Zero(t, b.count(t, `select count(*) from journal_mark where leaf is null`))
	require.Empty(t, b.verify(t, of).Violations)
}

// The log does not continue if the database holds less of it than was signed.
func TestALogThatWentBackIsNotContinued(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.state(t, cancelled("a"))
	require.NoError(t, b.Logger.Drain(t.Context()))
	b.state(t, cancelled("b"))
	require.NoError(t, b.Logger.Drain(t.Context()))
	_, err := b.db.Owner.Exec(t.Context(), `
		delete from log_checkpoint where size = 2;
		delete from journal using journal_mark m where m.frame_id = journal.frame_id and m.leaf = 1;
		delete from journal_mark where leaf = 1`)
	require.NoError(t, err)
	b.state(t, cancelled("c"))
	require.ErrorIs(t, b.Logger.Drain(t.Context()), journal.ErrLogWentBack)
}

// witnessed adds a second unit that cosigns for the first.
func witnessed(t *testing.T, b *bench) (*journal.Logger, *journal.WitnessOf, *bench) {
	t.Helper()
	w := setup(t)
	key, err := w.Store.NoteSigner(t.Context(), "witness", journal.OwnerOf(journaltest.Platform, "status"))
	require.NoError(t, err)
	of := &journal.WitnessOf{Journal: w.Journal.Journal, Store: w.Store, Key: key, Clock: w.Clock}
	owner := journal.OwnerOf(journaltest.Platform, "intake")
	logger := b.NewLogger(t, b.db.App, func(ctx context.Context, r journal.Request) (journal.Answer, error) { return of.Cosign(ctx, owner, r) })
	return logger, of, w
}

// A witness cosigns only a checkpoint that extends what it has seen, according to its row and to its file.
func TestWitnessRefusesAnotherHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	logger, of, w := witnessed(t, b)
	for _, subject := range []string{"a", "b", "c"} {
		b.state(t, cancelled(subject))
		require.NoError(t, logger.Drain(t.Context()))
	}
	require.Equal(t, 3, b.count(t, `select count(*) from log_checkpoint where cosigned is not null`))

	// The same log with another history under its own key: only the key is kept.
	forked := setup(t)
	fresh, err := keys.Open(t.TempDir(), keys.Options{Create: true})
	require.NoError(t, err)
	forked.Store, forked.Signer = fresh, b.Signer
	owner := journal.OwnerOf(journaltest.Platform, "intake")
	offer := func() error {
		l := forked.NewLogger(t, forked.db.App, func(ctx context.Context, r journal.Request) (journal.Answer, error) { return of.Cosign(ctx, owner, r) })
		return l.Drain(t.Context())
	}
	for n, subject := range []string{"a", "b", "x", "y", "z"} {
		forked.state(t, cancelled(subject))
		require.ErrorIs(t, offer(), journal.ErrNotExtended, "with %d leaves", n+1)
	}
	// Restoring an old copy of the witness's schema does not help the attacker.
	_, err = w.db.Owner.Exec(t.Context(), `delete from witnessed_checkpoint`)
	require.NoError(t, err)
	require.ErrorIs(t, offer(), journal.ErrNotExtended)
	// Nor does another key, or the name of another log.
	stranger, err := fresh.NoteSigner(t.Context(), "stranger", owner)
	require.NoError(t, err)
	forked.Signer = stranger
	b.state(t, cancelled("d"))
	require.NoError(t, logger.Drain(t.Context()), "the true log goes on")
	answer := journal.Request{Checkpoint: "x", VerifierKey: stranger.Public}
	_, err = of.Cosign(t.Context(), owner, answer)
	require.ErrorIs(t, err, journal.ErrNotExtended)
	answer.VerifierKey = b.Signer.Public
	_, err = of.Cosign(t.Context(), "naru/other/intake", answer)
	require.ErrorIs(t, err, journal.ErrNotExtended)
}

// Frame keys are destroyed, which is recorded, once their frames are logged and too old to be published again. A frame under a
// destroyed key is refused.
func TestFrameKeysAreDestroyed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.state(t, cancelled("a"))
	f := b.Committed()[0]
	gone, err := b.Keys.DestroyOld(t.Context(), b.Clock.Now(), time.Time{})
	require.NoError(t, err)
	require.Empty(t, gone)
	b.Clock.Advance(70 * 24 * time.Hour)
	b.state(t, cancelled("b"))
	gone, err = b.Keys.DestroyOld(t.Context(), b.Clock.Now(), f.RecordedAt)
	require.NoError(t, err)
	require.Empty(t, gone, "a frame of it waits still")
	gone, err = b.Keys.DestroyOld(t.Context(), b.Clock.Now(), time.Time{})
	require.NoError(t, err)
	require.Len(t, gone, 1)
	require.ErrorIs(t, b.Keys.Check(t.Context(), f.Header, f.MAC), journal.ErrKeyDestroyed)
	// Another process with the same folder knows that the key existed. A key that never existed is unknown.
	replica := journal.NewKeys(b.Store, b.Clock)
	require.ErrorIs(t, replica.Check(t.Context(), f.Header, f.MAC), journal.ErrKeyDestroyed)
	never := f.Header
	never.KeyID = f.KeyID[:7] + ".000000000000"
	require.ErrorIs(t, replica.Check(t.Context(), never, f.MAC), journal.ErrKeyUnknown)
	require.NoError(t, b.Keys.Check(t.Context(), b.Committed()[1].Header, b.Committed()[1].MAC))
}

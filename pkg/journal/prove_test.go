package journal_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/logproof"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// What commits state about a subject is proved by the log as its witness saw it: these kinds, this subject, and nothing else. A
// proof is had once there is a cosigned checkpoint; a stamped one is taken before one that is not.
func TestFactsAreProved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	logger, of, _ := witnessed(t, b)
	first := b.state(t, cancelled("other"), cancelled("mine"), supplied("mine"), cancelled("another"))
	prove := func(commits ...uuid.UUID) (*logproof.File, error) {
		p, err := journal.Prove(t.Context(), b.db.App, "intake", "mine", commits, &intakev1.CancelRequested{})
		if err != nil {
			return nil, err
		}
		encoded, err := logproof.Encode(p)
		require.NoError(t, err)
		file, err := logproof.Decode(encoded)
		require.NoError(t, err)
		return file, nil
	}
	_, err := prove(first)
	require.ErrorIs(t, err, journal.ErrNotWitnessed, "it has no leaf")
	require.NoError(t, b.Logger.Drain(t.Context()))
	_, err = prove(first)
	require.ErrorIs(t, err, journal.ErrNotWitnessed, "its checkpoint is not cosigned")
	require.NoError(t, logger.Drain(t.Context()))

	trusted := logproof.Logs{journal.OwnerOf(journaltest.Platform, "intake"): {Log: b.Signer.Public, Witnesses: []string{of.Key.PublicCosigner}}}
	holds := func(file *logproof.File, n int) {
		t.Helper()
		facts, err := file.Verify(trusted)
		require.NoError(t, err)
		require.Len(t, facts, n)
		for _, fact := range facts {
			require.Equal(t, "mine", fact.Event.GetSubject())
			require.Equal(t, frame.KindOf(&intakev1.CancelRequested{}), fact.Kind)
		}
	}
	file, err := prove(first, first)
	require.NoError(t, err)
	holds(file, 1)
	require.Empty(t, file.TimeStamp)

	// The log grows on, and is stamped later on.
	for range 300 {
		b.state(t, cancelled("other"))
	}
	second := b.state(t, cancelled("mine"))
	require.NoError(t, logger.Drain(t.Context()))
	a := newAuthority(t, b)
	pass(t, a.stamper(t, t.TempDir()))
	file, err = prove(second, first)
	require.NoError(t, err)
	holds(file, 2)
	require.NotEmpty(t, file.TimeStamp)
	_, err = journal.JudgeStamp(journal.Stamp{Published: file.Checkpoint, Token: file.TimeStamp}, a.root.Pool())
	require.NoError(t, err)

	nothing, err := journal.Prove(t.Context(), b.db.App, "intake", "nobody", []uuid.UUID{first, second}, &intakev1.CancelRequested{})
	require.NoError(t, err)
	require.Empty(t, nothing.GetFacts())
}

// A unit proves what its query finds; a unit without one knows nothing of documents.
func TestProvable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	logger, _, _ := witnessed(t, b)
	b.state(t, cancelled("mine"))
	require.NoError(t, logger.Drain(context.WithoutCancel(t.Context())))
	p := journal.Provable{
		Commits: `select (substr(replace(frame_id::text, '-', ''), 1, 28) || '0000')::uuid from journal where kind like '%CancelRequested' and $1 <> ''`,
	}
	p.Kinds = append(p.Kinds, &intakev1.CancelRequested{})
	proved, err := p.Document(t.Context(), b.db.App, "intake", "mine")
	require.NoError(t, err)
	require.Len(t, proved.GetFacts(), 1)
	proved, err = journal.Provable{}.Document(t.Context(), b.db.App, "intake", "mine")
	require.NoError(t, err)
	require.Empty(t, proved.GetFacts())
}

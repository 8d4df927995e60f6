package journal_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
)

// standing is a log whose witness can be away, by one clock for both.
type standing struct {
	*bench
	logger *journal.Logger
	key    string
	away   bool
	asked  int
}

func newStanding(t *testing.T) *standing {
	t.Helper()
	s := &standing{bench: setup(t)}
	w := setup(t)
	key := journaltest.Cosigner(t, journal.OwnerOf(journaltest.Platform, "status"), s.Clock)
	of := &journal.WitnessOf{Journal: w.Journal.Journal, Store: w.Store, Key: key, Clock: s.Clock}
	s.key = key.PublicCosigner
	owner := journal.OwnerOf(journaltest.Platform, "intake")
	s.logger = s.NewLogger(t, s.db.App, func(ctx context.Context, r journal.Request) (journal.Answer, error) {
		if s.asked++; s.away {
			return journal.Answer{}, errors.New("not reached")
		}
		return of.Cosign(ctx, owner, r)
	})
	return s
}

// after lets time pass and looks at the log.
func (s *standing) after(t *testing.T, d time.Duration) error {
	t.Helper()
	s.Clock.Advance(d)
	return s.logger.Drain(t.Context())
}

// times are those that the newest published checkpoint's cosignatures state.
func (s *standing) times(t *testing.T) (times []time.Time) {
	t.Helper()
	newest, err := journal.Publication{}.Newest(t.Context(), s.db.App)
	require.NoError(t, err)
	published := newest.Published()
	verifier, err := formats.NewVerifierForCosignatureV1(s.key)
	require.NoError(t, err)
	given, err := journal.Cosignatures(published, verifier)
	require.NoError(t, err)
	for _, one := range given {
		times = append(times, one.At)
	}
	_, err = journal.ParseCheckpoint(published, mustVerifier(t, s.Signer.Public))
	require.NoError(t, err, "the log's own signature stays")
	return times
}

func mustVerifier(t *testing.T, key string) note.Verifier {
	t.Helper()
	verifier, err := note.NewVerifier(key)
	require.NoError(t, err)
	return verifier
}

func (s *standing) verify(t *testing.T, within time.Duration) journal.Verification {
	t.Helper()
	report, err := journal.Verify(t.Context(), s.db.Owner, journal.VerifyOptions{Unit: "intake", Log: s.Signer.Public, Witnesses: []string{s.key}, Keys: s.Keys,
		Now: s.Clock.Now(), AsOf: s.Clock.Now(), Policy: journal.WitnessPolicy{Within: within}})
	require.NoError(t, err)
	return report
}

// The newest checkpoint of a log that stands still is cosigned anew at the interval; what is kept does not grow by it, and what
// was stamped stays as it was.
func TestStandingLogIsCosignedAnew(t *testing.T) {
	t.Parallel()
	s := newStanding(t)
	s.state(t, cancelled("a"))
	require.NoError(t, s.after(t, 0))
	begun := s.Clock.Now().UTC().Truncate(time.Second)
	require.Equal(t, []time.Time{begun}, s.times(t))
	first, err := journal.Newest(t.Context(), s.db.App)
	require.NoError(t, err)
	require.NoError(t, s.after(t, journaltest.CosignEvery-time.Second))
	require.Equal(t, 1, s.asked, "not before the interval is over")
	for n := range 5 {
		wait := journaltest.CosignEvery
		if n == 0 {
			wait = time.Second
		}
		require.NoError(t, s.after(t, wait))
		require.Equal(t, n+2, s.asked)
		require.Equal(t, []time.Time{begun.Add(time.Duration(n+1) * journaltest.CosignEvery)}, s.times(t), "the newest one alone is shown")
		require.Equal(t, 1, s.count(t, `select count(*) from log_cosignature`))
	}
	now, err := journal.Newest(t.Context(), s.db.App)
	require.NoError(t, err)
	require.Equal(t, first.Cosigned, now.Cosigned)
	require.Equal(t, first.Published(), now.ToStamp())
	require.NotEqual(t, first.Published(), now.Published())

	report := s.verify(t, journaltest.CosignEvery)
	require.Empty(t, report.Violations)
	require.EqualValues(t, 1, report.CosignaturesChecked)
	require.Equal(t, begun.Add(5*journaltest.CosignEvery), report.WitnessedAt)
	s.state(t, cancelled("b"))
	require.NoError(t, s.after(t, time.Second))
	require.Equal(t, 1, s.count(t, `select count(*) from log_cosignature`), "a log that grows is cosigned by that")
}

// While the witness is away, a log that stands still is told like one that grows: by a metric inside, and by its age outside.
func TestWitnessThatIsAwayIsTold(t *testing.T) {
	t.Parallel()
	for name, grows := range map[string]bool{"stands still": false, "grows": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStanding(t)
			s.state(t, cancelled("a"))
			require.NoError(t, s.after(t, 0))
			s.away = true
			waited := time.Hour - journaltest.CosignEvery
			if grows {
				s.Clock.Advance(time.Second)
				s.state(t, cancelled("b"))
				require.Error(t, s.after(t, 0))
				waited = time.Hour - time.Second
			}
			require.ErrorContains(t, s.after(t, time.Hour-time.Duration(len(s.times(t)))*time.Second), "not reached")
			require.InDelta(t, waited.Seconds(), s.Metric(t, "naru.journal.uncosigned.age"), 2)
			report := s.verify(t, 59*time.Minute)
			require.Len(t, report.Violations, 1)
			require.Equal(t, journal.NotWitnessed, report.Violations[0].Code)
			if !grows {
				require.Empty(t, s.verify(t, time.Hour).Violations, "within the bound")
			}
			s.away = false
			require.NoError(t, s.after(t, 0))
			require.Zero(t, s.Metric(t, "naru.journal.uncosigned.age"))
			require.Empty(t, s.verify(t, time.Minute).Violations)
		})
	}
}

// A log that no witness has ever cosigned is judged since it began.
func TestNeverWitnessed(t *testing.T) {
	t.Parallel()
	s := newStanding(t)
	s.away = true
	s.state(t, cancelled("a"))
	require.Error(t, s.after(t, 0))
	require.Empty(t, s.verify(t, time.Hour).Violations)
	s.Clock.Advance(time.Hour + time.Second)
	judged := journal.VerifyOptions{Unit: "intake", Log: s.Signer.Public, Witnesses: []string{s.key}, AsOf: s.Clock.Now(), Policy: journal.WitnessPolicy{Within: time.Hour}}
	report, err := journal.Verify(t.Context(), s.db.Owner, judged)
	require.NoError(t, err)
	require.Len(t, report.Violations, 1)
	require.Equal(t, journal.NotWitnessed, report.Violations[0].Code)
	judged.Policy.Within = 0
	report, err = journal.Verify(t.Context(), s.db.Owner, judged)
	require.NoError(t, err)
	require.Empty(t, report.Violations, "the age is not looked at")
}

// A clock that was set back does not have the witness asked every second, nor never.
func TestCosignedAfterTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	s := newStanding(t)
	s.Clock.Advance(24 * time.Hour)
	s.state(t, cancelled("a"))
	require.NoError(t, s.after(t, 0))
	require.NoError(t, s.after(t, -24*time.Hour))
	require.Equal(t, 2, s.asked)
	require.NoError(t, s.after(t, time.Second))
	require.Equal(t, 2, s.asked)
	require.NoError(t, s.after(t, journaltest.CosignEvery))
	require.Equal(t, 3, s.asked)
}

// A later cosignature that is not the witness's is told; one of a witness whose key was not given is counted; one whose
// checkpoint is gone is told. One that is kept elsewhere counts for the log's age.
func TestLaterCosignaturesAreVerified(t *testing.T) {
	t.Parallel()
	s := newStanding(t)
	s.state(t, cancelled("a"))
	require.NoError(t, s.after(t, 0))
	dir := t.TempDir()
	export := journal.ExportTo(dir, s.Signer)
	require.NoError(t, s.after(t, journaltest.CosignEvery))
	newest, err := journal.Newest(t.Context(), s.db.App)
	require.NoError(t, err)
	require.NoError(t, export("intake", newest))
	exported, err := os.ReadFile(filepath.Join(dir, "intake.checkpoint"))
	require.NoError(t, err)
	require.Equal(t, newest.Witnessed(), string(exported))

	change := func(sql string, args ...any) {
		t.Helper()
		_, err := s.db.Owner.Exec(t.Context(), sql, args...)
		require.NoError(t, err)
	}
	codes := func(report journal.Verification) (codes []string) {
		for _, v := range report.Violations {
			codes = append(codes, v.Code)
		}
		return codes
	}
	stranger := journaltest.Cosigner(t, "another.example", s.Clock)
	text, _, _ := splitNote(newest.Note)
	signed, err := note.Sign(&note.Note{Text: text}, stranger.Cosigner)
	require.NoError(t, err)
	_, line, _ := splitNote(string(signed))
	change(`insert into log_cosignature select generation, size, 'another.example', $1, given_at from log_cosignature`, line)
	report := s.verify(t, time.Hour)
	require.Empty(t, report.Violations)
	require.EqualValues(t, 1, report.CosignaturesChecked)
	require.EqualValues(t, 1, report.CosignaturesNotChecked)

	change(`delete from log_cosignature`)
	s.Clock.Advance(time.Hour)
	known := func() journal.Verification {
		report, err := journal.Verify(t.Context(), s.db.Owner, journal.VerifyOptions{Unit: "intake", Log: s.Signer.Public, Witnesses: []string{s.key},
			Known: []string{string(exported)}, AsOf: s.Clock.Now(), Policy: journal.WitnessPolicy{Within: time.Hour + time.Second}})
		require.NoError(t, err)
		return report
	}
	require.Equal(t, []string{journal.NotWitnessed}, codes(s.verify(t, time.Hour)))
	require.Empty(t, known().Violations)

	witness, err := formats.NewVerifierForCosignatureV1(s.key)
	require.NoError(t, err)
	wrong := fmt.Sprintf("— %s %s", witness.Name(), newest.Later[len("— "+witness.Name()+" "):])
	wrong = wrong[:len(wrong)-8] + "AAAAA==\n"
	change(`insert into log_cosignature values (1, 1, 'wrong', $1, now())`, wrong)
	require.Equal(t, []string{journal.CosignatureWrong, journal.NotWitnessed}, codes(s.verify(t, time.Hour)))
	change(`update log_cosignature set size = 2`)
	require.Equal(t, []string{journal.CheckpointMissing, journal.NotWitnessed}, codes(s.verify(t, time.Hour)))
}

// splitNote cuts a signed note into its text and its lines of signatures.
func splitNote(signed string) (text, lines string, ok bool) {
	text, lines, ok = strings.Cut(signed, "\n\n")
	return text + "\n", lines, ok
}

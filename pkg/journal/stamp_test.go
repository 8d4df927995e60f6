package journal_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/attestation"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/tsp"
)

const every = 10 * time.Minute

// authority is a time-stamping authority in the test's hands.
type authority struct {
	*bench
	root   *cmstest.Authority
	signer cmstest.Signer
	// away: it does not answer; other: it stamps something else.
	away, other bool
	asked       int
}

func newAuthority(t *testing.T, b *bench) *authority {
	t.Helper()
	root := cmstest.NewRoot(t, "time stamps", b.Clock.Now())
	return &authority{bench: b, root: root, signer: root.TimeStamper(t, "authority", b.Clock.Now())}
}

func (a *authority) Stamp(_ context.Context, hash [sha256.Size]byte) ([]byte, *tsp.Token, error) {
	a.asked++
	if a.away {
		return nil, nil, errors.New("not reached")
	}
	at := a.Clock.Now().Truncate(time.Second)
	if a.other {
		hash = sha256.Sum256(hash[:])
	}
	der, err := attestation.IssueTimeStamp(attestation.Stamp{Hash: hash, Serial: big.NewInt(int64(a.asked)), At: at}, a.signer.Key, a.signer.Chain)
	return der, &tsp.Token{Attestation: attestation.Attestation{Hash: hex.EncodeToString(hash[:]), At: at}}, err
}

func (a *authority) stamper(t *testing.T, dir string) *journal.Stamper {
	t.Helper()
	s, err := journal.NewStamper(journal.StamperDeps{Unit: "intake", DB: a.db.App, Authority: a, Every: every, Clock: a.Clock,
		Log: slog.New(slog.DiscardHandler), Meter: a.Meter, Export: journal.ExportStampsTo(dir)})
	require.NoError(t, err)
	return s
}

func pass(t *testing.T, s *journal.Stamper) time.Duration {
	t.Helper()
	wait, err := s.Pass(t.Context())
	require.NoError(t, err)
	return wait
}

// The newest cosigned checkpoint is stamped once an interval, and what is stamped can be read outside of the database.
func TestNewestCheckpointIsStamped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	logger, _, _ := witnessed(t, b)
	a, dir := newAuthority(t, b), t.TempDir()
	s := a.stamper(t, dir)
	require.Equal(t, every, pass(t, s), "there is nothing to stamp")

	b.state(t, cancelled("first"))
	require.NoError(t, b.Logger.Drain(t.Context()))
	pass(t, s)
	require.Zero(t, a.asked, "no witness has cosigned it")

	require.NoError(t, logger.Drain(t.Context()))
	pass(t, s)
	require.Equal(t, 1, a.asked)
	stamp, known, err := journal.NewestStamp(t.Context(), b.db.App)
	require.NoError(t, err)
	require.True(t, known)
	newest, err := journal.Newest(t.Context(), b.db.App)
	require.NoError(t, err)
	require.Equal(t, newest.Published(), stamp.Published)
	at, err := journal.JudgeStamp(stamp, a.root.Pool())
	require.NoError(t, err)
	require.Equal(t, b.Clock.Now().UTC().Truncate(time.Second), at)
	for name, want := range map[string]string{"intake.stamped.checkpoint": stamp.Published, "intake.stamped.checkpoint.tst": string(stamp.Token)} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, string(content))
	}

	b.state(t, cancelled("second"))
	require.NoError(t, logger.Drain(t.Context()))
	b.Clock.Advance(4 * time.Minute)
	require.InDelta(t, 6*time.Minute, pass(t, s), float64(time.Second), "not before the interval is over, whoever asks")
	require.Equal(t, 1, a.asked)
	b.Clock.Advance(6 * time.Minute)
	pass(t, s)
	require.Equal(t, 2, a.asked)
	b.Clock.Advance(every)
	pass(t, s)
	require.Equal(t, 2, a.asked, "nothing has happened since")
}

// While no authority answers the log goes on, and a metric tells since when it has no time stamp.
func TestAuthorityAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	logger, _, _ := witnessed(t, b)
	a := newAuthority(t, b)
	a.away = true
	s := a.stamper(t, t.TempDir())
	for i := range 3 {
		b.state(t, cancelled(fmt.Sprint("doc-", i)))
		require.NoError(t, logger.Drain(t.Context()))
		_, err := s.Pass(t.Context())
		require.ErrorContains(t, err, "not reached")
		b.Clock.Advance(time.Minute)
	}
	require.EqualValues(t, 180, b.Metric(t, "naru.journal.unstamped.age"))
	a.away = false
	pass(t, s)
	require.Zero(t, b.Metric(t, "naru.journal.unstamped.age"))
	pass(t, a.stamper(t, t.TempDir()))
	require.Equal(t, 4, a.asked, "one stamp serves all replicas")
}

// A witness that stays away leaves nothing to stamp: an old checkpoint stamped now would say that nothing came after it.
func TestWitnessAwayLeavesNothingToStamp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	logger, _, _ := witnessed(t, b)
	a := newAuthority(t, b)
	s := a.stamper(t, t.TempDir())
	b.state(t, cancelled("cosigned"))
	require.NoError(t, logger.Drain(t.Context()))
	b.Clock.Advance(time.Second)
	b.state(t, cancelled("not cosigned"))
	require.NoError(t, b.Logger.Drain(t.Context()))
	b.Clock.Advance(2 * time.Minute)
	_, err := s.Pass(t.Context())
	require.ErrorContains(t, err, "wait for a witness")
	require.Zero(t, a.asked)
	require.EqualValues(t, 121, b.Metric(t, "naru.journal.unstamped.age"))
}

// stampedLog is a log whose first and last checkpoints of three are stamped, twenty minutes apart.
func stampedLog(t *testing.T) (*proven, *authority) {
	t.Helper()
	b := setup(t)
	logger, of, _ := witnessed(t, b)
	a := newAuthority(t, b)
	s := a.stamper(t, t.TempDir())
	for i := range 3 {
		b.state(t, cancelled(fmt.Sprint("doc-", i)))
		require.NoError(t, logger.Drain(t.Context()))
		if i != 1 {
			pass(t, s)
		}
		b.Clock.Advance(every)
	}
	return &proven{bench: b, witness: of.Key.PublicCosigner}, a
}

func (p *proven) verifyStamps(t *testing.T, a *authority, known ...journal.Stamp) journal.Verification {
	t.Helper()
	report, err := journal.Verify(t.Context(), p.db.Owner, journal.VerifyOptions{Unit: "intake", Log: p.Signer.Public, Witnesses: []string{p.witness},
		Keys: p.Keys, Now: p.Clock.Now(), StampRoots: a.root.Pool(), KnownStamps: known})
	require.NoError(t, err)
	return report
}

func TestVerifyStamps(t *testing.T) {
	t.Parallel()
	p, a := stampedLog(t)
	report := p.verifyStamps(t, a)
	require.Empty(t, report.Violations)
	require.EqualValues(t, 2, report.StampsChecked)
	report = p.verify(t)
	require.Empty(t, report.Violations)
	require.EqualValues(t, 2, report.StampsNotChecked, "without roots nobody is believed")
}

// What does not fit the time stamps is told, whoever holds the log's key and the database.
func TestStampsContradict(t *testing.T) {
	t.Parallel()
	const two, three = `where seq = 2`, `where seq = 3`
	for name, tc := range map[string]struct {
		tamper string
		codes  []string
	}{
		"a checkpoint made earlier":                   {`update log_checkpoint set made_at = made_at - interval '1 hour' ` + two, []string{journal.TimeContradicted, journal.TimeOutside}},
		"a checkpoint made later than it was stamped": {`update log_checkpoint set made_at = made_at + interval '2 minutes' ` + three, []string{journal.TimeContradicted}},
		"a time stamp of another checkpoint": {`update log_stamp set token = (select token from log_stamp where size = 1), stamped_at = (select stamped_at from log_stamp where size = 1) where size = 3`,
			[]string{journal.StampWrong}},
		"a time stamp changed":           {`update log_stamp set token = set_byte(token, octet_length(token) - 1, 0) where size = 3`, []string{journal.StampWrong}},
		"a time stamp's row changed":     {`update log_stamp set stamped_at = stamped_at - interval '1 day' where size = 3`, []string{journal.StampWrong}},
		"a stamped checkpoint changed":   {`update log_checkpoint set note = replace(note, E'\n1\n', E'\n9\n') where seq = 1`, []string{journal.CheckpointChanged}},
		"a time stamp without its place": {`update log_stamp set size = 7 where size = 3`, []string{journal.CheckpointMissing}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, a := stampedLog(t)
			_, err := p.db.Owner.Exec(t.Context(), tc.tamper)
			require.NoError(t, err)
			var codes []string
			for _, v := range p.verifyStamps(t, a).Violations {
				codes = append(codes, v.Code)
			}
			require.ElementsMatch(t, tc.codes, codes)
		})
	}
}

// Time stamps that were deleted and are kept elsewhere tell the same.
func TestKnownStampsContradict(t *testing.T) {
	t.Parallel()
	p, a := stampedLog(t)
	kept, known, err := journal.NewestStamp(t.Context(), p.db.App)
	require.NoError(t, err)
	require.True(t, known)
	_, err = p.db.Owner.Exec(t.Context(), `delete from log_stamp; update log_checkpoint set made_at = made_at + interval '5 minutes' where seq = 3`)
	require.NoError(t, err)
	codes := func(report journal.Verification) (codes []string) {
		for _, v := range report.Violations {
			codes = append(codes, v.Code)
		}
		return codes
	}
	require.Empty(t, codes(p.verifyStamps(t, a)))
	require.Equal(t, []string{journal.TimeContradicted}, codes(p.verifyStamps(t, a, kept)))

	kept.Token[len(kept.Token)-1] ^= 1
	_, err = journal.Verify(t.Context(), p.db.Owner, journal.VerifyOptions{Unit: "intake", Log: p.Signer.Public, Witnesses: []string{p.witness},
		StampRoots: a.root.Pool(), KnownStamps: []journal.Stamp{kept}})
	require.ErrorContains(t, err, "read known time stamp 1", "what does not hold itself proves nothing")
}

// A token of an authority that nobody pinned, or over something else, proves nothing.
func TestStampsOfNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	logger, of, _ := witnessed(t, b)
	a := newAuthority(t, b)
	a.other = true
	b.state(t, cancelled("doc"))
	require.NoError(t, logger.Drain(t.Context()))
	pass(t, a.stamper(t, t.TempDir()))
	p := &proven{bench: b, witness: of.Key.PublicCosigner}
	report := p.verifyStamps(t, a)
	require.Len(t, report.Violations, 1)
	require.Equal(t, journal.StampWrong, report.Violations[0].Code)
	require.Contains(t, report.Violations[0].Detail, "over something else")
	report = p.verifyStamps(t, newAuthority(t, b))
	require.Len(t, report.Violations, 1)
	require.Contains(t, report.Violations[0].Detail, "pinned root")
}

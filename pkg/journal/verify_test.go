package journal_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
)

// proven is a log of six frames in three cosigned checkpoints, with what is known of it elsewhere.
type proven struct {
	*bench
	witness string
	known   []string
}

func prove(t *testing.T) *proven {
	t.Helper()
	b := setup(t)
	logger, of, w := witnessed(t, b)
	for i := range 3 {
		b.state(t, cancelled(fmt.Sprint("doc-", i)), supplied(fmt.Sprint("certificate-", i)))
		require.NoError(t, logger.Drain(t.Context()))
		b.Clock.Advance(time.Second)
	}
	p := &proven{bench: b, witness: of.Key.PublicCosigner}
	var seen string
	require.NoError(t, w.db.App.QueryRow(t.Context(), `select note from witnessed_checkpoint`).Scan(&seen))
	p.known = []string{seen}
	return p
}

func (p *proven) verify(t *testing.T) journal.Verification {
	t.Helper()
	report, err := journal.Verify(t.Context(), p.db.Owner, journal.VerifyOptions{Unit: "intake", Log: p.Signer.Public, Witnesses: []string{p.witness},
		Known: p.known, Keys: p.Keys, Now: p.Clock.Now()})
	require.NoError(t, err)
	return report
}

// An untouched journal verifies, and everything is checked.
func TestVerifyFindsNothing(t *testing.T) {
	t.Parallel()
	p := prove(t)
	p.state(t, cancelled("pending"))
	report := p.verify(t)
	require.Empty(t, report.Violations)
	require.WithinDuration(t, clock.System().Now(), report.WitnessedAt, time.Minute)
	report.WitnessedAt = time.Time{}
	require.Equal(t, journal.Verification{Unit: "intake", Frames: 7, Events: 6, Leaves: 6, Checkpoints: 3, Pending: 1, MACsChecked: 6, Violations: []journal.Violation{}}, report)
}

// Each tampering is reported with its code, and nothing else is reported.
func TestTampering(t *testing.T) {
	t.Parallel()
	const first = `(select frame_id from journal_mark where leaf = 0)`
	for name, tc := range map[string]struct {
		tamper string
		codes  []string
	}{
		"a journal row changed: time": {`update journal set recorded_at = recorded_at - interval '3 days' where frame_id = ` + first, []string{journal.FrameChanged}},
		"a journal row changed: kind": {`update journal set kind = 'naru.intake.v1.DocumentAccepted' where frame_id = ` + first, []string{journal.FrameChanged}},
		"a journal row changed: MAC":  {`update journal set mac = sha256(mac) where frame_id = ` + first, []string{journal.FrameForged}},
		"a journal row changed: body": {`update journal set body = set_byte(body, octet_length(body) - 1, 0) where frame_id = ` + first, []string{journal.BodyChanged}},
		"a journal row deleted":       {`delete from journal where frame_id = ` + first, []string{journal.FrameMissing}},
		"a mark deleted":              {`delete from journal_mark where leaf = 0`, []string{journal.FrameMissing, journal.FrameUnmarked}},
		"two journal rows moved": {`update journal_mark set leaf = case leaf when 0 then 1 else 0 end where leaf in (0, 1)`,
			[]string{journal.FrameChanged, journal.FrameChanged}},
		"a row marked with a leaf there is not": {`update journal_mark set leaf = 99 where leaf = 5`, []string{journal.LeafMisplaced, journal.FrameMissing}},
		"a leaf changed with its row": {`update journal set recorded_at = recorded_at + interval '1 s' where frame_id = ` + first + `;
			update log_tile set hashes = sha256('x') || substr(hashes, 33) where level = 0`, []string{journal.RootDiffers, journal.HistoryDiffers, journal.FrameChanged}},
		"a checkpoint changed":  {`update log_checkpoint set note = replace(note, E'\n2\n', E'\n3\n') where seq = 1`, []string{journal.CheckpointChanged}},
		"a checkpoint deleted":  {`delete from log_checkpoint where seq = 2`, []string{journal.CheckpointMissing}},
		"a cosignature changed": {`update log_checkpoint set cosigned = (select note from log_checkpoint where seq = 1) where seq = 1`, []string{journal.CosignatureWrong}},
		"the newest cut off with its frames": {`
			delete from journal using journal_mark m where m.frame_id = journal.frame_id and m.leaf >= 4;
			delete from journal_mark where leaf >= 4;
			delete from log_checkpoint where seq = 3;
			update log_tile set hashes = substr(hashes, 1, 4 * 32) where level = 0`, []string{journal.LogCutOff}},
		"a whole old copy put back": {`
			delete from journal using journal_mark m where m.frame_id = journal.frame_id and m.leaf >= 2;
			delete from journal_mark where leaf >= 2;
			delete from log_checkpoint where seq > 1;
			update log_tile set hashes = substr(hashes, 1, 2 * 32) where level = 0`, []string{journal.LogCutOff}},
		"a row inserted without a mark": {`insert into journal select '01900000-0000-7000-8000-000000000001'::uuid, kind, lane, events, key_id, compression, raw_length,
			recorded_at, root, mac, body from journal where frame_id = ` + first, []string{journal.FrameUnmarked}},
		"a cosignature waited for too long": {`update log_checkpoint set cosigned = null where seq = 3`, []string{journal.NotWitnessed}},
		"a leaf taken from its row":         {`update journal_mark set leaf = null where leaf = 5`, []string{journal.FrameMissing, journal.FrameUnlogged}},
		"a checkpoint's time changed":       {`update log_checkpoint set made_at = made_at - interval '1 hour' where seq = 3`, []string{journal.TimeOutside, journal.TimeOutside}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := prove(t)
			_, err := p.db.Owner.Exec(t.Context(), `create table if not exists journal_190000 partition of journal for values from ('01000000-0000-0000-0000-000000000000') to ('01910000-0000-0000-0000-000000000000');`)
			require.NoError(t, err)
			_, err = p.db.Owner.Exec(t.Context(), tc.tamper)
			require.NoError(t, err)
			p.Clock.Advance(time.Hour)
			var codes []string
			for _, v := range p.verify(t).Violations {
				codes = append(codes, v.Code)
			}
			require.ElementsMatch(t, tc.codes, codes)
		})
	}
}

// A history rewritten by somebody who holds the database and the log's key is detected through what a witness has seen.
func TestRewrittenHistoryIsToldByTheWitness(t *testing.T) {
	t.Parallel()
	p := prove(t)
	other := &proven{bench: setup(t), witness: p.witness, known: p.known}
	other.Signer = p.Signer
	logger := other.NewLogger(t, other.db.App, nil)
	for i := range 3 {
		other.state(t, cancelled(fmt.Sprint("other-", i)), supplied("x"))
		require.NoError(t, logger.Drain(t.Context()))
	}
	var codes []string
	for _, v := range other.verify(t).Violations {
		codes = append(codes, v.Code)
	}
	require.Equal(t, []string{journal.HistoryDiffers}, codes)
}

// A frame in the log with a wrong time is reported, unless an operator released it.
func TestTimeOutsideIsTold(t *testing.T) {
	t.Parallel()
	p := prove(t)
	thief := journal.NewKeys(p.Store, clock.NewFake(p.Clock.Now().Add(-31*24*time.Hour)))
	made, err := thief.Seal(t.Context(), "intake", frame.NewCommit(), []frame.Frame{p.Committed()[0].Frame})
	require.NoError(t, err)
	id := p.forge(t, made[0], func(f *journal.Sealed) { *f = made[0] })
	require.NoError(t, p.Logger.Drain(t.Context()))
	require.EqualValues(t, 1, p.verify(t).Held)
	require.NoError(t, p.Release(t.Context(), id, "operator", "the process had paused"))
	require.NoError(t, p.Logger.Drain(t.Context()))
	report := p.verify(t)
	require.Empty(t, report.Violations)
	require.EqualValues(t, 8, report.Leaves)
	_, err = p.db.Owner.Exec(t.Context(), `update journal_mark set released_by = null where frame_id = $1`, id)
	require.NoError(t, err)
	report = p.verify(t)
	require.Len(t, report.Violations, 1)
	require.Equal(t, journal.TimeOutside, report.Violations[0].Code)
}

// Without the key folder MACs are reported as not checked, and everything else is still verified.
func TestVerifyWithoutKeys(t *testing.T) {
	t.Parallel()
	p := prove(t)
	report, err := journal.Verify(t.Context(), p.db.Owner, journal.VerifyOptions{Unit: "intake", Log: p.Signer.Public, Witnesses: []string{p.witness}, Now: p.Clock.Now()})
	require.NoError(t, err)
	require.Empty(t, report.Violations)
	require.EqualValues(t, 6, report.MACsNotChecked)
	_, err = journal.Verify(context.WithoutCancel(t.Context()), p.db.Owner, journal.VerifyOptions{Unit: "intake", Log: "no key"})
	require.Error(t, err)
}

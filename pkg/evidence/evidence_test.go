package evidence_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/evidence"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

func TestMain(m *testing.M) {
	os.Exit(pgtest.Main(m, func() error { return goleak.Find() })) //nolint:forbidigo // the main function of this test binary
}

type bundle struct {
	db       *pgtest.DB
	anchorer *evidence.Anchorer
	keys     evidence.ECDSAKeys
	clock    *clock.Fake
	deps     evidence.Deps
}

func setup(t *testing.T) *bundle {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	b := &bundle{
		db:    pgtest.New(t, "intake", evidence.Migrations()),
		keys:  evidence.ECDSAKeys{"k1": &key.PublicKey},
		clock: clock.NewFake(time.Date(2026, 5, 1, 9, 0, 0, 0, time.UTC)),
	}
	b.deps = evidence.Deps{
		DB: b.db.App, Schema: "intake", Clock: b.clock, Log: slog.New(slog.DiscardHandler),
		Signer: evidence.KeySigner{KID: "k1", Key: key}, Batch: 5,
	}
	b.anchorer, err = evidence.NewAnchorer(b.deps)
	require.NoError(t, err)
	return b
}

func entry(subject string) evidence.Entry {
	return evidence.Entry{
		ID: id.New(), Kind: "accepted", Subject: subject, Tenant: "t1", Sender: "s1", Actor: "a1",
		PolicyVersion: "p1", OccurredAt: time.Date(2026, 5, 1, 8, 59, 59, 123456789, time.UTC), Body: []byte("sealed " + subject),
	}
}

func (b *bundle) append(t *testing.T, entries ...evidence.Entry) {
	t.Helper()
	require.NoError(t, pg.InTx(t.Context(), b.db.App, func(tx pgx.Tx) error {
		return evidence.Append(t.Context(), tx, entries...)
	}))
}

// anchorAll waits: transactions of other tests on the same server hold the bound back for a moment.
func (b *bundle) anchorAll(t *testing.T) {
	t.Helper()
	await.Require(t, 20*time.Second, func(ctx context.Context) error {
		if err := b.anchorer.Drain(ctx); err != nil {
			return err
		}
		if n := b.anchorer.Backlog().Count; n != 0 {
			return errBacklog
		}
		return nil
	})
}

var errBacklog = pgx.ErrNoRows // any error makes await look again

func (b *bundle) verify(t *testing.T) evidence.Report {
	t.Helper()
	r, err := evidence.Verify(t.Context(), b.db.App, b.keys, evidence.VerifyOptions{})
	require.NoError(t, err)
	return r
}

func TestAppendKeepsWhatWasGivenUnderTheDocumentedDigest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := entry("doc-1")
	empty := evidence.Entry{ID: id.New(), Kind: "seen", Subject: "doc-1", PolicyVersion: "p1", OccurredAt: e.OccurredAt}
	b.append(t, e, empty)

	got, err := evidence.BySubject(t.Context(), b.db.App, "doc-1", 10)
	require.NoError(t, err)
	require.Len(t, got, 2)
	r := got[0]
	require.Equal(t, e.Body, r.Body)
	require.Equal(t, time.Date(2026, 5, 1, 8, 59, 59, 123456000, time.UTC), r.OccurredAt)
	require.Empty(t, got[1].Body)

	// The encoding of the package comment, written out again.
	u32 := func(n int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) } // small
	u64 := func(n int64) string { return string(binary.BigEndian.AppendUint64(nil, uint64(n))) }
	body := sha256.Sum256([]byte("sealed doc-1"))
	text := "naru.evidence.entry.v1\x00" + string(e.ID[:]) +
		u32(8) + "accepted" + u32(5) + "doc-1" + u32(2) + "t1" + u32(2) + "s1" + u32(2) + "a1" + u32(2) + "p1" +
		u64(r.OccurredAt.UnixMicro()) + string(body[:]) + u64(r.RecordedAt.UnixMicro())
	want := sha256.Sum256([]byte(text))
	require.Equal(t, want[:], r.Digest)
	require.Equal(t, want[:], r.ComputeDigest())
	require.Equal(t, got[1].Digest, got[1].ComputeDigest())
}

func TestAppendRefusesEntriesItCouldNotKeep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tc := range []struct {
		name   string
		change func(*evidence.Entry)
		want   string
	}{
		{"no id", func(e *evidence.Entry) { e.ID = uuid.Nil }, "UUIDv7"},
		{"a random id", func(e *evidence.Entry) { e.ID = uuid.New() }, "UUIDv7"},
		{"no kind", func(e *evidence.Entry) { e.Kind = "" }, "kind is missing"},
		{"no subject", func(e *evidence.Entry) { e.Subject = "" }, "subject is missing"},
		{"no policy", func(e *evidence.Entry) { e.PolicyVersion = "" }, "policy_version is missing"},
		{"no time", func(e *evidence.Entry) { e.OccurredAt = time.Time{} }, "occurred_at is missing"},
		{"zero byte in text", func(e *evidence.Entry) { e.Actor = "a\x00b" }, "actor is not text"},
		{"broken UTF-8", func(e *evidence.Entry) { e.Tenant = "\xff" }, "tenant is not text"},
		{"long text", func(e *evidence.Entry) { e.Sender = strings.Repeat("가", 101) }, "sender is longer"},
		{"large body", func(e *evidence.Entry) { e.Body = make([]byte, evidence.MaxBody+1) }, "body is larger"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bad := entry("doc-bad")
			tc.change(&bad)
			err := pg.InTx(t.Context(), b.db.App, func(tx pgx.Tx) error {
				return evidence.Append(t.Context(), tx, entry("doc-bad"), bad)
			})
			require.ErrorContains(t, err, tc.want)
			kept, err := evidence.BySubject(t.Context(), b.db.App, "doc-bad", 1)
			require.NoError(t, err)
			require.Empty(t, kept)
		})
	}
}

func TestTheUnitsRoleCanOnlyAdd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(t, entry("doc-1"))
	b.anchorAll(t)
	for _, sql := range []string{
		`update evidence_entry set kind = 'x'`, `delete from evidence_entry`, `truncate evidence_entry`,
		`update evidence_anchor set kid = 'x'`, `delete from evidence_anchor`,
		`update evidence_hold set reference = 'x'`, `delete from evidence_hold`,
		`insert into evidence_entry (id, kind, subject, tenant, sender, actor, policy_version, occurred_at, recorded_at, body, digest, xid)
		 select gen_random_uuid(), kind, subject, tenant, sender, actor, policy_version, occurred_at, recorded_at, body, digest, '1'
		   from evidence_entry`,
	} {
		_, err := b.db.App.Exec(t.Context(), sql)
		require.Equal(t, "42501", pg.SQLState(err), sql)
	}
}

func TestHoldKeepsAYearPastItsRetention(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(t, entry("doc-held"))
	b.anchorAll(t)
	year := time.Now().UTC().Year() //nolint:forbidigo // ids are made by the machine's clock
	afterRetention := time.Date(year+1+evidence.RetentionYears, 1, 2, 0, 0, 0, 0, time.UTC)
	maintain := func() {
		require.NoError(t, pg.MaintainPartitions(t.Context(), b.db.Owner, evidence.Partitions(), afterRetention))
	}
	hold := func(f func(context.Context, pgx.Tx, string, string, string) error, subject string) error {
		return pg.InTx(t.Context(), b.db.App, func(tx pgx.Tx) error {
			return f(t.Context(), tx, subject, "officer-1", "case 2026-1")
		})
	}
	require.ErrorIs(t, hold(evidence.Hold, "doc-unknown"), evidence.ErrNoEntry)
	require.NoError(t, hold(evidence.Hold, "doc-held"))
	maintain()
	kept, err := evidence.BySubject(t.Context(), b.db.App, "doc-held", 1)
	require.NoError(t, err)
	require.Len(t, kept, 1)

	require.NoError(t, hold(evidence.Release, "doc-held"))
	maintain()
	kept, err = evidence.BySubject(t.Context(), b.db.App, "doc-held", 1)
	require.NoError(t, err)
	require.Empty(t, kept)

	r := b.verify(t)
	require.Len(t, r.Violations, 1)
	require.Equal(t, evidence.EntryMissing, r.Violations[0].Kind)
	r, err = evidence.Verify(t.Context(), b.db.App, b.keys, evidence.VerifyOptions{RetainedSince: b.clock.Now().Add(time.Second)})
	require.NoError(t, err)
	require.Empty(t, r.Violations)
	require.Equal(t, uint64(1), r.Expired)
}

func TestEntriesThatAreNotAnchoredAreNotDropped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(t, entry("doc-late"))
	year := time.Now().UTC().Year() //nolint:forbidigo // ids are made by the machine's clock
	require.NoError(t, pg.MaintainPartitions(t.Context(), b.db.Owner, evidence.Partitions(),
		time.Date(year+1+evidence.RetentionYears, 1, 2, 0, 0, 0, 0, time.UTC)))
	kept, err := evidence.BySubject(t.Context(), b.db.App, "doc-late", 1)
	require.NoError(t, err)
	require.Len(t, kept, 1)
}

package viewingkit_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/viewingkit"
	"github.com/naru-relay/naru/pkg/viewingkit/viewingdb"
)

var morning = time.Date(2026, 3, 2, 1, 0, 0, 123456000, time.UTC)

func inDatabase(t *testing.T) (*viewingdb.Store, *pgtest.DB) {
	t.Helper()
	db := pgtest.New(t, "viewing", pg.Source{Name: "viewing", FS: viewingdb.Migrations})
	store, err := viewingdb.New(db.App)
	require.NoError(t, err)
	return store, db
}

func TestTheLogIsOneChain(t *testing.T) {
	t.Parallel()
	log, _ := inDatabase(t)
	var wg sync.WaitGroup
	digests := make([]string, 40)
	for i := range digests {
		wg.Go(func() {
			e, err := log.Append(t.Context(), viewingkit.Check{At: morning, Outcome: viewingkit.OutcomeShow, RequestID: uuid.NewString()})
			if err == nil {
				digests[i] = e.Digest
			}
		})
	}
	wg.Wait()
	var read []string
	for e, err := range log.Entries(t.Context(), 0) {
		require.NoError(t, err)
		read = append(read, e.Digest)
	}
	require.ElementsMatch(t, digests, read)
	head, err := viewingkit.VerifyChain(log.Entries(t.Context(), 0))
	require.NoError(t, err)
	require.Equal(t, viewingkit.Head{Seq: 40, Digest: read[39]}, head)
}

func TestRecordIsCanonicalJSONUnderItsDigest(t *testing.T) {
	t.Parallel()
	verified := morning.Add(-time.Second)
	e, err := viewingkit.EmptyHead().Follow(viewingkit.Check{
		At: morning, Outcome: viewingkit.OutcomeShow, RequestID: "r", DocumentID: "d", EdocNum: "e<é>", VerificationID: "v", VerifiedAt: &verified,
		RecipientKind: "ci", RecipientSame: true, SentHash: &viewingkit.Hash{Algorithm: "SHA_256", Value: "ab"},
	})
	require.NoError(t, err)
	want := `{"at":"2026-03-02T01:00:00.123456Z","documentId":"d","edocNum":"e<??>","outcome":"SHOW","recipientKind":"ci",` +
		`"recipientSame":true,"requestId":"r","sentHash":{"algorithm":"SHA_256","value":"ab"},"verificationId":"v",` +
		`"verifiedAt":"2026-03-02T00:59:59.123456Z"}`
	require.Equal(t, want, string(e.Record))
	digest := sha256.Sum256(append(make([]byte, 32), want...))
	require.Equal(t, hex.EncodeToString(digest[:]), e.Digest)
	require.Equal(t, strings.Repeat("0", 64), e.Prev)
	c, err := e.Check()
	require.NoError(t, err)
	require.Equal(t, "v", c.VerificationID)
}

func TestTamperingIsSeen(t *testing.T) {
	t.Parallel()
	chain := func(t *testing.T) []viewingkit.Entry {
		t.Helper()
		head, entries := viewingkit.EmptyHead(), []viewingkit.Entry{}
		for _, number := range []string{"a", "b", "c"} {
			e, err := head.Follow(viewingkit.Check{At: morning, Outcome: viewingkit.OutcomeRefused, EdocNum: number})
			require.NoError(t, err)
			head, entries = e.Head(), append(entries, e)
		}
		return entries
	}
	verify := func(entries []viewingkit.Entry) error {
		_, err := viewingkit.VerifyChain(func(yield func(viewingkit.Entry, error) bool) {
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
		})
		return err
	}
	require.NoError(t, verify(chain(t)))
	tests := []struct {
		name   string
		change func([]viewingkit.Entry) []viewingkit.Entry
	}{
		{"a record changed", func(e []viewingkit.Entry) []viewingkit.Entry {
			e[1].Record = []byte(strings.Replace(string(e[1].Record), "REFUSED", "SHOW", 1))
			return e
		}},
		{"a record changed with its digest", func(e []viewingkit.Entry) []viewingkit.Entry {
			e[1], _ = e[0].Head().Follow(viewingkit.Check{At: morning, Outcome: viewingkit.OutcomeShow, EdocNum: "b"})
			return e
		}},
		{"a record removed", func(e []viewingkit.Entry) []viewingkit.Entry { return slices.Delete(e, 1, 2) }},
		{"the first removed", func(e []viewingkit.Entry) []viewingkit.Entry { return e[1:] }},
		{"two exchanged", func(e []viewingkit.Entry) []viewingkit.Entry { e[0], e[1] = e[1], e[0]; return e }},
		{"one doubled", func(e []viewingkit.Entry) []viewingkit.Entry { return append(e, e[2]) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, verify(tt.change(chain(t))), viewingkit.ErrChainBroken)
		})
	}
}

func TestDatabaseLogCannotBeRewrittenByItsUser(t *testing.T) {
	t.Parallel()
	store, db := inDatabase(t)
	_, err := store.Append(t.Context(), viewingkit.Check{At: morning, Outcome: "A"})
	require.NoError(t, err)
	for _, statement := range []string{`update viewing_log set seq = 2`, `delete from viewing_log`, `truncate viewing_log`} {
		_, err := db.App.Exec(t.Context(), statement)
		require.Equal(t, "42501", pg.SQLState(err), statement)
	}
	_, err = db.Owner.Exec(t.Context(), `update viewing_log set record = '{}'`)
	require.NoError(t, err)
	_, err = viewingkit.VerifyChain(store.Entries(t.Context(), 0))
	require.ErrorIs(t, err, viewingkit.ErrChainBroken)
}

func TestOutboxLeasesAndSettles(t *testing.T) {
	t.Parallel()
	o, _ := inDatabase(t)
	put := func(due time.Time) viewingkit.PendingReport {
		p := viewingkit.PendingReport{
			ID: uuid.NewString(), DueAt: due,
			Report: viewingkit.ReadReport{EdocNum: "n", VerificationID: "v", ReadAt: morning, ShownHash: viewingkit.Hash{Algorithm: "SHA_256", Value: "ab"}, LogDigest: "cd"},
		}
		require.NoError(t, o.Put(t.Context(), p))
		return p
	}
	due := func(now time.Time, limit int) []string {
		ids := []string{}
		list, err := o.Due(t.Context(), now, limit)
		require.NoError(t, err)
		for _, p := range list {
			ids = append(ids, p.ID)
			require.Equal(t, "v", p.Report.VerificationID)
			require.True(t, morning.Equal(p.Report.ReadAt), "microseconds survive")
		}
		return ids
	}
	late, early, future := put(morning.Add(2*time.Second)), put(morning.Add(time.Second)), put(morning.Add(time.Hour))
	now := morning.Add(time.Minute)
	require.Equal(t, []string{early.ID}, due(now, 1))
	require.Equal(t, []string{late.ID}, due(now, 9), "a leased report is nobody else's")
	require.Equal(t, []string{}, due(now, 9))
	require.ElementsMatch(t, []string{early.ID, late.ID}, due(now.Add(viewingkit.ReportLease), 9), "until its lease ends")

	early.Attempt, early.LastError, early.DueAt = 1, "down", now.Add(30*time.Second)
	require.NoError(t, o.Settle(t.Context(), early, viewingkit.ReportPending))
	require.NoError(t, o.Settle(t.Context(), late, viewingkit.ReportRefused))
	require.Equal(t, []string{}, due(now.Add(29*time.Second), 9))
	list, err := o.Due(t.Context(), now.Add(30*time.Second), 9)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, 1, list[0].Attempt)
	require.Equal(t, "down", list[0].LastError)
	require.NoError(t, o.Settle(t.Context(), list[0], viewingkit.ReportDelivered))
	require.Equal(t, []string{future.ID}, due(now.Add(24*time.Hour), 9))
}

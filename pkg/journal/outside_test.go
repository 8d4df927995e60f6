package journal_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/witness"
)

// neighbour is a witness outside of the relay, on a socket, that can be away.
type neighbour struct {
	*witness.Client
	key   string
	away  atomic.Bool
	asked atomic.Int64
}

func newNeighbour(t *testing.T, s *standing, name string) *neighbour {
	t.Helper()
	key := journaltest.Cosigner(t, name+".example", s.Clock)
	origin := journal.OriginOf(journal.OwnerOf(journaltest.Platform, "intake"), 1)
	handler, err := witness.NewHandler(t.TempDir(), key.Cosigner, map[string]string{origin: s.Signer.Public}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	n := &neighbour{key: key.PublicCosigner}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.asked.Add(1); n.away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	n.Client, err = witness.Config{Name: name, URL: server.URL, Key: n.key}.Client()
	require.NoError(t, err)
	return n
}

// outsideOf asks these witnesses, of whom so many are required.
func outsideOf(t *testing.T, s *standing, dir string, required int, all ...*neighbour) (*journal.Outside, journal.Publication) {
	t.Helper()
	deps := journal.OutsideDeps{Unit: "intake", DB: s.db.App, Publication: journal.Publication{Required: required}, Every: journaltest.CosignEvery,
		Clock: s.Clock, Log: slog.New(slog.DiscardHandler), Meter: s.Meter, Export: journal.ExportTo(dir, s.Signer)}
	for _, n := range all {
		deps.Witnesses = append(deps.Witnesses, n)
		deps.Publication.Outside = append(deps.Publication.Outside, journal.WitnessID(n.Verifier()))
	}
	outside, err := journal.NewOutside(deps)
	require.NoError(t, err)
	return outside, deps.Publication
}

func (s *standing) grow(t *testing.T, subject string) {
	t.Helper()
	s.Clock.Advance(time.Second)
	s.state(t, cancelled(subject))
	require.NoError(t, s.after(t, 0))
}

func (s *standing) publishedSize(t *testing.T, p journal.Publication) int64 {
	t.Helper()
	newest, err := p.Newest(t.Context(), s.db.App)
	require.NoError(t, err)
	return newest.N
}

// Without any required, outside witnesses add to what is published once they have answered, and again at the interval.
func TestOutsideWitnessesAdd(t *testing.T) {
	t.Parallel()
	s := newStanding(t)
	n, dir := newNeighbour(t, s, "one"), t.TempDir()
	outside, publication := outsideOf(t, s, dir, 0, n)
	require.NoError(t, outside.Pass(t.Context(), n))
	require.Zero(t, n.asked.Load(), "there is nothing to cosign")
	for _, subject := range []string{"a", "b", "c"} {
		s.grow(t, subject)
	}
	require.EqualValues(t, 3, s.publishedSize(t, publication), "nothing waits for it")
	require.NoError(t, outside.Pass(t.Context(), n))
	require.EqualValues(t, 1, n.asked.Load())
	newest, err := publication.Newest(t.Context(), s.db.App)
	require.NoError(t, err)
	first, err := journal.Cosignatures(newest.Published(), n.Verifier())
	require.NoError(t, err)
	exported, err := os.ReadFile(filepath.Join(dir, "intake.checkpoint"))
	require.NoError(t, err)
	require.Equal(t, newest.Witnessed(), string(exported))

	require.NoError(t, outside.Pass(t.Context(), n))
	require.EqualValues(t, 1, n.asked.Load(), "it has cosigned this one")
	s.Clock.Advance(journaltest.CosignEvery)
	require.NoError(t, outside.Pass(t.Context(), n))
	require.EqualValues(t, 2, n.asked.Load(), "it is asked anew for what stands still")
	newest, err = publication.Newest(t.Context(), s.db.App)
	require.NoError(t, err)
	later, err := journal.Cosignatures(newest.Published(), n.Verifier())
	require.NoError(t, err)
	require.Equal(t, first[0].At.Add(journaltest.CosignEvery), later[0].At)
	require.Equal(t, 1, s.count(t, `select count(*) from log_cosignature where size = 3`))

	for _, subject := range []string{"d", "e"} {
		s.grow(t, subject)
	}
	require.NoError(t, outside.Pass(t.Context(), n))
	require.EqualValues(t, 3, n.asked.Load(), "from where it stands, over the one between")
	require.Equal(t, 1, s.count(t, `select count(*) from log_cosignature where size = 5`))

	_, err = s.db.Owner.Exec(t.Context(), `delete from log_cosignature`)
	require.NoError(t, err)
	s.grow(t, "f")
	require.NoError(t, outside.Pass(t.Context(), n))
	require.EqualValues(t, 5, n.asked.Load(), "it says where it stands")
	require.Equal(t, 1, s.count(t, `select count(*) from log_cosignature where size = 6`))
}

// A checkpoint is not published, nor stamped, nor exported, before as many outside witnesses as are required have cosigned it.
// While too few answer the log goes on, and metrics tell.
func TestPublicationWaitsForOutsideWitnesses(t *testing.T) {
	t.Parallel()
	s := newStanding(t)
	one, two, three, dir := newNeighbour(t, s, "one"), newNeighbour(t, s, "two"), newNeighbour(t, s, "three"), t.TempDir()
	outside, publication := outsideOf(t, s, dir, 2, one, two, three)
	a := newAuthority(t, s.bench)
	stamper, err := journal.NewStamper(journal.StamperDeps{Unit: "intake", DB: s.db.App, Authority: a, Publication: publication, Every: every, Clock: s.Clock,
		Log: slog.New(slog.DiscardHandler), Meter: s.Meter})
	require.NoError(t, err)
	s.grow(t, "a")
	require.Zero(t, s.publishedSize(t, publication))
	require.NoError(t, outside.Pass(t.Context(), one))
	require.Zero(t, s.publishedSize(t, publication), "one of two")
	pass(t, stamper)
	require.Zero(t, a.asked)
	require.NoFileExists(t, filepath.Join(dir, "intake.checkpoint"))
	two.away.Store(true)
	require.ErrorContains(t, outside.Pass(t.Context(), two), "status 503")
	s.Clock.Advance(time.Minute)
	require.EqualValues(t, 60, s.Metric(t, "naru.journal.unpublished.age"))
	require.EqualValues(t, 60, s.Metric(t, "naru.journal.outside.age"))
	require.NoError(t, outside.Pass(t.Context(), three))
	require.EqualValues(t, 1, s.publishedSize(t, publication))
	require.Zero(t, s.Metric(t, "naru.journal.unpublished.age"))
	require.EqualValues(t, 60, s.Metric(t, "naru.journal.outside.age"), "one is still away")
	pass(t, stamper)
	require.Equal(t, 1, a.asked)
	require.FileExists(t, filepath.Join(dir, "intake.checkpoint"))

	s.grow(t, "b")
	require.EqualValues(t, 1, s.publishedSize(t, publication), "the newest that has all it needs")
	require.NoError(t, outside.Pass(t.Context(), three))
	two.away.Store(false)
	require.NoError(t, outside.Pass(t.Context(), two))
	require.EqualValues(t, 2, s.publishedSize(t, publication))
	require.Zero(t, s.Metric(t, "naru.journal.outside.age"))

	ours := journal.Publication{Required: 1, Outside: []string{journal.WitnessID(mustCosigner(t, s.key))}}
	require.NoError(t, s.after(t, journaltest.CosignEvery))
	require.EqualValues(t, 2, s.publishedSize(t, publication))
	require.EqualValues(t, 2, s.publishedSize(t, ours))
	require.Zero(t, s.publishedSize(t, journal.Publication{Required: 4, Outside: publication.Outside}), "the unit's own witness is none of them")
}

// Whoever verifies a log may require witnesses outside of the relay: as many of those whose keys are given have to have cosigned
// lately, in the records or in what is kept elsewhere.
func TestOutsideWitnessesAreVerified(t *testing.T) {
	t.Parallel()
	s := newStanding(t)
	one, two := newNeighbour(t, s, "one"), newNeighbour(t, s, "two")
	outside, publication := outsideOf(t, s, t.TempDir(), 0, one, two)
	s.grow(t, "a")
	require.NoError(t, outside.Pass(t.Context(), one))
	verify := func(required int, known ...string) []string {
		t.Helper()
		report, err := journal.Verify(t.Context(), s.db.Owner, journal.VerifyOptions{Unit: "intake", Log: s.Signer.Public, Witnesses: []string{s.key}, Known: known,
			Now: s.Clock.Now(), AsOf: s.Clock.Now(), Policy: journal.WitnessPolicy{Within: time.Hour, Outside: []string{one.key, two.key}, Required: required}})
		require.NoError(t, err)
		codes := []string{}
		for _, v := range report.Violations {
			codes = append(codes, v.Code)
		}
		return codes
	}
	require.Empty(t, verify(0))
	require.Empty(t, verify(1))
	require.Equal(t, []string{journal.NotWitnessed}, verify(2))
	require.NoError(t, outside.Pass(t.Context(), two))
	require.Empty(t, verify(2))
	shown, err := publication.Newest(t.Context(), s.db.App)
	require.NoError(t, err)

	_, err = s.db.Owner.Exec(t.Context(), `delete from log_cosignature`)
	require.NoError(t, err)
	require.Equal(t, []string{journal.NotWitnessed}, verify(1))
	require.Empty(t, verify(2, shown.Published()), "kept elsewhere")
	s.Clock.Advance(59 * time.Minute)
	require.NoError(t, s.after(t, 0))
	require.Empty(t, verify(2, shown.Published()))
	require.NoError(t, s.after(t, time.Minute))
	require.Equal(t, []string{journal.NotWitnessed}, verify(2, shown.Published()), "the units' own has cosigned, the others' are too old")
	_, err = journal.Verify(t.Context(), s.db.Owner, journal.VerifyOptions{Unit: "intake", Log: s.Signer.Public, Policy: journal.WitnessPolicy{Outside: []string{"no key"}}})
	require.ErrorContains(t, err, "witness's key")
}

// A history that an outside witness does not know is not cosigned, whoever holds the relay's keys and database.
func TestOutsideWitnessKnowsAnotherHistory(t *testing.T) {
	t.Parallel()
	s := newStanding(t)
	n := newNeighbour(t, s, "one")
	outside, _ := outsideOf(t, s, t.TempDir(), 0, n)
	s.grow(t, "a")
	s.grow(t, "b")
	require.NoError(t, outside.Pass(t.Context(), n))
	forged := newStanding(t)
	forged.Signer = s.Signer
	forged.logger = forged.NewLogger(t, forged.db.App, nil)
	begin := func(subjects ...string) {
		t.Helper()
		for _, subject := range subjects {
			forged.state(t, cancelled(subject))
			require.NoError(t, forged.after(t, time.Second))
		}
		_, err := forged.db.Owner.Exec(t.Context(), `update log_checkpoint set cosigned = note`)
		require.NoError(t, err)
	}
	lying, _ := outsideOf(t, forged, t.TempDir(), 0, n)
	begin("x")
	require.ErrorContains(t, lying.Pass(t.Context(), n), "it has cosigned 2 leaves")
	begin("y")
	require.ErrorIs(t, lying.Pass(t.Context(), n), witness.ErrNotExtended)
	begin("z")
	require.ErrorIs(t, lying.Pass(t.Context(), n), witness.ErrNotExtended)
}

// Each witness has a task of its own; one that does not answer keeps no other from it.
func TestOutsideWitnessesAreAskedEachOnItsOwn(t *testing.T) {
	t.Parallel()
	s := newStanding(t)
	one, two := newNeighbour(t, s, "one"), newNeighbour(t, s, "two")
	one.away.Store(true)
	outside, publication := outsideOf(t, s, t.TempDir(), 1, one, two)
	group := lifecycle.New()
	group.Go(t.Context(), outside.Tasks()...)
	s.grow(t, "a")
	await.Require(t, patience, func() bool { return s.publishedSize(t, publication) == 1 })
	s.grow(t, "b")
	await.Require(t, patience, func() bool { return s.publishedSize(t, publication) == 2 })
	require.NoError(t, group.Stop(t.Context()))
}

func mustCosigner(t *testing.T, key string) note.Verifier {
	t.Helper()
	verifier, err := formats.NewVerifierForCosignatureV1(key)
	require.NoError(t, err)
	return verifier
}

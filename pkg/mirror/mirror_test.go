package mirror_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/attestation"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/mirror"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/tsp"
	"github.com/naru-relay/naru/pkg/witness"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// relay is a unit with a real log, which a server publishes as the REST door does, a witness, and a time-stamping authority.
type relay struct {
	*journaltest.Journal
	t       *testing.T
	db      *pgtest.DB
	witness *keys.NoteKey
	logger  *journal.Logger
	// away: the witness does not answer.
	away bool
	// logged is how many facts there are.
	logged int

	tsa       *cmstest.Authority
	signer    cmstest.Signer
	stampedAt func() time.Time

	// lies are answers in place of the true ones.
	lies map[string]string
	url  string
	// asked are the paths that were asked for.
	asked []string
}

// open makes a relay; with twin it has that relay's keys and none of its history.
func open(t *testing.T, twin *relay) *relay {
	t.Helper()
	db := pgtest.New(t, "intake", journal.Migrations())
	r := &relay{t: t, db: db, Journal: journaltest.Open(t, db.App, "intake", []proto.Message{&intakev1.CancelRequested{}}), lies: map[string]string{}}
	r.tsa = cmstest.NewRoot(t, "time stamps", r.Clock.Now())
	r.signer, r.stampedAt = r.tsa.TimeStamper(t, "authority", r.Clock.Now()), r.Clock.Now
	beside := journaltest.Open(t, pgtest.New(t, "intake", journal.Migrations()).App, "intake", []proto.Message{&intakev1.CancelRequested{}})
	r.witness = journaltest.Cosigner(t, journal.OwnerOf(journaltest.Platform, "status"), r.Clock)
	if twin != nil {
		r.Signer, r.witness, r.tsa, r.signer = twin.Signer, twin.witness, twin.tsa, twin.signer
	}
	of := &journal.WitnessOf{Journal: beside.Journal, Store: beside.Store, Key: r.witness, Clock: beside.Clock}
	owner := journal.OwnerOf(journaltest.Platform, "intake")
	r.logger = r.NewLogger(t, db.App, func(ctx context.Context, q journal.Request) (journal.Answer, error) {
		if r.away {
			return journal.Answer{}, errors.New("not reached")
		}
		return of.Cosign(ctx, owner, q)
	})
	server := httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// grow states facts, each a leaf, and has the log cosigned.
func (r *relay) grow(facts int) {
	r.t.Helper()
	r.state(facts)
	require.NoError(r.t, r.logger.Drain(r.t.Context()))
}

// state states facts.
func (r *relay) state(facts int) {
	r.t.Helper()
	for range facts {
		r.logged++
		require.NoError(r.t, r.InTx(r.t.Context(), func(tx *journal.Tx) error {
			return tx.State(r.t.Context(), platformv1.Lane_LANE_EXPRESS, journal.Fact{Subject: fmt.Sprint("document ", r.logged), Sender: "sender", Actor: "sender",
				OccurredAt: r.Clock.Now(), Message: &intakev1.CancelRequested{EdocNum: strconv.Itoa(r.logged)}})
		}))
	}
}

// Stamp implements journal.Stamping.
func (r *relay) Stamp(_ context.Context, hash [sha256.Size]byte) ([]byte, *tsp.Token, error) {
	at := r.stampedAt().Truncate(time.Second)
	der, err := attestation.IssueTimeStamp(attestation.Stamp{Hash: hash, Serial: big.NewInt(1), At: at}, r.signer.Key, r.signer.Chain)
	return der, &tsp.Token{Attestation: attestation.Attestation{Hash: hex.EncodeToString(hash[:]), At: at}}, err
}

// stamp has the newest checkpoint stamped.
func (r *relay) stamp() {
	r.t.Helper()
	stamper, err := journal.NewStamper(journal.StamperDeps{Unit: "intake", DB: r.db.App, Authority: r, Every: time.Nanosecond, Clock: r.Clock,
		Log: slog.New(slog.DiscardHandler), Meter: r.Meter})
	require.NoError(r.t, err)
	_, err = stamper.Pass(r.t.Context())
	require.NoError(r.t, err)
}

// file is a file of the log as it is.
func (r *relay) file(path string) (string, error) {
	switch path {
	case "checkpoint":
		newest, err := journal.Publication{}.Newest(r.t.Context(), r.db.App)
		published := newest.Published()
		if err == nil && published == "" {
			err = journal.ErrNoTile
		}
		return published, err
	case "stamped-checkpoint", "stamped-checkpoint.tst":
		stamp, known, err := journal.NewestStamp(r.t.Context(), r.db.App)
		if err == nil && !known {
			err = journal.ErrNoTile
		}
		if path == "stamped-checkpoint" {
			return stamp.Published, err
		}
		return string(stamp.Token), err
	}
	tile, err := journal.ParseTilePath(path)
	if err != nil {
		return "", err
	}
	hashes, err := journal.ReadTile(r.t.Context(), r.db.App, tile)
	return string(hashes), err
}

func (r *relay) serve(w http.ResponseWriter, request *http.Request) {
	path, ours := strings.CutPrefix(request.URL.Path, "/.well-known/naru/intake/log/")
	r.asked = append(r.asked, path)
	content, lie := r.lies[path]
	var err error
	if !lie {
		content, err = r.file(path)
	}
	if !ours || err != nil {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"reason":"TILE_NOT_FOUND"}`))
		return
	}
	_, _ = w.Write([]byte(content))
}

// copy is a mirror of a relay's log.
type copy struct {
	mirror.Options
	t   *testing.T
	now time.Time
}

func newCopy(t *testing.T, of *relay) *copy {
	t.Helper()
	m := &copy{t: t, now: clock.System().Now()}
	m.Options = mirror.Options{Unit: "intake", Fetch: mirror.FromRelay(http.DefaultClient, of.url, "intake"), Folder: filepath.Join(t.TempDir(), "intake"),
		Key: of.Signer.Public, Witnesses: []string{of.witness.PublicCosigner}, Roots: of.tsa.Pool(),
		Policy: journal.WitnessPolicy{Within: 2 * time.Hour}, Now: func() time.Time { return m.now }}
	return m
}

// of has the mirror look at another server.
func (m *copy) of(r *relay) *copy {
	m.Fetch = mirror.FromRelay(http.DefaultClient, r.url, "intake")
	return m
}

func (m *copy) update() mirror.Result {
	m.t.Helper()
	result, err := mirror.Update(m.t.Context(), m.Options)
	require.NoError(m.t, err)
	return result
}

// tells looks, and requires that these violations are told.
func (m *copy) tells(codes ...string) mirror.Result {
	m.t.Helper()
	result := m.update()
	var told []string
	for _, v := range result.Violations {
		told = append(told, v.Code)
	}
	require.Equal(m.t, codes, told)
	return result
}

// refuses looks, and requires that these violations are told, that nothing was taken, and that the folder is as it was.
func (m *copy) refuses(codes ...string) mirror.Result {
	m.t.Helper()
	before := m.files()
	result := m.tells(codes...)
	require.Equal(m.t, result.From, result.Size)
	require.Equal(m.t, before, m.files())
	return result
}

func (m *copy) files() map[string]string {
	m.t.Helper()
	files := map[string]string{}
	require.NoError(m.t, filepath.WalkDir(m.Folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() || entry.Name() == ".lock" {
			return err
		}
		content, err := os.ReadFile(path)
		files[filepath.ToSlash(strings.TrimPrefix(path, m.Folder+string(filepath.Separator)))] = string(content)
		return err
	}))
	return files
}

// requireWhole recomputes the mirror's tree from its leaves alone.
func (m *copy) requireWhole(size int64) {
	m.t.Helper()
	files := m.files()
	var hashes []tlog.Hash
	for n := int64(0); n < size; n += 256 {
		tile := tlog.Tile{H: 8, N: n / 256, W: int(min(256, size-n))}
		content := files[journal.TilePath(tile)]
		require.Len(m.t, content, 32*tile.W, journal.TilePath(tile))
		for i := range tile.W {
			leaf := tlog.Hash([]byte(content[32*i : 32*i+32]))
			more, err := tlog.StoredHashesForRecordHash(n+int64(i), leaf, tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
				found := make([]tlog.Hash, len(indexes))
				for i, index := range indexes {
					found[i] = hashes[index]
				}
				return found, nil
			}))
			require.NoError(m.t, err)
			hashes = append(hashes, more...)
		}
	}
	root, err := tlog.TreeHash(size, tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = hashes[index]
		}
		return found, nil
	}))
	require.NoError(m.t, err)
	lines := strings.Split(files["checkpoint"], "\n")
	require.Equal(m.t, strconv.FormatInt(size, 10), lines[1])
	require.Equal(m.t, root.String(), lines[2])
}

// A mirror follows a log as it grows, over the borders of tiles, and asks only for what it lacks.
func TestMirrorFollows(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	m := newCopy(t, r)
	require.Equal(t, mirror.Result{Unit: "intake", Violations: []journal.Violation{}}, m.update(), "nothing is cosigned yet")
	size := 0
	for _, more := range []int{1, 4, 251, 1, 300} {
		r.grow(more)
		r.stamp()
		result := m.update()
		require.Empty(t, result.Violations)
		require.EqualValues(t, size, result.From)
		size += more
		require.EqualValues(t, size, result.Size)
		require.EqualValues(t, size, result.StampedSize)
		require.WithinDuration(t, clock.System().Now(), result.CosignedAt, time.Minute)
		m.requireWhole(int64(size))
	}
	files := m.files()
	require.Len(t, files["tile/0/001"], 256*32)
	require.Len(t, files["tile/1/000.p/2"], 2*32)
	require.NotContains(t, files, "tile/0/000.p/5", "what a wider tile holds goes")
	require.NotEmpty(t, files["stamps/5.checkpoint"])
	require.NotEmpty(t, files["stamps/5.checkpoint.tst"])

	r.asked = nil
	result := m.update()
	require.Empty(t, result.Violations)
	require.Equal(t, result.From, result.Size)
	require.NotContains(t, r.asked, "tile/0/001", "a full tile is read once")
}

// A log with another history under the same keys, which a witness cosigned, too, is not taken: neither smaller, nor of the same
// size, nor larger.
func TestForkedLogIsTold(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	r.grow(5)
	m := newCopy(t, r)
	require.Empty(t, m.update().Violations)
	forked := open(t, r)
	forked.grow(3)
	m.of(forked).refuses(journal.LogCutOff)
	forked.grow(2)
	m.refuses(journal.HistoryDiffers)
	forked.grow(300)
	m.refuses(journal.HistoryDiffers)
	require.Empty(t, m.of(r).update().Violations, "the true one is still followed")
}

// A log that shows less than it did is not taken, nor one that shows nothing any more.
func TestShortenedLogIsTold(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	r.grow(3)
	earlier, err := r.file("checkpoint")
	require.NoError(t, err)
	r.grow(2)
	m := newCopy(t, r)
	require.Empty(t, m.update().Violations)
	r.lies["checkpoint"] = earlier
	m.refuses(journal.LogCutOff)
	m.of(open(t, r)).refuses(journal.LogCutOff)
}

// What a log signs and what it shows have to be the same.
func TestHashesThatDoNotLeadToTheRoot(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	r.grow(5)
	m := newCopy(t, r)
	true5, err := r.file("tile/0/000.p/5")
	require.NoError(t, err)
	r.lies["tile/0/000.p/5"] = strings.Repeat("x", 32) + true5[32:]
	m.refuses(journal.RootDiffers)
	r.lies["tile/0/000.p/5"] = true5[32:]
	m.refuses(journal.RootDiffers)
	delete(r.lies, "tile/0/000.p/5")
	require.Empty(t, m.update().Violations)
}

// Another key, another log, a missing witness, text that is no checkpoint: not taken.
func TestCheckpointsOfOthers(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	r.grow(2)
	m := newCopy(t, r)
	require.Empty(t, m.update().Violations)
	stranger := open(t, nil)
	stranger.grow(3)
	m.of(stranger).refuses(journal.CheckpointChanged)
	m.of(r)
	r.grow(1)
	alone, err := journal.Newest(t.Context(), r.db.App)
	require.NoError(t, err)
	r.lies["checkpoint"] = alone.Note
	m.refuses(journal.CosignatureWrong)
	r.lies["checkpoint"] = alone.Cosigned
	m.refuses(journal.CheckpointChanged)
	r.lies["checkpoint"] = strings.Replace(alone.Published(), "\n3\n", "\n4\n", 1)
	m.refuses(journal.CheckpointChanged)
	r.lies["checkpoint"] = strings.Repeat("x", 32<<10)
	m.refuses(journal.CheckpointChanged)
	delete(r.lies, "checkpoint")
	require.Empty(t, m.update().Violations)
}

// A log that is said to have been larger than the mirror saw it was dated back, by its witness or by its authority.
func TestBackDatedLogIsTold(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	r.grow(2)
	r.stamp()
	m := newCopy(t, r)
	require.Empty(t, m.update().Violations)
	m.now = m.now.Add(time.Hour)
	require.Empty(t, m.update().Violations, "an hour later the log is as it was")
	r.grow(1) // cosigned an hour before, by the mirror's clock
	m.refuses(journal.TimeContradicted)

	honest := newCopy(t, r)
	require.Empty(t, honest.update().Violations)
	r.grow(1)
	r.stampedAt = func() time.Time { return r.Clock.Now().Add(-time.Hour) }
	r.stamp()
	honest.refuses(journal.TimeContradicted)

	honest.now = honest.now.Add(-time.Hour)
	honest.Roots = nil
	require.Equal(t, journal.TimeContradicted, honest.refuses(journal.TimeContradicted).Violations[0].Code, "cosigned at a time that is to come")
}

// A log whose witness is away is told, whether it stands still or grows; what it shows is taken nevertheless. One whose witness
// works is not, however long it stands still.
func TestWitnessThatIsAwayIsTold(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	r.grow(2)
	m := newCopy(t, r)
	m.Roots = nil
	m.now = r.Clock.Now()
	at := func(d time.Duration) {
		t.Helper()
		r.Clock.Advance(d)
		m.now = m.now.Add(d)
		if err := r.logger.Drain(t.Context()); r.away {
			require.ErrorContains(t, err, "not reached")
		} else {
			require.NoError(t, err)
		}
	}
	for range 6 {
		at(time.Hour)
		result := m.update()
		require.Empty(t, result.Violations, "it stands still, and its witness works")
		require.WithinDuration(t, m.now, result.CosignedAt, time.Second)
		kept, err := mirror.Kept(m.Folder)
		require.NoError(t, err)
		require.Equal(t, m.now.UTC(), kept.LookedAt)
		published, err := r.file("checkpoint")
		require.NoError(t, err)
		require.Equal(t, published, kept.Checkpoint, "the newest cosignature is kept")
	}
	last := m.now
	r.grow(1)
	r.away = true
	at(2*time.Hour - time.Second) // cosignatures state whole seconds
	require.Empty(t, m.update().Violations, "within the bound")
	at(time.Minute)
	result := m.tells(journal.NotWitnessed)
	require.EqualValues(t, 3, result.Size)
	require.WithinDuration(t, last, result.CosignedAt, time.Second)
	r.state(4)
	at(time.Minute)
	m.tells(journal.NotWitnessed)
	late := newCopy(t, r)
	late.now, late.Roots = m.now, nil
	result = late.tells(journal.NotWitnessed)
	require.EqualValues(t, 3, result.Size, "what was cosigned is taken")
	late.requireWhole(3)
	r.away = false
	at(time.Minute)
	result = m.update()
	require.Empty(t, result.Violations)
	require.EqualValues(t, 7, result.Size)
}

// A mirror may require witnesses outside of the relay: as many of those whose keys it has must be under the newest checkpoint,
// and lately.
func TestWitnessesOutsideOfTheRelay(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	var keys []string
	var clients []*witness.Client
	for _, name := range []string{"one.example", "two.example"} {
		key := journaltest.Cosigner(t, name, r.Clock)
		handler, err := witness.NewHandler(t.TempDir(), key.Cosigner, map[string]string{"naru/naru-01-test/intake/1": r.Signer.Public}, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		client, err := witness.Config{Name: name, URL: server.URL, Key: key.PublicCosigner}.Client()
		require.NoError(t, err)
		keys, clients = append(keys, key.PublicCosigner), append(clients, client)
	}
	deps := journal.OutsideDeps{Unit: "intake", DB: r.db.App, Witnesses: []journal.Outsider{clients[0], clients[1]}, Every: journaltest.CosignEvery, Clock: r.Clock,
		Log: slog.New(slog.DiscardHandler), Meter: r.Meter}
	outside, err := journal.NewOutside(deps)
	require.NoError(t, err)
	m := newCopy(t, r)
	m.Roots, m.now = nil, r.Clock.Now()
	m.Policy.Outside, m.Policy.Required = keys, 2
	r.grow(3)
	m.refuses(journal.CosignatureWrong)
	require.NoError(t, outside.Pass(t.Context(), clients[0]))
	m.refuses(journal.CosignatureWrong)
	require.NoError(t, outside.Pass(t.Context(), clients[1]))
	result := m.update()
	require.Empty(t, result.Violations)
	require.EqualValues(t, 3, result.Size)
	m.requireWhole(3)

	later := func(d time.Duration) {
		t.Helper()
		r.Clock.Advance(d)
		m.now = m.now.Add(d)
		require.NoError(t, r.logger.Drain(t.Context()))
		require.NoError(t, outside.Pass(t.Context(), clients[0]))
	}
	later(2*time.Hour - time.Second)
	require.Empty(t, m.update().Violations)
	later(2 * time.Second)
	m.tells(journal.NotWitnessed)
	m.Policy.Required = 1
	require.Empty(t, m.update().Violations)
	m.Policy.Outside = []string{"no key"}
	_, err = mirror.Update(t.Context(), m.Options)
	require.ErrorContains(t, err, "witness's key")
}

// A log that shows nothing at all is told once it has done so for too long.
func TestLogThatIsNeverWitnessedIsTold(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	r.away = true
	r.state(1)
	require.Error(t, r.logger.Drain(t.Context()))
	m := newCopy(t, r)
	require.Empty(t, m.update().Violations)
	m.now = m.now.Add(2 * time.Hour)
	require.Empty(t, m.update().Violations)
	m.now = m.now.Add(time.Minute)
	m.refuses(journal.NotWitnessed)
}

// A time stamp has to be over what the log shows, by an authority that is believed; without roots it is not looked at.
func TestTimeStamps(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	r.grow(2)
	r.stamp()
	m := newCopy(t, r)
	m.Roots = cmstest.NewRoot(t, "another", r.Clock.Now()).Pool()
	m.refuses(journal.StampWrong)
	m.Roots = r.tsa.Pool()

	forked := open(t, r)
	forked.grow(1)
	forked.stamp()
	for _, path := range []string{"stamped-checkpoint", "stamped-checkpoint.tst"} {
		content, err := forked.file(path)
		require.NoError(t, err)
		r.lies[path] = content
	}
	m.refuses(journal.HistoryDiffers)
	delete(r.lies, "stamped-checkpoint")
	m.refuses(journal.StampWrong)
	m.Roots = nil
	require.Empty(t, m.update().Violations)
}

// A log that goes on in another generation may do so by an operator's act, or not: a person has to look.
func TestReopenedLogIsTold(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	r.grow(2)
	r.grow(1)
	m := newCopy(t, r)
	require.Empty(t, m.update().Violations)
	_, err := r.db.Owner.Exec(t.Context(), `
		delete from journal using journal_mark m where m.frame_id = journal.frame_id and m.leaf >= 2;
		delete from journal_mark where leaf >= 2;
		delete from log_checkpoint where size > 2;
		update log_tile set hashes = substr(hashes, 1, 2 * 32) where level = 0`)
	require.NoError(t, err)
	m.refuses(journal.LogCutOff)
	_, err = r.logger.Reopen(t.Context(), r.Journal.Journal, "operator", "restored")
	require.NoError(t, err)
	r.grow(4)
	m.refuses(mirror.LogReopened)
}

// What cannot be looked at is an error and no judgement, and so is a damaged folder.
func TestCouldNotLook(t *testing.T) {
	t.Parallel()
	r := open(t, nil)
	r.grow(3)
	m := newCopy(t, r)
	require.Empty(t, m.update().Violations)
	fails := func(text string) {
		t.Helper()
		_, err := mirror.Update(t.Context(), m.Options)
		require.ErrorContains(t, err, text)
	}
	m.Key = open(t, nil).Signer.Public
	fails("not of these keys")
	m.Key = "no key"
	fails("the log's key")
	m.Key = r.Signer.Public
	require.NoError(t, os.WriteFile(filepath.Join(m.Folder, "seen.json"), []byte("{"), 0o600))
	fails("damaged")
	require.NoError(t, os.WriteFile(filepath.Join(m.Folder, "seen.json"), []byte(`{"at":"2026-03-02T00:00:00Z","size":3}`), 0o600))
	r.grow(1)
	require.NoError(t, os.WriteFile(filepath.Join(m.Folder, "tile/0/000.p/4"), []byte("x"), 0o600))
	fails("damaged")
	require.NoError(t, os.Remove(filepath.Join(m.Folder, "tile/0/000.p/4")))

	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	m.Fetch = mirror.FromRelay(http.DefaultClient, gone.URL, "intake")
	fails("not reached")
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	t.Cleanup(broken.Close)
	m.Fetch = mirror.FromRelay(http.DefaultClient, broken.URL, "intake")
	fails("status 500")
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(elsewhere.Close)
	m.Fetch = mirror.FromRelay(http.DefaultClient, elsewhere.URL, "intake")
	fails("status 404")
	require.Empty(t, m.of(r).update().Violations)
}

// A relay that has no room now is asked again.
func TestBusyRelayIsAskedAgain(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		_, _ = w.Write([]byte("there"))
	}))
	t.Cleanup(server.Close)
	content, err := mirror.FromRelay(http.DefaultClient, server.URL, "intake")(t.Context(), "checkpoint")
	require.NoError(t, err)
	require.Equal(t, "there", string(content))
	require.Equal(t, 2, asked)
}

// Whatever a log answers, a mirror judges it, and takes nothing that its keys did not sign.
func FuzzCheckpoint(f *testing.F) {
	f.Add([]byte("naru/naru-01-test/intake/1\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— x AAAA\n"))
	store, err := keys.Open(f.TempDir(), keys.Options{Create: true})
	require.NoError(f, err)
	key, err := store.NoteSigner(f.Context(), "log", journal.OwnerOf(journaltest.Platform, "intake"))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, content []byte) {
		result, err := mirror.Update(t.Context(), mirror.Options{
			Unit: "intake", Folder: t.TempDir(), Key: key.Public, Witnesses: []string{key.PublicCosigner}, Policy: journal.WitnessPolicy{Within: time.Hour}, Now: clock.System().Now,
			Fetch: func(context.Context, string) ([]byte, error) { return content, nil },
		})
		require.NoError(t, err)
		require.Len(t, result.Violations, 1)
		require.Equal(t, journal.CheckpointChanged, result.Violations[0].Code)
	})
}

package mirror_test

import (
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/mirror"
	"github.com/naru-relay/naru/pkg/witness"
)

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

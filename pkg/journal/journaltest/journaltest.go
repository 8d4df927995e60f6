// Package journaltest opens journals for tests.
package journaltest

import (
	"log/slog"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
)

// Platform is the relay's platform id in tests.
const Platform = "naru-01-test"

// Journal is a unit's journal with what belongs to it.
type Journal struct {
	*journal.Journal
	Keys   *journal.Keys
	Store  *keys.Store
	Signer *keys.NoteKey
	Clock  *clock.Fake
	// Logger has no witness unless one is given to NewLogger.
	Logger *journal.Logger
	Unit   string

	mu        sync.Mutex
	committed []journal.Sealed
}

// Open opens the journal of a unit in a database that has its tables. paced kinds are stated, too.
func Open(t testing.TB, db *pgxpool.Pool, unit string, states []proto.Message, paced ...proto.Message) *Journal {
	t.Helper()
	store, err := keys.Open(t.TempDir(), keys.Options{Create: true})
	require.NoError(t, err)
	j := &Journal{Store: store, Clock: clock.NewFake(clock.System().Now()), Unit: unit}
	j.Keys = journal.NewKeys(store, j.Clock)
	j.Signer, err = store.NoteSigner(t.Context(), "log", journal.OwnerOf(Platform, unit))
	require.NoError(t, err)
	j.Journal, err = journal.New(journal.Deps{Unit: unit, DB: db, Clock: j.Clock, Keys: j.Keys, States: append(states, paced...), Paced: paced,
		Policy: unit + "/test", Committed: j.keep})
	require.NoError(t, err)
	j.Logger = j.NewLogger(t, db, nil)
	return j
}

// NewLogger makes another replica's logger.
func (j *Journal) NewLogger(t testing.TB, db *pgxpool.Pool, witness journal.Witness) *journal.Logger {
	t.Helper()
	logger, err := journal.NewLogger(journal.LoggerDeps{Unit: j.Unit, DB: db, Keys: j.Keys, Store: j.Store, Signer: j.Signer, Clock: j.Clock,
		Log: slog.New(slog.DiscardHandler), Meter: noop.Meter{}, Witness: witness})
	require.NoError(t, err)
	return logger
}

func (j *Journal) keep(frames []journal.Sealed) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.committed = append(j.committed, frames...)
}

// Committed are the frames committed so far.
func (j *Journal) Committed() []journal.Sealed {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]journal.Sealed{}, j.committed...)
}

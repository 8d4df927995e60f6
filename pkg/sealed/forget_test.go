package sealed

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

// Keys with an end are destroyed after it, at the maker and at the reader, and nobody can open what they sealed. Keys of months
// under legal hold, and keys without an end, stay.
func TestForget(t *testing.T) {
	t.Parallel()
	sources := []pg.Source{journal.Migrations(), source()}
	db := pgtest.NewDatabase(t, pgtest.Schema{Name: "intake", Sources: sources}, pgtest.Schema{Name: "viewing", Sources: sources})
	intake, viewing := db.Schemas["intake"], db.Schemas["viewing"]
	maker, err := New(depsOf("intake", Deps{DB: intake.App, KEK: newKEK(t), Clock: clock.System()}))
	require.NoError(t, err)
	reader, err := New(depsOf("viewing", Deps{DB: viewing.App, KEK: newKEK(t), Clock: clock.System(), Source: func(ctx context.Context, _ string, keyID uuid.UUID) (Key, error) {
		return maker.Export(ctx, keyID, "viewing")
	}}))
	require.NoError(t, err)
	seal := func(p Purpose) []byte {
		value, err := maker.Box().Seal(t.Context(), p, "d", []byte("text"))
		require.NoError(t, err)
		return value
	}
	opens := func(p Purpose, value []byte) error {
		_, err := reader.Box().Open(t.Context(), p, "d", value)
		return err
	}
	forget := func(k *Keyring) int {
		gone, err := k.Forget(t.Context(), k.clock.Now())
		require.NoError(t, err)
		return gone
	}
	both := func(statement string, args ...any) {
		for _, s := range []pgtest.Roles{intake, viewing} {
			_, err := s.Owner.Exec(t.Context(), statement, args...)
			require.NoError(t, err)
		}
	}
	identifier, title := seal(testIdentifier), seal(testTitle)
	require.NoError(t, opens(testIdentifier, identifier))
	require.NoError(t, opens(testTitle, title))
	month := monthOf(clock.System().Now())
	for _, of := range []pgtest.Roles{intake, viewing} {
		var ends time.Time
		require.NoError(t, of.Owner.QueryRow(t.Context(), `select ends_at from sealed_key where purpose = 'intake.identifier'`).Scan(&ends))
		require.Equal(t, month.AddDate(0, 1, 0).Add(testLife), ends.UTC(), "the reader has it from the maker")
	}
	require.Zero(t, forget(maker), "not before its time")
	require.Zero(t, forget(reader))

	// Two years later.
	both(`update sealed_key set ends_at = ends_at - interval '2 years', month = (month - interval '2 years')::date, created_at = created_at - interval '2 years'`)
	hold := func(at time.Time) string {
		number := at.Format("20060102") + "_NARU000001_0000000000042"
		both(`insert into legal_hold (id, subject, action, actor, reference, commit_id) values (gen_random_uuid(), $1, 'placed', 'court', '1', gen_random_uuid())`, number)
		return number
	}
	held := hold(month.AddDate(-2, 0, 16))
	hold(month.AddDate(-1, 0, 0))
	require.Zero(t, forget(maker), "a document of the month is under hold")
	require.Zero(t, forget(reader))
	require.NoError(t, opens(testIdentifier, identifier))
	both(`delete from legal_hold where subject = $1`, held)
	require.Equal(t, 1, forget(reader), "a hold of a later month keeps nothing")
	require.Equal(t, 1, forget(maker))
	require.Zero(t, forget(maker))
	require.Equal(t, fault.NotFound, fault.KindOf(opens(testIdentifier, identifier)))
	require.NoError(t, opens(testTitle, title), "a title has no end")
}

// The unit's role cannot delete a key before its end, whatever time it claims.
func TestNoKeyIsForgottenEarly(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "intake", journal.Migrations(), source())
	maker, err := New(depsOf("intake", Deps{DB: db.App, KEK: newKEK(t), Clock: clock.System()}))
	require.NoError(t, err)
	require.NoError(t, maker.Prepare(t.Context()))
	var gone []uuid.UUID
	require.NoError(t, db.App.QueryRow(t.Context(), `select forget_sealed_keys('infinity')`).Scan(&gone))
	require.Empty(t, gone)
	_, err = db.App.Exec(t.Context(), `delete from sealed_key`)
	require.Error(t, err)
}

package archive_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/services/sandbox/archive"
)

// The sweep removes exactly the ended log-ins and the files without a row.
func TestSweep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d, err := b.client(t, memberID, password).Submit(t.Context(), submission(text))
	require.NoError(t, err)
	dir := b.deps.Config.DocumentDir
	write := func(name string, age time.Duration) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		require.NoError(t, os.Chtimes(path, start.Add(-age), start.Add(-age)))
	}
	const stray, fresh = "0190b3f0-0000-7000-8000-000000000001", "0190b3f0-0000-7000-8000-000000000002"
	write(stray, 2*time.Hour)
	write(fresh, time.Minute)
	write("note.txt", 2*time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(dir, d.DocumentID), start.Add(-2*time.Hour), start.Add(-2*time.Hour)))
	kept := b.token(t)
	b.clock.Advance(time.Minute)
	_, err = b.db.Owner.Exec(t.Context(), `update session set expires_at = $1 where member_id = $2 and token_digest <> sha256($3::bytea)`,
		b.clock.Now(), memberID, []byte(kept))
	require.NoError(t, err)

	var group lifecycle.Group
	group.Go(t.Context(), b.system.Tasks()...)
	await.Require(t, 10*time.Second, func() bool {
		_, err := os.Stat(filepath.Join(dir, stray))
		return os.IsNotExist(err)
	})
	await.Require(t, 10*time.Second, func(ctx context.Context) error {
		var sessions int
		if err := b.db.App.QueryRow(ctx, `select count(*) from session`).Scan(&sessions); err != nil {
			return err
		}
		require.Equal(t, 1, sessions)
		return nil
	})
	require.NoError(t, group.Stop(t.Context()))
	require.ElementsMatch(t, []string{d.DocumentID, fresh, "note.txt"}, b.storedFiles(t))
}

// The application's role may add documents and certificates, but neither change nor remove them.
func TestDocumentsAreAppendOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.client(t, memberID, password).Submit(t.Context(), submission(text))
	require.NoError(t, err)
	for _, statement := range []string{
		`update document set hash = hash`, `delete from document`, `update certificate set der = der`, `delete from certificate`,
	} {
		_, err := b.db.App.Exec(t.Context(), statement)
		require.ErrorContains(t, err, "permission denied", statement)
	}
}

func TestNewRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tc := range []struct {
		name string
		edit func(*archive.Deps)
		want string
	}{
		{"database", func(d *archive.Deps) { d.DB = nil }, "no database"},
		{"clock", func(d *archive.Deps) { d.Clock = nil }, "no clock"},
		{"logger", func(d *archive.Deps) { d.Log = nil }, "no logger"},
		{"scenarios", func(d *archive.Deps) { d.Scenarios = nil }, "no scenario set"},
		{"authority", func(d *archive.Deps) { d.Authority = nil }, "no authority"},
		{"admin token", func(d *archive.Deps) { d.Config.AdminTokenFile = config.SecretFile{} }, "admin_token_file"},
		{"folder", func(d *archive.Deps) { d.Config.DocumentDir = "" }, "document_dir"},
		{"size", func(d *archive.Deps) { d.Config.MaxDocumentBytes = 1<<30 + 1 }, "max_document_bytes"},
		{"lifetime", func(d *archive.Deps) { d.Config.TokenLifetime = 0 }, "token_lifetime"},
	} {
		deps := b.deps
		tc.edit(&deps)
		_, err := archive.New(t.Context(), deps)
		require.ErrorContains(t, err, tc.want, tc.name)
	}
}

package certificate

import (
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

// What was received and issued before the times and attachments were compared stays as it was, and can have its certificate.
func TestRowsFromBeforeEverythingWasCompared(t *testing.T) {
	t.Parallel()
	first, err := fs.ReadFile(migrations, "migrations/00001_init.sql")
	require.NoError(t, err)
	source := pg.Source{Name: "unit", FS: fstest.MapFS{"migrations/00001_init.sql": {Data: first}}, Partitions: Unit.Partitions}
	db := pgtest.New(t, Unit.Name, source)
	number := clock.System().Now().Format("20060102") + "_NARU000001_0000000000001"
	_, err = db.App.Exec(t.Context(), `
		with seen as (
		  insert into document (edoc_num, sender, recipient, sender_address, recipient_address, hash_algorithm, hash, received_at, registered_at)
		  values ($1, 's', 'r', 'from', 'to', 'SHA-256', 'hash', '2026-01-02 03:04:05.678901Z', now())),
		asked as (
		  insert into certificate_request (id, edoc_num, ordinal, principal, entitlement, request_id, sender, address, reason, digest, requested_at)
		  select gen_random_uuid(), $1, 1, 's', 'sender', 'r1', 's', 'from', 'sealed', sha256('content'), now()
		  returning id)
		select 1`, number)
	require.NoError(t, err)
	_, err = db.App.Exec(t.Context(), `
		insert into certificate (id, state, ended_at, cert_num, pdf_digest, issued_at, valid_until, signature, chain, identity, validity, hash, edoc_num)
		select id, 2, now(), 'number', 'digest', now(), now(), true, true, true, true, true, true from certificate_request`)
	require.NoError(t, err)

	source.FS = migrations
	require.NoError(t, pg.Migrate(t.Context(), db.OwnerURL, Unit.Name, source))
	d, err := findDocument(t.Context(), db.App, findDocumentSQL, number)
	require.NoError(t, err)
	require.True(t, d.certifiable())
	require.Equal(t, time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC), d.sentAt)
	require.Equal(t, d.receivedAt, d.sentAt)
	require.Nil(t, d.attachments, "not known, which is not none")
	views, err := listViews(t.Context(), db.App, "s", number, [16]byte{0xff}, 10)
	require.NoError(t, err)
	require.Len(t, views, 1)
	require.Equal(t, issued, views[0].state)
	_, err = db.App.Exec(t.Context(), `update certificate set state = 2`)
	require.Equal(t, "certificate_issued_only_checked", pg.Constraint(err), "issued is only what passed every check from now on")
}

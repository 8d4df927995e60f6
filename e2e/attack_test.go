package e2e

import (
	"context"
	"crypto/sha256"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/await"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// A forged reading, inserted into viewing's journal with viewing's own database role, has no effect: the running unit refuses it
// and raises the alarm metric, no reader consumes it, the document's state and the hub's record do not change, and naru audit and
// naru evidence verify name the row.
func TestForgedReadingIsNone(t *testing.T) {
	t.Parallel()
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	document := institution.NewDocument(t, recipient.ByCI())
	institution.Store(t, document, recipient.ByCI())
	institution.Send(t, document)
	institution.AwaitStatus(t, document.EdocNum, func(s harness.Status) bool { return s.Registered() })

	now := clock.System().Now()
	forged := sealedAs(t, "viewing", filepath.Join(stack.Dir, "keys", "viewing"), journal.Fact{
		Subject: document.EdocNum, Sender: institution.ID, Message: &viewingv1.DocumentRead{
			EdocNum: document.EdocNum, Sender: institution.ID, Lane: platformv1.Lane_LANE_EXPRESS, Recipient: recipient.ID,
			ReadAt: timestamppb.New(now), VerifiedAt: timestamppb.New(now), ReportedAt: timestamppb.New(now), ViewingSystem: institution.ViewingSystem,
		},
	})
	mac := sha256.Sum256(forged.MAC) // wrong on purpose: an attacker who has only the role has no key
	forged.MAC = mac[:]
	role := roleOf(t, "viewing")
	insertFrame(t, role, forged)

	id := forged.ID.String()
	t.Cleanup(func() { // the audit after all journeys must find nothing else
		stack.Tamper(t, `delete from viewing.journal where frame_id = $1`, id)
		stack.Tamper(t, `delete from viewing.journal_mark where frame_id = $1`, id)
	})
	await.Require(t, harness.Patience, func() bool {
		return stack.Count(t, `select count(*) from viewing.journal_mark where frame_id = $1 and refused = 'mac_wrong' and leaf is null and published_at is null`, id) == 1
	})
	require.True(t, scrape(t)["naru_journal_refused_frames_total"], "the alarm")
	for _, reader := range []string{"status", "circulation", "delivery"} {
		require.Zero(t, stack.Count(t, `select count(*) from `+reader+`.consumed_frame where frame_id = $1`, id), reader)
	}
	status := institution.AwaitStatus(t, document.EdocNum, func(harness.Status) bool { return true })
	require.NotEqual(t, "READ", status.State)
	require.Empty(t, status.ReadAt)
	atHub, known := stack.AtHub(t, document.EdocNum)
	require.True(t, known)
	require.Empty(t, atHub.ReadDate)

	named := audit.Violation{Unit: "viewing", Code: journal.FrameForged, Subject: id, Detail: "the unit refused it: mac_wrong"}
	require.Contains(t, stack.Differences(context.WithoutCancel(t.Context()), t), named)
	_, found, _ := harness.Look(t, "evidence", "verify", "--data", stack.Dir)
	require.Contains(t, found, named)
}

// roleOf returns the URL of the database role with which a unit works.
func roleOf(t *testing.T, unit string) string {
	t.Helper()
	secret := func(name string) string {
		content, err := os.ReadFile(filepath.Join(stack.Dir, "secrets", unit, name))
		require.NoError(t, err)
		return strings.TrimSpace(string(content))
	}
	address, err := url.Parse(secret("owner_url"))
	require.NoError(t, err)
	address.User = url.UserPassword(pg.AppRole(unit), secret("database_password"))
	return address.String()
}

// insertFrame writes a frame and its mark.
func insertFrame(t *testing.T, address string, f journal.Sealed) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	schema := f.Unit
	_, err = conn.Exec(t.Context(), `insert into `+schema+`.journal (frame_id, `+columns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		f.ID, string(f.Kind), int16(f.Lane), f.Count, f.KeyID, int16(f.Compression), f.RawLength, f.RecordedAt, f.Root[:], f.MAC, f.Body)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `insert into `+schema+`.journal_mark (frame_id, lane) values ($1, $2)`, f.ID, int16(f.Lane))
	require.NoError(t, err)
}

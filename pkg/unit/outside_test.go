package unit_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/pkg/witness"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// A unit whose log needs a witness outside of the relay shows it once that witness has cosigned, and works meanwhile.
func TestLogIsShownOnceItIsWitnessedOutside(t *testing.T) {
	t.Parallel()
	var there atomic.Pointer[witness.Handler]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handler := there.Load(); handler != nil {
			handler.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(server.Close)
	key := journaltest.Cosigner(t, "witness.example", clock.System())
	client, err := witness.Config{Name: "neighbour", URL: server.URL, Key: key.PublicCosigner}.Client()
	require.NoError(t, err)
	b := unittest.New(t, toy(done), unittest.WitnessedOutside(1, client))
	b.Deliver(t, express, accepted("doc-1"))
	await.Require(t, unittest.Patience, func() bool { return rows(t, b, `select count(*) from log_checkpoint`) > 0 })
	// A bench has no unit that witnesses it; the first cosignature only has to be there.
	_, err = b.App.Exec(t.Context(), `update log_checkpoint set cosigned = note`)
	require.NoError(t, err)
	b.Clock.Advance(journal.DefaultCosignEvery)
	await.Require(t, unittest.Patience, func() bool { return b.Metric(t, "naru_journal_unpublished_age_seconds") > 0 })
	logs := platformv1.NewLogServiceClient(b.Unit(t, "gateway"))
	_, err = logs.GetCheckpoint(t.Context(), &platformv1.GetCheckpointRequest{})
	require.ErrorIs(t, err, fault.NotFound)
	require.Equal(t, "LOG_EMPTY", fault.ReasonOf(err))

	signer, err := b.Env.Keys.NoteSigner(t.Context(), "log", "")
	require.NoError(t, err)
	handler, err := witness.NewHandler(t.TempDir(), key.Cosigner, map[string]string{journal.OriginOf(signer.Owner, 1): signer.Public}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	there.Store(handler)
	var shown string
	await.Require(t, unittest.Patience, func() bool {
		answer, err := logs.GetCheckpoint(t.Context(), &platformv1.GetCheckpointRequest{})
		shown = answer.GetCheckpoint()
		return err == nil
	})
	opened, err := note.Open([]byte(shown), note.VerifierList(client.Verifier()))
	require.NoError(t, err)
	require.Len(t, opened.Sigs, 1)
}

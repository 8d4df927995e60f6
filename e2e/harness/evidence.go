package harness

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/evidence"
	"github.com/naru-relay/naru/pkg/keys"
)

// anchorKey is the name of a unit's key for anchors.
const anchorKey = "evidence"

// Evidence is what a unit keeps about a subject, oldest first.
func (s *Stack) Evidence(t testing.TB, unit, subject string) []evidence.Record {
	t.Helper()
	conn := s.owner(t, unit)
	defer conn.Close(context.WithoutCancel(t.Context()))
	records, err := evidence.BySubject(t.Context(), conn, subject, 1000)
	require.NoError(t, err)
	return records
}

// VerifyEvidence recomputes all entries, trees, chain links and signatures of a unit, as an auditor with its public keys would.
func (s *Stack) VerifyEvidence(t testing.TB, unit string) evidence.Report {
	t.Helper()
	store, err := keys.Open(filepath.Join(s.Dir, "keys", unit), keys.Options{})
	require.NoError(t, err)
	list, err := store.PublicKeys(t.Context(), anchorKey)
	require.NoError(t, err)
	public := evidence.ECDSAKeys{}
	for _, key := range list {
		public[key.KeyID] = key.Key
	}
	conn := s.owner(t, unit)
	defer conn.Close(context.WithoutCancel(t.Context()))
	report, err := evidence.Verify(t.Context(), conn, public, evidence.VerifyOptions{})
	require.NoError(t, err)
	return report
}

// owner connects as the owner of a unit's schema.
func (s *Stack) owner(t testing.TB, unit string) *pgx.Conn {
	t.Helper()
	address, err := os.ReadFile(filepath.Join(s.Dir, "secrets", unit, "owner_url"))
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), strings.TrimSpace(string(address)))
	require.NoError(t, err)
	return conn
}

package proof_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/distcert"
	outcome "github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/services/cli/internal/proof"
	"github.com/naru-relay/naru/services/sandbox/certpdf"
	"github.com/naru-relay/naru/services/sandbox/pki"
)

const edocNum = "20260302_NARU000001_0000000000042"

var (
	at   = time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC)
	hash = strings.Repeat("ab", 32)
)

type world struct {
	keys  *pki.Store
	trust proof.Trust
}

func newWorld(t *testing.T) world {
	t.Helper()
	dir := t.TempDir()
	keys, err := pki.Open(pki.Options{Dir: dir, Clock: clock.NewFake(at)})
	require.NoError(t, err)
	trust, err := proof.ReadTrust(filepath.Join(dir, "hub-root.pem"), filepath.Join(dir, "hub-leaf.pem"))
	require.NoError(t, err)
	return world{keys, trust}
}

func (w world) certificate(t *testing.T, signer pki.Signer) []byte {
	t.Helper()
	pdf, err := certpdf.Render(distcert.Content{
		CertNum: "2026-0302-0000-0001", EdocNum: edocNum, Title: "시험용 안내문",
		Sender: distcert.Party{Address: "ferry-1", PlatformID: "naru-01-test"}, Recipient: distcert.Party{Address: "r-1", PlatformID: "naru-01-test"},
		SentAt: at, ReceivedAt: at, ReadAt: at, Hash: hash, Applicant: "ferry-1", Reason: "제출용", IssuedAt: at, ValidUntil: at.AddDate(1, 0, 0),
	}, certpdf.Options{Signer: signer.Key, Chain: signer.Chain, At: at})
	require.NoError(t, err)
	return pdf
}

const ok = outcome.Passed

// What nobody can read is told as such, and accepted only where the policy names it.
func TestPinnedSigner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trust.Profile = distcert.ProfilePinnedSigner
	_, checks, err := proof.Distribution(w.certificate(t, w.keys.Signer(pki.Hub)), w.trust, edocNum, hash, at)
	require.NoError(t, err)
	no := outcome.NotCheckable
	require.Equal(t, proof.Checks{Signature: ok, Chain: ok, Validity: no, Hash: no, EdocNum: no}, checks)
	require.Equal(t, []string{"validity", "hash", "edoc_num"}, checks.Unaccepted(nil))
	require.Equal(t, []string{"hash"}, checks.Unaccepted(outcome.Policy{"validity", "edoc_num"}))
	shown, err := json.Marshal(checks)
	require.NoError(t, err)
	require.JSONEq(t, `{"signature":"passed","chain":"passed","validity":"not checkable","hash":"not checkable","edocNum":"not checkable"}`, string(shown))

	w.trust.SubFilters = []string{distcert.SubFilterPKCS7}
	_, _, err = proof.Distribution(w.certificate(t, w.keys.Signer(pki.Hub)), w.trust, edocNum, hash, at)
	require.ErrorIs(t, err, distcert.ErrFormat, "the hub's signature has another form")
}

// Each check fails for its own reason only, and the error names it.
func TestDistribution(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.certificate(t, w.keys.Signer(pki.Hub))
	foreign, err := w.keys.Foreign(pki.Hub)
	require.NoError(t, err)
	changed := bytes.Clone(good)
	changed[bytes.IndexByte(changed, '\n')+2] ^= 1 // inside the comment of binary bytes, so the file still opens
	tests := []struct {
		name          string
		pdf           []byte
		edocNum, hash string
		at            time.Time
		checks        proof.Checks
		good          bool
	}{
		{"good", good, edocNum, hash, at, proof.Checks{Signature: ok, Chain: ok, Validity: ok, Hash: ok, EdocNum: ok}, true},
		{"no document to compare", good, edocNum, "", at, proof.Checks{Signature: ok, Chain: ok, Validity: ok, EdocNum: ok}, true},
		{"another document", good, edocNum, strings.Repeat("cd", 32), at, proof.Checks{Signature: ok, Chain: ok, Validity: ok, EdocNum: ok}, false},
		{"another number", good, strings.Replace(edocNum, "42", "43", 1), hash, at, proof.Checks{Signature: ok, Chain: ok, Validity: ok, Hash: ok}, false},
		{"expired", good, edocNum, hash, at.AddDate(2, 0, 0), proof.Checks{Signature: ok, Chain: ok, Hash: ok, EdocNum: ok}, false},
		{"signed under another root", w.certificate(t, foreign), edocNum, hash, at, proof.Checks{Signature: ok, Validity: ok}, false},
		{"changed", changed, edocNum, hash, at, proof.Checks{Chain: ok, Validity: ok}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, checks, err := proof.Distribution(tt.pdf, w.trust, tt.edocNum, tt.hash, tt.at)
			require.Equal(t, tt.checks, checks, "%v", err)
			require.Equal(t, tt.good, err == nil)
		})
	}
}

// The archive's certificates are verified with the archive's root.
func TestArchive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verifier, err := proof.Archive(w.keys.RootPath(pki.Archive), pki.ArchiveName, clock.NewFake(at))
	require.NoError(t, err)
	issue := func(kind pki.Kind) []byte {
		signer := w.keys.Signer(kind)
		der, err := archivecert.IssueRegistration(archivecert.Statement{
			CertificateNumber: "c-1", DocumentID: "d-1", Issuer: pki.ArchiveName, Owner: "시험용 나루터", Hash: hash,
			RegisteredAt: at, ValidFrom: at, ValidUntil: at.AddDate(10, 0, 0),
		}, archivecert.Signer{Key: signer.Key, Chain: signer.Chain}, at)
		require.NoError(t, err)
		return der
	}
	got, err := verifier.Registration(issue(pki.Archive), at)
	require.NoError(t, err)
	require.Equal(t, hash, got.Hash)
	_, err = verifier.Registration(issue(pki.Hub), at)
	require.ErrorIs(t, err, archivecert.ErrForeign)
}

func TestReadTrustRefusals(t *testing.T) {
	t.Parallel()
	_, err := proof.ReadTrust("/none/root.pem", "/none/leaf.pem")
	require.ErrorContains(t, err, "read the hub's root")
}

package pades_test

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/attestation"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
	"github.com/naru-relay/naru/pkg/pades"
	"github.com/naru-relay/naru/pkg/tsp"
)

var at = time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC)

// world is those who sign and stamp, and a stranger.
type world struct {
	root, stamps, foreign *cmstest.Authority
	seller, buyer         cmstest.Signer
	stamper               cmstest.Signer
}

func newWorld(t testing.TB) world {
	t.Helper()
	w := world{root: cmstest.NewRoot(t, "시험용 루트", at), stamps: cmstest.NewRoot(t, "시험용 시점 루트", at), foreign: cmstest.NewRoot(t, "시험용 루트", at)}
	w.seller, w.buyer = w.root.Signer(t, "시험용 파는이", at), w.root.Signer(t, "시험용 사는이", at)
	w.stamper = w.stamps.TimeStamper(t, "시험용 시점확인", at)
	return w
}

func (w world) trust() pades.Trust {
	return pades.Trust{Roots: w.root.Pool(), TimeStamps: tsp.Trust{Roots: w.stamps.Pool()}}
}

// stampAt makes time stamps of that time.
func stampAt(t testing.TB, stamper cmstest.Signer, when time.Time) pades.StampFunc {
	t.Helper()
	return func(_ context.Context, hash [sha256.Size]byte) ([]byte, error) {
		return attestation.IssueTimeStamp(attestation.Stamp{Hash: hash, Serial: cmstest.Serial(t), At: when}, stamper.Key, stamper.Chain)
	}
}

func by(signer cmstest.Signer) pades.Options {
	return pades.Options{Signer: signer.Key, Chain: signer.Chain, At: at}
}

func sign(t testing.TB, pdf []byte, opts pades.Options) []byte {
	t.Helper()
	signed, err := pades.Sign(t.Context(), pdf, opts)
	require.NoError(t, err)
	require.Equal(t, pdf, signed[:len(pdf)], "what was there stays as it is")
	return signed
}

func (w world) verify(t testing.TB, pdf []byte) *pades.Report {
	t.Helper()
	report, err := pades.Verify(pdf, w.trust(), at.Add(time.Hour))
	require.NoError(t, err)
	return report
}

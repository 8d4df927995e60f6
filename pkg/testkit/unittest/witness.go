package unittest

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/journal"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// fakeWitness cosigns every checkpoint.
type fakeWitness struct {
	platformv1.UnimplementedJournalServiceServer
	signer note.Signer
	public string
}

func newFakeWitness(t testing.TB, unit string) *fakeWitness {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, journal.OwnerOf(Platform, unit))
	require.NoError(t, err)
	w := &fakeWitness{}
	w.signer, err = formats.NewSignerForCosignatureV1(secret)
	require.NoError(t, err)
	w.public, err = formats.VKeyToCosignatureV1(public)
	require.NoError(t, err)
	return w
}

func (w *fakeWitness) register(r grpc.ServiceRegistrar) {
	platformv1.RegisterJournalServiceServer(r, w)
}

func (w *fakeWitness) Witness(_ context.Context, r *platformv1.WitnessRequest) (*platformv1.WitnessResponse, error) {
	text, _, _ := strings.Cut(r.GetCheckpoint(), "\n\n")
	signed, err := note.Sign(&note.Note{Text: text + "\n"}, w.signer)
	return &platformv1.WitnessResponse{Cosigned: string(signed), VerifierKey: w.public}, err
}

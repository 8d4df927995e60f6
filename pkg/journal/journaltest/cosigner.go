package journaltest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/keys"
)

// Cosigner is a witness's key whose cosignatures (C2SP tlog-cosignature) state the time of a test's clock, not of the machine's.
func Cosigner(t testing.TB, owner string, at clock.Clock) *keys.NoteKey {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, owner)
	require.NoError(t, err)
	key, err := base64.StdEncoding.DecodeString(strings.SplitN(secret, "+", 5)[4])
	require.NoError(t, err)
	signer, err := note.NewSigner(secret)
	require.NoError(t, err)
	cosigning, err := formats.VKeyToCosignatureV1(public)
	require.NoError(t, err)
	verifier, err := formats.NewVerifierForCosignatureV1(cosigning)
	require.NoError(t, err)
	const algorithm = 1 // bytes before the seed
	return &keys.NoteKey{Owner: owner, Signer: signer, Public: public, PublicCosigner: cosigning,
		Cosigner: cosigner{verifier, ed25519.NewKeyFromSeed(key[algorithm:]), at}}
}

type cosigner struct {
	note.Verifier
	key ed25519.PrivateKey
	at  clock.Clock
}

// Sign implements note.Signer.
func (c cosigner) Sign(text []byte) ([]byte, error) {
	at := c.at.Now().Unix()
	signed := binary.BigEndian.AppendUint64(nil, uint64(at)) //nolint:gosec // after 1970
	return append(signed, ed25519.Sign(c.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))...), nil
}

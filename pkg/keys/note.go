package keys

import (
	"crypto/rand"
	"fmt"
	"strings"

	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// NoteKey signs notes: a log's checkpoints, and as a witness the checkpoints of other logs.
type NoteKey struct {
	// Owner is the key's name in the notes it signs.
	Owner string
	// Signer signs the log's own checkpoints.
	Signer note.Signer
	// Cosigner signs those of others, with the time (C2SP tlog-cosignature).
	Cosigner note.Signer
	// Public and PublicCosigner are the verifier keys to be published.
	Public, PublicCosigner string
}

// newNoteFile holds the secret in the form of package note, and its verifier key on the second line.
func newNoteFile(owner string) ([]byte, error) {
	secret, public, err := note.GenerateKey(rand.Reader, owner)
	if err != nil {
		return nil, fmt.Errorf("making a note key: %w", err)
	}
	return []byte(secret + "\n" + public + "\n"), nil
}

func parseNote(content []byte) (*NoteKey, error) {
	secret, public, _ := strings.Cut(strings.TrimSpace(string(content)), "\n")
	signer, err := note.NewSigner(secret)
	if err != nil {
		return nil, err
	}
	cosigner, err := formats.NewSignerForCosignatureV1(secret)
	if err != nil {
		return nil, err
	}
	cosigning, err := formats.VKeyToCosignatureV1(public)
	if err != nil {
		return nil, err
	}
	return &NoteKey{Owner: signer.Name(), Signer: signer, Cosigner: cosigner, Public: public, PublicCosigner: cosigning}, nil
}

package sealed

import (
	"context"
	"fmt"
	"slices"

	"github.com/naru-relay/naru/pkg/fault"
)

// Sealer seals values, as Box does.
type Sealer interface {
	Seal(ctx context.Context, p Purpose, subject string, plaintext []byte) ([]byte, error)
}

// Opener opens values, as Box does.
type Opener interface {
	Open(ctx context.Context, p Purpose, subject string, value []byte) ([]byte, error)
}

// SealPieces seals content that may be longer than one value. Each piece opens only for the subject, in its place, and among the
// same number of pieces: none can be moved, left out or exchanged. Empty content has one piece, so that its loss is noticed, too.
func SealPieces(ctx context.Context, box Sealer, p Purpose, subject string, content []byte) ([][]byte, error) {
	pieces := slices.Collect(slices.Chunk(content, MaxPlaintext))
	if len(pieces) == 0 {
		pieces = [][]byte{nil}
	}
	for i, piece := range pieces {
		value, err := box.Seal(ctx, p, pieceSubject(subject, i, len(pieces)), piece)
		if err != nil {
			return nil, err
		}
		pieces[i] = value
	}
	return pieces, nil
}

// OpenPieces opens what SealPieces sealed for the subject.
func OpenPieces(ctx context.Context, box Opener, p Purpose, subject string, pieces [][]byte) ([]byte, error) {
	if len(pieces) == 0 {
		return nil, fault.New(fault.Corrupt, "sealed", fault.Word("SEALED_PIECES_MISSING"), "a sealed content is without its pieces")
	}
	var content []byte
	for i, piece := range pieces {
		plain, err := box.Open(ctx, p, pieceSubject(subject, i, len(pieces)), piece)
		if err != nil {
			return nil, err
		}
		content = append(content, plain...)
	}
	return content, nil
}

func pieceSubject(subject string, place, count int) string {
	return fmt.Sprintf("%s/%d/%d", subject, place+1, count)
}

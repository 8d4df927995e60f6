package sealed

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
)

// Content of any length opens unchanged.
func TestPieces(t *testing.T) {
	t.Parallel()
	box := newUnit(t, "address").replica(t, nil).Box()
	for bytesLong, count := range map[int]int{0: 1, 1: 1, MaxPlaintext: 1, MaxPlaintext + 1: 2, 2 * MaxPlaintext: 2} {
		content := bytes.Repeat([]byte{7}, bytesLong)
		pieces, err := SealPieces(t.Context(), box, testMember, "office", content)
		require.NoError(t, err)
		require.Len(t, pieces, count)
		got, err := OpenPieces(t.Context(), box, testMember, "office", pieces)
		require.NoError(t, err)
		require.True(t, bytes.Equal(content, got))
	}
}

// A piece that is missing, moved, repeated or from another content is detected.
func TestPiecesAreBound(t *testing.T) {
	t.Parallel()
	box := newUnit(t, "address").replica(t, nil).Box()
	content := bytes.Repeat([]byte{7}, 2*MaxPlaintext+1)
	pieces, err := SealPieces(t.Context(), box, testMember, "office", content)
	require.NoError(t, err)
	other, err := SealPieces(t.Context(), box, testMember, "other", content)
	require.NoError(t, err)
	for name, changed := range map[string][][]byte{
		"the tail is lost":   pieces[:2],
		"the head is lost":   pieces[1:],
		"everything is lost": nil,
		"two change places":  {pieces[1], pieces[0], pieces[2]},
		"one comes twice":    append(slices.Clone(pieces), pieces[2]),
		"one is of another":  {pieces[0], pieces[1], other[2]},
		"all are of another": other,
	} {
		_, err := OpenPieces(t.Context(), box, testMember, "office", changed)
		require.ErrorIs(t, err, fault.Corrupt, name)
	}
}

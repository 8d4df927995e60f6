package rpc_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/rpc"
)

// However it is written, a file goes in whole messages, from where it is wanted.
func TestPieces(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789"), rpc.PieceBytes/4)
	for name, tc := range map[string]struct {
		write  int
		skip   int64
		pieces int
	}{
		"at once": {len(content), 0, 3}, "in small writes": {1000, 0, 3}, "from an offset": {70_000, rpc.PieceBytes + 5, 2}, "nothing of it": {5000, int64(len(content)), 1},
	} {
		var got [][]byte
		p := &rpc.Pieces{Skip: tc.skip, Send: func(piece []byte) error {
			got = append(got, bytes.Clone(piece))
			return nil
		}}
		for rest := content; len(rest) > 0; {
			n, err := p.Write(rest[:min(tc.write, len(rest))])
			require.NoError(t, err, name)
			rest = rest[n:]
		}
		require.NoError(t, p.Flush(), name)
		require.NoError(t, p.Flush(), name)
		require.Len(t, got, tc.pieces, name)
		for _, piece := range got[:len(got)-1] {
			require.Len(t, piece, rpc.PieceBytes, name)
		}
		require.True(t, bytes.Equal(content[tc.skip:], bytes.Join(got, nil)), name)
	}
}

// A stream that broke is told as what it broke with, once it did.
func TestPiecesBreakOff(t *testing.T) {
	t.Parallel()
	broken := errors.New("gone")
	sent := 0
	p := &rpc.Pieces{Send: func([]byte) error {
		sent++
		return broken
	}}
	_, err := p.Write(make([]byte, 3*rpc.PieceBytes))
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, p.Failed(), broken)
	require.ErrorIs(t, p.Flush(), broken)
	require.Equal(t, 1, sent)
}

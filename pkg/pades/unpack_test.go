package pades

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// The predictors are the filters of PNG, so pictures that another writer made must come out as they were.
func TestPredictorsAreThoseOfPNG(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // pictures, no secrets
	seen := map[byte]bool{}
	for size := 1; size < 60; size++ {
		picture := image.NewGray(image.Rect(0, 0, size, size))
		for i := range picture.Pix {
			// Rows that resemble the one above, the pixel to the left, both or none.
			x, y := i%size, i/size
			picture.Pix[i] = byte(x*(size%5) + y*(size%7) + random.IntN([]int{1, 5, 9, 256}[size%4]))
		}
		var file bytes.Buffer
		require.NoError(t, png.Encode(&file, picture))
		data := imageData(t, file.Bytes())
		for i := 0; i < len(data); i += size + 1 {
			seen[data[i]] = true
		}
		got, err := unpredicted(data, size, anyPNG)
		require.NoError(t, err)
		require.Equal(t, picture.Pix, got)
	}
	require.Len(t, seen, 5, "every filter")
}

// imageData joins and unpacks the IDAT chunks of a PNG file.
func imageData(t *testing.T, file []byte) []byte {
	t.Helper()
	var packed []byte
	for rest := file[8:]; len(rest) > 0; {
		length := int(binary.BigEndian.Uint32(rest))
		if string(rest[4:8]) == "IDAT" {
			packed = append(packed, rest[8:8+length]...)
		}
		rest = rest[12+length:]
	}
	z, err := zlib.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	data, err := io.ReadAll(z)
	require.NoError(t, err)
	return data
}

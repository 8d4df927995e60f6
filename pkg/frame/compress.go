package frame

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// worthCompressing is the body length below which a zstd frame's own header costs more than compression saves.
const worthCompressing = 512

// The encoder and the decoder keep their memory between calls and may be used by many at once.
var (
	encoder = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(MaxRawBytes), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
	})
	decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(MaxRawBytes), zstd.WithDecodeAllCapLimit(true))
	})
)

// compress returns the body compressed or as it is, whichever is shorter.
func compress(raw []byte) ([]byte, Compression) {
	if len(raw) < worthCompressing {
		return raw, Uncompressed
	}
	e, err := encoder()
	if err != nil {
		return raw, Uncompressed
	}
	if packed := e.EncodeAll(raw, make([]byte, 0, len(raw)/2)); len(packed) < len(raw) {
		return packed, Zstandard
	}
	return raw, Uncompressed
}

// decompress never makes more bytes than the header promised, whatever the body claims.
func decompress(body []byte, c Compression, rawLength int) ([]byte, error) {
	raw := body
	if c == Zstandard {
		d, err := decoder()
		if err != nil {
			return nil, fmt.Errorf("make decoder: %w", err)
		}
		if raw, err = d.DecodeAll(body, make([]byte, 0, rawLength)); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBodyDiffers, err)
		}
	}
	if len(raw) != rawLength {
		return nil, ErrBodyDiffers
	}
	return raw, nil
}

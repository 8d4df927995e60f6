package frame_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/merkle"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const kind frame.Kind = "naru.intake.v1.DocumentAccepted"

func events(t testing.TB, n int, payload func(i int) []byte) [][]byte {
	t.Helper()
	encoded := make([][]byte, n)
	for i := range encoded {
		one, err := frame.EncodeEvent(&platformv1.Event{Subject: fmt.Sprint("doc-", i), Ordinal: 1, Payload: payload(i)})
		require.NoError(t, err)
		encoded[i] = one
	}
	return encoded
}

func noise(t testing.TB, size int) func(int) []byte {
	t.Helper()
	return func(int) []byte {
		b := make([]byte, size)
		_, err := rand.Read(b)
		require.NoError(t, err)
		return b
	}
}

// Cut keeps the order and every limit, whether or not the events compress.
func TestCutKeepsTheBounds(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]func(int) []byte{
		"alike":   func(int) []byte { return bytes.Repeat([]byte("facts "), 300) },
		"noise":   noise(t, 1500),
		"large":   noise(t, 15_000),
		"nothing": func(int) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			encoded := events(t, 1203, payload)
			frames, err := frame.Cut(kind, platformv1.Lane_LANE_BULK, encoded)
			require.NoError(t, err)
			var opened [][]byte
			for _, f := range frames {
				require.LessOrEqual(t, f.Count, frame.MaxEvents)
				require.LessOrEqual(t, len(f.Body), frame.MaxBytes)
				require.LessOrEqual(t, f.RawLength, frame.MaxRawBytes)
				of, err := f.EncodedEvents()
				require.NoError(t, err)
				opened = append(opened, of...)
			}
			require.Equal(t, encoded, opened)
		})
	}
}

// The proof of an event has two levels: the event in its frame's root, and the frame's leaf in the log.
func TestProofOfAnEvent(t *testing.T) {
	t.Parallel()
	encoded := events(t, 37, func(i int) []byte { return []byte{byte(i)} })
	frames, err := frame.Cut(kind, platformv1.Lane_LANE_BULK, encoded)
	require.NoError(t, err)
	tree, err := merkle.New(encoded)
	require.NoError(t, err)
	for i := range encoded {
		proof, err := tree.Prove(i)
		require.NoError(t, err)
		require.NoError(t, tlog.CheckRecord(proof, int64(len(encoded)), frames[0].Root, int64(i), tlog.RecordHash(encoded[i])))
		require.Error(t, tlog.CheckRecord(proof, int64(len(encoded)), frames[0].Root, int64(i), tlog.RecordHash([]byte("another"))))
	}
}

func sealed(t testing.TB) frame.Frame {
	t.Helper()
	frames, err := frame.Cut(kind, platformv1.Lane_LANE_BULK, events(t, 3, func(int) []byte { return bytes.Repeat([]byte("facts "), 300) }))
	require.NoError(t, err)
	f := frames[0].At(frame.NewCommit(), 1)
	f.Unit, f.KeyID, f.RecordedAt = "intake", "2026-11.0123456789ab", time.UnixMicro(1_790_000_000_123_456).UTC()
	return f
}

// A message returns the frame and the tag of its reader; every limit of a header is enforced.
func TestMessage(t *testing.T) {
	t.Parallel()
	f := sealed(t)
	header := f.Message(map[string][]byte{"address": []byte("tag a"), "status": []byte("tag s")})
	read, tag, err := frame.Read(header, f.Body, "status")
	require.NoError(t, err)
	require.Equal(t, f, read)
	require.Equal(t, []byte("tag s"), tag)
	_, tag, err = frame.Read(header, f.Body, "hub")
	require.NoError(t, err)
	require.Empty(t, tag)

	for name, change := range map[string]func(h *frame.Header){
		"no place":               func(h *frame.Header) { h.ID = frame.IDOf(h.ID, 0) },
		"no events":              func(h *frame.Header) { h.Count = 0 },
		"too many events":        func(h *frame.Header) { h.Count = frame.MaxEvents + 1 },
		"too long":               func(h *frame.Header) { h.RawLength = frame.MaxRawBytes + 1 },
		"another unit's kind":    func(h *frame.Header) { h.Unit = "address" },
		"unknown lane":           func(h *frame.Header) { h.Lane = 9 },
		"unknown compression":    func(h *frame.Header) { h.Compression = 9 },
		"no key":                 func(h *frame.Header) { h.KeyID = "" },
		"a kind of nobody":       func(h *frame.Header) { h.Kind = "kind" },
		"a public platform kind": func(h *frame.Header) { h.Kind = "naru.platform.v1.ClockMeasured" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := f.Header
			change(&changed)
			_, err := frame.ParseHeader(changed.Bytes())
			require.Error(t, err)
		})
	}
}

// A body never expands to more bytes than its header states.
func TestBodyIsOpenedWithinItsPromise(t *testing.T) {
	t.Parallel()
	f := sealed(t)
	require.Equal(t, frame.Zstandard, f.Compression)
	f.RawLength = 100
	_, err := f.Events()
	require.ErrorIs(t, err, frame.ErrBodyDiffers)
	f = sealed(t)
	f.Compression = frame.Uncompressed
	_, err = f.Events()
	require.ErrorIs(t, err, frame.ErrBodyDiffers)
}

// Any bytes parse to a header with the same bytes, or to an error.
func FuzzParseHeader(f *testing.F) {
	f.Add(sealed(f).Bytes())
	f.Add([]byte("naru.frame.v1\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := frame.ParseHeader(b)
		if err == nil {
			require.Equal(t, b, h.Bytes())
		}
	})
}

// Any body gives the stated number of events, or an error.
func FuzzEvents(f *testing.F) {
	good := sealed(f)
	f.Add(good.Body, uint8(good.Compression), good.RawLength, good.Count)
	f.Add(protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), nil), uint8(0), 2, 1)
	f.Fuzz(func(t *testing.T, body []byte, compression uint8, rawLength, count int) {
		h := good.Header
		h.Compression, h.RawLength, h.Count = frame.Compression(compression), rawLength, count
		if _, err := frame.ParseHeader(h.Bytes()); err != nil {
			return
		}
		opened := frame.Frame{Header: h, Body: body}
		events, err := opened.Events()
		if err == nil {
			require.Len(t, events, count)
		}
	})
}

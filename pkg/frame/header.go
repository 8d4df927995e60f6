package frame

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Compression of a frame's body.
type Compression uint8

// The compressions. The meaning of a number never changes.
const (
	Uncompressed Compression = iota
	Zstandard
)

// Header is what is known about a frame without opening its body. A frame's MAC, its readers' tags and its leaf in the unit's log
// are computed over its canonical bytes.
type Header struct {
	// ID names the commit and the frame's place in it (see NewCommit).
	ID uuid.UUID
	// Unit in whose journal the frame stands. It differs from the kind's unit only for private kinds of the platform.
	Unit string
	Kind Kind
	// Lane is unspecified for a private kind, which never travels.
	Lane platformv1.Lane
	// Count is the number of events.
	Count int
	// KeyID names the producer's key.
	KeyID       string
	Compression Compression
	// RawLength is the length of the body before compression, in bytes.
	RawLength int
	// RecordedAt is the producer's clock when it finished the frame, in microseconds.
	RecordedAt time.Time
	// Root of the Merkle tree over the encoded events (RFC 6962 §2.1).
	Root tlog.Hash
}

// platform names the proto package whose private kinds every unit may state.
const platform = "platform"

const (
	magic     = "naru.frame.v1\x00"
	maxName   = 255
	maxHeader = 1 << 10
)

// Bytes is the canonical encoding: the words "naru.frame.v1", a zero byte, id[16], length and text of the unit and of the kind,
// lane, count[4], length and text of the key id, compression, raw length[4], recorded at[8] in microseconds since 1970, root[32].
// Integers are big endian, lengths of texts one byte.
func (h Header) Bytes() []byte {
	b := make([]byte, 0, len(magic)+16+1+len(h.Unit)+1+len(h.Kind)+1+4+1+len(h.KeyID)+1+4+8+tlog.HashSize)
	b = append(b, magic...)
	b = append(b, h.ID[:]...)
	b = append(b, byte(len(h.Unit)))
	b = append(b, h.Unit...)
	b = append(b, byte(len(h.Kind)))
	b = append(b, h.Kind...)
	b = append(b, byte(h.Lane))
	b = binary.BigEndian.AppendUint32(b, uint32(h.Count))
	b = append(b, byte(len(h.KeyID)))
	b = append(b, h.KeyID...)
	b = append(b, byte(h.Compression))
	b = binary.BigEndian.AppendUint32(b, uint32(h.RawLength))
	b = binary.BigEndian.AppendUint64(b, uint64(h.RecordedAt.UnixMicro()))
	return append(b, h.Root[:]...)
}

var errHeader = errors.New("frame header is malformed")

// ParseHeader reads canonical bytes and refuses all others.
func ParseHeader(b []byte) (Header, error) {
	var h Header
	if len(b) > maxHeader || len(b) < len(magic) || string(b[:len(magic)]) != magic {
		return Header{}, errHeader
	}
	r := reader{rest: b[len(magic):]}
	copy(h.ID[:], r.take(len(h.ID)))
	h.Unit = r.text()
	h.Kind = Kind(r.text())
	h.Lane = platformv1.Lane(r.number(1))
	h.Count = int(r.number(4))
	h.KeyID = r.text()
	h.Compression = Compression(r.number(1))
	h.RawLength = int(r.number(4))
	h.RecordedAt = time.UnixMicro(int64(r.number(8))).UTC()
	copy(h.Root[:], r.take(len(h.Root)))
	if r.short || len(r.rest) > 0 {
		return Header{}, errHeader
	}
	if err := h.check(); err != nil {
		return Header{}, err
	}
	return h, nil
}

// check returns what is wrong with a header.
func (h Header) check() error {
	switch {
	case h.ID.Version() != 7 || placeOf(h.ID) == 0:
		return fmt.Errorf("%w: id names no commit and place", errHeader)
	case h.Unit == "" || len(h.Unit) > maxName || len(h.Kind) > maxName:
		return fmt.Errorf("%w: unit or kind", errHeader)
	case h.Kind.Unit() != h.Unit && (h.Kind.Unit() != platform || h.Lane != platformv1.Lane_LANE_UNSPECIFIED):
		return fmt.Errorf("%w: kind of another unit", errHeader)
	case h.Lane < platformv1.Lane_LANE_UNSPECIFIED || h.Lane > platformv1.Lane_LANE_BULK:
		return fmt.Errorf("%w: lane", errHeader)
	case h.Count < 1 || h.Count > MaxEvents:
		return fmt.Errorf("%w: count is out of bounds", errHeader)
	case h.KeyID == "" || len(h.KeyID) > maxName:
		return fmt.Errorf("%w: key id", errHeader)
	case h.Compression > Zstandard:
		return fmt.Errorf("%w: compression", errHeader)
	case h.RawLength < 1 || h.RawLength > MaxRawBytes:
		return fmt.Errorf("%w: raw length is out of bounds", errHeader)
	}
	return nil
}

// Leaf is the frame's leaf in the log of its unit.
func (h Header) Leaf() tlog.Hash { return tlog.RecordHash(h.Bytes()) }

// reader takes a header apart; short is set when the bytes ended too early.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if r.short || len(r.rest) < n {
		r.short = true
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) number(bytes int) uint64 {
	var n uint64
	for _, b := range r.take(bytes) {
		n = n<<8 | uint64(b)
	}
	return n
}

func (r *reader) text() string { return string(r.take(int(r.number(1)))) }

// Headers of a frame's message, beside Nats-Msg-Id, which begins with its id. The tag of each reader has a header of its own.
const (
	headerMessageID = "Nats-Msg-Id"
	headerFrame     = "Naru-Frame"
	headerTag       = "Naru-Tag-"
)

// OwnTag is the name of the producer's own tag. It is the end of the message's id, so that nobody else can use the id first: the
// server drops a second message with the same id.
const OwnTag = ""

// Message returns the headers of the frame's message; tags are by reader.
func (f Frame) Message(tags map[string][]byte) map[string][]string {
	header := map[string][]string{
		headerMessageID: {f.ID.String() + "." + hex.EncodeToString(tags[OwnTag])},
		headerFrame:     {base64.StdEncoding.EncodeToString(f.Bytes())},
	}
	for reader, tag := range tags {
		if reader == OwnTag {
			continue
		}
		header[headerTag+reader] = []string{base64.StdEncoding.EncodeToString(tag)}
	}
	return header
}

// Read restores a frame and the reader's tag from a message. It neither authenticates the header nor opens the body.
func Read(header map[string][]string, body []byte, reader string) (f Frame, tag []byte, err error) {
	only := func(name string) (string, bool) {
		values := header[name]
		if len(values) != 1 || len(values[0]) > 2*maxHeader {
			return "", false
		}
		return values[0], true
	}
	encoded, ok := only(headerFrame)
	if !ok {
		return Frame{}, nil, fmt.Errorf("read frame: %w", errHeader)
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return Frame{}, nil, fmt.Errorf("read frame: %w", errHeader)
	}
	if f.Header, err = ParseHeader(raw); err != nil {
		return Frame{}, nil, fmt.Errorf("read frame: %w", err)
	}
	if name, _ := only(headerMessageID); !strings.HasPrefix(name, f.ID.String()+".") {
		return Frame{}, nil, fmt.Errorf("read frame %s: message has another id", f.ID)
	}
	f.Body = body
	if encoded, ok = only(headerTag + reader); ok {
		tag, _ = base64.StdEncoding.DecodeString(encoded) // text that is no tag matches nothing
	}
	return f, tag, nil
}

// Package frame knows what a frame of facts is: how it is cut, named, encoded, compressed and opened.
//
// The facts of one kind that one transaction states are one frame: one row of the journal, one message of JetStream, one
// consumed-frame row at each consumer. A frame is made once and never merged, split or encoded again. Its header (Header) can be
// authenticated without opening the body; the Merkle root in it binds the body.
package frame

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/merkle"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Bounds of a frame. They keep a consumer's transaction short and a message far below the server's limit.
const (
	MaxEvents     = 500
	MaxBytes      = 256 << 10
	MaxRawBytes   = 1 << 20
	MaxEventBytes = 16 << 10
)

// ErrEventTooLarge is an event over MaxEventBytes: a field limit of its message is missing.
var ErrEventTooLarge = errors.New("event is larger than a frame may carry")

// ErrBodyDiffers says that a body does not match its header.
var ErrBodyDiffers = errors.New("frame body is not what its header says")

// Frame is one committed set of facts of one kind and lane.
type Frame struct {
	Header
	// Body is the encoded platformv1.Frame, compressed as the header says.
	Body []byte
}

// Subject is where the frame is published.
func (f Frame) Subject() string { return f.Kind.Subject(f.Lane) }

// EncodeEvent encodes an event as it stands in a body.
func EncodeEvent(event *platformv1.Event) ([]byte, error) {
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	if len(encoded) > MaxEventBytes {
		return nil, fmt.Errorf("%w: %d bytes", ErrEventTooLarge, len(encoded))
	}
	return encoded, nil
}

const eventsField protowire.Number = 1

// Cut puts encoded events (see EncodeEvent) of one kind, in order, into as few frames as the bounds allow. The frames have no id,
// key and time yet.
func Cut(kind Kind, lane platformv1.Lane, encoded [][]byte) ([]Frame, error) {
	var frames []Frame
	for len(encoded) > 0 {
		n, raw := 0, 0
		for n < len(encoded) && n < MaxEvents {
			size := protowire.SizeTag(eventsField) + protowire.SizeBytes(len(encoded[n]))
			if raw+size > MaxRawBytes {
				break
			}
			raw += size
			n++
		}
		f, err := packed(kind, lane, encoded[:n])
		for err == nil && len(f.Body) > MaxBytes {
			n /= 2
			f, err = packed(kind, lane, encoded[:n])
		}
		if err != nil {
			return nil, err
		}
		frames = append(frames, f)
		encoded = encoded[n:]
	}
	return frames, nil
}

func packed(kind Kind, lane platformv1.Lane, events [][]byte) (Frame, error) {
	var raw []byte
	for _, one := range events {
		raw = protowire.AppendBytes(protowire.AppendTag(raw, eventsField, protowire.BytesType), one)
	}
	root, err := rootOf(events)
	if err != nil {
		return Frame{}, err
	}
	f := Frame{Header: Header{Kind: kind, Lane: lane, Count: len(events), RawLength: len(raw), Root: root}}
	f.Body, f.Compression = compress(raw)
	return f, nil
}

// Events decodes a frame's events. It never decompresses more than the header's raw length, and requires that the body has the
// root in the header.
func (f Frame) Events() ([]*platformv1.Event, error) {
	encoded, err := f.EncodedEvents()
	if err != nil {
		return nil, err
	}
	events := make([]*platformv1.Event, len(encoded))
	for i, one := range encoded {
		events[i] = &platformv1.Event{}
		if err := proto.Unmarshal(one, events[i]); err != nil {
			return nil, fmt.Errorf("open frame %s: decode event %d: %w", f.ID, i+1, err)
		}
	}
	return events, nil
}

// EncodedEvents opens a frame as Events does but returns the events encoded: these bytes are the leaves of the root.
func (f Frame) EncodedEvents() ([][]byte, error) {
	raw, err := decompress(f.Body, f.Compression, f.RawLength)
	if err != nil {
		return nil, fmt.Errorf("open frame %s: %w", f.ID, err)
	}
	events := make([][]byte, 0, f.Count)
	for len(raw) > 0 {
		number, wire, n := protowire.ConsumeTag(raw)
		if n < 0 || number != eventsField || wire != protowire.BytesType {
			return nil, fmt.Errorf("open frame %s: %w", f.ID, ErrBodyDiffers)
		}
		one, m := protowire.ConsumeBytes(raw[n:])
		if m < 0 || len(one) > MaxEventBytes || len(events) == f.Count {
			return nil, fmt.Errorf("open frame %s: %w", f.ID, ErrBodyDiffers)
		}
		events = append(events, one)
		raw = raw[n+m:]
	}
	if len(events) != f.Count {
		return nil, fmt.Errorf("open frame %s: %w", f.ID, ErrBodyDiffers)
	}
	root, err := rootOf(events)
	if err != nil {
		return nil, fmt.Errorf("open frame %s: %w", f.ID, err)
	}
	if root != f.Root {
		return nil, fmt.Errorf("open frame %s: %w", f.ID, ErrBodyDiffers)
	}
	return events, nil
}

// At gives a frame its place in a commit.
func (f Frame) At(commit uuid.UUID, place uint16) Frame {
	f.ID = IDOf(commit, place)
	return f
}

// rootOf is the Merkle root over encoded events.
func rootOf(events [][]byte) (tlog.Hash, error) {
	tree, err := merkle.New(events)
	if err != nil {
		return tlog.Hash{}, err
	}
	return tree.Root()
}

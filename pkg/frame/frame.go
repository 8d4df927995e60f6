// Package frame knows what a frame of events is: how it is cut, named, encoded and read.
//
// The events of one kind that one transaction commits travel as one frame: one outbox row, one JetStream message, one
// consumed-frame row at each consumer. A frame's id is made when it is cut and never changes; a committed frame is never merged,
// split or encoded again. The encodings of frames may be joined end to end: the result is the encoding of one frame with the
// events of all, which is what lets a single SQL statement build a frame from the rows that won.
package frame

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/id"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Bounds of a frame. They keep a consumer's transaction short and a message far below the server's limit.
const (
	MaxEvents     = 500
	MaxBytes      = 256 << 10
	MaxEventBytes = 16 << 10
)

// ErrEventTooLarge is an event over MaxEventBytes: a field limit of its message is missing.
var ErrEventTooLarge = errors.New("event is larger than a frame may carry")

// Frame is one committed set of events of one kind and lane.
type Frame struct {
	ID   uuid.UUID
	Kind Kind
	Lane platformv1.Lane
	// Count is the number of events.
	Count int
	// Bytes is the encoded platformv1.Frame.
	Bytes []byte
}

// Subject is where the frame is published.
func (f Frame) Subject() string { return f.Kind.Subject(f.Lane) }

// EncodeEvent encodes a frame of one event, to be joined with others.
func EncodeEvent(event *platformv1.Event) ([]byte, error) {
	encoded, err := proto.Marshal(&platformv1.Frame{Events: []*platformv1.Event{event}})
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	if len(encoded) > MaxEventBytes {
		return nil, fmt.Errorf("%w: %d bytes", ErrEventTooLarge, len(encoded))
	}
	return encoded, nil
}

// Cut puts encoded events (see EncodeEvent) into as few frames as the bounds allow, in order.
func Cut(kind Kind, lane platformv1.Lane, encoded [][]byte) []Frame {
	var frames []Frame
	for _, one := range encoded {
		last := len(frames) - 1
		if last < 0 || frames[last].Count == MaxEvents || len(frames[last].Bytes)+len(one) > MaxBytes {
			frames = append(frames, Frame{ID: id.New(), Kind: kind, Lane: lane})
			last++
		}
		frames[last].Bytes = append(frames[last].Bytes, one...)
		frames[last].Count++
	}
	return frames
}

// Names of the headers that describe a frame beside the Nats-Msg-Id, which is its id.
const (
	HeaderKind  = "Naru-Kind"
	HeaderCount = "Naru-Count"
	HeaderLane  = "Naru-Lane"
)

// Header answers the headers of the frame's message.
func (f Frame) Header() map[string][]string {
	return map[string][]string{
		"Nats-Msg-Id": {f.ID.String()},
		HeaderKind:    {string(f.Kind)},
		HeaderCount:   {strconv.Itoa(f.Count)},
		HeaderLane:    {LaneName(f.Lane)},
	}
}

// Read restores a frame from a message. It does not decode the events.
func Read(header map[string][]string, body []byte) (Frame, error) {
	get := func(name string) string {
		if values := header[name]; len(values) == 1 {
			return values[0]
		}
		return ""
	}
	frameID, err := uuid.Parse(get("Nats-Msg-Id"))
	if err != nil {
		return Frame{}, fmt.Errorf("read frame id: %w", err)
	}
	count, err := strconv.Atoi(get(HeaderCount))
	if err != nil || count < 1 || count > MaxEvents {
		return Frame{}, fmt.Errorf("read frame %s: count is out of bounds", frameID)
	}
	lane, err := ParseLane(get(HeaderLane))
	if err != nil {
		return Frame{}, fmt.Errorf("read frame %s: %w", frameID, err)
	}
	return Frame{ID: frameID, Kind: Kind(get(HeaderKind)), Lane: lane, Count: count, Bytes: body}, nil
}

// Events decodes the events of a frame and checks that they are as many as its header says.
func (f Frame) Events() ([]*platformv1.Event, error) {
	var decoded platformv1.Frame
	if err := proto.Unmarshal(f.Bytes, &decoded); err != nil {
		return nil, fmt.Errorf("decode frame %s: %w", f.ID, err)
	}
	if len(decoded.GetEvents()) != f.Count {
		return nil, fmt.Errorf("decode frame %s: %d events where the header says %d", f.ID, len(decoded.GetEvents()), f.Count)
	}
	return decoded.GetEvents(), nil
}

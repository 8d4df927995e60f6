package content

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/naru-relay/naru/pkg/work"
)

// partBytes is the most that a part holds: what a stream that breaks has to send again is less, since the bytes that arrived are
// kept.
const partBytes = 8 << 20

// partWriter seals a part into the bucket while it arrives.
type partWriter struct {
	part
	object *object
	clear  io.WriteCloser
}

// beginPart begins the part of an upload that follows what is kept.
func (s *service) beginPart(ctx context.Context, l lease, key fileKey, number int, position int64) (*partWriter, error) {
	p := part{object: newID(), number: number, position: position}
	if err := beginPart(ctx, s.db, l.upload, l.owner, p); err != nil {
		return nil, err
	}
	o, err := s.bucket.create(ctx, keyOf(p.object))
	if err != nil {
		return nil, err
	}
	clear, err := key.seal(p, o)
	if err != nil {
		return nil, errors.Join(err, o.discard())
	}
	return &partWriter{part: p, object: o, clear: clear}, nil
}

func (w *partWriter) write(data []byte) error {
	n, err := w.clear.Write(data)
	w.size += int64(n)
	return err
}

// discard leaves no object; the row of the part is swept.
func (w *partWriter) discard() error { return w.object.discard() }

// keepPart ends the part and counts it, with the state of the hash over everything up to its end. The lease may have been lost
// meanwhile; then the part does not count.
func (s *service) keepPart(ctx context.Context, l lease, w *partWriter, sum hash.Hash) error {
	if err := w.clear.Close(); err != nil {
		return errors.Join(storageFault(err), w.discard())
	}
	if err := w.object.commit(); err != nil {
		return err
	}
	state, err := hashState(sum)
	if err != nil {
		return err
	}
	ours, err := keepPart(ctx, s.db, l.upload, l.owner, w.part, state)
	if err != nil || ours {
		return err
	}
	// The row may have been swept before the object was there.
	return errors.Join(work.ErrLost, s.bucket.remove(ctx, keyOf(w.part.object)))
}

func hashState(sum hash.Hash) ([]byte, error) {
	marshaler, ok := sum.(encoding.BinaryMarshaler)
	if !ok {
		return nil, errors.New("the hash does not tell its state")
	}
	state, err := marshaler.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("keep the state of a hash: %w", err)
	}
	return state, nil
}

func resumeHash(sum hash.Hash, state []byte) error {
	if state == nil {
		return nil
	}
	unmarshaler, ok := sum.(encoding.BinaryUnmarshaler)
	if !ok {
		return errors.New("the hash does not take its state")
	}
	if err := unmarshaler.UnmarshalBinary(state); err != nil {
		return fmt.Errorf("resume a hash: %w", err)
	}
	return nil
}

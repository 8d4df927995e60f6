package journal

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/pg"
)

// actsIn reads the operators' acts of one kind that a frame states, provided that this unit made the frame: to write a frame's id
// into a row of the database is not enough. A frame of another kind states none.
func actsIn[M proto.Message](ctx context.Context, l *Logger, db pg.DBTX, frameID uuid.UUID) ([]M, error) {
	f, err := Frame(ctx, db, l.deps.Unit, frameID)
	if err != nil {
		return nil, err
	}
	if err := l.deps.Keys.Check(ctx, f.Header, f.MAC); err != nil {
		return nil, err
	}
	return messagesIn[M](f)
}

// messagesIn decodes the messages that a frame of this kind states.
func messagesIn[M proto.Message](f Sealed) ([]M, error) {
	var none M
	if f.Kind != frame.KindOf(none) {
		return nil, nil
	}
	events, err := f.Events()
	if err != nil {
		return nil, err
	}
	messages := make([]M, len(events))
	for i, e := range events {
		if messages[i], err = frame.Payload[M](e); err != nil {
			return nil, err
		}
	}
	return messages, nil
}

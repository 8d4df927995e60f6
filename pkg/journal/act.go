package journal

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/pg"
)

// actsIn reads the operators' acts of one kind that a frame states, if the frame is this unit's own: whoever can name a frame in a row of
// the database has not acted. A frame of another kind states none.
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

// messagesIn decodes what a frame states, where that is of one kind.
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

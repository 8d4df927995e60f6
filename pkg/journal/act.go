package journal

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/pg"
)

// actsIn reads the operators' acts of one kind that a frame states, if the frame is this unit's own: whoever can name a frame in a row of
// the database has not acted. A frame of another kind states none.
func actsIn[M proto.Message](ctx context.Context, l *Logger, db pg.DBTX, frameID uuid.UUID, fresh func() M) ([]M, error) {
	f, err := Frame(ctx, db, l.deps.Unit, frameID)
	if err != nil {
		return nil, err
	}
	if err := l.deps.Keys.Check(ctx, f.Header, f.MAC); err != nil {
		return nil, err
	}
	return messagesIn(f, fresh)
}

// messagesIn decodes what a frame states, where that is of one kind.
func messagesIn[M proto.Message](f Sealed, fresh func() M) ([]M, error) {
	if f.Kind != frame.KindOf(fresh()) {
		return nil, nil
	}
	events, err := f.Events()
	if err != nil {
		return nil, err
	}
	messages := make([]M, len(events))
	for i, e := range events {
		messages[i] = fresh()
		if err := proto.Unmarshal(e.GetPayload(), messages[i]); err != nil {
			return nil, fmt.Errorf("decode %s: %w", f.Kind, err)
		}
	}
	return messages, nil
}

package address

import (
	"context"
	"log/slog"

	"github.com/naru-relay/naru/pkg/sealed"
)

// unreadable judges how opening a record went. One that cannot be opened any more is counted and told to the operator, and shown
// with what is kept in clear: a record that is broken hides neither itself nor others. Every other failure stays one.
func (s *service) unreadable(ctx context.Context, kind, id string, err error) (bool, error) {
	if err == nil || !sealed.Unreadable(err) {
		return false, err
	}
	s.metrics.unreadable.Add(ctx, 1)
	s.log.LogAttrs(ctx, slog.LevelError, "a record cannot be opened", slog.String("kind", kind), slog.String("id", id), slog.Any("error", err))
	return true, nil
}

package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
)

const logLevel = slog.LevelWarn

// settings are what the servers report about themselves.
type settings struct {
	// Postgres holds settings of the running server by their PostgreSQL names.
	Postgres            map[string]string `json:"postgres"`
	JetStreamSyncAlways bool              `json:"jetStreamSyncAlways"`
	NATSServer          string            `json:"natsServer"`
	TraceSampleRatio    float64           `json:"traceSampleRatio"`
	LogLevel            string            `json:"logLevel"`
}

// readSettings asks the servers. It refuses servers without durable writes, because such a run would measure something else.
func (k *stack) readSettings(ctx context.Context, s *settings) error {
	rows, err := k.db.Query(ctx, `
		select name, current_setting(name)
		from   unnest(array['server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method', 'shared_buffers',
		                    'max_wal_size', 'checkpoint_timeout', 'wal_compression', 'max_connections', 'autovacuum']) as wanted(name)`)
	if err != nil {
		return fmt.Errorf("read postgres settings: %w", err)
	}
	s.Postgres = map[string]string{}
	var name, value string
	if _, err := pgx.ForEachRow(rows, []any{&name, &value}, func() error {
		s.Postgres[name] = value
		return nil
	}); err != nil {
		return fmt.Errorf("read postgres settings: %w", err)
	}
	s.JetStreamSyncAlways = k.told.SyncsAlways
	if s.Postgres["fsync"] != "on" || s.Postgres["synchronous_commit"] != "on" || !s.JetStreamSyncAlways {
		return fmt.Errorf("writes are not durable: fsync %s, synchronous_commit %s, JetStream sync always %t",
			s.Postgres["fsync"], s.Postgres["synchronous_commit"], s.JetStreamSyncAlways)
	}
	return nil
}

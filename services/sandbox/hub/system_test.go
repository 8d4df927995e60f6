package hub_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/services/sandbox/hub"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	cfg := hub.Default()
	cfg.AdminTokenFile = config.InlineSecret("x")
	whole := hub.Deps{
		Base:   scenario.Base{DB: &pgxpool.Pool{}, Clock: clock.System(), Log: slog.New(slog.DiscardHandler), Scenarios: scenario.NewSet()},
		Config: cfg, Renderer: drawn{},
	}
	_, err := hub.New(t.Context(), whole)
	require.NoError(t, err)
	tests := []struct {
		name string
		drop func(*hub.Deps)
		want string
	}{
		{"database", func(d *hub.Deps) { d.DB = nil }, "no database"},
		{"clock", func(d *hub.Deps) { d.Clock = nil }, "no clock"},
		{"logger", func(d *hub.Deps) { d.Log = nil }, "no logger"},
		{"scenarios", func(d *hub.Deps) { d.Scenarios = nil }, "no scenario set"},
		{"renderer", func(d *hub.Deps) { d.Renderer = nil }, "no certificate renderer"},
		{"admin token", func(d *hub.Deps) { d.Config.AdminTokenFile = config.SecretFile{} }, "admin_token_file"},
		{"dialect", func(d *hub.Deps) { d.Config.Dialect = "1999" }, "dialect"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := whole
			tt.drop(&d)
			_, err := hub.New(t.Context(), d)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestCountsAreWrittenByTheTask(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.system.Tasks()[0].Run(ctx) }()
	count := func() int {
		var n int
		require.NoError(t, b.db.QueryRow(t.Context(), `select coalesce(sum(calls), 0) from exchange_count`).Scan(&n))
		return n
	}
	await.Require(t, 10*time.Second, func() bool { return count() == 2 })
	b.call(naru, "GET", anyCall, "")
	cancel()
	require.NoError(t, <-ended)
	require.Equal(t, 3, count(), "the last counts are written at the end")
}

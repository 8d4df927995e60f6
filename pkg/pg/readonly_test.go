package pg_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/pg"
)

// A database that takes no writes for a while is away for that while: callers come again. Its connections are not kept, because
// they may lead to a primary that is none any more.
func TestDatabaseThatTakesNoWrites(t *testing.T) {
	t.Parallel()
	db := counters(t)
	super, err := pgx.Connect(t.Context(), db.SuperURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = super.Close(context.WithoutCancel(t.Context())) }) // the database is dropped with the test
	counted := sdkmetric.NewManualReader()
	pool, err := pg.Open(t.Context(), pg.Options{URL: db.AppURL, Schema: "tally", MaxConns: 1,
		MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(counted))})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	write := func() error { return pg.Exec(t.Context(), pool, "count", `update counter set n = n + 1`) }
	require.NoError(t, write())

	_, err = super.Exec(t.Context(), `alter database `+db.Name+` set default_transaction_read_only = on`)
	require.NoError(t, err)
	pool.Reset()
	err = write()
	require.Equal(t, fault.Unavailable, fault.KindOf(pg.AsFault(err, nil)))
	require.True(t, pg.Passing(err))
	require.Equal(t, map[string]int64{"read_only": 1}, failures(t, counted))
	_, err = super.Exec(t.Context(), `alter database `+db.Name+` reset default_transaction_read_only`)
	require.NoError(t, err)
	require.NoError(t, write(), "a new connection")
}

// A server that is not there is counted, too.
func TestDatabaseThatIsNotReached(t *testing.T) {
	t.Parallel()
	counted := sdkmetric.NewManualReader()
	pool, err := pg.New(t.Context(), pg.Options{URL: "postgres://nobody@127.0.0.1:1/none?sslmode=disable", Schema: "tally",
		MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(counted))})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	require.True(t, pg.Unreachable(pool.Ping(t.Context())))
	require.Positive(t, failures(t, counted)["unreachable"])
}

// failures are those counted so far, by reason.
func failures(t *testing.T, reader sdkmetric.Reader) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &all))
	found := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != "naru.pg.failures" {
				continue
			}
			sum, ok := m.Data.(metricdata.Sum[int64])
			require.True(t, ok)
			for _, point := range sum.DataPoints {
				reason, _ := point.Attributes.Value("reason")
				found[reason.AsString()] += point.Value
			}
		}
	}
	return found
}

package pg_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

func TestOpenSetsTheSessionOfTheUnit(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "unit_a", source("unit_a", `select 1;`))
	pool, err := pg.Open(t.Context(), pg.Options{URL: db.AppURL, Schema: "unit_a", MaxConns: 3})
	require.NoError(t, err)
	defer pool.Close()
	var path, zone, application, idle string
	require.NoError(t, pool.QueryRow(t.Context(),
		`select current_setting('search_path'), current_setting('timezone'), current_setting('application_name'),
		        current_setting('idle_in_transaction_session_timeout')`).Scan(&path, &zone, &application, &idle))
	require.Equal(t, `"unit_a"`, path)
	require.Equal(t, "UTC", zone)
	require.Equal(t, "unit_a", application)
	require.Equal(t, "1min", idle)
	require.Equal(t, int32(3), pool.Config().MaxConns)
}

func TestTracesHoldStatementsButNoArguments(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "unit_a", source("unit_a", `create table person (phone text); grant insert on person to ${app};`))
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	pool, err := pg.Open(t.Context(), pg.Options{URL: db.AppURL, Schema: "unit_a", TracerProvider: provider})
	require.NoError(t, err)
	ctx, root := provider.Tracer("test").Start(t.Context(), "root") // statements are traced only below a span
	_, err = pool.Exec(ctx, `insert into person (phone) values ($1)`, "01000001234")
	require.NoError(t, err)
	root.End()
	pool.Close()

	var all strings.Builder
	for _, s := range spans.Ended() {
		all.WriteString(s.Name())
		for _, a := range s.Attributes() {
			all.WriteString(" " + string(a.Key) + "=" + a.Value.String())
		}
	}
	require.Contains(t, all.String(), "insert into person")
	require.NotContains(t, all.String(), "01000001234")
	require.NotContains(t, all.String(), "127.0.0.1")
}

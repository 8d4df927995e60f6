package pg

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

const (
	// DefaultMaxConns per unit. Measured: twelve connections served the chain as well as forty-eight.
	DefaultMaxConns = 6

	// An open transaction of a process that hangs holds back vacuum.
	idleInTransactionTimeout = time.Minute
	// Bounds every wait for a lock: after it a caller is asked to repeat the call, and a frame is delivered again.
	lockTimeout    = 5 * time.Second
	connectTimeout = 10 * time.Second
)

// planning has the server make plans that stay right while a table grows from nothing to millions of rows. There are few
// statements; they are prepared once and use a key or an index. By itself the server would choose plans by statistics that are
// minutes old, and keep them. A statement that must read a whole table still does: the settings forbid nothing, they only make
// that look more expensive (docs/performance.md).
var planning = map[string]string{
	// On partitioned tables the server likes to plan again for each set of values; for a look-up by number that costs more than
	// the execution.
	"plan_cache_mode":  "force_generic_plan",
	"enable_seqscan":   "off",
	"enable_hashjoin":  "off",
	"enable_mergejoin": "off",
	// These settings make costs look high, which would have statements compiled.
	"jit": "off",
}

// DBTX is what a pool, a connection and a transaction have in common.
type DBTX interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

var (
	_ DBTX = (*pgxpool.Pool)(nil)
	_ DBTX = (*pgx.Conn)(nil)
)

// Options of a unit's pool. URL and Schema are required.
type Options struct {
	// URL of the database with the unit's role. It is a secret.
	URL string
	// Schema of the unit; it becomes the search_path of every connection.
	Schema string
	// MaxConns of the pool; 0 means DefaultMaxConns.
	MaxConns int32
	// ApplicationName shown in pg_stat_activity; empty means the schema.
	ApplicationName string
	// TracerProvider traces statements by their text, never with their arguments; nil does not trace.
	TracerProvider trace.TracerProvider
	// Pooled: a pooler lies between that gives each transaction another connection of the server (PgBouncer's transaction mode).
	// What holds for a session then stands at the role (Provision), and no statement stays prepared.
	Pooled bool
	// MeterProvider counts and times statements; nil does not measure.
	MeterProvider metric.MeterProvider
}

// Open makes a unit's pool and proves it with one connection: the session has to be as the unit needs it, and no pooler may lie
// between that Options do not tell of. The caller closes the pool.
func Open(ctx context.Context, opts Options) (*pgxpool.Pool, error) {
	pool, err := New(ctx, opts)
	if err != nil {
		return nil, err
	}
	if err := prove(ctx, pool, opts); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open database of %s: %w", opts.Schema, err)
	}
	return pool, nil
}

// New makes a unit's pool, which has no connection before the first statement. The caller closes the pool.
func New(ctx context.Context, opts Options) (*pgxpool.Pool, error) {
	if err := checkSchema(opts.Schema); err != nil {
		return nil, err
	}
	cfg, err := pgxpool.ParseConfig(opts.URL)
	if err != nil {
		// The parse error repeats the URL, which holds a password.
		return nil, fmt.Errorf("open database of %s: the database URL cannot be read", opts.Schema)
	}
	cfg.MaxConns = opts.MaxConns
	if cfg.MaxConns == 0 {
		cfg.MaxConns = DefaultMaxConns
	}
	if opts.Pooled {
		pooledParams(cfg.ConnConfig, opts.Schema, opts.ApplicationName)
	} else {
		sessionParams(cfg.ConnConfig, opts.Schema, opts.ApplicationName)
	}
	cfg.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		// Without it each UUID is encoded through an error and its text; statements with many rows have thousands of UUIDs.
		pgxuuid.Register(conn.TypeMap())
		return nil
	}
	failed, err := newFailures(opts.MeterProvider)
	if err != nil {
		return nil, fmt.Errorf("open database of %s: %w", opts.Schema, err)
	}
	cfg.ConnConfig.OnPgError = onPgError(failed, cfg.ConnConfig.OnPgError)
	if opts.TracerProvider != nil || opts.MeterProvider != nil {
		cfg.ConnConfig.Tracer = &tracer{Tracer: newTracer(opts), failures: failed}
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open database of %s: %w", opts.Schema, err)
	}
	return pool, nil
}

// onPgError counts failures, and closes a connection whose server takes no writes: it may be a primary that became a standby, and
// another server of the URL has taken its place.
func onPgError(failed failures, before pgconn.PgErrorHandler) pgconn.PgErrorHandler {
	return func(conn *pgconn.PgConn, err *pgconn.PgError) bool {
		failed.refused(err)
		return err.Code != stateReadOnly && (before == nil || before(conn, err))
	}
}

// sessionParams are sent when a connection begins.
func sessionParams(cfg *pgx.ConnConfig, schema, application string) {
	pooledParams(cfg, schema, application)
	cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	for name, value := range sessionSettings() {
		cfg.RuntimeParams[name] = value
	}
	cfg.RuntimeParams["search_path"] = pgx.Identifier{schema}.Sanitize()
}

// pooledParams are those that a pooler keeps apart for each client. The types of statements are asked for once, and nothing stays
// prepared.
func pooledParams(cfg *pgx.ConnConfig, schema, application string) {
	cfg.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	if application == "" {
		application = schema
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	cfg.RuntimeParams["timezone"] = "UTC"
	cfg.RuntimeParams["application_name"] = application
}

// sessionSettings are what holds for a unit's sessions, beside the search path.
func sessionSettings() map[string]string {
	settings := maps.Clone(planning)
	settings["idle_in_transaction_session_timeout"] = fmt.Sprint(idleInTransactionTimeout.Milliseconds())
	settings["lock_timeout"] = fmt.Sprint(lockTimeout.Milliseconds())
	return settings
}

// newTracer gives otelpgx both providers explicitly, because it falls back to the global ones. Its defaults leave query
// parameters out; they must stay out.
func newTracer(opts Options) *otelpgx.Tracer {
	tp, mp := opts.TracerProvider, opts.MeterProvider
	if tp == nil {
		tp = tracenoop.NewTracerProvider()
	}
	if mp == nil {
		mp = metricnoop.NewMeterProvider()
	}
	return otelpgx.NewTracer(
		otelpgx.WithTracerProvider(tp),
		otelpgx.WithMeterProvider(mp),
		otelpgx.WithDisableConnectionDetailsInAttributes(),
	)
}

// Schema and role names are written into SQL and file names; role names add at most six characters to the 63 that PostgreSQL
// allows.
var schemaPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

func checkSchema(schema string) error {
	if !schemaPattern.MatchString(schema) {
		return errors.New("schema name must be 1 to 40 characters of a-z 0-9 _ beginning with a letter")
	}
	return nil
}

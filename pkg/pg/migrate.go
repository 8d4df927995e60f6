package pg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Source is one set of migrations: a unit's own, or those of a package that keeps tables in the unit's schema (journal, inbox).
// Each counts its versions in a table of its own.
type Source struct {
	// Name of the set, 1 to 40 characters of a-z 0-9 _; it names the version table goose_<name>.
	Name string
	// FS holds goose SQL files (00001_name.sql) at its root or in a folder "migrations".
	//
	// In the files ${schema} stands for the schema and ${app} for the role to grant to. Any other ${…} is an error.
	FS fs.FS
	// Partitions of the tables this source makes. Migrate creates the first ones.
	Partitions []Partition
}

// Migrate brings a schema forward to the newest version of every source, in the order given, as the schema's owner. It never goes
// back. Only one Migrate works on a schema at a time; a second one waits. Afterwards the sources' partitions for the database's
// present time exist.
func Migrate(ctx context.Context, ownerURL, schema string, sources ...Source) error {
	if err := checkSchema(schema); err != nil {
		return err
	}
	cfg, err := pgx.ParseConfig(ownerURL)
	if err != nil {
		return fmt.Errorf("migrate schema %s: the owner's URL cannot be read", schema)
	}
	sessionParams(cfg, schema, schema+"-migrate")
	seen := map[string]bool{}
	for _, src := range sources {
		if seen[src.Name] {
			return fmt.Errorf("migrate schema %s: source %s given twice", schema, src.Name)
		}
		seen[src.Name] = true
	}
	if err := checkDirect(ctx, cfg); err != nil {
		return fmt.Errorf("migrate schema %s: %w", schema, err)
	}
	for _, src := range sources {
		if err := migrateSource(ctx, cfg, schema, src); err != nil {
			return fmt.Errorf("migrate schema %s, source %s: %w", schema, src.Name, err)
		}
	}
	return firstPartitions(ctx, cfg, schema, sources)
}

// checkDirect: migrations hold locks of their session, which a pooler would give to others.
func checkDirect(ctx context.Context, cfg *pgx.ConnConfig) error {
	conn, err := ownerConn(ctx, cfg)
	if err != nil {
		return err
	}
	return conn.Close(context.WithoutCancel(ctx))
}

// Owner connects as a schema's owner, for work on its partitions. The caller closes the connection.
func Owner(ctx context.Context, ownerURL, schema string) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(ownerURL)
	if err != nil {
		return nil, fmt.Errorf("connect as owner of %s: the owner's URL cannot be read", schema)
	}
	sessionParams(cfg, schema, schema+"-owner")
	return ownerConn(ctx, cfg)
}

// ownerConn connects to the server itself: what owners do depends on their session.
func ownerConn(ctx context.Context, cfg *pgx.ConnConfig) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if SQLState(err) == stateProtocolViolation {
		return nil, errors.Join(fmt.Errorf("%w: owner_url has to name the server itself", ErrPooler), err)
	}
	if err != nil {
		return nil, err
	}
	if err := direct(ctx, conn); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: owner_url has to name the server itself", err), conn.Close(context.WithoutCancel(ctx)))
	}
	return conn, nil
}

func migrateSource(ctx context.Context, cfg *pgx.ConnConfig, schema string, src Source) (err error) {
	if err := checkSchema(src.Name); err != nil {
		return errors.New("source name must be 1 to 40 characters of a-z 0-9 _ beginning with a letter")
	}
	if src.FS == nil {
		return errors.New("no files")
	}
	files, err := rootOf(src.FS)
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(
		lock.WithLockID(LockID(schema+"/migrate")),
		lock.WithLockTimeout(1, 300),
	)
	if err != nil {
		return fmt.Errorf("prepare migration lock: %w", err)
	}
	db := stdlib.OpenDB(*cfg)
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := goose.NewProvider(goose.DialectPostgres, db,
		templateFS{inner: files, values: map[string]string{"schema": schema, "app": AppRole(schema)}},
		goose.WithTableName(versionTable(src.Name)),
		goose.WithSessionLocker(locker),
		goose.WithDisableGlobalRegistry(true),
	)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("apply migrations: %w", err)
	}
	return grantVersion(ctx, db, schema, src)
}

// grantVersion lets the program read the version, so that Behind can be asked with its rights. Two grants of one table at once
// are an error of PostgreSQL, so it waits for other migrations like migrating does.
func grantVersion(ctx context.Context, db *sql.DB, schema string, src Source) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("let the program read the version: %w", err)
	}
	_, err = tx.ExecContext(ctx, `select pg_advisory_xact_lock($1)`, LockID(schema+"/migrate"))
	if err == nil {
		_, err = tx.ExecContext(ctx,
			fmt.Sprintf("grant select on %s to %s", pgx.Identifier{versionTable(src.Name)}.Sanitize(), pgx.Identifier{AppRole(schema)}.Sanitize()))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("let the program read the version: %w", err), tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("let the program read the version: %w", err)
	}
	return nil
}

func versionTable(source string) string { return "goose_" + source }

// Behind reports how a schema lacks migrations that the program brings along: nil when it has them all, or more.
func Behind(ctx context.Context, db DBTX, schema string, sources ...Source) error {
	var problems []error
	for _, src := range sources {
		newest, err := newestOf(src)
		if err != nil {
			return fmt.Errorf("read the migrations of %s: %w", src.Name, err)
		}
		there, err := versionOf(ctx, db, schema, src.Name)
		switch {
		case err != nil:
			return fmt.Errorf("read the version of schema %s: %w", schema, err)
		case there < newest:
			problems = append(problems, fmt.Errorf("schema %s has version %d of its %s migrations, and this program needs %d", schema, there, src.Name, newest))
		}
	}
	return errors.Join(problems...)
}

// versionOf is the version a source has in a schema; 0 where nothing was migrated.
func versionOf(ctx context.Context, db DBTX, schema, source string) (int64, error) {
	table := pgx.Identifier{schema, versionTable(source)}.Sanitize()
	made, err := Value[bool](ctx, db, "look for the version", `select to_regclass($1) is not null`, table)
	if err != nil || !made {
		return 0, err
	}
	return Value[int64](ctx, db, "read the version", `select coalesce(max(version_id), 0) from `+table+` where is_applied`)
}

// newestOf is the version of a source's last file.
func newestOf(src Source) (int64, error) {
	files, err := rootOf(src.FS)
	if err != nil {
		return 0, err
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return 0, err
	}
	newest := int64(0)
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return 0, err
		}
		newest = max(newest, version)
	}
	return newest, nil
}

func firstPartitions(ctx context.Context, cfg *pgx.ConnConfig, schema string, sources []Source) error {
	var parts []Partition
	for _, src := range sources {
		parts = append(parts, src.Partitions...)
	}
	if len(parts) == 0 {
		return nil
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("migrate schema %s: %w", schema, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	now, err := Value[time.Time](ctx, conn, "read database time", `select now()`)
	if err != nil {
		return fmt.Errorf("migrate schema %s: %w", schema, err)
	}
	return MaintainPartitions(ctx, conn, parts, Clocks{Unit: now, Database: now}) // and drops nothing
}

// rootOf accepts an embed.FS of "migrations/*.sql" unchanged.
func rootOf(files fs.FS) (fs.FS, error) {
	if names, err := fs.Glob(files, "*.sql"); err == nil && len(names) > 0 {
		return files, nil
	}
	if names, err := fs.Glob(files, "migrations/*.sql"); err == nil && len(names) > 0 {
		sub, err := fs.Sub(files, "migrations")
		if err != nil {
			return nil, fmt.Errorf("open migrations: %w", err)
		}
		return sub, nil
	}
	return nil, errors.New("no *.sql files")
}

var tokenPattern = regexp.MustCompile(`\$\{([^}]*)\}`)

// substitute replaces the tokens of one file. Values are checked names and need no quoting.
func substitute(name string, text []byte, values map[string]string) ([]byte, error) {
	var unknown error
	out := tokenPattern.ReplaceAllFunc(text, func(token []byte) []byte {
		value, ok := values[string(token[2:len(token)-1])]
		if !ok {
			unknown = fmt.Errorf("%s: unknown token %s", name, token)
		}
		return []byte(value)
	})
	return out, unknown
}

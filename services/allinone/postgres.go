package allinone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/pgserver"
)

// The units' database, and the sandbox's, which no unit reads.
const (
	relayDatabase   = "naru"
	sandboxDatabase = "naru_sandbox"
)

// database is a PostgreSQL server with both databases.
type database struct {
	server   *pgserver.Server
	superURL string
	folder   folder
}

// StartPostgres starts the private server of a relay's folder, with further variables of its environment.
func StartPostgres(ctx context.Context, dir string, log *slog.Logger, environment ...string) (*pgserver.Server, error) {
	return pgserver.Start(ctx, pgserver.Options{Dir: folder(dir).path("postgres"), Log: log, Environment: environment})
}

// openDatabase starts the private server. With superURL it uses that server instead.
func openDatabase(ctx context.Context, f folder, superURL string, log *slog.Logger) (*database, error) {
	d := &database{folder: f, superURL: superURL}
	if superURL == "" {
		server, err := StartPostgres(ctx, string(f), log)
		if err != nil {
			return nil, err
		}
		d.server, d.superURL = server, server.SuperURL("postgres")
	}
	for _, name := range []string{relayDatabase, sandboxDatabase} {
		if err := d.create(ctx, name); err != nil {
			return nil, errors.Join(err, d.close(ctx))
		}
	}
	return d, nil
}

func (d *database) create(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, d.superURL)
	if err != nil {
		return fmt.Errorf("connect to postgres: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var there bool
	if err := conn.QueryRow(ctx, `select exists (select from pg_database where datname = $1)`, name).Scan(&there); err != nil {
		return fmt.Errorf("look for database %s: %w", name, err)
	}
	if there {
		return nil
	}
	return pg.Exec(ctx, conn, fmt.Sprintf("create database %s", name), `create database `+pgx.Identifier{name}.Sanitize())
}

// roles holds the URLs of a schema's two roles.
type roles struct{ app, owner string }

// provision creates a schema and its roles in one of the databases.
func (d *database) provision(ctx context.Context, name, schema string) (roles, error) {
	var passwords pg.Passwords
	var err error
	if passwords.App, err = d.folder.secret(schema, "database_password"); err != nil {
		return roles{}, err
	}
	if passwords.Owner, err = d.folder.secret(schema, "owner_password"); err != nil {
		return roles{}, err
	}
	super, err := withDatabase(d.superURL, name)
	if err != nil {
		return roles{}, err
	}
	if err := pg.Provision(ctx, super.String(), schema, passwords); err != nil {
		return roles{}, err
	}
	app, owner := *super, *super
	app.User = url.UserPassword(pg.AppRole(schema), passwords.App)
	owner.User = url.UserPassword(pg.OwnerRole(schema), passwords.Owner)
	return roles{app: app.String(), owner: owner.String()}, nil
}

func withDatabase(superURL, name string) (*url.URL, error) {
	u, err := url.Parse(superURL)
	if err != nil {
		return nil, errors.New("the database URL cannot be read")
	}
	u.Path = "/" + name
	return u, nil
}

func (d *database) close(ctx context.Context) error {
	if d.server == nil {
		return nil
	}
	return d.server.Stop(ctx)
}

// Package auditing reads everything a relay keeps and reports what does not fit: naru audit and naru evidence verify.
package auditing

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pgserver"
	"github.com/naru-relay/naru/services/allinone"
	"github.com/naru-relay/naru/services/registry"
)

// Place says where a relay keeps its data. Exactly one of Data, Database and Dump is set.
type Place struct {
	// Data is a data folder of narud.
	Data string
	// Database is the URL of a role that can read the units' schemas. Sandbox is the URL of the sandbox hub's database, empty for
	// none.
	Database, Sandbox string
	// Dump is a file that pg_dump made of the relay's database, or of a unit's schema.
	Dump string
	// Keys is a folder with one key folder for each unit; empty if the keys are not available.
	Keys string
	// StampRoots is a PEM file of the roots of time-stamping authorities; empty: with Data those of its sandbox, else time stamps
	// are not checked.
	StampRoots string
	// Policy is what is expected of the logs' witnesses; its Within is above zero.
	Policy journal.WitnessPolicy
	// At is the moment to judge by; zero: the present for a relay that runs, and for one that has stopped and for a dump what
	// they state themselves.
	At time.Time
}

// Names of the databases of a data folder.
const (
	relayDatabase   = "naru"
	sandboxDatabase = "naru_sandbox"
)

// opened is a place that can be read.
type opened struct {
	relay, sandbox *pgxpool.Pool
	keys           string
	stampRoots     *x509.CertPool
	// running is false if the server was started for this command.
	running bool
	// absent are the units whose schema a dump does not hold.
	absent []string
	// at is the moment to judge by, where the caller names one.
	at    time.Time
	close []func()
}

// Close stops and removes what open started.
func (o *opened) Close() {
	for i := len(o.close) - 1; i >= 0; i-- {
		o.close[i]()
	}
}

// open connects to the databases. If the private server of a data folder is not running, open starts it and Close stops it.
func (p Place) open(ctx context.Context) (_ *opened, err error) {
	o := &opened{keys: p.Keys, running: true, at: p.At}
	defer func() {
		if err != nil {
			o.Close()
		}
	}()
	relay, sandbox := p.Database, p.Sandbox
	switch {
	case p.Dump != "":
		if relay, err = o.restore(ctx, p.Dump); err != nil {
			return nil, err
		}
	case p.Data != "":
		o.keys = filepath.Join(p.Data, "keys")
		super, err := o.superuser(ctx, p.Data)
		if err != nil {
			return nil, err
		}
		relay, sandbox = withDatabase(super, relayDatabase), withDatabase(super, sandboxDatabase)
	}
	if o.stampRoots, err = p.stampRoots(); err != nil {
		return nil, err
	}
	if o.relay, err = o.connect(ctx, relay); err != nil {
		return nil, err
	}
	if p.Dump != "" {
		if err := o.missing(ctx); err != nil {
			return nil, err
		}
	}
	if sandbox != "" {
		o.sandbox, err = o.connect(ctx, sandbox)
	}
	return o, err
}

func (p Place) stampRoots() (*x509.CertPool, error) {
	file := p.StampRoots
	if file == "" && p.Data != "" {
		file = filepath.Join(p.Data, "sandbox", "pki", "tsa-root.pem")
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return nil, nil //nolint:nilnil // nil: time stamps are not checked
		}
	}
	if file == "" {
		return nil, nil //nolint:nilnil // nil: time stamps are not checked
	}
	return config.Roots(file)
}

// missing stores in absent the units whose schema a dump does not hold.
func (o *opened) missing(ctx context.Context) error {
	for _, u := range registry.Units() {
		var there bool
		if err := o.relay.QueryRow(ctx, `select to_regnamespace($1) is not null`, u.Name).Scan(&there); err != nil {
			return fmt.Errorf("look for the schema of %s: %w", u.Name, err)
		}
		if !there {
			o.absent = append(o.absent, u.Name)
		}
	}
	return nil
}

func (o *opened) connect(ctx context.Context, address string) (*pgxpool.Pool, error) {
	pool, err := pgxpool.New(ctx, address)
	if err == nil {
		o.close = append(o.close, pool.Close)
		err = pool.Ping(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return pool, nil
}

// now is the time to judge by what has waited too long. It is zero for a stopped relay, where work in progress is not late.
func (o *opened) now(present time.Time) time.Time {
	switch {
	case !o.at.IsZero():
		return o.at
	case o.running:
		return present
	default:
		return time.Time{}
	}
}

// asOf is the moment by which the age of cosignatures is judged. What has stopped, and a dump, name none that could be believed
// more than the newest time that any of their logs states: so a log that stood still while the others were cosigned is told, and
// an old dump is not told for being old.
func (o *opened) asOf(ctx context.Context, present time.Time) (time.Time, error) {
	if now := o.now(present); !now.IsZero() {
		return now, nil
	}
	var newest time.Time
	for _, u := range registry.Units() {
		if slices.Contains(o.absent, u.Name) {
			continue
		}
		schema := pgx.Identifier{u.Name}.Sanitize()
		var stated *time.Time
		if err := o.relay.QueryRow(ctx, `select greatest((select max(made_at) from `+schema+`.log_checkpoint), (select max(given_at) from `+schema+`.log_cosignature))`).
			Scan(&stated); err != nil {
			return time.Time{}, fmt.Errorf("read the newest time that %s states: %w", u.Name, err)
		}
		if stated != nil && stated.After(newest) {
			newest = *stated
		}
	}
	return newest, nil
}

// superuser returns the superuser's URL of a data folder's server. It starts the server if it does not answer.
func (o *opened) superuser(ctx context.Context, data string) (*url.URL, error) {
	first := registry.Units()[0].Name
	owner, err := os.ReadFile(filepath.Join(data, "secrets", first, "owner_url"))
	if err != nil {
		return nil, fmt.Errorf("%s is no data folder of narud: %w", data, err)
	}
	password, err := os.ReadFile(filepath.Join(data, "postgres", "superuser.password"))
	if err != nil {
		return nil, fmt.Errorf("read the superuser's password: %w", err)
	}
	address, err := url.Parse(strings.TrimSpace(string(owner)))
	if err != nil {
		return nil, errors.New("read the owner's URL: it is malformed")
	}
	address.User = url.UserPassword(pgserver.Superuser, strings.TrimSpace(string(password)))
	if conn, err := pgx.Connect(ctx, withDatabase(address, "postgres")); err == nil {
		return address, conn.Close(ctx)
	}
	o.running = false
	server, err := allinone.StartPostgres(ctx, data, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, fmt.Errorf("start the folder's database: %w", err)
	}
	o.close = append(o.close, func() { _ = server.Stop(context.WithoutCancel(ctx)) }) // an unclean stop loses nothing: nothing was written
	started, err := url.Parse(server.SuperURL("postgres"))
	if err != nil {
		return nil, errors.New("read the server's URL: it is malformed")
	}
	return started, nil
}

func withDatabase(address *url.URL, name string) string {
	of := *address
	of.Path = "/" + name
	return of.String()
}

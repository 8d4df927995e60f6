package tsa

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/services/sandbox/pki"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations of the authority's schema, for pg.Migrate.
var Migrations fs.FS = migrations

// Path takes requests.
const Path = "/tsp"

// Deps are the dependencies of an authority. All fields are required.
type Deps struct {
	scenario.Base
	Config Config
	// Authority holds the signer of time stamps.
	Authority *pki.Store
}

// System is a running authority.
type System struct {
	scenario.Base
	config    Config
	authority *pki.Store
}

// New returns an authority on a migrated database.
func New(_ context.Context, d Deps) (*System, error) {
	if err := d.Check("time-stamping authority"); err != nil {
		return nil, err
	}
	if d.Authority == nil {
		return nil, errors.New("make time-stamping authority: no signer")
	}
	if err := d.Config.Validate(); err != nil {
		return nil, err
	}
	return &System{Base: d.Base, config: d.Config, authority: d.Authority}, nil
}

const sweepInterval = 10 * time.Minute

// Tasks returns the authority's background work: it forgets what was stamped long ago.
func (s *System) Tasks() []lifecycle.Task {
	return []lifecycle.Task{lifecycle.Every("sandbox-tsa-sweep", sweepInterval, s.sweep)}
}

func (s *System) sweep(ctx context.Context) {
	if err := deleteStamps(ctx, s.DB, s.Clock.Now().Add(-s.config.Keep.Std())); err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "old time stamps not removed", slog.Any("error", err))
	}
}

// Handler serves requests at Path, and the operator's interface under /sandbox behind the admin token. Scenarios do not apply to
// /sandbox.
func (s *System) Handler() http.Handler {
	public := http.NewServeMux()
	public.HandleFunc("POST "+Path, s.serve)

	admin := s.Scenarios.Handler()
	admin.HandleFunc("GET /sandbox/stamps", scenario.Serve(s.Log, s.listStamps))

	all := http.NewServeMux()
	all.Handle("/", s.Scenarios.Middleware(public))
	all.Handle("/sandbox/", scenario.RequireAdmin(string(s.config.AdminTokenFile.Value()), admin))
	return all
}

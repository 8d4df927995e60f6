package archive

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/services/sandbox/pki"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations of the archive's schema, for pg.Migrate.
var Migrations fs.FS = migrations

// Deps are the dependencies of an archive. All fields are required.
type Deps struct {
	scenario.Base
	Config Config
	// Authority holds the archive's signer; the signer's common name is the issuer of every certificate.
	Authority *pki.Store
}

// System is a running archive.
type System struct {
	scenario.Base
	config    Config
	authority *pki.Store
	verifier  *archivecert.Verifier
	files     files
}

// New returns an archive on a migrated database.
func New(_ context.Context, d Deps) (*System, error) {
	if err := d.Check("archive"); err != nil {
		return nil, err
	}
	if d.Authority == nil {
		return nil, errors.New("make archive: no authority")
	}
	if err := d.Config.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(d.Config.DocumentDir, 0o700); err != nil {
		return nil, fmt.Errorf("make archive: %w", err)
	}
	verifier, err := archivecert.New(archivecert.Options{
		Issuers: []archivecert.Issuer{{Name: pki.ArchiveName, Profile: archivecert.Format, Roots: d.Authority.Pool(pki.Archive)}}, Clock: d.Clock,
	})
	if err != nil {
		return nil, fmt.Errorf("make archive: %w", err)
	}
	return &System{
		Base: d.Base, config: d.Config, authority: d.Authority,
		verifier: verifier, files: files{dir: d.Config.DocumentDir},
	}, nil
}

const (
	sweepInterval = 10 * time.Minute
	// orphanAge is long enough for any submission to write its row.
	orphanAge = time.Hour
)

// Tasks returns the archive's background work: it removes ended log-ins and files that no row names.
func (s *System) Tasks() []lifecycle.Task {
	return []lifecycle.Task{lifecycle.Every("sandbox-archive-sweep", sweepInterval, s.sweep)}
}

func (s *System) sweep(ctx context.Context) {
	now := s.Clock.Now()
	if err := deleteSessions(ctx, s.DB, now); err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "ended log-ins not removed", slog.Any("error", err))
	}
	orphans, err := s.files.olderThan(now.Add(-orphanAge))
	if err == nil && len(orphans) > 0 {
		orphans, err = withoutRow(ctx, s.DB, orphans)
	}
	if err == nil {
		err = s.files.remove(orphans...)
	}
	if err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "stray files not removed", slog.Any("error", err))
	}
}

// Handler serves the archive under /archive, and the operator's interface under /sandbox behind the admin token. Scenarios do not
// apply to /sandbox.
func (s *System) Handler() http.Handler {
	archive := http.NewServeMux()
	archive.HandleFunc("POST /archive/login", scenario.Serve(s.Log, s.logIn))
	archive.HandleFunc("POST /archive/documents", s.authenticated(s.submit))
	archive.HandleFunc("GET /archive/documents", s.authenticated(s.find))
	archive.HandleFunc("GET /archive/documents/{id}", s.authenticated(s.show))
	archive.HandleFunc("GET /archive/documents/{id}/registration-certificate", s.authenticated(s.registrationCertificate))
	archive.HandleFunc("POST /archive/documents/{id}/issue", s.authenticated(s.issue))
	archive.HandleFunc("POST /archive/verify", scenario.Serve(s.Log, s.verify))

	admin := s.Scenarios.Handler()
	admin.HandleFunc("POST /sandbox/archive/members", scenario.Serve(s.Log, s.putMember))
	admin.HandleFunc("GET /sandbox/archive/members", scenario.Serve(s.Log, s.listMembers))
	admin.HandleFunc("GET /sandbox/archive/documents", scenario.Serve(s.Log, s.listDocuments))

	all := http.NewServeMux()
	all.Handle("/archive/", s.Scenarios.Middleware(archive))
	all.Handle("/sandbox/", scenario.RequireAdmin(string(s.config.AdminTokenFile.Value()), admin))
	return all
}

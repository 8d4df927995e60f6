package hub

import (
	"context"
	"crypto"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations of the hub's schema, for pg.Migrate.
var Migrations fs.FS = migrations

// Deps are the dependencies of a hub. All fields except Verifier and PushKey are required.
type Deps struct {
	scenario.Base
	Config Config
	// Renderer draws and signs distribution certificates.
	Renderer CertificateRenderer
	// Verifier compares a distribution certificate, an original certificate and a document. Without it POST /api/cert/verify
	// fails.
	Verifier PairVerifier
	// PushKey signs pushes; required with Config.PushURL.
	PushKey crypto.Signer
}

// System is a running hub.
type System struct {
	scenario.Base
	config    Config
	renderer  CertificateRenderer
	verifier  PairVerifier
	exchanges *exchangeCounts
	pusher    *pusher
}

// New returns a hub on a migrated database.
func New(_ context.Context, d Deps) (*System, error) {
	if err := d.Check("hub"); err != nil {
		return nil, err
	}
	if d.Renderer == nil {
		return nil, errors.New("make hub: no certificate renderer")
	}
	if err := d.Config.Validate(); err != nil {
		return nil, err
	}
	s := &System{
		Base: d.Base, config: d.Config,
		renderer: d.Renderer, verifier: d.Verifier, exchanges: newExchangeCounts(),
	}
	var err error
	s.pusher, err = newPusher(s, d.PushKey)
	return s, err
}

// Tasks returns the hub's background work: it writes the call counts, and pushes certificates.
func (s *System) Tasks() []lifecycle.Task {
	tasks := []lifecycle.Task{{Name: "sandbox-hub-exchange-counts", Run: s.keepCounts}}
	if s.pusher != nil {
		tasks = append(tasks, lifecycle.Task{Name: "sandbox-hub-pushes", Run: s.pusher.run})
	}
	return tasks
}

// flushInterval limits how many call counts a crash can lose.
const flushInterval = time.Second

func (s *System) keepCounts(ctx context.Context) error {
	ticker := time.NewTicker(flushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushInterval)
			defer cancel()
			s.flushLogged(last)
			return nil
		case <-ticker.C:
			s.flushLogged(ctx)
		}
	}
}

func (s *System) flushLogged(ctx context.Context) {
	if err := s.exchanges.flush(ctx, s.DB); err != nil {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "hub call counts not written", slog.Any("error", err))
	}
}

// Handler serves the hub interface under /auth and /api, and the operator's interface under /sandbox behind the admin token.
// Scenarios do not apply to /sandbox.
func (s *System) Handler() http.Handler {
	hub := http.NewServeMux()
	hub.Handle("POST /auth/token", s.anonymous(s.issueToken))
	hub.Handle("POST /api/eaddr", s.authenticated(s.registerAddress))
	hub.Handle("GET /api/eaddr", s.authenticated(s.lookUpAddress))
	hub.Handle("PATCH /api/eaddr", s.authenticated(s.withdrawAddress))
	hub.Handle("GET /api/eaddr/canceled", s.authenticated(s.withdrawnAddresses))
	hub.Handle("GET /api/eaddr/user", s.authenticated(s.addressOwner))
	hub.Handle("PATCH /api/eaddr/user/individual", s.authenticated(s.changePerson))
	hub.Handle("POST /api/eaddr/user/company", s.authenticated(s.changeCompany))
	hub.Handle("POST /api/eaddr/search", s.authenticated(s.searchAddress)) // ours
	hub.Handle("POST /api/circulation", s.authenticated(s.registerCirculations))
	hub.Handle("PATCH /api/circulation", s.authenticated(s.registerReadTimes))
	hub.Handle("POST /api/cert", s.certificateCall(s.issueCertificate))
	hub.Handle("POST "+figuresPath, s.certificateCall(s.issueFigures)) // ours
	hub.Handle("POST /api/cert/verify", s.unnamed(s.verifyPair))       // ours
	outside := s.counted(hub, s.Scenarios.Middleware(hub))

	admin := s.Scenarios.Handler()
	admin.HandleFunc("POST /sandbox/platforms", scenario.Serve(s.Log, s.putPlatform))
	admin.HandleFunc("GET /sandbox/platforms", scenario.Serve(s.Log, s.listPlatforms))
	admin.HandleFunc("GET /sandbox/circulations/{edocNum}", scenario.Serve(s.Log, s.showCirculation))
	admin.HandleFunc("GET /sandbox/circulations", scenario.Serve(s.Log, s.countCirculations))
	admin.HandleFunc("GET /sandbox/eaddrs", scenario.Serve(s.Log, s.listAddresses))
	admin.HandleFunc("GET /sandbox/certificates/{certNum}", scenario.Serve(s.Log, s.showCertificate))
	admin.HandleFunc("GET /sandbox/exchanges", scenario.Serve(s.Log, s.listExchanges))

	all := http.NewServeMux()
	all.Handle("/auth/", outside)
	all.Handle("/api/", outside)
	all.Handle("/sandbox/", scenario.RequireAdmin(string(s.config.AdminTokenFile.Value()), admin))
	return all
}

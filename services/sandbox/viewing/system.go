// Package viewing is the sandbox's viewing system of a sender (전자문서 열람시스템). It stores documents with their recipient (guide 5.1.1
// ❷) and shows them for a viewing token (❺) with package viewingkit. Scenarios make it do what a viewing system must not do.
//
// It shows senders how to embed viewingkit, and is the counterpart of Naru's viewing unit in tests. Documents, log and outbox are
// stored in its own PostgreSQL schema. Personal data is stored as received and never logged.
package viewing

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/viewingkit"
	"github.com/naru-relay/naru/pkg/viewingkit/viewingdb"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations of the documents' table; Sources lists all migrations of the schema.
var Migrations fs.FS = migrations

// Sources returns the migrations of the whole schema, for pg.Migrate.
func Sources() []pg.Source {
	return []pg.Source{
		{Name: "viewing", FS: Migrations},
		{Name: "viewingkit", FS: viewingdb.Migrations},
	}
}

// Deps are the dependencies of a viewing system. If Relay is nil, it is made from Config.
type Deps struct {
	scenario.Base
	Config Config
	// Relay through which the sender sends.
	Relay viewingkit.Relay
}

// System is a running viewing system.
type System struct {
	scenario.Base
	config   Config
	store    *viewingdb.Store
	reporter *viewingkit.Reporter
	honest   *viewingkit.Viewer
	lying    *viewingkit.Viewer
}

// New returns a viewing system on a migrated database.
func New(_ context.Context, d Deps) (*System, error) {
	if err := d.Check("viewing system"); err != nil {
		return nil, err
	}
	if err := d.Config.Validate(); err != nil {
		return nil, err
	}
	store, err := viewingdb.New(d.DB)
	if err != nil {
		return nil, err
	}
	s := &System{Base: d.Base, config: d.Config, store: store}
	relay := d.Relay
	if relay == nil {
		if relay, err = d.Config.Relay.client(); err != nil {
			return nil, err
		}
	}
	if err := s.wire(relay); err != nil {
		return nil, fmt.Errorf("make viewing system: %w", err)
	}
	return s, nil
}

func (s *System) wire(relay viewingkit.Relay) error {
	var err error
	s.reporter, err = viewingkit.NewReporter(viewingkit.ReporterOptions{
		Relay: relay, Outbox: s.store, Clock: s.Clock, Log: s.Log, Poll: s.config.ReportPoll.Std(),
	})
	if err != nil {
		return err
	}
	options := viewingkit.ViewerOptions{
		Store: shelf{s}, Relay: relay, Log: s.store, Reporter: badReporter{s}, Clock: s.Clock, Logger: s.Log,
	}
	if s.honest, err = viewingkit.NewViewer(options); err != nil {
		return err
	}
	options.Store, options.Relay = otherBytes{shelf{s}}, selfDeceit{relay}
	s.lying, err = viewingkit.NewViewer(options)
	return err
}

// Tasks returns the system's background work: it delivers read reports.
func (s *System) Tasks() []lifecycle.Task {
	return []lifecycle.Task{{Name: "sandbox-viewing-reports", Run: s.reporter.Run}}
}

// Handler serves POST /documents for senders, /view/{id} for recipients and /sandbox for operators.
func (s *System) Handler() http.Handler {
	public := http.NewServeMux()
	public.HandleFunc("POST /documents", scenario.Serve(s.Log, s.storeDocument))
	public.HandleFunc("/view/{id}", s.view)

	admin := s.Scenarios.Handler()
	admin.HandleFunc("GET /sandbox/views", scenario.Serve(s.Log, s.listViews))

	all := http.NewServeMux()
	all.Handle("/", s.Scenarios.Middleware(public))
	all.Handle("/sandbox/", scenario.RequireAdmin(string(s.config.AdminTokenFile.Value()), admin))
	return all
}

func (s *System) view(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		if _, ok := s.Scenarios.Take(scenario.ShowOtherBytes, r.PathValue("id")); ok {
			s.lying.ServeHTTP(w, r)
			return
		}
	}
	s.honest.ServeHTTP(w, r)
}

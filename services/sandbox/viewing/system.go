// Package viewing is the sandbox's viewing system of a sender (전자문서 열람시스템): it stores documents with their recipient (guide 5.1.1
// ❷), shows them against a viewing token (❺) by package viewingkit, and can be told by scenarios to do what a viewing system must
// not do.
//
// It is an example of how a sender embeds viewingkit, and the counterpart of Naru's viewing unit in tests. Documents, log and
// outbox are kept in a PostgreSQL schema of its own; personal data is stored as received, never logged.
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

// Migrations of the documents' table; Sources has all that the schema needs.
var Migrations fs.FS = migrations

// Sources are the migrations of the whole schema, for pg.Migrate.
func Sources() []pg.Source {
	return []pg.Source{
		{Name: "viewing", FS: Migrations},
		{Name: "viewingkit", FS: viewingdb.Migrations},
	}
}

// Deps is what a viewing system works with. Relay may be nil: then it is made from Config.
type Deps struct {
	scenario.Base
	Config Config
	// Relay is the relay the sender sends through.
	Relay viewingkit.Relay
}

// System is one running viewing system.
type System struct {
	scenario.Base
	config   Config
	store    *viewingdb.Store
	reporter *viewingkit.Reporter
	honest   *viewingkit.Viewer
	lying    *viewingkit.Viewer
}

// New makes a viewing system over a migrated database.
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

// Tasks are the system's background work: delivering read reports.
func (s *System) Tasks() []lifecycle.Task {
	return []lifecycle.Task{{Name: "sandbox-viewing-reports", Run: s.reporter.Run}}
}

// Handler serves POST /documents for senders, GET /view/{id} for recipients and /sandbox for operators.
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
	if _, ok := s.Scenarios.Take(scenario.ShowOtherBytes, r.PathValue("id")); ok {
		s.lying.ServeHTTP(w, r)
		return
	}
	s.honest.ServeHTTP(w, r)
}

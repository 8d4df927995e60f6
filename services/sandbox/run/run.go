package run

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/telemetry"
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

const (
	requestTimeout = time.Minute
	headerTimeout  = 10 * time.Second
	stopTimeout    = 10 * time.Second
	migrateTimeout = 5 * time.Minute
)

// Config is a system's own configuration.
type Config interface {
	// Validate returns all problems, joined.
	Validate() error
}

// Needs says which folders a system requires.
type Needs struct{ PKI, Keys bool }

// Env is what a system is built with.
type Env struct {
	scenario.Base
	// PKIDir and KeysDir are the folders named in the settings.
	PKIDir, KeysDir string
}

// Running is a built system.
type Running interface {
	Handler() http.Handler
	Tasks() []lifecycle.Task
}

// System describes a sandbox system: its name, its schema, and how to build it.
type System[C Config] struct {
	// Name of the system; its schema is sandbox_<name>.
	Name    string
	Needs   Needs
	Sources []pg.Source
	// Default returns the system's default configuration.
	Default func() C
	Build   func(ctx context.Context, env Env, config C) (Running, error)
}

// Schema returns the name of the system's schema.
func (s System[C]) Schema() string { return "sandbox_" + s.Name }

// Defaults returns the settings before a file is read.
func (s System[C]) Defaults() *Settings[C] {
	return &Settings[C]{DatabaseConns: 8, LogLevel: "info", System: s.Default(), needs: s.Needs}
}

// Main runs the system as a process and returns its exit code. A main function calls nothing else.
func Main[C Config](s System[C]) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return s.run(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

func (s System[C]) run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("sandbox "+s.Name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	file := flags.String("config", "", "file of the settings (deploy/config/sandbox-"+s.Name+".yaml is an example)")
	check := flags.Bool("check", false, "check the settings and that every file they name can be read, list every problem, and exit")
	shown := flags.Bool("print-config", false, "print the effective settings without secrets, and exit")
	migrate := flags.Bool("migrate", false, "bring the schema forward with the owner's role, and exit")
	version := flags.Bool("version", false, "print the version, and exit")
	if code, done := unit.ParseFlags(flags, args); done {
		return code
	}
	if *version {
		fmt.Fprintln(stdout, unit.Version())
		return unit.ExitOK
	}
	settings := s.Defaults()
	if err := errors.Join(config.Load(*file, settings), config.Missing(settings)); err != nil {
		fmt.Fprintln(stderr, err)
		return unit.ExitUsage
	}
	switch {
	case *check:
		fmt.Fprintln(stdout, "the settings are valid, and every file they name is there")
		return unit.ExitOK
	case *shown:
		return show(settings, stdout, stderr)
	}
	level, err := settings.level()
	if err != nil { // cannot happen: Validate has checked it
		return unit.ExitUsage
	}
	log := slog.New(telemetry.NewHandler(stderr, level)).With(slog.String("system", s.Schema()))
	work := s.serve
	if *migrate {
		work = func(ctx context.Context, settings *Settings[C], _ *slog.Logger) error {
			return s.migrate(ctx, settings, filepath.Dir(*file))
		}
	}
	if err := work(ctx, settings, log); err != nil {
		log.LogAttrs(ctx, slog.LevelError, "process ends", slog.Any("error", err))
		return unit.ExitFailed
	}
	return unit.ExitOK
}

func show(settings any, stdout, stderr io.Writer) int {
	text, err := config.Marshal(settings)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return unit.ExitFailed
	}
	fmt.Fprintf(stdout, "%s", text)
	return unit.ExitOK
}

func (s System[C]) migrate(ctx context.Context, settings *Settings[C], folder string) error {
	owner, err := settings.ownerURL(folder)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, migrateTimeout)
	defer cancel()
	return pg.Migrate(ctx, owner, s.Schema(), s.Sources...)
}

// serve runs the system until ctx ends or one of its tasks fails.
func (s System[C]) serve(ctx context.Context, settings *Settings[C], log *slog.Logger) error {
	secure, err := settings.tls()
	if err != nil {
		return err
	}
	pool, err := pg.Open(ctx, pg.Options{URL: string(settings.DatabaseURLFile.Value()), Schema: s.Schema(), MaxConns: settings.DatabaseConns})
	if err != nil {
		return err
	}
	defer pool.Close()
	built, err := s.Build(ctx, Env{
		Base: scenario.Base{DB: pool, Clock: clock.System(), Log: log, Scenarios: scenario.NewSet()}, PKIDir: settings.PKIDir, KeysDir: settings.KeysDir,
	}, settings.System)
	if err != nil {
		return fmt.Errorf("build the sandbox's %s: %w", s.Name, err)
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", settings.Listen)
	if err != nil {
		return fmt.Errorf("listen for the sandbox's %s: %w", s.Name, err)
	}
	log.LogAttrs(ctx, slog.LevelInfo, "sandbox system serves", slog.String("address", listener.Addr().String()), slog.Bool("tls", secure != nil))
	if secure != nil {
		listener = tls.NewListener(listener, secure)
	}
	return attend(ctx, built, listener)
}

// attend serves until ctx ends, then finishes what is in progress.
func attend(ctx context.Context, built Running, listener net.Listener) error {
	group := lifecycle.New()
	group.Go(ctx, Tasks(built, listener)...)
	return group.Wait()
}

// Tasks returns the background work of a built system and, last, its door. Tasks stop in reverse order, so the door closes first.
func Tasks(built Running, listener net.Listener) []lifecycle.Task {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.Handle("/", built.Handler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, WriteTimeout: requestTimeout, IdleTimeout: requestTimeout}
	return append(built.Tasks(), lifecycle.ServeHTTP("door", stopTimeout, server, listener))
}

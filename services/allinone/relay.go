package allinone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/natsserver"
	"github.com/naru-relay/naru/pkg/rpc"
	"github.com/naru-relay/naru/pkg/telemetry"
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/registry"
)

// PlatformID is the relay's platform id in the sandbox.
const PlatformID = "naru-01-sandbox"

// Default addresses of the doors.
const (
	DefaultREST = "127.0.0.1:8080"
	DefaultGRPC = "127.0.0.1:8081"
	DefaultOps  = "127.0.0.1:8082"
	DefaultWeb  = "127.0.0.1:8083"
	DefaultPush = "127.0.0.1:8084"
)

// Options of a relay. Only Dir is required.
type Options struct {
	// Dir is the data folder. If the process is root, other users must be able to traverse its parents.
	Dir string
	// REST, GRPC, Ops, Web and Push are listen addresses; port 0 means a free port. At Push the hub pushes certificates.
	REST, GRPC, Ops, Web, Push string
	// FreePorts lets the sandbox systems take free ports instead of the documented ones.
	FreePorts bool
	// DatabaseURL is the superuser's URL of a PostgreSQL server to use instead of a private one.
	DatabaseURL string
	// SandboxDatabaseURL is the same for the sandbox alone, where it is not to share the relay's.
	SandboxDatabaseURL string
	// BusURL is where StartBus serves the same folder in another process, for units in processes of their own. Empty: a bus in
	// this process.
	BusURL string
	// BusReplicas is how many servers of that bus hold each stream; 0 counts as 1.
	BusReplicas int
	// Sandbox holds, by name, the URLs of a sandbox that StartSandbox started with the same folder and database. Nil starts a
	// sandbox in this process.
	Sandbox map[string]string
	// Apart leaves the units out: they run as processes of their own with the files of this folder. Everything else runs here.
	Apart bool
	// Reopen is unit.Runtime's.
	Reopen string
	// Seed creates an institution, its viewing system, an archive member and a joined recipient at the start.
	Seed        bool
	SampleRatio float64
	// Traces writes finished spans to traces/<unit>.jsonl in the folder.
	Traces   bool
	LogLevel slog.Level
	Logs     io.Writer
	Version  string
}

// Endpoints is the content of naru.json.
type Endpoints = endpoints.Endpoints

// Relay is a running relay.
type Relay struct {
	Endpoints Endpoints

	folder   folder
	unlock   func() error
	ports    ports
	log      *slog.Logger
	database *database
	bus      *natsserver.Server
	busURL   string
	replicas int
	outside  *outside
	network  *rpc.Local
	units    *unit.Running
}

// Names that the endpoint file gives to others.
const (
	adminFile   = "admin.json"
	redirectURI = "http://127.0.0.1/naru/identity"
	demoSender  = "demo-institution"
	// pagesCallback is where the pages take people back from the identity provider.
	pagesCallback = "/signin/callback"
)

const (
	stopTimeout  = 30 * time.Second
	readyTimeout = time.Minute
)

// Start starts everything and returns when it is ready. ctx limits only the start; what was started runs until Stop.
func Start(ctx context.Context, opts Options) (_ *Relay, err error) {
	opts.fill()
	unlock, err := folder(opts.Dir).lock()
	if err != nil {
		return nil, err // nothing here is ours to stop
	}
	r := &Relay{folder: folder(opts.Dir), ports: ports{file: folder(opts.Dir).path("ports")}, unlock: unlock, log: slog.New(telemetry.NewHandler(opts.Logs, opts.LogLevel)).With(slog.String("unit", "narud"))}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if err := r.folder.prepare(); err != nil {
		return nil, err
	}
	if r.database, err = openDatabase(ctx, r.folder, opts.DatabaseURL, r.log); err != nil {
		return nil, err
	}
	units := registry.Units()
	if err := r.openBus(ctx, units, opts); err != nil {
		return nil, err
	}
	theirs := r.database
	if opts.SandboxDatabaseURL != "" {
		if theirs, err = openDatabase(ctx, r.folder, opts.SandboxDatabaseURL, r.log); err != nil {
			return nil, err
		}
	}
	if r.outside, err = openOutside(ctx, r.folder, theirs, r.log, opts); err != nil {
		return nil, err
	}
	doors, err := r.reserve(ctx, opts)
	if err != nil {
		return nil, err
	}
	r.Endpoints = r.endpoints(doors)
	if err := r.writeConfigs(ctx, doors, units); err != nil {
		return nil, err
	}
	if err := r.outside.start(ctx, doorsOf(r.Endpoints)); err != nil {
		return nil, err
	}
	if err := r.registerPlatform(ctx); err != nil {
		return nil, err
	}
	if err := r.registerDepositor(ctx); err != nil {
		return nil, err
	}
	rt, admin, err := r.runtime(ctx, opts, doors, units)
	if err != nil {
		return nil, err
	}
	if opts.Apart {
		if err := r.writeApart(ctx, units); err != nil {
			return nil, err
		}
		return r, r.folder.writeJSON(0o644, r.Endpoints, endpoints.FileName)
	}
	if err := unit.Migrate(ctx, rt, admin, units...); err != nil {
		return nil, err
	}
	if r.units, err = unit.Start(context.WithoutCancel(ctx), rt, units...); err != nil {
		return nil, err
	}
	if err := r.awaitReady(ctx); err != nil {
		return nil, err
	}
	if opts.Seed {
		if err := r.Seed(ctx); err != nil {
			return nil, err
		}
	}
	return r, r.folder.writeJSON(0o644, r.Endpoints, endpoints.FileName)
}

// openBus starts the bus, unless it runs elsewhere.
func (r *Relay) openBus(ctx context.Context, units []unit.Unit, opts Options) (err error) {
	r.replicas = max(opts.BusReplicas, 1)
	if r.busURL = opts.BusURL; r.busURL != "" {
		if !opts.Apart {
			return errors.New("a bus of another process serves units apart only")
		}
		return nil
	}
	port := 0
	if opts.Apart {
		if port, err = r.ports.take(ctx, loopback); err != nil {
			return err
		}
	}
	if r.bus, err = openBus(r.folder, units, natsserver.Options{Port: port, Log: r.log}); err == nil && opts.Apart {
		r.busURL = busURL(r.bus)
	}
	return err
}

func (o *Options) fill() {
	for _, d := range []struct {
		field *string
		value string
	}{{&o.REST, DefaultREST}, {&o.GRPC, DefaultGRPC}, {&o.Ops, DefaultOps}, {&o.Web, DefaultWeb}, {&o.Push, DefaultPush}} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	if o.Logs == nil {
		o.Logs = io.Discard
	}
}

// runtime is what the units in this process run on: their own database roles and bus users, in-process channels, keys made when
// needed, and a clock that need not be synchronised, because this is a laptop.
func (r *Relay) runtime(ctx context.Context, opts Options, doors doors, units []unit.Unit) (unit.Runtime, bus.Options, error) {
	databases, passwords := map[string]unit.Database{}, map[string]string{}
	for _, u := range units {
		urls, err := r.database.provision(ctx, relayDatabase, u.Name)
		if err != nil {
			return unit.Runtime{}, bus.Options{}, err
		}
		databases[u.Name] = unit.Database{URL: urls.app, OwnerURL: urls.owner, MaxConns: connsOf(u.Name)}
		if passwords[u.Name], err = r.folder.secret(u.Name, "bus_password"); err != nil {
			return unit.Runtime{}, bus.Options{}, err
		}
		if err := errors.Join(r.folder.keep(r.folder.path("secrets", u.Name, "database_url"), urls.app),
			r.folder.keep(r.folder.path("secrets", u.Name, "owner_url"), urls.owner)); err != nil {
			return unit.Runtime{}, bus.Options{}, err
		}
	}
	adminPassword, err := r.folder.secret("bus_admin_password")
	if err != nil {
		return unit.Runtime{}, bus.Options{}, err
	}
	tolerance := clock.DefaultTolerance()
	tolerance.Tolerant = true
	authorities, err := r.timeStamps().Client(clock.System().Now)
	if err != nil {
		return unit.Runtime{}, bus.Options{}, err
	}
	r.network = rpc.NewLocal()
	rt := unit.Runtime{
		CosignEvery: journal.DefaultCosignEvery, TimeStamps: authorities, StampEvery: stampEvery,
		Version: opts.Version, Platform: PlatformID, Reopen: opts.Reopen, Network: r.network, KeysDir: r.folder.path("keys"), CreateKeys: true, CheckpointDir: r.folder.path("checkpoints"), Ops: doors.ops,
		Database: func(name string) unit.Database { return databases[name] },
		Bus: func(name string) bus.Options {
			return bus.Options{InProcess: r.bus, User: name, Password: passwords[name]}
		},
		Telemetry: func(name string) telemetry.Options {
			o := telemetry.Options{Unit: name, Version: opts.Version, LogWriter: opts.Logs, LogLevel: opts.LogLevel, SampleRatio: opts.SampleRatio}
			if opts.Traces {
				o.TraceFile = r.folder.path("traces", name+".jsonl")
			}
			return o
		},
		Clock: clock.System(), ClockReader: clock.KernelReader(), ClockTolerance: tolerance,
		Config: func(name string, into unit.Config) error {
			return config.Load(r.folder.path("config", name+".yaml"), into)
		},
	}
	return rt, bus.Options{InProcess: r.bus, User: busAdmin, Password: adminPassword, Name: "migrate", Log: r.log}, nil
}

// connsOf returns the pool size of a unit. About six connections are enough; intake and status run the most statements at once.
func connsOf(name string) int32 {
	if name == "intake" || name == "status" {
		return 8
	}
	return 6
}

func (r *Relay) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := r.units.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("the relay did not get ready: %w", err)
		}
	}
}

// Wait blocks until the units or the sandbox have stopped, by themselves or by Stop.
func (r *Relay) Wait(ctx context.Context) error {
	ended := make(chan error, 2)
	if r.outside.elsewhere == nil {
		go func() { ended <- r.outside.wait() }()
	}
	if r.units != nil {
		go func() { ended <- r.units.Wait(ctx) }()
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}

// SyncsAlways reports whether the running bus writes every acknowledged message to disk before it answers.
func (r *Relay) SyncsAlways() bool { return r.bus.SyncsAlways() }

// Stop stops everything in reverse order of its start.
func (r *Relay) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	var problems []error
	if err := os.Remove(r.folder.path(endpoints.FileName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		problems = append(problems, err)
	}
	if r.units != nil {
		problems = append(problems, r.units.Stop(ctx), r.units.Wait(ctx))
	}
	if r.network != nil {
		problems = append(problems, r.network.Close())
	}
	if r.outside != nil {
		problems = append(problems, r.outside.close(ctx))
	}
	if r.bus != nil {
		problems = append(problems, r.bus.Stop(ctx))
	}
	if r.database != nil {
		problems = append(problems, r.database.close(ctx))
	}
	problems = append(problems, r.ports.close(), r.unlock())
	return errors.Join(problems...)
}

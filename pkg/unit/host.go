package unit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/rpc"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/telemetry"
	"github.com/naru-relay/naru/pkg/work"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Time limits for stopping, and the interval of the hourly work on partitions.
const (
	rpcGrace          = 5 * time.Second
	partitionInterval = time.Hour
	// waitInterval is how often to look for work that waits for longer than any may.
	waitInterval = time.Minute
)

// host is one unit while it runs.
type host struct {
	unit       Unit
	env        *Env
	telemetry  *telemetry.Telemetry
	pool       *pgxpool.Pool
	conn       *bus.Conn
	service    *Service
	engine     *inbox.Engine
	publisher  *journal.Publisher
	logger     *journal.Logger
	stamper    *journal.Stamper // nil where nothing is stamped
	outside    *journal.Outside
	journals   *journalService
	readerKeys *journal.ReaderKeys
	server     *rpc.Server
	listen     func() error
	health     *health.Server
	parts      []pg.Partition
	ownerURL   string
	createKeys bool
	// databaseClock stands for the database's own clock; nil for that clock.
	databaseClock clock.Clock
	waits         []work.Wait
	keys          *keys.Store
	keyring       *sealed.Keyring
	panics        metric.Int64Counter
}

// build makes a unit out of the runtime. If it returns an error, it has closed what it opened.
func build(ctx context.Context, rt Runtime, slots *work.Slots, u Unit) (_ *host, err error) {
	h := &host{unit: u, ownerURL: rt.Database(u.Name).OwnerURL, createKeys: rt.CreateKeys}
	defer func() {
		if err != nil {
			err = fmt.Errorf("build %s: %w", u.Name, err)
			h.close(context.WithoutCancel(ctx))
		}
	}()
	if h.telemetry, err = telemetry.New(ctx, rt.Telemetry(u.Name)); err != nil {
		return nil, err
	}
	if h.panics, err = h.telemetry.Meter.Int64Counter("naru.task.panics", metric.WithDescription("Tasks that panicked and were run again.")); err != nil {
		return nil, fmt.Errorf("make instruments: %w", err)
	}
	if err := checkReads(u); err != nil {
		return nil, err
	}
	config := u.NewConfig()
	if err := rt.Config(u.Name, config); err != nil {
		return nil, err
	}
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	db := rt.Database(u.Name)
	if h.pool, err = pg.Open(ctx, pg.Options{URL: db.URL, Schema: u.Name, MaxConns: db.MaxConns, Pooled: db.Pooled, ApplicationName: "naru-" + u.Name,
		TracerProvider: h.telemetry.TracerProvider, MeterProvider: h.telemetry.MeterProvider}); err != nil {
		return nil, err
	}
	if err := pg.Behind(ctx, h.pool, u.Name, u.Sources()...); err != nil {
		return nil, fmt.Errorf("it has to be brought forward first (-migrate): %w", err)
	}
	busOptions := rt.Bus(u.Name)
	busOptions.Log, busOptions.Name = h.telemetry.Log, u.Name
	if h.conn, err = bus.Connect(ctx, busOptions); err != nil {
		return nil, err
	}
	if h.keys, err = keys.Open(filepath.Join(rt.KeysDir, u.Name), keys.Options{Create: rt.CreateKeys}); err != nil {
		return nil, err
	}
	h.databaseClock, h.waits = rt.DatabaseClock, u.Waits(config)
	for _, source := range u.Sources() {
		h.parts = append(h.parts, source.Partitions...)
	}
	h.env = &Env{
		Unit: u.Name, Platform: rt.Platform, Log: h.telemetry.Log, Tracer: h.telemetry.Tracer, Meter: h.telemetry.Meter,
		Gatherer: h.telemetry.Gatherer, Clock: rt.Clock, Expiry: h.expiry, Reached: h.reached, DB: h.pool, Keys: h.keys, Slots: slots,
		Dial: func(target string) (grpc.ClientConnInterface, error) {
			return rt.Network.Dial(u.Name, target, rpc.WithTelemetry(h.rpcTelemetry()))
		},
	}
	if err := h.buildJournal(ctx, rt, config); err != nil {
		return nil, err
	}
	if err := h.buildPlatform(ctx, rt); err != nil {
		return nil, err
	}
	if h.service, err = u.Build(ctx, h.env, config); err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(readsOf(u.Name, h.service.Consumers), u.Reads) {
		return nil, errors.New("it consumes something else than its Spec tells without it: consumers must not depend on settings")
	}
	if h.engine, err = inbox.New(inbox.Deps{Unit: u.Name, Journal: h.env.Journal, Keys: h.readerKeys, Clock: rt.Clock, Trusted: h.clockTrusted, Slots: slots,
		Consumers: h.service.Consumers, Log: h.telemetry.Log, Tracer: h.telemetry.Tracer, Meter: h.telemetry.Meter}); err != nil {
		return nil, err
	}
	if err := h.observeLag(); err != nil {
		return nil, err
	}
	return h, h.buildServer(rt)
}

func (h *host) rpcTelemetry() rpc.Telemetry {
	return rpc.Telemetry{TracerProvider: h.telemetry.TracerProvider, MeterProvider: h.telemetry.MeterProvider, Propagator: h.telemetry.Propagator}
}

// buildPlatform makes what every unit has: the watch on the clock, the verifier of tokens, sealing.
func (h *host) buildPlatform(ctx context.Context, rt Runtime) error {
	var err error
	if h.env.ClockWatch, err = clock.NewWatch(clock.Deps{Clock: rt.Clock, Reader: rt.ClockReader, Log: h.telemetry.Log, Meter: h.telemetry.Meter,
		Evidence: h.clockEvidence}, rt.ClockTolerance, 0); err != nil {
		return err
	}
	var issuers []authn.Issuer
	for _, unit := range authn.Minters() {
		issuers = append(issuers, authn.Issuer{Unit: unit, Keys: h.keySetOf(unit)})
	}
	if h.env.Authn, err = authn.NewVerifier(rt.Clock, issuers...); err != nil {
		return err
	}
	kek, err := h.keys.AEAD(ctx, "kek")
	if err != nil {
		return err
	}
	if h.keyring, err = sealed.New(sealed.Deps{Unit: h.unit.Name, Makes: h.unit.Seals, Opens: h.unit.Opens, DB: h.pool, KEK: kek,
		Clock: rt.Clock, Source: DataKeys(h.env.Dial)}); err != nil {
		return err
	}
	h.env.Sealed, h.env.Index = h.keyring.Box(), h.keyring.Index()
	return nil
}

// buildServer makes the unit's gRPC server with the platform's services beside the unit's own.
func (h *host) buildServer(rt Runtime) error {
	listener, credentials, err := rt.Network.Listen(h.unit.Name)
	if err != nil {
		return err
	}
	if h.server, err = rpc.NewServer(rpc.ServerDeps{Unit: h.unit.Name, Credentials: credentials, Authn: h.env.Authn, Clock: rt.Clock,
		Log: h.telemetry.Log, Telemetry: h.rpcTelemetry(), Barred: h.wentBack,
		AsFault: func(err error) error { return pg.AsFault(err, nil) }}); err != nil {
		return errors.Join(err, listener.Close())
	}
	h.health = health.NewServer()
	healthv1.RegisterHealthServer(h.server, h.health)
	platformv1.RegisterKeyServiceServer(h.server, &keyService{unit: h.unit, keys: h.keys, ring: h.keyring, verifierKeys: h.journals.verifierKeys()})
	platformv1.RegisterJournalServiceServer(h.server, h.journals)
	platformv1.RegisterJournalAdminServiceServer(h.server, h.journals)
	platformv1.RegisterLogServiceServer(h.server, &logService{unit: h.unit.Name, db: h.pool, publication: publication(rt)})
	platformv1.RegisterLegalHoldServiceServer(h.server, &holdService{unit: h.unit.Name, journal: h.env.Journal})
	platformv1.RegisterParkedEventServiceServer(h.server, &parkedService{
		unit: h.unit.Name, db: h.pool, engine: h.engine, journal: h.env.Journal, clock: rt.Clock,
	})
	if h.service.Register != nil {
		h.service.Register(h.server)
	}
	h.listen = func() error { return h.server.Serve(listener) }
	return errors.Join(h.server.Check(), checkDoors(h.unit.Doors, h.server.GetServiceInfo()))
}

// tasks in the order of starting. They are stopped in reverse: first the consumers, then the unit's own work, then its server,
// and last what publishes and logs the facts that the others stated.
func (h *host) tasks() []lifecycle.Task {
	tasks := []lifecycle.Task{h.env.ClockWatch.Task(), h.logger.Task(), h.keyring.Task(h.env.Expiry, h.reportKeys)}
	if h.stamper != nil {
		tasks = append(tasks, h.stamper.Task())
	}
	tasks = append(tasks, h.outside.Tasks()...)
	if h.ownerURL != "" {
		tasks = append(tasks, lifecycle.Every("partitions", partitionInterval, h.maintainPartitions))
	}
	if h.createKeys {
		tasks = append(tasks, lifecycle.Every("frame-keys", keyInterval, h.destroyKeys))
	}
	tasks = append(tasks, h.publisher.Tasks()...)
	tasks = append(tasks, lifecycle.Serve("rpc", rpcGrace, h.listen, func(ctx context.Context) {
		h.health.Shutdown()
		h.server.Shutdown(ctx)
	}))
	waits := lifecycle.Every("waits", waitInterval, h.endOverlongWaits)
	tasks = append(tasks, h.whole(slices.Concat(h.service.Tasks, h.engine.Tasks(h.conn), []lifecycle.Task{waits}))...)
	for i := range tasks {
		tasks[i].Name = h.unit.Name + "/" + tasks[i].Name
	}
	return tasks
}

func (h *host) reportKeys(ctx context.Context, forgotten int, err error) {
	if err != nil && ctx.Err() == nil {
		h.telemetry.Log.LogAttrs(ctx, slog.LevelError, "data keys could not be prepared or forgotten", slog.Any("error", err))
	}
	if forgotten > 0 {
		h.telemetry.Log.LogAttrs(ctx, slog.LevelInfo, "data keys whose time was over are destroyed", slog.Int("keys", forgotten))
	}
}

func (h *host) clockTrusted() bool { return h.env.ClockWatch.Ready() == nil }

// clocks reads both clocks.
func (h *host) clocks(ctx context.Context, db pg.DBTX) (now pg.Clocks, err error) {
	now = pg.Clocks{Unit: h.env.Clock.Now(), Trusted: h.clockTrusted()}
	if h.databaseClock != nil {
		now.Database = h.databaseClock.Now()
		return now, nil
	}
	now.Database, err = pg.Value[time.Time](ctx, db, "read database time", `select now()`)
	return now, err
}

func (h *host) expiry(ctx context.Context) (time.Time, error) {
	now, err := h.clocks(ctx, h.pool)
	return now.Expiry(), err
}

// endOverlongWaits makes due what a clock of the database that was ahead has put off too far.
func (h *host) endOverlongWaits(ctx context.Context) {
	ended, err := work.EndOverlong(ctx, h.pool, h.waits)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		h.telemetry.Log.LogAttrs(ctx, slog.LevelWarn, "overlong waits were not ended", slog.Any("error", err))
	case ended > 0:
		h.telemetry.Log.LogAttrs(ctx, slog.LevelWarn, "work was put off too far, as by a clock of the database that was ahead; it is due now", slog.Int64("rows", ended))
	}
}

func (h *host) maintainPartitions(ctx context.Context) {
	owner, err := pg.Owner(ctx, h.ownerURL, h.unit.Name)
	if err == nil {
		defer owner.Close(context.WithoutCancel(ctx))
	}
	if err == nil {
		var now pg.Clocks
		if now, err = h.clocks(ctx, owner); err == nil {
			err = pg.MaintainPartitions(ctx, owner, h.parts, now)
		}
	}
	if err != nil && ctx.Err() == nil {
		h.telemetry.Log.LogAttrs(ctx, slog.LevelError, "partitions were not kept ahead", slog.Any("error", err))
	}
}

// ready returns why the unit cannot work; nil when it can.
func (h *host) ready(ctx context.Context) error {
	problems := []error{h.wentBack(), h.publisher.Full(), h.conn.Ready(), h.engine.Ready(), h.env.ClockWatch.Ready()}
	if err := h.pool.Ping(ctx); err != nil {
		problems = append(problems, errors.New("the database does not answer"))
	} else {
		problems = append(problems, pg.CheckPartitions(ctx, h.pool, h.parts, h.env.Clock.Now()))
	}
	return errors.Join(problems...)
}

func (h *host) close(ctx context.Context) {
	if h.conn != nil {
		h.conn.Close(ctx)
	}
	if h.pool != nil {
		h.pool.Close()
	}
	if h.telemetry != nil {
		if err := h.telemetry.Shutdown(ctx); err != nil {
			h.telemetry.Log.LogAttrs(ctx, slog.LevelWarn, "telemetry was not written out", slog.Any("error", err))
		}
	}
}

// reached reports whether the unit's consumers have acknowledged another unit's stream up to a sequence.
func (h *host) reached(ctx context.Context, from string, sequence uint64) (bool, error) {
	for _, spec := range h.unit.Reads {
		if spec.From != from {
			continue
		}
		for _, lane := range frame.Lanes() {
			if all, err := h.conn.Reached(ctx, spec, lane, sequence); err != nil || !all {
				return false, err
			}
		}
	}
	return true, nil
}

// observeLag measures each consumer's backlog on the bus.
func (h *host) observeLag() error {
	_, err := h.telemetry.Meter.Int64ObservableGauge("naru.inbox.lag.frames", metric.WithDescription("Frames on the bus that a consumer has not acknowledged."),
		metric.WithInt64Callback(func(ctx context.Context, o metric.Int64Observer) error {
			for _, spec := range h.unit.Reads {
				for _, lane := range frame.Lanes() {
					pending, unacknowledged, err := h.conn.Lag(ctx, spec, lane)
					if err != nil {
						return err
					}
					o.Observe(int64(pending+unacknowledged), metric.WithAttributes(attribute.String("consumer", spec.Name(lane))))
				}
			}
			return nil
		}))
	if err != nil {
		return fmt.Errorf("make lag instrument: %w", err)
	}
	return nil
}

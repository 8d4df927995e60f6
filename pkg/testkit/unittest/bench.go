// Package unittest runs one unit as it runs in production — its own database and role, an embedded JetStream with its own user,
// the real interceptors — with fakes only where another unit would be.
package unittest

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/natsserver"
	"github.com/naru-relay/naru/pkg/rpc"
	"github.com/naru-relay/naru/pkg/telemetry"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/unit"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Platform is the relay's platform id in tests.
const Platform = "naru-01-test"

// Patience is how long anything asynchronous may take.
const Patience = 15 * time.Second

// Bench is a running unit and what a test needs around it.
type Bench struct {
	// App works as the unit's role, Owner as its schema's owner.
	App, Owner *pgxpool.Pool
	// AppURL for a second replica or a store of the test's own.
	AppURL string
	// Clock is the unit's; it starts at the real present, because partitions and frame ids follow the real one.
	Clock *clock.Fake
	// Env is what the unit was built with.
	Env *unit.Env
	// Config is the unit's.
	Config unit.Config
	// Logs is what the unit has logged.
	Logs *Log
	// WitnessKey is the verifier key of the unit's witness, if there is one (Witnessed).
	WitnessKey string

	unit    unit.Unit
	network *rpc.Local
	server  *natsserver.Server
	admin   *bus.Conn
	running *unit.Running
	start   func(reopen string) (*unit.Running, error)
	minters map[string]*authn.Minter
	verify  *authn.Verifier
}

// Option changes a bench before its unit is built.
type Option func(*options)

type options struct {
	config     func(unit.Config)
	neighbours map[string]func(grpc.ServiceRegistrar)
	clock      *clock.Fake
	// databaseClock stands for the database's; nil: it goes like the unit's.
	databaseClock clock.Clock
	conns         int32
	pooled        bool
	witnessed     bool
	database      *pgtest.DB
}

// On gives the unit this database, which has its schema, instead of one on the server that all tests share.
func On(db *pgtest.DB) Option { return func(o *options) { o.database = db } }

// EnvPooled, if it is set, puts PgBouncer between every unit and its database.
const EnvPooled = "NARU_TEST_POOLED"

// Pooled puts PgBouncer in transaction mode between the unit and its database.
func Pooled() Option { return func(o *options) { o.pooled = true } }

// defaultConns of a unit's pool. Its loops look for work at once when it starts and fill the pool, whatever its size; each
// connection costs the server 40 ms of a processor before its first statement, and its caches are cold.
const defaultConns = 3

// Connections bounds the unit's pool, which else has three connections, half of those it has in production.
func Connections(n int32) Option { return func(o *options) { o.conns = n } }

// Config changes the unit's default configuration.
func Config[C unit.Config](change func(c C)) Option {
	return func(o *options) { o.config = func(c unit.Config) { change(c.(C)) } }
}

// Neighbour serves fakes of another unit.
func Neighbour(name string, register func(grpc.ServiceRegistrar)) Option {
	return func(o *options) { o.neighbours[name] = register }
}

// Witnessed has the unit's log cosigned, so that its facts can be proved.
func Witnessed() Option { return func(o *options) { o.witnessed = true } }

// WithClock gives the unit this clock.
func WithClock(c *clock.Fake) Option { return func(o *options) { o.clock = c } }

// WithDatabaseClock gives the unit's database this clock for what ends by time; without it, it goes like the unit's.
func WithDatabaseClock(c clock.Clock) Option { return func(o *options) { o.databaseClock = c } }

// New starts a unit; it stops with the test.
func New(t testing.TB, u unit.Unit, opts ...Option) *Bench {
	t.Helper()
	o := options{neighbours: map[string]func(grpc.ServiceRegistrar){}, clock: clock.NewFake(clock.System().Now()), conns: defaultConns}
	for _, opt := range opts {
		opt(&o)
	}
	db := o.database
	if db == nil {
		db = pgtest.New(t, u.Name, u.Sources()...)
	}
	b := &Bench{App: db.App, Owner: db.Owner, AppURL: db.AppURL, Clock: o.clock, Logs: &Log{}, unit: u, network: rpc.NewLocal(), minters: map[string]*authn.Minter{}}
	server := startBus(t, u)
	b.server = server
	b.admin = connect(t, bus.Options{InProcess: server, User: "admin", Password: busPassword, Name: "test", Log: b.Logs.Logger()})
	require.NoError(t, bus.Ensure(t.Context(), b.admin, topology(u)))
	keysDir := t.TempDir()
	b.issuers(t, u, keysDir, o.neighbours)
	b.journals(t, o.neighbours)
	witness := "" // nobody is there
	if o.witnessed {
		witness = u.Witness
		fake := newFakeWitness(t, witness)
		b.WitnessKey, o.neighbours[witness] = fake.public, fake.register
	}
	for _, name := range slices.Sorted(maps.Keys(o.neighbours)) {
		b.serveNeighbour(t, name, o.neighbours[name])
	}
	appURL, pooled := db.AppURL, o.pooled || os.Getenv(EnvPooled) != ""
	if pooled {
		appURL = pgtest.PgBouncer(t, "", u.Name)(db.AppURL)
	}
	rt := unit.Runtime{
		Version: "test", Platform: Platform, Network: b.network, KeysDir: keysDir, CreateKeys: true, CosignEvery: time.Hour,
		Database: func(string) unit.Database {
			return unit.Database{URL: appURL, OwnerURL: db.OwnerURL, MaxConns: o.conns, Pooled: pooled}
		},
		Bus: func(name string) bus.Options {
			return bus.Options{InProcess: server, User: name, Password: busPassword}
		},
		Telemetry: func(name string) telemetry.Options {
			return telemetry.Options{Unit: name, Version: "test", LogWriter: b.Logs, SampleRatio: 1}
		},
		Clock: o.clock, DatabaseClock: cmp.Or(o.databaseClock, clock.Clock(o.clock)), ClockReader: steady{}, ClockTolerance: clock.DefaultTolerance(),
		Config: func(_ string, into unit.Config) error {
			if o.config != nil {
				o.config(into)
			}
			return nil
		},
	}
	built := u
	built.Witness = witness
	built.Build = func(ctx context.Context, env *unit.Env, config unit.Config) (*unit.Service, error) {
		b.Env, b.Config = env, config
		return u.Build(ctx, env, config)
	}
	b.start = func(reopen string) (*unit.Running, error) {
		rt.Reopen = reopen
		return unit.Start(context.WithoutCancel(t.Context()), rt, built)
	}
	var err error
	b.running, err = b.start("")
	require.NoError(t, err)
	t.Cleanup(func() { b.stop(t) })
	await.Require(t, Patience, func(ctx context.Context) error { return b.running.Ready(ctx) })
	return b
}

// Restart stops the unit, does something to what it keeps, and starts it again, with an operator's reason to reopen the log or
// none. It does not wait until the unit is ready.
func (b *Bench) Restart(t testing.TB, reopen string, meanwhile func()) {
	t.Helper()
	b.end(t)
	meanwhile()
	var err error
	b.running, err = b.start(reopen)
	require.NoError(t, err)
}

// stop ends the unit in order; an unclean end is a failure of the test.
// Advance moves the unit's clock and lets the watch measure it, because an old measurement does not count.
func (b *Bench) Advance(t testing.TB, d time.Duration) {
	t.Helper()
	b.Clock.Advance(d)
	b.Env.ClockWatch.Measure(t.Context())
}

func (b *Bench) stop(t testing.TB) {
	b.end(t)
	if err := b.network.Close(); err != nil {
		t.Errorf("close network: %v", err)
	}
}

func (b *Bench) end(t testing.TB) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), Patience)
	defer cancel()
	if err := b.running.Stop(ctx); err != nil {
		t.Errorf("stop %s: %v", b.unit.Name, err)
	}
	if err := b.running.Wait(ctx); err != nil {
		t.Errorf("wait for %s: %v", b.unit.Name, err)
	}
}

const busPassword = "bus-password-of-tests"

func startBus(t testing.TB, u unit.Unit) *natsserver.Server {
	t.Helper()
	server, err := natsserver.Start(natsserver.Options{
		Dir: t.TempDir(), Admin: natsserver.User{Name: "admin", Password: busPassword},
		Users: []natsserver.User{{Name: u.Name, Password: busPassword, Permissions: bus.PermissionsOf(u.Name, u.PublicKinds(), u.Reads)}},
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), Patience)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Errorf("stop bus: %v", err)
		}
	})
	return server
}

// topology is the unit's own, and a stream of its own even where it states nothing.
func topology(u unit.Unit) bus.Topology {
	top := unit.Topology([]unit.Unit{u})
	if !slices.Contains(top.Producers, u.Name) {
		top.Producers = append(top.Producers, u.Name)
	}
	return top
}

func connect(t testing.TB, opts bus.Options) *bus.Conn {
	t.Helper()
	conn, err := bus.Connect(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), Patience)
		defer cancel()
		conn.Close(ctx)
	})
	return conn
}

// issuers gives the bench what mints tokens: the unit's own signing key where it is an issuer itself, else a key served by a
// fake.
func (b *Bench) issuers(t testing.TB, u unit.Unit, keysDir string, neighbours map[string]func(grpc.ServiceRegistrar)) {
	t.Helper()
	var known []authn.Issuer
	for _, name := range authn.Minters() {
		var key authn.Key
		if u.Name == name {
			store, err := keys.Open(keysDir+"/"+name, keys.Options{Create: true})
			require.NoError(t, err)
			signer, err := store.Signer(t.Context(), keys.AccessToken)
			require.NoError(t, err)
			key = authn.Key{ID: signer.KeyID(), Signer: signer}
		} else {
			private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			require.NoError(t, err)
			keyID, err := keys.KeyID(&private.PublicKey)
			require.NoError(t, err)
			key = authn.Key{ID: keyID, Signer: private}
		}
		set, err := authn.KeySet(authn.PublicKey{ID: key.ID, Purpose: keys.AccessToken, Key: key.Public()})
		require.NoError(t, err)
		if u.Name != name {
			extra := neighbours[name]
			neighbours[name] = func(r grpc.ServiceRegistrar) {
				platformv1.RegisterKeyServiceServer(r, &fakeKeys{set: string(set)})
				if extra != nil {
					extra(r)
				}
			}
		}
		known = append(known, authn.Issuer{Unit: name, Keys: func(context.Context) ([]byte, error) { return set, nil }})
		b.minters[name], err = authn.NewMinter(name, key, b.Clock)
		require.NoError(t, err)
	}
	var err error
	b.verify, err = authn.NewVerifier(b.Clock, known...)
	require.NoError(t, err)
}

type fakeKeys struct {
	platformv1.UnimplementedKeyServiceServer
	set string
}

func (f *fakeKeys) GetKeySet(context.Context, *platformv1.GetKeySetRequest) (*platformv1.GetKeySetResponse, error) {
	return &platformv1.GetKeySetResponse{Jwks: f.set}, nil
}

func (b *Bench) serveNeighbour(t testing.TB, name string, register func(grpc.ServiceRegistrar)) {
	t.Helper()
	listener, credentials, err := b.network.Listen(name)
	require.NoError(t, err)
	server, err := rpc.NewServer(rpc.ServerDeps{Unit: name, Credentials: credentials, Authn: b.verify, Clock: b.Clock, Log: b.Logs.Logger()})
	require.NoError(t, err)
	register(server)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Errorf("serve fake of %s: %v", name, err)
		}
	})
}

// steady is a clock reading nobody complains about.
type steady struct{}

func (steady) Read() (clock.Reading, error) { return clock.Reading{Synchronised: true}, nil }

// NewID is a random principal or recipient id.
func NewID() string { return uuid.NewString() }

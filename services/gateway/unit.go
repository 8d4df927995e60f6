package gateway

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/gateway"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/origin"
	"github.com/naru-relay/naru/pkg/rpc"
	"github.com/naru-relay/naru/pkg/unit"
	openapi "github.com/naru-relay/naru/proto"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

//go:embed settings.yaml
var settings string

// forgetEvery is how often used client assertions that have expired are forgotten.
const forgetEvery = 10 * time.Minute

// New is the gateway in front of other units.
func New(others ...unit.Unit) unit.Unit {
	own := unit.Spec[*Config, *service]{
		Name: domain,
		Duty: "the two public doors, OAuth2, quotas, problem documents; principals", Requires: []string{"address"}, Defaults: Default, Settings: settings,
		Migrations: tables(), Signers: []string{keys.AccessToken}, Policy: "gateway/1", Follows: follows(), Witness: "status",
		States: []proto.Message{
			&gatewayv1.PrincipalChanged{}, &gatewayv1.ViewingSystemNamed{}, &gatewayv1.ClientCreated{},
			&gatewayv1.ClientRevoked{}, &gatewayv1.OperatorRecovered{}, &gatewayv1.ClientAuthenticated{}, &gatewayv1.ClientNotAuthenticated{},
		},
		Doors: []unit.Door{
			unit.Offer(&gatewayv1.PrincipalAdminService_ServiceDesc, gatewayv1.RegisterPrincipalAdminServiceHandlerClient, gatewayv1.NewPrincipalAdminServiceClient),
			{Service: gatewayv1.TokenService_ServiceDesc.ServiceName},
		},
		Register: (*service).register, Tasks: (*service).tasks,
	}
	own.Build = func(ctx context.Context, env *unit.Env, config *Config) (*service, error) {
		offers, err := newCatalogue(slices.Concat(others, []unit.Unit{{Name: own.Name, Doors: own.Doors}})...)
		if err != nil {
			return nil, err
		}
		return build(ctx, env, config, offers)
	}
	return own.Unit()
}

// service is the unit at work.
type service struct {
	tokens     *tokenService
	admin      *adminService
	background []lifecycle.Task
}

func (s *service) register(r grpc.ServiceRegistrar) {
	gatewayv1.RegisterTokenServiceServer(r, s.tokens)
	gatewayv1.RegisterPrincipalAdminServiceServer(r, s.admin)
}

func (s *service) tasks() ([]lifecycle.Task, error) { return s.background, nil }

func tables() fs.FS { return migrations }

// build wires the unit, top to bottom.
func build(ctx context.Context, env *unit.Env, config *Config, offers *catalogue) (*service, error) {
	measured, err := newMetrics(env.Meter)
	if err != nil {
		return nil, err
	}
	signer, err := env.Keys.Signer(ctx, keys.AccessToken)
	if err != nil {
		return nil, fmt.Errorf("open the token key: %w", err)
	}
	minter, err := authn.NewMinter(domain, authn.Key{ID: signer.KeyID(), Signer: signer}, env.Clock)
	if err != nil {
		return nil, err
	}
	address, err := env.Dial("address")
	if err != nil {
		return nil, err
	}
	made, err := bootstrap(ctx, config.BootstrapAdminFile, env.Journal, env.Clock)
	if err != nil {
		return nil, err
	}
	if made {
		env.Log.LogAttrs(ctx, slog.LevelWarn, "made an operator, its credentials are in the bootstrap file", slog.String("file", config.BootstrapAdminFile))
	}
	quotas := newQuota(config.Quota, env.Clock)
	tokens := &tokenService{
		db: env.DB, clock: env.Clock, minter: minter, life: config.TokenLife.Std(), audience: config.PublicURL + "/oauth2/token", quota: quotas,
		looks: semaphore.NewWeighted(maxLooks), witness: newWitness(env.Journal, env.Clock), metrics: measured,
	}
	members := addressv1.NewAddressServiceClient(address)
	admin := &adminService{db: env.DB, journal: env.Journal, clock: env.Clock, address: members}
	doors, err := openDoors(ctx, env, config, offers, door{
		verifier: env.Authn, authorities: newAuthorities(members, env.Clock), quota: quotas, streams: newStreams(config.Streams), metrics: measured,
	})
	if err != nil {
		return nil, err
	}
	return &service{tokens: tokens, admin: admin, background: append([]lifecycle.Task{forgetTask(env)}, doors...)}, nil
}

// openDoors listens at both doors, which check callers by the same; a port that is taken is reported at once.
func openDoors(ctx context.Context, env *unit.Env, config *Config, offers *catalogue, checks door) (tasks []lifecycle.Task, err error) {
	if checks.proxies, err = origin.Parse(config.TrustedProxies); err != nil {
		return nil, err
	}
	newDoor := func(name string) *door {
		d := checks
		d.name = name
		return &d
	}
	budget := newInFlight(config.Limits)
	var opened []net.Listener
	defer func() {
		if err != nil {
			for _, listener := range opened {
				err = errors.Join(err, listener.Close())
			}
		}
	}()
	listen := func(address string) (net.Listener, error) {
		var lc net.ListenConfig
		listener, err := lc.Listen(ctx, "tcp", address)
		if err != nil {
			return nil, fmt.Errorf("open a door: %w", err)
		}
		opened = append(opened, listener)
		return listener, nil
	}
	open := func(at DoorConfig, g *guard, edge func(http.Handler) (http.Handler, error)) error {
		listener, err := listen(at.Listen)
		if err != nil {
			return err
		}
		g.inFlight, g.limits, g.timeout = budget, config.Limits, config.CallTimeout.Std()
		handler, err := edge(g)
		if err != nil {
			return err
		}
		task, err := serveTask(limitConnections(listener, g.door, config.Limits), handler, g.door, at, config.CallTimeout.Std(), env.Log)
		if err != nil {
			return err
		}
		env.Log.LogAttrs(ctx, slog.LevelInfo, "a door listens", slog.String("door", g.door.name), slog.String("address", listener.Addr().String()))
		tasks = append(tasks, task)
		return nil
	}
	if config.REST.Listen != "" {
		d := newDoor(restName)
		handler, err := restHandler(ctx, env, config, offers, d)
		if err != nil {
			return nil, err
		}
		if err := open(config.REST, &guard{
			door: d, next: handler, refuse: refuse, bound: func(*http.Request) (int, bool) { return rpc.MaxMessageBytes, false },
		}, func(h http.Handler) (http.Handler, error) {
			return gateway.Edge(gateway.EdgeDeps{Log: env.Log, Clock: env.Clock, Tracer: env.Tracer, Meter: env.Meter}, h)
		}); err != nil {
			return nil, err
		}
	}
	if config.GRPC.Listen != "" {
		d := newDoor(grpcName)
		served := newGRPCDoor(&proxy{
			door: d, dial: env.Dial, catalogue: offers, tracer: env.Tracer, timeout: config.CallTimeout.Std(), codec: newRawCodec(),
		}, env.Log, env.Clock)
		if err := open(config.GRPC, &guard{door: d, next: served, refuse: writeStatus, bound: served.bound, buffered: true},
			func(h http.Handler) (http.Handler, error) { return h, nil }); err != nil {
			return nil, err
		}
	}
	return tasks, nil
}

func restHandler(ctx context.Context, env *unit.Env, config *Config, offers *catalogue, d *door) (http.Handler, error) {
	self, err := env.Dial(domain)
	if err != nil {
		return nil, err
	}
	description, err := describe(openapi.OpenAPI(), offers)
	if err != nil {
		return nil, err
	}
	rest := &restDoor{
		door: d, tokens: gatewayv1.NewTokenServiceClient(self), dial: env.Dial, catalogue: offers, ready: env.DB.Ping, timeout: config.CallTimeout.Std(), openAPI: description,
	}
	return rest.handler(ctx)
}

// forgetTask deletes client assertions that have expired and cannot be used again.
func forgetTask(env *unit.Env) lifecycle.Task {
	return lifecycle.Every("assertions", forgetEvery, func(ctx context.Context) {
		if err := forgetAssertions(ctx, env.DB, env.Clock.Now()); err != nil && ctx.Err() == nil {
			env.Log.LogAttrs(ctx, slog.LevelWarn, "used client assertions were not forgotten", slog.Any("error", err))
		}
	})
}

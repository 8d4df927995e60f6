package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"github.com/naru-relay/naru/pkg/clock"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// MaxMessageBytes bounds a message in both directions: 16 MiB for a batch in JSON, and room for headers.
const MaxMessageBytes = 20 << 20

const (
	// windowBytes is the flow-control window of a stream, connWindowBytes that of a connection. With them a batch of items needs
	// few round trips; 64 KiB of buffer need few system calls.
	windowBytes     = 1 << 20
	connWindowBytes = 4 << 20
	bufferBytes     = 64 << 10
	// keepaliveAfter is the idle time after which a connection is probed, keepaliveTimeout the time the answer may take.
	keepaliveAfter   = 30 * time.Second
	keepaliveTimeout = 10 * time.Second
	maxStreams       = 1000
	// streamWorkers answer calls on goroutines whose stacks have grown already; further calls each have a goroutine of their own.
	streamWorkers = 64
)

// Telemetry are the providers of one unit. Nil members mean: none.
type Telemetry struct {
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	Propagator     propagation.TextMapPropagator
}

func (t Telemetry) filled() Telemetry {
	if t.TracerProvider == nil {
		t.TracerProvider = nooptrace.NewTracerProvider()
	}
	if t.MeterProvider == nil {
		t.MeterProvider = noopmetric.NewMeterProvider()
	}
	if t.Propagator == nil {
		t.Propagator = propagation.TraceContext{}
	}
	return t
}

func (t Telemetry) grpc() []otelgrpc.Option {
	t = t.filled()
	return []otelgrpc.Option{
		otelgrpc.WithTracerProvider(t.TracerProvider), otelgrpc.WithMeterProvider(t.MeterProvider), otelgrpc.WithPropagators(t.Propagator),
	}
}

// ServerDeps is what a Server needs.
type ServerDeps struct {
	// Unit is the name of the serving unit; its faults have the domain <unit>.naru.
	Unit string
	// Credentials are those that Network.Listen returned with the listener.
	Credentials credentials.TransportCredentials
	// Authn verifies the tokens the gateway passes on.
	Authn     TokenVerifier
	Clock     clock.Clock
	Log       *slog.Logger
	Telemetry Telemetry
	// Barred tells why the unit answers nothing of its own now; nil where that never is.
	Barred func() error
	// AsFault is what an error that a handler passed on is to callers, e.g. one of the unit's database; nil changes none.
	AsFault func(err error) error
}

// Server serves the RPCs of one unit. Services are registered first, then it serves.
type Server struct {
	deps     ServerDeps
	grpc     *grpc.Server
	gate     *gate
	refused  metric.Int64Counter
	problems error
}

// NewServer makes a server without services.
func NewServer(deps ServerDeps) (*Server, error) {
	if !validUnit(deps.Unit) {
		return nil, fmt.Errorf("making an RPC server: %q is not a unit's name", deps.Unit)
	}
	if deps.Credentials == nil || deps.Authn == nil || deps.Clock == nil || deps.Log == nil {
		return nil, errors.New("making an RPC server: credentials, authn, clock and log are required")
	}
	refused, err := deps.Telemetry.filled().MeterProvider.Meter("naru.rpc").Int64Counter("naru.rpc.refused.calls",
		metric.WithDescription("Calls refused because of who called"), metric.WithUnit("{call}"))
	if err != nil {
		return nil, fmt.Errorf("making an RPC server: %w", err)
	}
	s := &Server{deps: deps, gate: &gate{verifier: deps.Authn, rules: make(map[string]*platformv1.Access)}, refused: refused}
	s.grpc = grpc.NewServer(
		grpc.Creds(deps.Credentials),
		grpc.StatsHandler(otelgrpc.NewServerHandler(deps.Telemetry.grpc()...)),
		grpc.ChainUnaryInterceptor(s.unary),
		grpc.ChainStreamInterceptor(s.stream),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.MaxRecvMsgSize(MaxMessageBytes), grpc.MaxSendMsgSize(MaxMessageBytes), grpc.MaxConcurrentStreams(maxStreams),
		grpc.InitialWindowSize(windowBytes), grpc.InitialConnWindowSize(connWindowBytes),
		grpc.ReadBufferSize(bufferBytes), grpc.WriteBufferSize(bufferBytes),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: keepaliveAfter, Timeout: keepaliveTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: keepaliveAfter / 3, PermitWithoutStream: true}),
	)
	return s, nil
}

// RegisterService adds a service and its access rules. Serve returns what is wrong with them.
func (s *Server) RegisterService(desc *grpc.ServiceDesc, impl any) {
	if err := s.gate.add(desc.ServiceName); err != nil {
		s.problems = errors.Join(s.problems, err)
		return
	}
	s.grpc.RegisterService(desc, impl)
}

// GetServiceInfo lists what is registered, for server reflection.
func (s *Server) GetServiceInfo() map[string]grpc.ServiceInfo { return s.grpc.GetServiceInfo() }

// Check returns what prevents serving: an RPC without an access rule, or validation rules that cannot be compiled.
func (s *Server) Check() error {
	if s.problems != nil {
		return fmt.Errorf("serving unit %s: %w", s.deps.Unit, s.problems)
	}
	if err := CheckRules(s.gate.inputs...); err != nil {
		return fmt.Errorf("serving unit %s: compiling the rules of request messages: %w", s.deps.Unit, err)
	}
	return nil
}

// Serve accepts calls until Stop or Shutdown, and then returns nil.
func (s *Server) Serve(listener net.Listener) error {
	if err := s.Check(); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := s.grpc.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serving unit %s: %w", s.deps.Unit, err)
	}
	return nil
}

// Shutdown takes no more calls and waits for those under way; when ctx ends first they are cut off.
func (s *Server) Shutdown(ctx context.Context) {
	stop := context.AfterFunc(ctx, s.grpc.Stop)
	defer stop()
	s.grpc.GracefulStop()
}

// Stop ends every call at once.
func (s *Server) Stop() { s.grpc.Stop() }

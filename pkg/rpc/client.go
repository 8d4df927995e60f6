package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// callTimeout is the deadline of a call that has none.
const callTimeout = 10 * time.Second

// ClientOption changes a connection being made.
type ClientOption func(*clientOptions)

type clientOptions struct {
	telemetry Telemetry
}

// WithTelemetry gives the connection the providers of the calling unit.
func WithTelemetry(t Telemetry) ClientOption { return func(o *clientOptions) { o.telemetry = t } }

// newClient makes a connection; dial may be nil for TCP.
func newClient(target string, creds credentials.TransportCredentials, dial dialer, opts []ClientOption) (*grpc.ClientConn, error) {
	var options clientOptions
	for _, opt := range opts {
		opt(&options)
	}
	config, err := serviceConfig()
	if err != nil {
		return nil, err
	}
	dialOptions := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler(options.telemetry.grpc()...)),
		grpc.WithChainUnaryInterceptor(callUnary), grpc.WithChainStreamInterceptor(openStream),
		// Units start in any order: a call waits for its target within its deadline.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessageBytes), grpc.MaxCallSendMsgSize(MaxMessageBytes), grpc.WaitForReady(true)),
		grpc.WithInitialWindowSize(windowBytes), grpc.WithInitialConnWindowSize(connWindowBytes),
		grpc.WithReadBufferSize(bufferBytes), grpc.WithWriteBufferSize(bufferBytes),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveAfter, Timeout: keepaliveTimeout}),
		grpc.WithDefaultServiceConfig(config), grpc.WithDisableServiceConfig(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
	}
	if dial != nil {
		dialOptions = append(dialOptions, grpc.WithContextDialer(dial))
	}
	conn, err := grpc.NewClient(target, dialOptions...)
	if err != nil {
		return nil, fmt.Errorf("making a connection: %w", err)
	}
	return conn, nil
}

// callUnary gives a call a deadline and turns its error back into a fault.
func callUnary(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callTimeout)
		defer cancel()
	}
	return restore(invoke(ctx, method, req, reply, conn, opts...))
}

// openStream opens a stream, which has no deadline but its caller's: see MaxStill and MaxStream.
func openStream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	stream, err := open(ctx, desc, conn, method, opts...)
	if err != nil {
		return nil, restore(err)
	}
	return &clientStream{ClientStream: stream}, nil
}

// clientStream turns a stream's error back into a fault.
type clientStream struct{ grpc.ClientStream }

// RecvMsg receives a message.
func (s *clientStream) RecvMsg(m any) error { return restore(s.ClientStream.RecvMsg(m)) }

// SendMsg sends a message. io.EOF means that the stream has ended; RecvMsg then tells how.
func (s *clientStream) SendMsg(m any) error { return restore(s.ClientStream.SendMsg(m)) }

func restore(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return fault.FromStatus(status.Convert(err))
}

// methodConfig is a part of gRPC's service config.
type methodConfig struct {
	Name        []methodName `json:"name"`
	RetryPolicy retryPolicy  `json:"retryPolicy"`
}

type methodName struct {
	Service string `json:"service"`
	Method  string `json:"method"`
}

type retryPolicy struct {
	MaxAttempts          int      `json:"maxAttempts"`
	InitialBackoff       string   `json:"initialBackoff"`
	MaxBackoff           string   `json:"maxBackoff"`
	BackoffMultiplier    float64  `json:"backoffMultiplier"`
	RetryableStatusCodes []string `json:"retryableStatusCodes"`
}

// serviceConfig has reads repeated when their unit was unavailable, up to three attempts in all, and calls a host's addresses in
// turn.
func serviceConfig() (string, error) {
	var reads []methodName
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			reads = append(reads, readsOf(file.Services().Get(i))...)
		}
		return true
	})
	config := map[string]any{"loadBalancingConfig": []map[string]any{{"round_robin": struct{}{}}}}
	if len(reads) > 0 {
		config["methodConfig"] = []methodConfig{{Name: reads, RetryPolicy: retryPolicy{
			MaxAttempts: 3, InitialBackoff: "0.1s", MaxBackoff: "1s", BackoffMultiplier: 3, RetryableStatusCodes: []string{"UNAVAILABLE"},
		}}}
	}
	text, err := json.Marshal(config)
	if err != nil {
		return "", fmt.Errorf("writing the service config: %w", err)
	}
	return string(text), nil
}

// readsOf lists the RPCs of one of our services that change nothing. The convention for their names tells (AIP-131, 132, 231).
func readsOf(service protoreflect.ServiceDescriptor) []methodName {
	if !strings.HasPrefix(string(service.FullName()), "naru.") {
		return nil
	}
	var reads []methodName
	for i := range service.Methods().Len() {
		name := string(service.Methods().Get(i).Name())
		if slices.ContainsFunc([]string{"Get", "List", "BatchGet", "Search"}, func(verb string) bool { return strings.HasPrefix(name, verb) }) {
			reads = append(reads, methodName{Service: string(service.FullName()), Method: name})
		}
	}
	return reads
}

// KeySource asks the unit at the other end of conn for its published keys, for an authn.Verifier.
func KeySource(conn grpc.ClientConnInterface) authn.KeySource {
	client := platformv1.NewKeyServiceClient(conn)
	return func(ctx context.Context) ([]byte, error) {
		resp, err := client.GetKeySet(ctx, &platformv1.GetKeySetRequest{})
		if err != nil {
			return nil, fmt.Errorf("asking for the key set: %w", err)
		}
		return []byte(resp.GetJwks()), nil
	}
}

package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/rpc"
)

const (
	grpcKeepalive    = 60 * time.Second
	grpcMinPing      = 20 * time.Second
	grpcMaxIdle      = 10 * time.Minute
	grpcMaxAge       = time.Hour
	grpcStreams      = 250
	grpcHandshake    = 10 * time.Second
	grpcWindow       = 1 << 20
	grpcConnWindow   = 4 << 20
	grpcHeaderBytes  = 32 << 10
	grpcMaxAgeGrace  = time.Minute
	grpcPingResponse = 20 * time.Second
)

// newGRPCDoor makes the public gRPC server: the proxy, health, and reflection of what the proxy passes on.
func newGRPCDoor(p *proxy, config DoorConfig, log *slog.Logger, c clock.Clock) (*grpc.Server, error) {
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(p.codec), grpc.UnknownServiceHandler(p.handle),
		grpc.ChainStreamInterceptor(logStream(p.catalogue, log, c)),
		grpc.MaxRecvMsgSize(rpc.MaxMessageBytes), grpc.MaxSendMsgSize(rpc.MaxMessageBytes), grpc.MaxConcurrentStreams(grpcStreams),
		grpc.MaxHeaderListSize(grpcHeaderBytes), grpc.ConnectionTimeout(grpcHandshake),
		grpc.InitialWindowSize(grpcWindow), grpc.InitialConnWindowSize(grpcConnWindow),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: grpcMaxIdle, MaxConnectionAge: grpcMaxAge, MaxConnectionAgeGrace: grpcMaxAgeGrace, Time: grpcKeepalive, Timeout: grpcPingResponse,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: grpcMinPing}),
	}
	if config.CertificateFile != "" {
		pair, err := tls.LoadX509KeyPair(config.CertificateFile, config.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read the gRPC door's certificate: %w", err)
		}
		options = append(options, grpc.Creds(credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}})))
	}
	server := grpc.NewServer(options...)
	healthv1.RegisterHealthServer(server, health.NewServer())
	shown := reflection.ServerOptions{Services: p.catalogue}
	reflectionv1.RegisterServerReflectionServer(server, reflection.NewServerV1(shown))
	// Tools older than 2023 ask for the alpha.
	reflectionv1alpha.RegisterServerReflectionServer(server, reflection.NewServer(shown))
	return server, nil
}

// logStream writes one line for each call at the gRPC door. It does not log the names of unknown methods.
func logStream(known *catalogue, log *slog.Logger, c clock.Clock) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (failure error) {
		started := c.Now()
		defer func() {
			if panicked := recover(); panicked != nil {
				log.LogAttrs(stream.Context(), slog.LevelError, "call panicked", slog.Any("panic", panicked))
				failure = fault.ToStatus(errors.New("the handler panicked")).Err()
			}
			method := "none"
			if _, ok := known.methods[info.FullMethod]; ok {
				method = info.FullMethod
			}
			log.LogAttrs(stream.Context(), slog.LevelInfo, "call", slog.String("method", method), slog.String("code", fault.ToStatus(failure).Code().String()),
				slog.String("reason", fault.ReasonOf(failure)), slog.Duration("took", c.Now().Sub(started)))
		}()
		return handler(srv, stream)
	}
}

// grpcTask serves until its context ends, then waits for calls under way.
func grpcTask(listener net.Listener, server *grpc.Server) lifecycle.Task {
	return lifecycle.Serve("grpc", stopGrace, func() error {
		if err := server.Serve(listener); !errors.Is(err, grpc.ErrServerStopped) {
			return err
		}
		return nil
	}, func(ctx context.Context) {
		cut := context.AfterFunc(ctx, server.Stop)
		defer cut()
		server.GracefulStop()
	})
}

package gateway

import (
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/rpc"
)

// messageHead is what gRPC writes before each message.
const messageHead = 5

// grpcDoor is the public gRPC listener. It is served by net/http, because grpc-go's own transport reads the messages of all
// calls at once, however much that is.
type grpcDoor struct {
	door   *door
	server *grpc.Server
	known  *catalogue
	// own are the services that the door answers itself.
	own map[string]grpc.ServiceInfo
}

// newGRPCDoor makes the public gRPC server: the proxy, health, and reflection of what the proxy passes on.
func newGRPCDoor(p *proxy, log *slog.Logger, c clock.Clock) *grpcDoor {
	server := grpc.NewServer(
		grpc.ForceServerCodecV2(p.codec), grpc.UnknownServiceHandler(p.handle), grpc.ChainStreamInterceptor(logStream(p.catalogue, log, c)),
		grpc.MaxRecvMsgSize(rpc.MaxMessageBytes), grpc.MaxSendMsgSize(rpc.MaxMessageBytes),
	)
	healthv1.RegisterHealthServer(server, health.NewServer())
	shown := reflection.ServerOptions{Services: p.catalogue}
	reflectionv1.RegisterServerReflectionServer(server, reflection.NewServerV1(shown))
	// Tools older than 2023 ask for the alpha.
	reflectionv1alpha.RegisterServerReflectionServer(server, reflection.NewServer(shown))
	return &grpcDoor{door: p.door, server: server, known: p.catalogue, own: server.GetServiceInfo()}
}

// ServeHTTP serves one call.
func (d *grpcDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if encoding := r.Header.Get("Grpc-Encoding"); encoding != "" && encoding != "identity" {
		writeStatus(w, r, compressed())
		return
	}
	service, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if _, own := d.own[service]; own {
		if err := d.door.anonymous(r.Context()); err != nil {
			writeStatus(w, r, err)
			return
		}
	}
	d.server.ServeHTTP(w, r)
}

// bound is the largest message of a call.
func (d *grpcDoor) bound(r *http.Request) (bytes int, judged bool) {
	to, known := d.known.methods[r.URL.Path]
	if !known {
		return maxOtherBytes, false
	}
	return to.bounds.RequestBytes + messageHead, true
}

// writeStatus answers a call that does not reach the server: a status alone, without a message (gRPC over HTTP/2,
// Trailers-Only).
func writeStatus(w http.ResponseWriter, _ *http.Request, err error) {
	s := fault.ToStatus(err)
	header := w.Header()
	header.Set("Content-Type", "application/grpc")
	header.Set("Grpc-Accept-Encoding", "identity")
	header.Set("Grpc-Status", strconv.Itoa(int(s.Code())))
	header.Set("Grpc-Message", url.PathEscape(s.Message()))
	if details, err := proto.Marshal(s.Proto()); err == nil {
		header.Set("Grpc-Status-Details-Bin", base64.RawStdEncoding.EncodeToString(details))
	}
	w.WriteHeader(http.StatusOK)
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

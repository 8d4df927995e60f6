package gateway

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/naru-relay/naru/pkg/gateway"
	"github.com/naru-relay/naru/pkg/rpc"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// restDoor is the public REST listener.
type restDoor struct {
	door      *door
	tokens    gatewayv1.TokenServiceClient
	dial      func(unit string) (grpc.ClientConnInterface, error)
	catalogue *catalogue
	ready     func(context.Context) error
	timeout   time.Duration
	openAPI   []byte
}

// handler puts the API and the endpoints beside it together.
func (d *restDoor) handler(ctx context.Context) (http.Handler, error) {
	api, err := d.api(ctx)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == "/oauth2/token":
			d.only(http.MethodPost, path, d.tokenEndpoint)(w, r)
		case path == "/openapi.json":
			d.only(http.MethodGet, path, d.openAPIEndpoint)(w, r)
		case path == "/healthz":
			d.only(http.MethodGet, path, d.healthEndpoint)(w, r)
		case path == "/readyz":
			d.only(http.MethodGet, path, d.readyEndpoint)(w, r)
		case strings.HasPrefix(path, keySetPrefix) && strings.HasSuffix(path, verifierSuffix):
			d.only(http.MethodGet, keySetPrefix+"{unit}"+verifierSuffix, d.verifierEndpoint)(w, r)
		case strings.HasPrefix(path, keySetPrefix) && strings.HasSuffix(path, keySetSuffix):
			d.only(http.MethodGet, keySetPrefix+"{unit}"+keySetSuffix, d.keySetEndpoint)(w, r)
		default:
			if _, _, ofLog := logPath(path); ofLog {
				d.only(http.MethodGet, keySetPrefix+"{unit}"+logInfix+"{wanted}", d.logEndpoint)(w, r)
				return
			}
			api.ServeHTTP(w, r)
		}
	}), nil
}

// refuse answers a request that there is no room for.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	gateway.WriteError(r.Context(), w, err)
}

// api serves everything that is an RPC.
func (d *restDoor) api(ctx context.Context) (http.Handler, error) {
	mux := gateway.NewMux()
	var services []protoreflect.ServiceDescriptor
	for _, o := range d.catalogue.services {
		services = append(services, o.service)
		if o.rest == nil {
			continue
		}
		var conn grpc.ClientConnInterface = perUnit{catalogue: d.catalogue, dial: d.outward}
		if o.unit != "" {
			var err error
			if conn, err = d.outward(o.unit); err != nil {
				return nil, err
			}
		}
		if err := o.rest(ctx, mux, conn); err != nil {
			return nil, fmt.Errorf("route %s: %w", o.service.FullName(), err)
		}
	}
	routes, err := gateway.NewRoutes(services...)
	if err != nil {
		return nil, err
	}
	for _, route := range routes.All() {
		if _, public := d.catalogue.methods[rpc.FullMethod(route.RPC)]; !public {
			return nil, fmt.Errorf("%s has a route and is not public", route.RPC.FullName())
		}
	}
	return gateway.NewHandler(gateway.HandlerDeps{Routes: routes, API: mux, Admit: d.admit, Missed: d.door.missed, File: d.file, Timeout: d.timeout})
}

func (d *restDoor) outward(unit string) (grpc.ClientConnInterface, error) {
	conn, err := d.dial(unit)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", unit, err)
	}
	return &outward{ClientConnInterface: conn, door: d.door, methods: d.catalogue.methods}, nil
}

// admit checks the caller before the body is read.
func (d *restDoor) admit(ctx context.Context, r *http.Request, route *gateway.Route, answer http.Header) (context.Context, error) {
	var token string
	if values := r.Header.Values("Authorization"); len(values) == 1 {
		token = rpc.BearerToken(values[0])
	}
	ctx, left, err := d.door.admit(withAnswer(ctx, answer), d.catalogue.methods[rpc.FullMethod(route.RPC)].rule, token)
	if left.Limit > 0 {
		allowanceHeaders(answer, left)
	}
	return ctx, err
}

// only answers 405 to all other methods.
func (d *restDoor) only(method, name string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		gateway.SetRouteName(r.Context(), name)
		if r.Method == method || (method == http.MethodGet && r.Method == http.MethodHead) {
			next(w, r)
			return
		}
		gateway.Miss(r.Context(), w, d.door.missed, method)
	}
}

const (
	keySetPrefix = "/.well-known/naru/"
	keySetSuffix = "/jwks.json"
	// verifierSuffix ends the path of the keys by which a unit's log is verified.
	verifierSuffix = "/log.vkey"
	// cacheKeys is how long keys may be kept by whoever stands between.
	cacheKeys = "public, max-age=300"
)

// keySetEndpoint publishes a unit's signing keys.
func (d *restDoor) keySetEndpoint(w http.ResponseWriter, r *http.Request) {
	d.publish(w, r, unitOf(r, keySetSuffix), published{"application/jwk-set+json", cacheKeys, func(ctx context.Context, conn grpc.ClientConnInterface) ([]byte, error) {
		return rpc.KeySource(conn)(ctx)
	}})
}

// verifierEndpoint publishes the verifier keys of a unit's log, one a line, as naru evidence verify takes them.
func (d *restDoor) verifierEndpoint(w http.ResponseWriter, r *http.Request) {
	d.publish(w, r, unitOf(r, verifierSuffix), published{"text/plain; charset=utf-8", cacheKeys, func(ctx context.Context, conn grpc.ClientConnInterface) ([]byte, error) {
		answer, err := platformv1.NewKeyServiceClient(conn).GetKeySet(ctx, &platformv1.GetKeySetRequest{})
		return []byte(strings.Join(answer.GetVerifierKeys(), "\n") + "\n"), err
	}})
}

// unitOf is the unit whose keys a path names.
func unitOf(r *http.Request, suffix string) string {
	return strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, keySetPrefix), suffix)
}

// published is something that a unit shows to anybody.
type published struct {
	contentType, cache string
	read               func(ctx context.Context, conn grpc.ClientConnInterface) ([]byte, error)
}

// publish answers with something of a unit.
func (d *restDoor) publish(w http.ResponseWriter, r *http.Request, unit string, what published) {
	ctx, cancel := context.WithTimeout(r.Context(), d.timeout)
	defer cancel()
	if !d.catalogue.has(unit) {
		gateway.Miss(ctx, w, d.door.missed)
		return
	}
	if err := d.door.anonymous(ctx); err != nil {
		gateway.WriteError(ctx, w, err)
		return
	}
	conn, err := d.outward(unit)
	if err != nil {
		gateway.WriteError(ctx, w, err)
		return
	}
	content, err := what.read(ctx, conn)
	if err != nil {
		gateway.WriteError(ctx, w, err)
		return
	}
	w.Header().Set("Content-Type", what.contentType)
	w.Header().Set("Cache-Control", what.cache)
	_, _ = w.Write(content) // the caller has gone
}

func (d *restDoor) openAPIEndpoint(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(d.openAPI)
}

func (d *restDoor) healthEndpoint(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
}

// readyEndpoint reports whether this unit can work, but not why it cannot: the door is public.
func (d *restDoor) readyEndpoint(w http.ResponseWriter, r *http.Request) {
	if err := d.ready(r.Context()); err != nil {
		w.Header().Set("Retry-After", "1")
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready"})
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
}

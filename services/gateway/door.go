package gateway

import (
	"context"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/gateway"
	"github.com/naru-relay/naru/pkg/origin"
	"github.com/naru-relay/naru/pkg/ratelimit"
	"github.com/naru-relay/naru/pkg/rpc"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Names of the doors in logs and measurements.
const (
	restName = "rest"
	grpcName = "grpc"
)

// door checks the callers at both doors. The unit checks them again, except for the quota and, in most units, authorities.
type door struct {
	name        string
	proxies     origin.Proxies
	verifier    rpc.TokenVerifier
	authorities *authorities
	quota       *quota
	streams     *streams
	metrics     *metrics
}

// admit checks the caller of an RPC, takes one request from its quota, and returns the context of the call. RPCs that are
// open to everybody have a quota by origin.
func (d *door) admit(ctx context.Context, rule *platformv1.Access, token string) (context.Context, ratelimit.Allowance, error) {
	if rule.GetOpen() {
		return ctx, ratelimit.Allowance{}, d.anonymous(ctx)
	}
	ctx, left, err := d.judge(ctx, rule, token)
	if err != nil {
		d.metrics.refusal(ctx, d.name, err)
	}
	return ctx, left, err
}

func (d *door) judge(ctx context.Context, rule *platformv1.Access, token string) (context.Context, ratelimit.Allowance, error) {
	p, err := d.verifier.Verify(ctx, token)
	if err != nil {
		if fault.KindOf(err) == fault.Unauthenticated {
			err = d.quota.miss(originOf(ctx), err)
		}
		return ctx, ratelimit.Allowance{}, err
	}
	if err := rpc.Permit(rule, p); err != nil {
		return ctx, ratelimit.Allowance{}, err
	}
	// The quota is the organisation's: who may not act for it any more takes nothing of it.
	if err := d.authorities.stillMay(ctx, p); err != nil {
		return ctx, ratelimit.Allowance{}, err
	}
	left, err := d.quota.request(p.ID)
	return authn.NewContext(ctx, p), left, err
}

// missed answers a call to what is not there.
func (d *door) missed(ctx context.Context) error {
	err := d.quota.miss(originOf(ctx), gateway.NoSuchRoute())
	d.metrics.refusal(ctx, d.name, err)
	return err
}

// anonymous takes one request from the quota of an origin.
func (d *door) anonymous(ctx context.Context) error {
	err := d.quota.anonymous(originOf(ctx))
	if err != nil {
		d.metrics.refusal(ctx, d.name, err)
	}
	return err
}

// items takes the items of a request from the caller's quota.
func (d *door) items(ctx context.Context, items int) (ratelimit.Allowance, error) {
	p, ok := authn.FromContext(ctx)
	if !ok {
		return ratelimit.Allowance{}, nil
	}
	left, err := d.quota.batch(p.ID, items)
	if err != nil {
		d.metrics.refusal(ctx, d.name, err)
	}
	return left, err
}

type answerKey struct{}

// withAnswer lets the connection set response headers.
func withAnswer(ctx context.Context, answer http.Header) context.Context {
	return context.WithValue(ctx, answerKey{}, answer)
}

// outward is a connection to a unit as used by the REST door: it does not wait for a unit that is down, and it takes items from
// the caller's quota.
type outward struct {
	grpc.ClientConnInterface
	door    *door
	methods map[string]target
}

// Invoke calls a unary RPC.
func (o *outward) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	request, ok := args.(proto.Message)
	if field := o.methods[method].bounds.Items; ok && field != nil {
		left, err := o.door.items(ctx, request.ProtoReflect().Get(field).List().Len())
		if answer, ok := ctx.Value(answerKey{}).(http.Header); ok && left.Limit > 0 {
			allowanceHeaders(answer, left)
		}
		if err != nil {
			return err
		}
	}
	return o.ClientConnInterface.Invoke(ctx, method, args, reply, append([]grpc.CallOption{grpc.WaitForReady(false)}, opts...)...)
}

// NewStream opens a stream.
func (o *outward) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return o.ClientConnInterface.NewStream(ctx, desc, method, append([]grpc.CallOption{grpc.WaitForReady(false)}, opts...)...)
}

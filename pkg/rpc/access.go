package rpc

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Gateway and Web are the units through which principals call: the public doors, and the pages for people. They pass the caller's
// token on, and reach no more with it than the caller may.
const (
	Gateway = "gateway"
	Web     = "web"
)

// front recognises the units that call for principals.
func front(unit string) bool { return unit == Gateway || unit == Web }

// TokenVerifier verifies access tokens; *authn.Verifier is one.
type TokenVerifier interface {
	Verify(ctx context.Context, token string) (authn.Principal, error)
}

var _ TokenVerifier = (*authn.Verifier)(nil)

// AccessOf reads the access rule of an RPC. The error says why the RPC must not be served: it has no rule, or a rule that admits
// nobody, or one that admits principals with client credentials without requiring a scope.
func AccessOf(method protoreflect.MethodDescriptor) (*platformv1.Access, error) {
	options, ok := method.Options().(*descriptorpb.MethodOptions)
	if !ok || !proto.HasExtension(options, platformv1.E_Access) {
		return nil, fmt.Errorf("reading access rule: %s has none", method.FullName())
	}
	rule, ok := proto.GetExtension(options, platformv1.E_Access).(*platformv1.Access)
	if !ok || (!rule.GetOpen() && !rule.GetEveryUnit() && len(rule.GetKinds()) == 0 && len(rule.GetUnits()) == 0) {
		return nil, fmt.Errorf("reading access rule: that of %s admits nobody", method.FullName())
	}
	for _, kind := range rule.GetKinds() {
		if rule.GetScope() == "" && !authn.BySession(kind) {
			return nil, fmt.Errorf("reading access rule: that of %s admits %s without a scope", method.FullName(), kind)
		}
	}
	return rule, nil
}

// Public reports whether an RPC may be called for a principal, through the gateway or the pages.
func Public(rule *platformv1.Access) bool { return rule.GetOpen() || len(rule.GetKinds()) > 0 }

// Permit checks a verified principal against a rule. Errors: Denied (KIND_NOT_PERMITTED, SCOPE_MISSING).
func Permit(rule *platformv1.Access, p authn.Principal) error {
	if !slices.Contains(rule.GetKinds(), p.Kind) {
		return fault.New(fault.Denied, "", authn.ReasonKindNotPermitted, "principals of this kind may not call this")
	}
	if !p.HasScope(rule.GetScope()) {
		return fault.New(fault.Denied, "", authn.ReasonScopeMissing, "the access token lacks a scope",
			fault.WithMetadata("scope", rule.GetScope()))
	}
	return nil
}

// ServiceOf returns the description of a service compiled into this binary, by its full name.
func ServiceOf(name string) (protoreflect.ServiceDescriptor, error) {
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil, fmt.Errorf("finding service %s: %w", name, err)
	}
	service, ok := found.(protoreflect.ServiceDescriptor)
	if !ok {
		return nil, fmt.Errorf("finding service %s: it is something else", name)
	}
	return service, nil
}

// FullMethod is the name of an RPC as gRPC writes it.
func FullMethod(method protoreflect.MethodDescriptor) string {
	return "/" + string(method.Parent().FullName()) + "/" + string(method.Name())
}

// gate admits calls.
type gate struct {
	verifier TokenVerifier
	rules    map[string]*platformv1.Access
	// inputs are the request messages of the RPCs, to prepare their validation.
	inputs []protoreflect.MessageDescriptor
}

// infrastructure recognises gRPC's own services. They have no access rule: any unit may call them.
func infrastructure(service string) bool { return strings.HasPrefix(service, "grpc.") }

// add takes the rules of a service.
func (g *gate) add(service string) error {
	if infrastructure(service) {
		return nil
	}
	descriptor, err := ServiceOf(service)
	if err != nil {
		return err
	}
	for i := range descriptor.Methods().Len() {
		method := descriptor.Methods().Get(i)
		rule, err := AccessOf(method)
		if err != nil {
			return err
		}
		g.rules[FullMethod(method)] = rule
		g.inputs = append(g.inputs, method.Input())
	}
	return nil
}

// admit returns the context for the handler, or the fault for the caller.
func (g *gate) admit(ctx context.Context, method string) (context.Context, error) {
	unit, ok := callingUnit(ctx)
	if !ok {
		return ctx, fault.New(fault.Unauthenticated, "", authn.ReasonUnitNotPermitted, "the connection names no unit")
	}
	ctx = authn.WithCallingUnit(ctx, unit)
	rule := g.rules[method]
	switch {
	case rule == nil && infrastructure(strings.TrimPrefix(method, "/")), rule.GetOpen(), rule.GetEveryUnit(), slices.Contains(rule.GetUnits(), unit):
		return ctx, nil
	case rule == nil || !front(unit) || len(rule.GetKinds()) == 0:
		return ctx, fault.New(fault.Denied, "", authn.ReasonUnitNotPermitted, "the calling unit may not call this")
	}
	p, err := g.verifier.Verify(ctx, Bearer(ctx))
	if err != nil {
		return ctx, err
	}
	ctx = authn.NewContext(ctx, p)
	return ctx, Permit(rule, p)
}

// Bearer is the access token of an incoming call (RFC 6750 §2.1); empty when there is none, or more than one.
func Bearer(ctx context.Context) string {
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(values) != 1 {
		return ""
	}
	return BearerToken(values[0])
}

// BearerToken is the token of an Authorization header; empty when it is of another scheme.
func BearerToken(authorization string) string {
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

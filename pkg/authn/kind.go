package authn

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Audience is the aud of every access token of this relay.
const Audience = "naru"

// issuerPrefix precedes the name of the minting unit in the iss of its tokens.
const issuerPrefix = "naru-"

// about is what the proto says about a kind; nil for an unknown kind.
func about(kind platformv1.PrincipalKind) *platformv1.Principal {
	value := kind.Descriptor().Values().ByNumber(kind.Number())
	if value == nil {
		return nil
	}
	option, _ := proto.GetExtension(value.Options(), platformv1.E_Principal).(*platformv1.Principal)
	return option
}

// Kinds are all kinds there are.
func Kinds() []platformv1.PrincipalKind {
	values := platformv1.PrincipalKind(0).Descriptor().Values()
	var all []platformv1.PrincipalKind
	for i := range values.Len() {
		if number := values.Get(i).Number(); number != 0 {
			all = append(all, platformv1.PrincipalKind(number))
		}
	}
	return all
}

// checkKinds reports kinds with incomplete options or a name that is used twice.
func checkKinds() error {
	named := map[string]protoreflect.EnumNumber{}
	for _, kind := range Kinds() {
		name := KindName(kind)
		if name == "" || MintedBy(kind) == "" {
			return fmt.Errorf("principal kind %s has no name or nobody who mints for it", kind)
		}
		if _, twice := named[name]; twice {
			return fmt.Errorf("two kinds of principals are named %q", name)
		}
		named[name] = kind.Number()
	}
	return nil
}

// Known reports whether the kind exists. An unknown kind may come from a newer version of another unit.
func Known(kind platformv1.PrincipalKind) bool { return about(kind) != nil }

// Scopes are all scopes that principals of a kind may hold, sorted. A session holds all scopes of its kind.
func Scopes(kind platformv1.PrincipalKind) []string { return slices.Clone(about(kind).GetScopes()) }

// KindName is the kind in tokens and tables; empty for none.
func KindName(kind platformv1.PrincipalKind) string { return about(kind).GetName() }

// KindNamed is the kind with a name.
func KindNamed(name string) platformv1.PrincipalKind {
	for _, kind := range Kinds() {
		if KindName(kind) == name {
			return kind
		}
	}
	return platformv1.PrincipalKind_PRINCIPAL_KIND_UNSPECIFIED
}

// BySession reports whether access tokens of a kind are bound to an identity-proof session and not to client credentials.
func BySession(kind platformv1.PrincipalKind) bool { return about(kind).GetSession() }

// MintedBy is the unit that mints the access tokens of a kind; empty for none.
func MintedBy(kind platformv1.PrincipalKind) string { return about(kind).GetMintedBy() }

// Minters are the units that mint access tokens.
func Minters() []string {
	var units []string
	for _, kind := range Kinds() {
		units = append(units, MintedBy(kind))
	}
	slices.Sort(units)
	return slices.Compact(units)
}

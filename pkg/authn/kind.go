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

// issuerPrefix stands before the name of the unit that mints, in the iss of its tokens.
const issuerPrefix = "naru-"

// about is what the proto says of a kind; nil of one that is none.
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

// checkKinds tells of kinds that do not say what they are, or share a name.
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

// Known tells whether there is such a kind. One that is not may be of a later version of another unit.
func Known(kind platformv1.PrincipalKind) bool { return about(kind) != nil }

// Scopes are what principals of a kind may hold at most, sorted. A session holds all of its kind.
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

// BySession tells whether access tokens of a kind are bound to a session of proved identity rather than to client
// credentials.
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

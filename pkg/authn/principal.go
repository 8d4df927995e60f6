package authn

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/fault"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Principal is the caller a verified token names.
type Principal struct {
	// ID is the principal id, for a recipient the recipient id (claim sub).
	ID string
	// Kind is what the principal is (claim kind).
	Kind platformv1.PrincipalKind
	// Scopes are what the token may be used for (claim scope).
	Scopes []string
	// Client is the id of the credentials the token was given for (claim client); empty for a recipient.
	Client string
	// Session is the id of the recipient's identity-proof session (claim sid); empty for everybody else.
	Session string
	// Actor is the recipient id of the person who acts for the recipient ID, an organisation (claim act); empty for everybody
	// who acts for itself.
	Actor string
	// TokenID identifies the token in evidence (claim jti).
	TokenID string
	// Issuer is who minted the token (claim iss).
	Issuer string
	// IssuedAt and ExpiresAt bound the token's life, in whole seconds.
	IssuedAt, ExpiresAt time.Time
}

// ActedBy is who did what is done with the token, for the record: the person who acts for an organisation, else the principal
// itself.
func (p Principal) ActedBy() string { return cmp.Or(p.Actor, p.ID) }

// HasScope reports whether the token may be used for scope. Everybody holds the empty scope.
func (p Principal) HasScope(scope string) bool {
	return scope == "" || slices.Contains(p.Scopes, scope)
}

type principalKey struct{}

type unitKey struct{}

// NewContext adds a caller to a context. The interceptors of package rpc add the caller they verified; tests use
// authntest.NewContext.
func NewContext(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// FromContext returns the caller that the interceptors verified; false if the RPC was called without a token.
func FromContext(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// Require returns the caller, or a fault of kind Unauthenticated if there is none.
func Require(ctx context.Context) (Principal, error) {
	p, ok := FromContext(ctx)
	if !ok {
		return Principal{}, fault.New(fault.Unauthenticated, "", ReasonTokenMissing, "an access token is required")
	}
	return p, nil
}

// WithCallingUnit adds the name of the unit at the other end of the connection.
func WithCallingUnit(ctx context.Context, unit string) context.Context {
	return context.WithValue(ctx, unitKey{}, unit)
}

// CallingUnit names the unit at the other end of the connection, e.g. "address"; empty if there is none. For a public RPC it is
// "gateway" or "web", and the principal says who called.
func CallingUnit(ctx context.Context) string {
	unit, _ := ctx.Value(unitKey{}).(string)
	return unit
}

// The reasons of access errors, which all units share (domain "naru").
const (
	// ReasonTokenMissing: the RPC requires an access token and got none.
	ReasonTokenMissing fault.Word = "TOKEN_MISSING"
	// ReasonTokenInvalid: the token is malformed, forged, of an unknown key, or meant for somebody else.
	ReasonTokenInvalid fault.Word = "TOKEN_INVALID"
	// ReasonTokenExpired: the token is genuine but has expired.
	ReasonTokenExpired fault.Word = "TOKEN_EXPIRED"
	// ReasonKindNotPermitted: principals of this kind may not call this.
	ReasonKindNotPermitted fault.Word = "KIND_NOT_PERMITTED"
	// ReasonScopeMissing: the token lacks the scope this needs.
	ReasonScopeMissing fault.Word = "SCOPE_MISSING"
	// ReasonUnitNotPermitted: the calling unit may not call this.
	ReasonUnitNotPermitted fault.Word = "UNIT_NOT_PERMITTED"
	// ReasonKeySetUnavailable: the issuer's keys cannot be fetched now.
	ReasonKeySetUnavailable fault.Word = "KEY_SET_UNAVAILABLE"
)

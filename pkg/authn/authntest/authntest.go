// Package authntest gives tests callers: contexts that carry a principal, and an issuer whose tokens a real Verifier accepts.
package authntest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/keys"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// NewContext is what a handler of a public RPC sees when p called it through the gateway.
func NewContext(ctx context.Context, p authn.Principal) context.Context {
	return authn.NewContext(authn.WithCallingUnit(ctx, "gateway"), p)
}

// FromUnit is what a handler of an internal RPC sees when the unit called it.
func FromUnit(ctx context.Context, unit string) context.Context {
	return authn.WithCallingUnit(ctx, unit)
}

// Sender is a sending institution that holds every scope of its kind.
func Sender(principal string) authn.Principal {
	return of(principal, platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER)
}

// ViewingSystem is a viewing system that holds every scope of its kind.
func ViewingSystem(principal string) authn.Principal {
	return of(principal, platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM)
}

// Recipient is a recipient with an identity-proof session.
func Recipient(recipient string) authn.Principal {
	return of(recipient, platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT)
}

// ActingFor is an organisation's session that a person took.
func ActingFor(organisation, person string) authn.Principal {
	p := Recipient(organisation)
	p.Actor = person
	return p
}

// Admin is the operator.
func Admin() authn.Principal {
	return of(id.New().String(), platformv1.PrincipalKind_PRINCIPAL_KIND_ADMIN)
}

func of(principal string, kind platformv1.PrincipalKind) authn.Principal {
	p := authn.Principal{ID: principal, Kind: kind, Scopes: authn.Scopes(kind), TokenID: id.New().String()}
	if authn.BySession(kind) {
		p.Session = id.New().String()
	} else {
		p.Client = "client-" + id.New().String()
	}
	return p
}

// Authority is all issuers of a relay over throw-away keys.
type Authority struct {
	clock   clock.Clock
	minters map[string]*authn.Minter
	issuers []authn.Issuer
}

// NewAuthority makes keys for all issuers.
func NewAuthority(t testing.TB, c clock.Clock) *Authority {
	t.Helper()
	a := &Authority{clock: c, minters: make(map[string]*authn.Minter)}
	for _, unit := range authn.Minters() {
		signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		key := authn.Key{ID: unit + "-1", Signer: signer}
		a.minters[unit], err = authn.NewMinter(unit, key, c)
		require.NoError(t, err)
		set, err := authn.KeySet(authn.PublicKey{ID: key.ID, Purpose: keys.AccessToken, Key: signer.Public()})
		require.NoError(t, err)
		a.issuers = append(a.issuers, authn.Issuer{Unit: unit, Keys: func(context.Context) ([]byte, error) { return set, nil }})
	}
	return a
}

// Issuers are the issuers for a Verifier.
func (a *Authority) Issuers() []authn.Issuer { return a.issuers }

// Verifier makes a verifier that accepts this authority.
func (a *Authority) Verifier(t testing.TB) *authn.Verifier {
	t.Helper()
	v, err := authn.NewVerifier(a.clock, a.issuers...)
	require.NoError(t, err)
	return v
}

// Token mints a token of 15 minutes for p, by the issuer that speaks for its kind.
func (a *Authority) Token(t testing.TB, p authn.Principal) string {
	t.Helper()
	token, _, err := a.minters[authn.MintedBy(p.Kind)].Mint(authn.Grant{
		Subject: p.ID, Kind: p.Kind, Scopes: p.Scopes, Client: p.Client, Session: p.Session, Actor: p.Actor, Life: 15 * time.Minute,
	})
	require.NoError(t, err)
	return token
}

package authn

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/jws"
)

// leeway is how far the clocks of two units may differ.
const leeway = 5 * time.Second

// errKeySetPaused: the last fetch failed, and the next is not due yet.
var errKeySetPaused = errors.New("fetching the key set did not succeed a moment ago")

// Issuer is one issuer that a Verifier accepts.
type Issuer struct {
	// Unit is the unit that mints.
	Unit string
	// Keys fetches its key set.
	Keys KeySource
}

// Verifier verifies access tokens. It is safe for concurrent use; its memory is bounded.
type Verifier struct {
	clock   clock.Clock
	issuers map[string]*keySet
	cache   *cache
}

// NewVerifier makes a verifier that accepts the issuers. No key is fetched before the first token.
func NewVerifier(c clock.Clock, issuers ...Issuer) (*Verifier, error) {
	if c == nil {
		return nil, errors.New("making a verifier: a clock is required")
	}
	if err := checkKinds(); err != nil {
		return nil, fmt.Errorf("making a verifier: %w", err)
	}
	v := &Verifier{clock: c, issuers: make(map[string]*keySet, len(issuers)), cache: newCache()}
	for _, issuer := range issuers {
		switch {
		case !slices.Contains(Minters(), issuer.Unit):
			return nil, fmt.Errorf("making a verifier: %q mints for nobody", issuer.Unit)
		case issuer.Keys == nil:
			return nil, fmt.Errorf("making a verifier: %s has no key source", issuer.Unit)
		case v.issuers[issuerPrefix+issuer.Unit] != nil:
			return nil, fmt.Errorf("making a verifier: %s is named twice", issuer.Unit)
		}
		v.issuers[issuerPrefix+issuer.Unit] = &keySet{source: issuer.Keys, clock: c}
	}
	return v, nil
}

// Verify returns whom an access token names. Errors: Unauthenticated (TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED), Unavailable
// (KEY_SET_UNAVAILABLE).
func (v *Verifier) Verify(ctx context.Context, token string) (Principal, error) {
	if token == "" {
		return Principal{}, fault.New(fault.Unauthenticated, "", ReasonTokenMissing, "an access token is required")
	}
	if len(token) > profile.MaxBytes {
		return Principal{}, invalid(jws.ErrSize) // before it is hashed
	}
	now := v.clock.Now()
	key := sha256.Sum256([]byte(token))
	if p, ok := v.cache.get(key, now); ok {
		return p, nil
	}
	p, err := v.verify(ctx, token, now)
	if err != nil {
		return Principal{}, err
	}
	// A token that has expired within the leeway is accepted, but never remembered.
	if now.Before(p.ExpiresAt) {
		v.cache.put(key, p, now)
	}
	return p, nil
}

func (v *Verifier) verify(ctx context.Context, token string, now time.Time) (Principal, error) {
	var c claims
	text, err := profile.Parse(token, &c)
	if err != nil {
		return Principal{}, invalid(err)
	}
	keys, known := v.issuers[c.Issuer]
	if !known {
		return Principal{}, invalid(errors.New("unknown issuer"))
	}
	public, err := keys.key(ctx, text.KeyID)
	if err != nil {
		return Principal{}, fault.New(fault.Unavailable, "", ReasonKeySetUnavailable, "access tokens cannot be verified now", fault.Wrap(err))
	}
	if public == nil {
		return Principal{}, invalid(errors.New("unknown key"))
	}
	if err := text.Verify(public); err != nil {
		return Principal{}, invalid(err)
	}
	return c.principal(now)
}

// principal checks the claims of a token whose signature is valid.
func (c claims) principal(now time.Time) (Principal, error) {
	kind := KindNamed(c.Kind)
	switch {
	case c.Audience != Audience:
		return Principal{}, invalid(errors.New("another audience"))
	case !Known(kind) || issuerPrefix+MintedBy(kind) != c.Issuer:
		return Principal{}, invalid(errors.New("a kind the issuer does not speak for"))
	case c.Subject == "" || c.TokenID == "" || (c.Client == "" && !BySession(kind)):
		return Principal{}, invalid(errors.New("a required claim is missing"))
	case c.Actor != nil && (c.Actor.Subject == "" || c.Actor.Subject == c.Subject || !BySession(kind)):
		return Principal{}, invalid(errors.New("an actor that cannot be"))
	}
	p := Principal{
		ID: c.Subject, Kind: kind, Scopes: strings.Fields(c.Scope), Client: c.Client, Session: c.Session, TokenID: c.TokenID, Issuer: c.Issuer,
		IssuedAt: time.Unix(c.IssuedAt, 0).UTC(), ExpiresAt: time.Unix(c.ExpiresAt, 0).UTC(),
	}
	if c.Actor != nil {
		p.Actor = c.Actor.Subject
	}
	p.Scopes = slices.DeleteFunc(p.Scopes, func(scope string) bool { return !slices.Contains(Scopes(kind), scope) })
	switch {
	case !p.IssuedAt.Before(p.ExpiresAt) || p.ExpiresAt.Sub(p.IssuedAt) > maxLife:
		return Principal{}, invalid(errors.New("a life that cannot be"))
	case p.IssuedAt.After(now.Add(leeway)):
		return Principal{}, invalid(errors.New("issued in the future"))
	case !now.Before(p.ExpiresAt.Add(leeway)):
		return Principal{}, fault.New(fault.Unauthenticated, "", ReasonTokenExpired, "the access token has expired")
	}
	return p, nil
}

// invalid tells a caller only that the token is not accepted; the reason stays in the log.
func invalid(why error) error {
	return fault.New(fault.Unauthenticated, "", ReasonTokenInvalid, "the access token is not valid", fault.Wrap(why))
}

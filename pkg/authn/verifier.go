package authn

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	// maxTokenBytes bounds what is looked at; real tokens have about 600.
	maxTokenBytes = 4096
	// leeway is how far the clocks of two units may differ.
	leeway = 5 * time.Second
)

// errKeySetPaused: the last fetch did not succeed and the next is not due yet.
var errKeySetPaused = errors.New("fetching the key set did not succeed a moment ago")

// Issuer is one issuer a Verifier believes.
type Issuer struct {
	// Name is the iss of its tokens: IssuerGateway or IssuerViewing.
	Name string
	// Keys fetches its key set.
	Keys KeySource
}

// Verifier verifies access tokens. It is safe for concurrent use; its memory is bounded.
type Verifier struct {
	clock   clock.Clock
	issuers map[string]*keySet
	cache   *cache
}

// NewVerifier makes a verifier that believes the issuers. No key is fetched before the first token.
func NewVerifier(c clock.Clock, issuers ...Issuer) (*Verifier, error) {
	if c == nil {
		return nil, errors.New("making a verifier: a clock is required")
	}
	v := &Verifier{clock: c, issuers: make(map[string]*keySet, len(issuers)), cache: newCache()}
	for _, issuer := range issuers {
		switch {
		case len(KindsOf(issuer.Name)) == 0:
			return nil, fmt.Errorf("making a verifier: %q is no issuer of this relay", issuer.Name)
		case issuer.Keys == nil:
			return nil, fmt.Errorf("making a verifier: %s has no key source", issuer.Name)
		case v.issuers[issuer.Name] != nil:
			return nil, fmt.Errorf("making a verifier: %s is named twice", issuer.Name)
		}
		v.issuers[issuer.Name] = &keySet{source: issuer.Keys, clock: c}
	}
	return v, nil
}

// Verify tells whom an access token names. Errors: Unauthenticated (TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED), Unavailable
// (KEY_SET_UNAVAILABLE).
func (v *Verifier) Verify(ctx context.Context, token string) (Principal, error) {
	if token == "" {
		return Principal{}, fault.New(fault.Unauthenticated, "", ReasonTokenMissing, "an access token is required")
	}
	if len(token) > maxTokenBytes {
		return Principal{}, invalid(errors.New("too long"))
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
	// A token inside the leeway after its end is believed, but never remembered.
	if now.Before(p.ExpiresAt) {
		v.cache.put(key, p, now)
	}
	return p, nil
}

func (v *Verifier) verify(ctx context.Context, token string, now time.Time) (Principal, error) {
	header, c, err := parse(token)
	if err != nil {
		return Principal{}, invalid(err)
	}
	keys, known := v.issuers[c.Issuer]
	if !known {
		return Principal{}, invalid(errors.New("unknown issuer"))
	}
	public, err := keys.key(ctx, header.KeyID)
	if err != nil {
		return Principal{}, fault.New(fault.Unavailable, "", ReasonKeySetUnavailable, "access tokens cannot be verified now", fault.Wrap(err))
	}
	if public == nil {
		return Principal{}, invalid(errors.New("unknown key"))
	}
	if _, err := jws.Verify([]byte(token), jws.WithCompact(), jws.WithKey(jwa.ES256, public)); err != nil {
		return Principal{}, invalid(errors.New("signature does not hold"))
	}
	return c.principal(now)
}

// tokenHeader is the protected header; any member besides these is refused, crit among them.
type tokenHeader struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

// parse reads header and claims without believing them. Its errors never repeat what was read.
func parse(token string) (tokenHeader, claims, error) {
	var header tokenHeader
	var c claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return header, c, errors.New("not a compact JWS")
	}
	// One signature has one spelling, so that a token is the same token in the cache and in evidence.
	if signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2]); err != nil || len(signature) != 64 {
		return header, c, errors.New("signature: not the 64 bytes of ES256")
	}
	if err := parsePart(parts[0], &header, true); err != nil {
		return header, c, fmt.Errorf("header: %w", err)
	}
	if header.Algorithm != jwa.ES256.String() || header.Type != tokenType || header.KeyID == "" {
		return header, c, errors.New("header: alg, typ or kid is not as it must be")
	}
	// Claims nobody here knows are ignored (RFC 7519 §4), so that a later minter may add some.
	if err := parsePart(parts[1], &c, false); err != nil {
		return header, c, fmt.Errorf("claims: %w", err)
	}
	return header, c, nil
}

func parsePart(part string, into any, strict bool) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return errors.New("not base64url")
	}
	if !utf8.Valid(raw) {
		return errors.New("not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if strict {
		decoder.DisallowUnknownFields()
	}
	if decoder.Decode(into) != nil {
		return errors.New("not the JSON object expected")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// principal judges the claims of a token whose signature holds.
func (c claims) principal(now time.Time) (Principal, error) {
	kind, permitted := kindOf(c.Kind, KindsOf(c.Issuer))
	recipient := kind == platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT
	switch {
	case c.Audience != Audience:
		return Principal{}, invalid(errors.New("another audience"))
	case !permitted:
		return Principal{}, invalid(errors.New("a kind the issuer does not speak for"))
	case c.Subject == "" || c.TokenID == "" || (c.Client == "" && !recipient):
		return Principal{}, invalid(errors.New("a required claim is missing"))
	}
	p := Principal{
		ID: c.Subject, Kind: kind, Scopes: strings.Fields(c.Scope), Client: c.Client, Session: c.Session, TokenID: c.TokenID, Issuer: c.Issuer,
		IssuedAt: time.Unix(c.IssuedAt, 0).UTC(), ExpiresAt: time.Unix(c.ExpiresAt, 0).UTC(),
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

// invalid tells a caller nothing but that the token is not accepted; why stays in the log.
func invalid(why error) error {
	return fault.New(fault.Unauthenticated, "", ReasonTokenInvalid, "the access token is not valid", fault.Wrap(why))
}

package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/naru-relay/naru/pkg/jws"
	"github.com/naru-relay/naru/pkg/text"
)

// Why says in one word what was wrong with a proof; it is kept as evidence.
type Why string

// Why a proof was refused.
const (
	// CodeRefused: the provider does not know the code, or it was used, or it is another client's.
	CodeRefused Why = "code_refused"
	// AssertionMissing: the provider answered without an ID token.
	AssertionMissing Why = "assertion_missing"
	// AssertionInvalid: signature, issuer, audience or life of the ID token do not hold.
	AssertionInvalid Why = "assertion_invalid"
	// NonceDiffers: the ID token belongs to another login.
	NonceDiffers Why = "nonce_differs"
	// AuthTimeMissing, AuthTimeOld and AuthTimeAhead: the time of authentication is missing, too long ago, or in the future.
	AuthTimeMissing Why = "auth_time_missing"
	AuthTimeOld     Why = "auth_time_old"
	AuthTimeAhead   Why = "auth_time_ahead"
	// ClaimsIncomplete: ci, name, birthdate or phone_number is missing or has a wrong form.
	ClaimsIncomplete Why = "claims_incomplete"
)

// RefusedError says that the provider answered, but the identity is not proved.
type RefusedError struct {
	Why Why
	// Digest is the SHA-256 of the ID token in hex; empty where there was none.
	Digest string
}

// Error never contains anything the provider said.
func (e *RefusedError) Error() string { return "identity is not proved: " + string(e.Why) }

// Attempt is a login that came back.
type Attempt struct {
	Code, RedirectURI, Verifier string
	// NonceDigest is the SHA-256 of the login's nonce.
	NonceDigest []byte
}

// Proof is a proved identity. The personal parts MUST stay in memory.
type Proof struct {
	CI, Name, BirthDate, Phone string
	// Issuer is the provider, AuthTime when the person proved itself there.
	Issuer   string
	AuthTime time.Time
	// Digest is the SHA-256 of the ID token in hex.
	Digest string
}

// String keeps personal data out of formatted text.
func (Proof) String() string { return "[proof]" }

// GoString keeps personal data out of %#v.
func (Proof) GoString() string { return "[proof]" }

// LogValue keeps personal data out of logs.
func (Proof) LogValue() slog.Value { return slog.StringValue("[proof]") }

// Complete exchanges the code and verifies what the provider asserts. Errors: ErrUnavailable, *RefusedError.
func (p *Provider) Complete(ctx context.Context, a Attempt) (Proof, error) {
	d, err := p.discovered(ctx)
	if err != nil {
		return Proof{}, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), p.o.Timeout)
	defer cancel()
	tokens, err := p.config(d, a.RedirectURI).Exchange(ctx, a.Code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return Proof{}, exchangeError(err)
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok || raw == "" {
		return Proof{}, &RefusedError{Why: AssertionMissing}
	}
	sum := sha256.Sum256([]byte(raw))
	digest := hex.EncodeToString(sum[:])
	proof, err := p.verify(ctx, d, raw, tokens.AccessToken, a.NonceDigest)
	var refused *RefusedError
	if errors.As(err, &refused) {
		refused.Digest = digest
	}
	proof.Digest = digest
	return proof, err
}

// exchangeError: invalid_grant concerns the code; every other error of the token endpoint concerns this relay or the provider.
func exchangeError(err error) error {
	var answered *oauth2.RetrieveError
	if !errors.As(err, &answered) {
		return unavailable("token endpoint", err)
	}
	if answered.ErrorCode == "invalid_grant" {
		return &RefusedError{Why: CodeRefused}
	}
	return fmt.Errorf("%w: token endpoint: status %d", ErrUnavailable, answered.Response.StatusCode)
}

// watchedKeys remembers that keys could not be fetched; the verifier's error does not tell that from a wrong signature.
type watchedKeys struct {
	inner oidc.KeySet
	err   error
}

// VerifySignature implements oidc.KeySet.
func (k *watchedKeys) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.inner.VerifySignature(ctx, jwt)
	if err != nil && (ctx.Err() != nil || isNetwork(err)) {
		k.err = unavailable("key set", err)
	}
	return payload, err
}

type claims struct {
	AuthTime        jws.NumericDate `json:"auth_time"`
	AuthorizedParty string          `json:"azp"`
	CI              string          `json:"ci"`
	Name            string          `json:"name"`
	BirthDate       string          `json:"birthdate"`
	Phone           string          `json:"phone_number"`
}

func (p *Provider) verify(ctx context.Context, d *discovery, raw, access string, nonce []byte) (Proof, error) {
	keys := &watchedKeys{inner: d.keys}
	token, err := oidc.NewVerifier(p.o.Issuer, keys, &oidc.Config{
		ClientID: p.o.ClientID, SupportedSigningAlgs: d.algorithms, Now: p.o.Clock.Now,
	}).Verify(ctx, raw)
	switch {
	case keys.err != nil:
		return Proof{}, keys.err
	case err != nil, token.AccessTokenHash != "" && token.VerifyAccessToken(access) != nil:
		return Proof{}, &RefusedError{Why: AssertionInvalid}
	}
	var c claims
	if token.Claims(&c) != nil {
		return Proof{}, &RefusedError{Why: ClaimsIncomplete}
	}
	now := p.o.Clock.Now()
	// OpenID Connect Core 3.1.3.7: with several audiences, azp says for whom it was made.
	meant := c.AuthorizedParty == p.o.ClientID || (c.AuthorizedParty == "" && len(token.Audience) == 1)
	given := sha256.Sum256([]byte(token.Nonce))
	switch {
	case !meant || !slices.Contains(token.Audience, p.o.ClientID) || token.IssuedAt.After(now.Add(p.o.Skew)):
		return Proof{}, &RefusedError{Why: AssertionInvalid}
	case subtle.ConstantTimeCompare(given[:], nonce) != 1:
		return Proof{}, &RefusedError{Why: NonceDiffers}
	case c.AuthTime.IsZero():
		return Proof{}, &RefusedError{Why: AuthTimeMissing}
	}
	at := c.AuthTime.Time
	switch {
	case at.After(now.Add(p.o.Skew)):
		return Proof{}, &RefusedError{Why: AuthTimeAhead}
	case now.Sub(at) > p.o.MaxAge+p.o.Skew:
		return Proof{}, &RefusedError{Why: AuthTimeOld}
	}
	return c.proof(p.o.Issuer, at)
}

var (
	ciForm    = regexp.MustCompile(`^[A-Za-z0-9+/]{85}[AQgw]==$`)
	phoneForm = regexp.MustCompile(`^0[0-9]{8,14}$`)
)

// proof checks the form of the personal claims.
func (c claims) proof(issuer string, at time.Time) (Proof, error) {
	name, shown := text.Line(c.Name)
	// Providers in Korea write YYYYMMDD, OpenID Connect Core 5.1 wants YYYY-MM-DD.
	born, day := text.Day(c.BirthDate)
	proof := Proof{CI: c.CI, Name: strings.TrimSpace(name), BirthDate: born, Phone: text.Phone(c.Phone), Issuer: issuer, AuthTime: at}
	if !ciForm.MatchString(proof.CI) || !shown || proof.Name == "" || !day || !phoneForm.MatchString(proof.Phone) {
		return Proof{}, &RefusedError{Why: ClaimsIncomplete}
	}
	return proof, nil
}

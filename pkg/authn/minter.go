package authn

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/jws"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// maxLife bounds what a Minter gives; sessions of recipients are the longest.
const maxLife = time.Hour

// profile of access tokens: their typ is that of RFC 9068 §2.1; real ones have about 600 bytes.
var profile = jws.Profile{Type: "at+jwt", MaxBytes: 4096}

// Key is a P-256 signing key under its published id.
type Key struct {
	ID string
	crypto.Signer
}

// KeyID is its published id.
func (k Key) KeyID() string { return k.ID }

// Grant is the content of a token.
type Grant struct {
	// Subject is the principal id or recipient id.
	Subject string
	// Kind MUST be one the unit mints for.
	Kind platformv1.PrincipalKind
	// Scopes MUST be a subset of Scopes(Kind); empty means all of them, but never for an actor.
	Scopes []string
	// Client is the id of the credentials; required unless its tokens are bound to sessions.
	Client string
	// Session is the id of the identity-proof session, where they are.
	Session string
	// Actor is the recipient id of the person who acts for the subject, an organisation; empty for everybody who acts for
	// itself. Only tokens bound to sessions have one.
	Actor string
	// Life of the token, at most an hour.
	Life time.Duration
}

// Minter signs access tokens of one issuer. It is safe for concurrent use.
type Minter struct {
	unit  string
	key   Key
	clock clock.Clock
}

// NewMinter makes the minter of a unit that mints, with a P-256 key.
func NewMinter(unit string, key Key, c clock.Clock) (*Minter, error) {
	switch {
	case !slices.Contains(Minters(), unit):
		return nil, fmt.Errorf("making a minter: %q mints for nobody", unit)
	case key.ID == "" || key.Signer == nil || c == nil:
		return nil, errors.New("making a minter: key id, signer and clock are required")
	}
	if public, ok := key.Public().(*ecdsa.PublicKey); !ok || public.Curve != elliptic.P256() {
		return nil, errors.New("making a minter: the key is not ECDSA P-256")
	}
	return &Minter{unit: unit, key: key, clock: c}, nil
}

// claims is the payload of a token.
type claims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	Audience  string `json:"aud"`
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp"`
	TokenID   string `json:"jti"`
	Kind      string `json:"kind"`
	Scope     string `json:"scope,omitempty"`
	Client    string `json:"client,omitempty"`
	Session   string `json:"sid,omitempty"`
	// Actor is the claim act of RFC 8693 4.1, without further actors inside.
	Actor *actor `json:"act,omitempty"`
}

// actor is who acts for the subject.
type actor struct {
	Subject string `json:"sub"`
}

// actorOf is the claim about a person who acts; nil for none.
func actorOf(subject string) *actor {
	if subject == "" {
		return nil
	}
	return &actor{Subject: subject}
}

// Mint signs a token and returns the principal that a Verifier will find in it.
func (m *Minter) Mint(g Grant) (string, Principal, error) {
	if err := m.check(g); err != nil {
		return "", Principal{}, fmt.Errorf("minting a token: %w", err)
	}
	scopes := slices.Clone(g.Scopes)
	if len(scopes) == 0 {
		scopes = Scopes(g.Kind)
	}
	now := m.clock.Now().Truncate(time.Second)
	p := Principal{
		ID: g.Subject, Kind: g.Kind, Scopes: scopes, Client: g.Client, Session: g.Session, Actor: g.Actor, TokenID: id.New().String(), Issuer: issuerPrefix + m.unit,
		IssuedAt: now, ExpiresAt: now.Add(g.Life).Truncate(time.Second),
	}
	payload, err := json.Marshal(claims{
		Issuer: issuerPrefix + m.unit, Subject: p.ID, Audience: Audience, IssuedAt: p.IssuedAt.Unix(), ExpiresAt: p.ExpiresAt.Unix(), TokenID: p.TokenID,
		Kind: KindName(p.Kind), Scope: strings.Join(scopes, " "), Client: p.Client, Session: p.Session, Actor: actorOf(p.Actor),
	})
	if err != nil {
		return "", Principal{}, fmt.Errorf("minting a token: %w", err)
	}
	token, err := profile.Sign(m.key, payload)
	if err != nil {
		return "", Principal{}, fmt.Errorf("minting a token: %w", err)
	}
	return token, p, nil
}

func (m *Minter) check(g Grant) error {
	switch {
	case g.Subject == "":
		return errors.New("no subject")
	case MintedBy(g.Kind) != m.unit:
		return fmt.Errorf("%s does not speak for %s", m.unit, g.Kind)
	case g.Client == "" && !BySession(g.Kind):
		return errors.New("no client")
	case g.Actor != "" && (!BySession(g.Kind) || g.Actor == g.Subject):
		return errors.New("an actor where nobody can act for another")
	case g.Actor != "" && len(g.Scopes) == 0:
		return errors.New("an actor without a right")
	case g.Life < time.Second || g.Life > maxLife:
		return fmt.Errorf("life is outside 1s..%s", maxLife)
	}
	for _, scope := range g.Scopes {
		if !slices.Contains(Scopes(g.Kind), scope) {
			return fmt.Errorf("%s holds no scope %q", g.Kind, scope)
		}
	}
	return nil
}

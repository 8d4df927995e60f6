package gateway

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/authn"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	// maxClients of one principal that are not revoked.
	maxClients = 10
	// maxBatchItems is intake's limit of a batch.
	maxBatchItems = 1000
)

// principal is a caller other than a recipient.
type principal struct {
	ID   uuid.UUID
	Kind platformv1.PrincipalKind
	// Name of an agent, a viewing system or an operator; the address unit has an institution's.
	Name      string
	Suspended bool
	// Senders that a viewing system serves, and hosts to which it is bound.
	Senders []uuid.UUID
	Hosts   []string
	// Keys (public JWKs) with which an institution signs what agents may send for it.
	Keys      []string
	Version   int32
	CreatedAt time.Time
}

// client is one set of credentials: by secret or by public key.
type client struct {
	ID           string
	Principal    uuid.UUID
	Kind         platformv1.PrincipalKind
	Suspended    bool
	Scopes       []string
	SecretDigest []byte
	PublicJWK    string
	CreatedAt    time.Time
	RevokedAt    *time.Time
}

// usable reports whether tokens may be given.
func (c client) usable() bool { return c.RevokedAt == nil && !c.Suspended }

// secretMatches compares in constant time. A secret has 256 random bits, so one hash is as good as a slow one.
func (c client) secretMatches(secret string) bool {
	digest := sha256.Sum256([]byte(secret))
	return len(c.SecretDigest) == sha256.Size && subtle.ConstantTimeCompare(digest[:], c.SecretDigest) == 1
}

// grant picks the scopes of a token: the requested ones, or all. false if the client lacks a requested one.
func (c client) grant(asked string) ([]string, bool) {
	scopes := strings.Fields(asked)
	if len(scopes) == 0 {
		return c.Scopes, true
	}
	slices.Sort(scopes)
	scopes = slices.Compact(scopes)
	for _, scope := range scopes {
		if !slices.Contains(c.Scopes, scope) {
			return nil, false
		}
	}
	return scopes, true
}

// newClient makes credentials with a random id. Without a public key they have a secret, which is returned once and kept as its
// SHA-256.
func newClient(p principal, scopes []string, publicJWK string, now time.Time) (c client, secret string) {
	if len(scopes) == 0 {
		scopes = authn.Scopes(p.Kind)
	}
	scopes = slices.Clone(scopes)
	slices.Sort(scopes)
	c = client{ID: "c-" + random(16), Principal: p.ID, Kind: p.Kind, Scopes: scopes, PublicJWK: publicJWK, CreatedAt: now}
	if publicJWK == "" {
		secret = random(32)
		digest := sha256.Sum256([]byte(secret))
		c.SecretDigest = digest[:]
	}
	return c, secret
}

// random gives n random bytes in base64url.
func random(n int) string {
	raw := make([]byte, n)
	// crypto/rand.Read never returns an error; it ends the process when there is no randomness.
	_, _ = rand.Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)
}

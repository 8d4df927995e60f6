package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/pg"
)

// refusedBecause is why a client was not authenticated. It is told to nobody outside.
type refusedBecause string

const (
	notOneProof       refusedBecause = "not exactly one of secret and assertion"
	unknownClient     refusedBecause = "unknown client"
	notUsable         refusedBecause = "revoked or suspended"
	otherSecret       refusedBecause = "another secret"
	noKey             refusedBecause = "the client has no key"
	assertionRefused  refusedBecause = "the assertion does not hold"
	assertionRepeated refusedBecause = "the assertion was used before"
)

// Error is the reason itself.
func (r refusedBecause) Error() string { return string(r) }

type authenticatedBody struct {
	Client string `json:"client"`
	Proof  string `json:"proof"`
	// TokenID is the jti of the token that was given, by which requests name it.
	TokenID   string    `json:"tokenId"`
	Scopes    []string  `json:"scopes"`
	ExpiresAt time.Time `json:"expiresAt"`
}

type notAuthenticatedBody struct {
	Client string         `json:"client"`
	Why    refusedBecause `json:"why"`
	// Unrecorded is how many refusals of this client by this replica came since the last entry and have none of their own.
	Unrecorded int `json:"unrecorded,omitempty"`
}

// How many refusals of one client have an entry each: so many at once, and one more each refusalEvery.
const (
	refusalBurst = 10
	refusalEvery = time.Minute
)

// witness keeps the evidence of what clients proved or failed to. Refusals come from anybody who knows a client's id, so that those of
// one client are bounded; of clients that do not exist there are none.
type witness struct {
	db    pg.Beginner
	clock clock.Clock

	refusals *buckets
	mu       sync.Mutex
	skipped  map[string]int
}

func newWitness(db pg.Beginner, now clock.Clock) *witness {
	return &witness{db: db, clock: now, refusals: newBuckets(1/refusalEvery.Seconds(), refusalBurst, now), skipped: map[string]int{}}
}

// authenticated records that a client proved itself and was given a token. Without it no token leaves.
func (w *witness) authenticated(ctx context.Context, c client, p authn.Principal) error {
	return w.record(ctx, c, kindClientAuthenticated, authenticatedBody{
		Client: c.ID, Proof: proofOf(c), TokenID: p.TokenID, Scopes: p.Scopes, ExpiresAt: p.ExpiresAt,
	})
}

// refused records that somebody who named a client of ours was refused. An error that is no judgement is none to record.
func (w *witness) refused(ctx context.Context, c client, refusal error) error {
	var why refusedBecause
	if c.ID == "" || !errors.As(refusal, &why) {
		return nil
	}
	unrecorded, due := w.turn(c.ID)
	if !due {
		return nil
	}
	return w.record(ctx, c, kindClientNotAuthenticated, notAuthenticatedBody{Client: c.ID, Why: why, Unrecorded: unrecorded})
}

// turn tells whether a refusal of the client has an entry, and how many before it had none.
func (w *witness) turn(clientID string) (unrecorded int, due bool) {
	_, full := w.refusals.take(clientID, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if full != nil {
		w.skipped[clientID]++
		return 0, false
	}
	unrecorded = w.skipped[clientID]
	delete(w.skipped, clientID)
	return unrecorded, true
}

func (w *witness) record(ctx context.Context, c client, kind string, body any) error {
	err := pg.InTx(ctx, w.db, func(tx pgx.Tx) error {
		return record(ctx, tx, kind, c.Principal.String(), c.Principal.String(), w.clock.Now(), body)
	})
	if err != nil {
		return pg.AsFault(err, nil)
	}
	return nil
}

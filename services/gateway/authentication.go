package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/ratelimit"
)

// refusedBecause is why a client was not authenticated. Nobody outside learns it.
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

// How many refusals of one client get a fact of their own: this many at once, and one more in each refusalEvery.
const (
	refusalBurst = 10
	refusalEvery = time.Minute
)

// witness records in the journal which clients authenticated and which failed. Anybody who knows a client's id can cause
// refusals, so those of one client are bounded. Clients that do not exist have none.
type witness struct {
	journal *journal.Journal
	clock   clock.Clock

	refusals *ratelimit.Buckets
	mu       sync.Mutex
	skipped  map[string]uint32
}

func newWitness(j *journal.Journal, now clock.Clock) *witness {
	return &witness{journal: j, clock: now, refusals: ratelimit.New(1/refusalEvery.Seconds(), refusalBurst, now), skipped: map[string]uint32{}}
}

// authenticated records that a client authenticated and got a token. No token is returned without this record.
func (w *witness) authenticated(ctx context.Context, c client, p authn.Principal) error {
	return w.inTx(ctx, func(tx *journal.Tx) error { return recordAuthenticated(ctx, tx, c, p, w.clock.Now()) })
}

// refused records that somebody who named an existing client was refused. An error that is no refusal is not recorded.
func (w *witness) refused(ctx context.Context, c client, refusal error) error {
	var why refusedBecause
	if c.ID == "" || !errors.As(refusal, &why) {
		return nil
	}
	unrecorded, due := w.turn(c.ID)
	if !due {
		return nil
	}
	return w.inTx(ctx, func(tx *journal.Tx) error { return recordNotAuthenticated(ctx, tx, c, why, unrecorded, w.clock.Now()) })
}

// turn reports whether a refusal of the client gets a fact, and how many before it got none.
func (w *witness) turn(clientID string) (unrecorded uint32, due bool) {
	_, wait := w.refusals.Take(clientID, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if wait > 0 {
		w.skipped[clientID]++
		return 0, false
	}
	unrecorded = w.skipped[clientID]
	delete(w.skipped, clientID)
	return unrecorded, true
}

func (w *witness) inTx(ctx context.Context, write func(tx *journal.Tx) error) error {
	if err := w.journal.InTx(ctx, write); err != nil {
		return pg.AsFault(err, nil)
	}
	return nil
}

package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
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

	refusals *buckets
	mu       sync.Mutex
	skipped  map[string]uint32
}

func newWitness(j *journal.Journal, now clock.Clock) *witness {
	return &witness{journal: j, clock: now, refusals: newBuckets(1/refusalEvery.Seconds(), refusalBurst, now), skipped: map[string]uint32{}}
}

// authenticated records that a client authenticated and got a token. No token is returned without this record.
func (w *witness) authenticated(ctx context.Context, c client, p authn.Principal) error {
	return w.record(ctx, c, p.TokenID, &gatewayv1.ClientAuthenticated{
		Client: c.ID, Principal: c.Principal.String(), Proof: proofOf(c), Scopes: p.Scopes, ExpiresAt: timestamppb.New(p.ExpiresAt),
	})
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
	return w.record(ctx, c, id.New().String(), &gatewayv1.ClientNotAuthenticated{Client: c.ID, Principal: c.Principal.String(), Why: string(why), Unrecorded: unrecorded})
}

// turn reports whether a refusal of the client gets a fact, and how many before it got none.
func (w *witness) turn(clientID string) (unrecorded uint32, due bool) {
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

func (w *witness) record(ctx context.Context, c client, subject string, message proto.Message) error {
	err := w.journal.InTx(ctx, func(tx *journal.Tx) error {
		return record(ctx, tx, subject, 0, c.Principal.String(), w.clock.Now(), message)
	})
	if err != nil {
		return pg.AsFault(err, nil)
	}
	return nil
}

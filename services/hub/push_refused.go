package hub

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/ratelimit"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

// Refusals of one check are stated at this rate at most: the door is open to strangers, and facts are kept for ten years.
const (
	refusalsPerSecond = 1
	refusalsBurst     = 20
)

// contentCheck names a push whose signature holds and whose body cannot be read.
const contentCheck = "content"

// refusals states what the push door refused, and counts what it did not state.
type refusals struct {
	journal *journal.Journal
	clock   clock.Clock
	buckets *ratelimit.Buckets

	mu       sync.Mutex
	unstated map[string]int64
}

func newRefusals(j *journal.Journal, c clock.Clock) *refusals {
	return &refusals{journal: j, clock: c, buckets: ratelimit.New(refusalsPerSecond, refusalsBurst, c), unstated: map[string]int64{}}
}

// checkOf names the check by which a push was refused.
func checkOf(refusal error) string {
	var failure *proof.Failure
	if errors.As(refusal, &failure) {
		return failure.Check.Name
	}
	return contentCheck
}

// state states a refusal. One that cannot be stated now counts with those that the next one tells of.
func (r *refusals) state(ctx context.Context, signature string, refusal error) error {
	check := checkOf(refusal)
	if _, wait := r.buckets.Take(check, 1); wait > 0 {
		r.add(check, 1)
		return nil
	}
	unstated := r.take(check)
	digest := sha256.Sum256([]byte(signature))
	err := r.journal.InTx(ctx, func(tx *journal.Tx) error {
		return tx.Record(ctx, journal.Fact{Subject: id.New().String(), Ordinal: 1, Actor: actor, OccurredAt: r.clock.Now(), Message: &hubv1.HubPushRefused{
			Check: check, SignatureDigest: digest[:], Unstated: unstated,
		}})
	})
	if err != nil {
		r.add(check, unstated+1)
	}
	return err
}

func (r *refusals) add(check string, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unstated[check] += n
}

func (r *refusals) take(check string) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.unstated[check]
	delete(r.unstated, check)
	return n
}

package circulation

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
)

// rulingOn is what an operator decided about a queued call, as stored.
type rulingOn string

const (
	// accepted: the record which the hub calls already registered is ours.
	accepted rulingOn = "accepted"
	// gaveUp: the call is never made again.
	gaveUp rulingOn = "given_up"
)

// ruling is an operator's decision about queued calls.
type ruling struct {
	id             uuid.UUID
	decision       rulingOn
	operator       authn.Principal
	reason, digest []byte // the reason sealed, the digest salted with the id
	at             time.Time
}

func (s *service) newRuling(ctx context.Context, decision rulingOn, reason string) (ruling, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return ruling{}, err
	}
	by := ruling{id: id.New(), decision: decision, operator: caller, at: s.clock.Now()}
	digest := sha256.Sum256([]byte("naru.circulation.ruling.v1\x00" + by.id.String() + "\x00" + reason))
	by.digest = digest[:]
	if by.reason, err = s.reasons.Seal(ctx, sealedReason, by.id.String(), []byte(reason)); err != nil {
		return ruling{}, fmt.Errorf("seal reason: %w", err)
	}
	return by, nil
}

// whyNothing tells an unknown record from a record without anything in the queue, or without what the ruling is about.
func whyNothing(ctx context.Context, tx *journal.Tx, number string, decision rulingOn) error {
	if _, err := recordSender(ctx, tx, number); err != nil {
		return err
	}
	waits, err := anyQueued(ctx, tx, number)
	if err != nil {
		return err
	}
	if waits && decision == accepted {
		return notAlreadyRegistered()
	}
	return notQueued()
}

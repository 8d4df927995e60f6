package authn

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/keys"
)

// KeySource fetches the current JSON Web Key Set of an issuer.
type KeySource func(ctx context.Context) (jwks []byte, err error)

const (
	// fetchPause is the least time between two fetches, so that made-up key ids cannot be turned into a flood of them.
	fetchPause = 10 * time.Second
	// fetchTimeout bounds one fetch, which is shared by all who wait for it.
	fetchTimeout = 5 * time.Second
	// refreshAfter is the age at which keys are fetched again without need, so that withdrawn ones go.
	refreshAfter = 5 * time.Minute
	// staleAfter is the age at which keys that could not be fetched again are no longer believed.
	staleAfter = time.Hour
)

// keySet holds the keys of one issuer and fetches them when a key id is unknown or the set has aged.
type keySet struct {
	source KeySource
	clock  clock.Clock
	group  singleflight.Group

	mu        sync.Mutex
	keys      map[string]*ecdsa.PublicKey
	fetchedAt time.Time
	triedAt   time.Time
}

// key finds a key by id; nil when the issuer has none of that id. The error says that the keys cannot be had.
func (s *keySet) key(ctx context.Context, keyID string) (*ecdsa.PublicKey, error) {
	known, usable, due := s.lookUp(keyID)
	if !due {
		if !usable {
			return nil, errKeySetPaused
		}
		return known, nil
	}
	fetched := s.group.DoChan("", func() (any, error) { return nil, s.fetch(context.WithoutCancel(ctx)) })
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the key set: %w", ctx.Err())
	case result := <-fetched:
		known, usable, _ = s.lookUp(keyID)
		if !usable {
			return nil, result.Err
		}
		return known, nil
	}
}

// lookUp tells the key, whether the set may be believed at all, and whether it is time to fetch it.
func (s *keySet) lookUp(keyID string) (known *ecdsa.PublicKey, usable, due bool) {
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	usable = s.keys != nil && now.Sub(s.fetchedAt) < staleAfter
	if usable {
		known = s.keys[keyID]
	}
	wanted := known == nil || now.Sub(s.fetchedAt) >= refreshAfter
	return known, usable, wanted && !s.paused(now)
}

// paused tells whether the last fetch ended so lately that none may begin; the caller holds the lock.
func (s *keySet) paused(now time.Time) bool {
	// A clock that was set back must not end fetching.
	return !s.triedAt.IsZero() && now.Sub(s.triedAt) < fetchPause && !now.Before(s.triedAt)
}

func (s *keySet) fetch(ctx context.Context) error {
	started := s.clock.Now()
	s.mu.Lock()
	late := s.paused(started)
	s.mu.Unlock()
	if late {
		// A fetch ended between this caller's look and its turn; what it brought is what there is.
		return errKeySetPaused
	}
	// Noted at the end: whoever comes while a fetch is under way joins it instead of being told to wait.
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.triedAt = s.clock.Now()
	}()
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	raw, err := s.source(ctx)
	if err != nil {
		return fmt.Errorf("fetching the key set: %w", err)
	}
	found, err := ParseKeySet(raw, keys.AccessToken)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.keys, s.fetchedAt = found, started
	s.mu.Unlock()
	return nil
}

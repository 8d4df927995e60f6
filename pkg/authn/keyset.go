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
	// fetchPause is the least time between two fetches, so that invented key ids cannot cause many fetches.
	fetchPause = 10 * time.Second
	// fetchTimeout bounds one fetch, shared by all who wait for it.
	fetchTimeout = 5 * time.Second
	// refreshAfter is the age at which keys are fetched again, so that withdrawn keys disappear.
	refreshAfter = 5 * time.Minute
	// staleAfter is the age from which keys are no longer accepted if they could not be fetched again.
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

// key finds a key by id; nil if the issuer has no such key. The error says that the keys cannot be fetched.
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

// lookUp returns the key, whether the set may be used at all, and whether it is time to fetch it.
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

// paused reports whether the last fetch ended so recently that none may begin; the caller holds the lock.
func (s *keySet) paused(now time.Time) bool {
	// A clock that was set back must not stop fetching for long.
	return !s.triedAt.IsZero() && now.Sub(s.triedAt) < fetchPause && !now.Before(s.triedAt)
}

func (s *keySet) fetch(ctx context.Context) error {
	started := s.clock.Now()
	s.mu.Lock()
	late := s.paused(started)
	s.mu.Unlock()
	if late {
		// Another fetch ended while this caller waited; its result is the newest there is.
		return errKeySetPaused
	}
	// The time is set at the end, so that a caller who comes during a fetch joins it and is not told to wait.
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

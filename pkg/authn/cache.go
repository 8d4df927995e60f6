package authn

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// cacheLife is how long a verified token is accepted without checking its signature again.
	cacheLife = time.Minute
	// cacheGeneration bounds memory: at most two generations are kept, about 20,000 tokens.
	cacheGeneration = 10_000
)

type cached struct {
	principal Principal
	from      time.Time
	until     time.Time
}

// cache remembers verified tokens by their SHA-256. When a generation is full, the whole generation before it is dropped, so that
// no entry must be searched for.
type cache struct {
	mu            sync.Mutex
	young, former map[[sha256.Size]byte]cached
}

func newCache() *cache { return &cache{young: make(map[[sha256.Size]byte]cached)} }

func (c *cache) get(key [sha256.Size]byte, now time.Time) (Principal, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.young[key]
	if !ok {
		entry, ok = c.former[key]
	}
	if !ok || now.Before(entry.from) || !now.Before(entry.until) {
		return Principal{}, false
	}
	return entry.principal, true
}

func (c *cache) put(key [sha256.Size]byte, p Principal, now time.Time) {
	until := now.Add(cacheLife)
	if p.ExpiresAt.Before(until) {
		until = p.ExpiresAt
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= cacheGeneration {
		c.former, c.young = c.young, make(map[[sha256.Size]byte]cached)
	}
	c.young[key] = cached{principal: p, from: now, until: until}
}

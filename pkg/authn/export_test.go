package authn

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// FillCache adds n invented tokens to the cache.
func FillCache(v *Verifier, n int) {
	now := v.clock.Now()
	for i := range n {
		v.cache.put(sha256.Sum256(binary.AppendUvarint(nil, uint64(i))), Principal{ExpiresAt: now.Add(time.Hour)}, now)
	}
}

// CacheSize returns the number of cached tokens.
func CacheSize(v *Verifier) int { return len(v.cache.young) + len(v.cache.former) }

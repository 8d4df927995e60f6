package viewing

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"sync"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/keys"
)

// keyringPause is how often the key folder is searched for an unknown key id: forged tokens can name any id.
const keyringPause = time.Second

// publicKeys lists the public halves of a signing key, retired ones included; *keys.Store does.
type publicKeys interface {
	PublicKeys(ctx context.Context, name string) ([]keys.PublicKey, error)
}

// keyring knows the keys for viewing tokens and no others. Another replica may have added a new one.
type keyring struct {
	store publicKeys
	clock clock.Clock

	mu    sync.Mutex
	known map[string]*ecdsa.PublicKey
	read  time.Time
}

// public gives the key of that id, nil where there is none.
func (k *keyring) public(ctx context.Context, keyID string) (*ecdsa.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.clock.Now()
	if key := k.known[keyID]; key != nil || (k.known != nil && now.Sub(k.read).Abs() < keyringPause) {
		return key, nil
	}
	list, err := k.store.PublicKeys(ctx, keys.ViewingToken)
	if err != nil {
		return nil, fmt.Errorf("read the keys of viewing tokens: %w", err)
	}
	k.known, k.read = make(map[string]*ecdsa.PublicKey, len(list)), now
	for _, key := range list {
		k.known[key.KeyID] = key.Key
	}
	return k.known[keyID], nil
}

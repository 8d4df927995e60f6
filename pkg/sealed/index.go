package sealed

import (
	"context"
	"fmt"

	"github.com/naru-relay/naru/pkg/keys"
)

// Index makes blind indexes: values that can be compared for equality and reveal nothing else. It is safe for concurrent use.
type Index struct {
	keys *Keyring
}

// Blind returns 32 bytes for the parts, which the caller has normalised: HMAC-SHA-256 under the purpose's key over the parts,
// each preceded by its length in eight bytes. Equal parts give equal bytes in every replica and at any time. No part may be
// empty: persons whose value is missing would look equal.
func (x *Index) Blind(ctx context.Context, p Purpose, parts ...string) ([]byte, error) {
	if !x.keys.makes[p].Index {
		return nil, fmt.Errorf("indexing: unit %s has no index of purpose %q", x.keys.unit, p)
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("indexing %s: nothing to index", p)
	}
	key, err := x.keys.own(ctx, period{purpose: p})
	if err != nil {
		return nil, fmt.Errorf("indexing %s: %w", p, err)
	}
	texts := make([][]byte, len(parts))
	for i, part := range parts {
		if part == "" {
			return nil, fmt.Errorf("indexing %s: part %d is empty", p, i)
		}
		texts[i] = []byte(part)
	}
	mac, err := keys.MACOf(key.bytes)
	if err != nil {
		return nil, fmt.Errorf("indexing %s: %w", p, err)
	}
	return mac.Sum(texts...), nil
}

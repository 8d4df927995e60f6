package delivery

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

const (
	nameTimeout = 5 * time.Second
	// nameFor is how long a name is believed, namesMost how many are.
	nameFor   = 5 * time.Minute
	namesMost = 1000
)

// names knows how senders are called. It asks address, and remembers the answers for some minutes.
type names struct {
	address addressv1.AddressServiceClient
	clock   clock.Clock

	mu      sync.Mutex
	byOwner map[string]named
}

type named struct {
	name  string
	until time.Time
}

func newNames(address addressv1.AddressServiceClient, c clock.Clock) *names {
	return &names{address: address, clock: c, byOwner: map[string]named{}}
}

func (n *names) of(ctx context.Context, owner string) (string, error) {
	now := n.clock.Now()
	n.mu.Lock()
	known, ok := n.byOwner[owner]
	n.mu.Unlock()
	if ok && now.Before(known.until) {
		return known.name, nil
	}
	ctx, cancel := context.WithTimeout(ctx, nameTimeout)
	defer cancel()
	answer, err := n.address.GetOwnerName(ctx, &addressv1.GetOwnerNameRequest{Owner: owner})
	if err != nil {
		return "", fmt.Errorf("ask for the name of %s: %w", owner, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.byOwner) >= namesMost {
		clear(n.byOwner) // rare, and then all are asked for again
	}
	n.byOwner[owner] = named{name: answer.GetName(), until: now.Add(nameFor)}
	return answer.GetName(), nil
}

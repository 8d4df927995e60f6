package gateway

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

const (
	// authorityAge is how long an answer is reused: a session is refused within this time after the authority has ended.
	authorityAge = time.Second
	// authorityTimeout of one question; the caller has not been answered meanwhile.
	authorityTimeout = 2 * time.Second
	// maxRemembered bounds what is remembered; when it is reached, everything is forgotten.
	maxRemembered = 10_000
)

// authorities asks the address unit whether a person who acts for an organisation still may. What it remembers is of one
// session, so one that was taken anew is asked about at once.
type authorities struct {
	address addressv1.AddressServiceClient
	clock   clock.Clock

	mu sync.Mutex
	// sessions are the latest answers by the ids of the sessions' tokens.
	sessions map[string]recent
}

// recent is an answer, and when it was asked for. A session is in force while the person's rights give all its scopes.
type recent struct {
	inForce bool
	asked   time.Time
}

func newAuthorities(address addressv1.AddressServiceClient, c clock.Clock) *authorities {
	return &authorities{address: address, clock: c, sessions: make(map[string]recent)}
}

// stillMay is a fault if the caller acts for an organisation and may not any more, or if that cannot be known now.
func (a *authorities) stillMay(ctx context.Context, p authn.Principal) error {
	if p.Actor == "" {
		return nil
	}
	now := a.clock.Now()
	a.mu.Lock()
	latest, known := a.sessions[p.TokenID]
	a.mu.Unlock()
	if !known || now.Sub(latest.asked).Abs() >= authorityAge {
		inForce, err := a.ask(ctx, p)
		if err != nil {
			return err
		}
		latest = recent{inForce: inForce, asked: now}
		a.remember(p.TokenID, latest)
	}
	if !latest.inForce {
		return notAuthorised()
	}
	return nil
}

func (a *authorities) ask(ctx context.Context, p authn.Principal) (inForce bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, authorityTimeout)
	defer cancel()
	held, err := a.address.TakeAuthority(ctx, &addressv1.TakeAuthorityRequest{Person: p.Actor, Organisation: p.ID}, grpc.WaitForReady(false))
	switch {
	case fault.KindOf(err) == fault.Denied:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("ask for an authority: %w", err)
	}
	return !slices.ContainsFunc(p.Scopes, func(scope string) bool { return !slices.Contains(held.GetScopes(), scope) }), nil
}

func (a *authorities) remember(session string, answer recent) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.sessions) >= maxRemembered {
		clear(a.sessions)
	}
	a.sessions[session] = answer
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	"github.com/naru-relay/naru/services/sandbox/pki"
)

// Bounds of how completion is looked for: a look costs the database some milliseconds, so pauses are lookShare times its cost.
const (
	minPause  = 10 * time.Millisecond
	maxPause  = 250 * time.Millisecond
	lookShare = 20
	// backOff is a sender's wait after the relay had no room.
	backOff = 100 * time.Millisecond
)

// chain sends documents through the relay and follows them to the end.
type chain struct {
	options       options
	relay         *relay
	authority     *pki.Store
	recipients    []string
	viewingSystem string
	// conns are the senders' connections, one each.
	conns []*grpc.ClientConn
	// sent counts documents of all rounds.
	sent int64
}

func newChain(ctx context.Context, o options, r *relay) (_ *chain, err error) {
	c := &chain{options: o, relay: r}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	for range o.senders {
		conn, err := grpc.NewClient(r.Endpoints.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, fmt.Errorf("connect to the relay: %w", err)
		}
		c.conns = append(c.conns, conn)
	}
	system, err := os.ReadFile(r.Endpoints.Demo.ViewingSystem)
	if err != nil {
		return nil, fmt.Errorf("read the viewing system: %w", err)
	}
	c.viewingSystem = strings.TrimSpace(string(system))
	if c.authority, err = r.authority(); err != nil {
		return nil, err
	}
	c.recipients, err = r.join(ctx, c.conns[0], o.recipients)
	return c, err
}

func (c *chain) close() {
	for _, conn := range c.conns {
		conn.Close()
	}
}

// round sends a round's documents and waits until status tells of all of them that they are received and registered at the hub. Making
// documents and certificates, counting afterwards and the work that outlasts completion are outside of the time.
func (c *chain) round(ctx context.Context, name, profile string) (chainRound, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.patience)
	defer cancel()
	batches, err := c.batches(name)
	if err != nil {
		return chainRound{}, err
	}
	atHub, err := c.relay.atHub(ctx)
	if err != nil {
		return chainRound{}, err
	}
	sender, err := c.relay.withToken(ctx, c.conns[0])
	if err != nil {
		return chainRound{}, err
	}
	if err := c.relay.checkpoint(ctx); err != nil {
		return chainRound{}, err
	}
	before, err := c.relay.mark(ctx)
	if err != nil {
		return chainRound{}, err
	}
	var done chainRound
	if err := profiled(profile, func() error {
		if done.Counts.Accepted, done.Retries, err = c.sendAll(sender, batches); err != nil {
			return err
		}
		done.Stages.Answered = rounded(c.relay.clock.Now().Sub(before.at).Seconds(), 3)
		return c.awaitComplete(ctx, name, done.Counts.Accepted)
	}); err != nil {
		return chainRound{}, err
	}
	if done.floorRound, err = c.relay.since(ctx, before, c.options.documents); err != nil {
		return chainRound{}, err
	}
	c.sent += int64(c.options.documents)
	return done, c.audit(sender, name, before.at, atHub, &done)
}

// sendAll sends the batches, so many at a time as there are senders.
func (c *chain) sendAll(ctx context.Context, batches []*intakev1.BatchSendRequest) (accepted, retries int64, err error) {
	var next, took, again atomic.Int64
	problems := make([]error, len(c.conns))
	var wait sync.WaitGroup
	for s, conn := range c.conns {
		wait.Go(func() {
			client := intakev1.NewIntakeServiceClient(conn)
			for problems[s] == nil {
				n := next.Add(1) - 1
				if n >= int64(len(batches)) {
					return
				}
				var got int64
				got, problems[s] = c.send(ctx, client, batches[n], &again)
				took.Add(got)
			}
		})
	}
	wait.Wait()
	return took.Load(), again.Load(), errors.Join(problems...)
}

// send sends a batch and counts what was accepted. Where the relay has no room it is sent again: own keys make that safe.
func (c *chain) send(ctx context.Context, client intakev1.IntakeServiceClient, batch *intakev1.BatchSendRequest, again *atomic.Int64) (int64, error) {
	for {
		response, err := client.BatchSend(ctx, batch)
		if status.Code(err) == codes.ResourceExhausted {
			again.Add(1)
			if err := wait(ctx, backOff); err != nil {
				return 0, err
			}
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("send a batch: %w", err)
		}
		var accepted int64
		for _, outcome := range response.GetOutcomes() {
			if refused := outcome.GetRefused(); refused != nil {
				return accepted, fmt.Errorf("item %d was refused: %s", outcome.GetIndex(), refused.GetReason())
			}
			accepted++
		}
		return accepted, nil
	}
}

// awaitComplete waits until status holds so many complete summaries of the round.
func (c *chain) awaitComplete(ctx context.Context, name string, documents int64) error {
	for {
		started := c.relay.clock.Now()
		complete, err := c.relay.complete(ctx, name)
		if err != nil || complete == documents {
			return err
		}
		if err := wait(ctx, min(maxPause, max(minPause, lookShare*c.relay.clock.Now().Sub(started)))); err != nil {
			return fmt.Errorf("%d of %d documents are complete: %w", complete, documents, err)
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
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

// backOff is how long a sender waits after the relay had no room.
const backOff = 100 * time.Millisecond

// chain sends documents through the relay and follows them to the end.
type chain struct {
	options   options
	stack     *stack
	authority *pki.Store
	sender    *institution
	members   []member
	byCI      map[string]*member
	// conns are the senders' connections, one for each sender. The first is also used for queries and administration.
	conns []*grpc.ClientConn
	// lookPrice is the processor time of one completion check.
	lookPrice time.Duration
	// seen holds the counts of every round by its name.
	seen map[string]counts
}

func newChain(ctx context.Context, o options, s *stack) (_ *chain, err error) {
	c := &chain{options: o, stack: s, seen: map[string]counts{}}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	for range o.senders {
		conn, err := grpc.NewClient(s.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, fmt.Errorf("connect to the relay: %w", err)
		}
		c.conns = append(c.conns, conn)
	}
	if c.sender, err = s.demo(c.conns[0]); err != nil {
		return nil, err
	}
	if c.authority, err = s.authority(); err != nil {
		return nil, err
	}
	if c.members, err = s.join(ctx, c.conns[0], 0, o.recipients); err != nil {
		return nil, err
	}
	c.byCI = map[string]*member{}
	for i := range c.members {
		c.byCI[c.members[i].ci] = &c.members[i]
	}
	return c, nil
}

// recipientOf returns the member to whom a document goes.
func (c *chain) recipientOf(item *intakev1.SendItem) *member {
	return c.byCI[item.GetRecipient().GetCi()]
}

// present returns the number of complete documents in the database.
func (c *chain) present() (n int64) {
	for _, counted := range c.seen {
		n += counted.Status
	}
	return n
}

func (c *chain) close() {
	for _, conn := range c.conns {
		conn.Close()
	}
}

// sent is an accepted batch. Its last document is the one to check.
type sent struct {
	numbers []string
	items   []*intakev1.SendItem
}

func (s sent) last() string { return s.numbers[len(s.numbers)-1] }

// source returns the next batch, or nil if there is none.
type source func(ctx context.Context) (*intakev1.BatchSendRequest, error)

func listed(batches []*intakev1.BatchSendRequest) source {
	var next atomic.Int64
	return func(context.Context) (*intakev1.BatchSendRequest, error) {
		if n := int(next.Add(1)) - 1; n < len(batches) {
			return batches[n], nil
		}
		return nil, nil //nolint:nilnil // no batch is no failure
	}
}

// send sends an institution's batches with all senders at once, and passes each accepted batch to took. It returns how many
// documents were accepted and how many batches had to be sent again.
func (c *chain) send(ctx context.Context, from *institution, next source, took func(sent)) (accepted, retries int64, err error) {
	var all, again atomic.Int64
	problems := make([]error, len(c.conns))
	var group sync.WaitGroup
	for s, conn := range c.conns {
		group.Go(func() {
			client := intakev1.NewIntakeServiceClient(conn)
			for problems[s] == nil {
				batch, err := next(ctx)
				if err != nil || batch == nil {
					problems[s] = err
					return
				}
				var b sent
				if b, problems[s] = c.sendOne(ctx, from, client, batch, &again); problems[s] == nil {
					all.Add(int64(len(b.numbers)))
					took(b)
				}
			}
		})
	}
	group.Wait()
	return all.Load(), again.Load(), errors.Join(problems...)
}

// sendOne sends a batch. If the relay has no room, it sends the batch again; own keys make that safe.
func (c *chain) sendOne(ctx context.Context, from *institution, client intakev1.IntakeServiceClient, batch *intakev1.BatchSendRequest, again *atomic.Int64) (sent, error) {
	for {
		authorized, err := from.as(ctx)
		if err != nil {
			return sent{}, err
		}
		response, err := client.BatchSend(authorized, batch)
		if status.Code(err) == codes.ResourceExhausted {
			again.Add(1)
			if err := wait(ctx, backOff); err != nil {
				return sent{}, err
			}
			continue
		}
		if err != nil {
			return sent{}, fmt.Errorf("send a batch: %w", err)
		}
		b := sent{items: batch.GetItems()}
		for _, outcome := range response.GetOutcomes() {
			if refused := outcome.GetRefused(); refused != nil {
				return sent{}, fmt.Errorf("item %d was refused: %s", outcome.GetIndex(), refused.GetReason())
			}
			b.numbers = append(b.numbers, outcome.GetAccepted().GetEdocNum())
		}
		return b, nil
	}
}

// missing ignores the error that status does not know a document yet.
func missing(err error) error {
	if status.Code(err) == codes.NotFound {
		return nil
	}
	return err
}

// journey is what a round does from its first send until its last document has arrived. far says when a document has arrived.
type journey struct {
	name string
	// documents is the number of documents; 0 if it is known only after sending.
	documents int
	// also is another institution that sends some of them.
	also *institution
	far  reached
	// counted says when a document is counted, if that is later than it has arrived.
	counted reached
	// travel sends and follows. It stores in d how many documents were accepted and how many batches were sent again.
	travel func(ctx context.Context, f *follower, d *followed) error
	// wal asks for the write-ahead log by database.
	wal bool
}

// round measures a journey. The time does not include making documents and certificates, counting afterwards, and work that
// continues after the journey.
func (c *chain) round(ctx context.Context, j journey) (round, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.patience)
	defer cancel()
	hub, err := c.stack.atHub(ctx)
	if err != nil {
		return round{}, err
	}
	before, err := c.stack.mark(ctx)
	if err != nil {
		return round{}, err
	}
	f, d := newFollower(c.sender), &followed{}
	f.also = j.also
	if err := c.profiled(j.name, func() error { return j.travel(ctx, f, d) }); err != nil {
		return round{}, err
	}
	looks := f.looks.Load()
	if j.documents == 0 {
		j.documents = int(d.Counts.Accepted)
	}
	ended, seen, err := f.all(ctx, j.name, before.at, j.far, int64(j.documents))
	if err != nil {
		return round{}, err
	}
	done, err := c.stack.since(ctx, before, ended, j.documents)
	if err != nil {
		return round{}, err
	}
	if j.counted != nil {
		if _, seen, err = f.all(ctx, j.name, before.at, j.counted, int64(j.documents)); err != nil {
			return round{}, err
		}
	}
	done.followed = d
	d.Looks = looks
	d.ProbeShare = rounded(float64(looks)*c.lookPrice.Seconds()/(done.Seconds*float64(runtime.NumCPU())), 4)
	d.Stages.Received, d.Stages.Registered = rounded(seen.received.Sub(before.at).Seconds(), 3), rounded(seen.registered.Sub(before.at).Seconds(), 3)
	if j.wal {
		d.WAL = c.stack.shareWAL(ctx, before.wal, done)
	}
	return done, c.audit(ctx, j, hub, seen, &done)
}

// audit counts a finished round. Then it waits until the relay has nothing left to do, so that this work does not slow down the
// next measurement.
func (c *chain) audit(ctx context.Context, j journey, hubBefore int64, seen roundSeen, done *round) (err error) {
	completed := c.stack.clock.Now()
	n := &done.Counts
	n.Sent, n.Status = int64(j.documents), seen.far
	if n.Inbox, err = c.stack.inInbox(ctx, j.name); err != nil {
		return err
	}
	held, err := c.stack.atHub(ctx)
	if err != nil {
		return err
	}
	n.Hub = held - hubBefore
	n.judge()
	c.seen[j.name] = *n
	if done.PendingAtCompletion, err = c.stack.settle(ctx); err != nil {
		return err
	}
	done.SettledAfter = rounded(c.stack.clock.Now().Sub(completed).Seconds(), 1)
	return nil
}

// atHub returns the number of circulation records at the sandbox hub.
func (s *stack) atHub(ctx context.Context) (int64, error) {
	var held struct{ Registered int64 }
	err := s.administer(ctx, http.MethodGet, s.Sandbox.Hub+"/sandbox/circulations", nil, &held)
	return held.Registered, err
}

// profiled makes the relay profile itself during work, if a folder for profiles is given.
func (c *chain) profiled(name string, work func() error) error {
	if c.options.cpuProfiles == "" {
		return work()
	}
	if _, err := c.stack.relay.order(order{Profile: filepath.Join(c.options.cpuProfiles, name+".pprof")}); err != nil {
		return err
	}
	err := work()
	_, stopped := c.stack.relay.order(order{ProfileDone: true})
	return errors.Join(err, stopped)
}

// batchJourney sends prepared batches and waits for the last document of each.
func (c *chain) batchJourney(ctx context.Context, name string, documents int) (journey, error) {
	batches, err := c.batches(ctx, c.sender, name, 0, documents, batchItems)
	if err != nil {
		return journey{}, err
	}
	return journey{name: name, documents: documents, far: complete, travel: func(ctx context.Context, f *follower, d *followed) error {
		began := c.stack.clock.Now()
		var mu sync.Mutex
		var on []sent
		var err error
		if d.Counts.Accepted, d.Retries, err = c.send(ctx, c.sender, listed(batches), func(b sent) {
			mu.Lock()
			defer mu.Unlock()
			on = append(on, b)
		}); err != nil {
			return err
		}
		d.Stages.Answered = rounded(c.stack.clock.Now().Sub(began).Seconds(), 3)
		for _, b := range on {
			if err := f.await(ctx, b.last(), complete); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}

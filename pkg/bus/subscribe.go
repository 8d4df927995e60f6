package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// prefetch bounds the frames a consumer holds in memory. Their AckWait runs already while they wait there.
const prefetch = 64

// heartbeat is how often the server reports that it is alive while it has no messages.
const heartbeat = 5 * time.Second

// Message is a frame as it arrived. Exactly one of Ack and Later is called for it.
type Message struct {
	msg jetstream.Msg
}

// Header of the frame.
func (m Message) Header() map[string][]string { return m.msg.Headers() }

// Body of the frame.
func (m Message) Body() []byte { return m.msg.Data() }

// Deliveries is how often it has been delivered, 1 for the first time.
func (m Message) Deliveries() uint64 {
	meta, err := m.msg.Metadata()
	if err != nil {
		return 1
	}
	return meta.NumDelivered
}

// Ack says that the frame's effect is committed.
func (m Message) Ack() error { return m.msg.Ack() }

// Later asks for another delivery after a delay. There is no refusal without delay: the frame would come back at once and loop.
func (m Message) Later(delay time.Duration) error {
	return m.msg.NakWithDelay(max(delay, 50*time.Millisecond))
}

// InProgress keeps the server from delivering it again for another AckWait.
func (m Message) InProgress() error { return m.msg.InProgress() }

// Subscription hands messages over a channel until it is stopped.
type Subscription struct {
	consume jetstream.ConsumeContext
}

// Subscribe reads a durable consumer, made by Ensure, into out. Every message read is put into out, or given back when ctx has
// ended.
func (c *Conn) Subscribe(ctx context.Context, spec ConsumerSpec, lane platformv1.Lane, out chan<- Message) (*Subscription, error) {
	consumer, err := c.js.Consumer(ctx, StreamName(spec.From), spec.Name(lane))
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("subscribe to %s: %w", spec.Name(lane), ErrNoConsumer)
	}
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", spec.Name(lane), err)
	}
	consume, err := consumer.Consume(func(msg jetstream.Msg) {
		select {
		case out <- Message{msg}:
		case <-ctx.Done():
			_ = msg.NakWithDelay(time.Second) // given back on shutdown; if this is lost too, AckWait gives it back
		}
	}, jetstream.PullMaxMessages(prefetch), jetstream.PullHeartbeat(heartbeat), jetstream.ConsumeErrHandler(func(consume jetstream.ConsumeContext, _ error) {
		// Missed heartbeats may mean a server that is away and will come back, or a consumer that was deleted and will not.
		lookCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), heartbeat)
		defer cancel()
		if _, err := consumer.Info(lookCtx); errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
			consume.Stop()
		}
	}))
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", spec.Name(lane), err)
	}
	return &Subscription{consume}, nil
}

// Closed is closed when nothing more will come: the consumer or its stream is gone.
func (s *Subscription) Closed() <-chan struct{} { return s.consume.Closed() }

// Drain stops reading, lets what was read be handed over, and waits for it within ctx.
func (s *Subscription) Drain(ctx context.Context) {
	s.consume.Drain()
	select {
	case <-s.consume.Closed():
	case <-ctx.Done():
		s.consume.Stop()
	}
}

package journal_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/testkit/await"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// stuck is a bus that takes nothing until it is well.
type stuck struct {
	*bench
	well chan struct{}
}

func (s stuck) Publish(ctx context.Context, f frame.Frame, tags map[string][]byte) (<-chan journal.Ack, error) {
	select {
	case <-s.well:
		return s.bench.Publish(ctx, f, tags)
	default:
		return nil, errors.New("no room on the disk")
	}
}

// A bus that takes nothing makes no unit fill its database: from a bound on public facts are refused, and are taken again once
// the bus goes on. Private facts have nothing to do with it.
func TestBacklogIsBounded(t *testing.T) {
	t.Parallel()
	const bound = 5
	b := setup(t)
	s := stuck{b, make(chan struct{})}
	p, err := journal.NewPublisher(journal.PublisherDeps{Unit: "intake", DB: b.db.App, Keys: b.Keys, Clock: b.Clock, Bus: s, Log: slog.New(slog.DiscardHandler),
		Meter: b.Meter, Rules: b.Rules(), Backlog: bound})
	require.NoError(t, err)
	bounded, err := journal.New(journal.Deps{Unit: "intake", DB: b.db.App, Clock: b.Clock, Keys: b.Keys, Policy: "intake/test",
		States: []proto.Message{&intakev1.CancelRequested{}, &intakev1.RegistrationCertificateSupplied{}}, Committed: p.Committed, Full: p.Full})
	require.NoError(t, err)
	state := func(fact journal.Fact) error {
		return bounded.InTx(t.Context(), func(tx *journal.Tx) error { return tx.State(t.Context(), express, fact) })
	}
	group := lifecycle.New()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	group.Go(ctx, p.Tasks()...)
	t.Cleanup(func() {
		cancel()
		_ = group.Wait() // cancelled above, so the error says nothing
	})
	for n := range bound {
		require.NoError(t, state(cancelled(fmt.Sprint("waits ", n))))
	}
	await.Require(t, patience, func() bool { return p.Full() != nil })
	refused := fault.As(state(cancelled("too much")))
	require.Equal(t, fault.Unavailable, refused.Kind)
	require.Equal(t, "BACKLOG_FULL", refused.Reason)
	require.Positive(t, refused.RetryAfter)
	require.NoError(t, state(supplied("private")))

	close(s.well)
	await.Require(t, patience, func() bool {
		require.NoError(t, b.Logger.Drain(t.Context())) // the sweep publishes what has its leaf
		return p.Full() == nil
	})
	require.NoError(t, state(cancelled("goes on")))
	require.Equal(t, bound+1, b.count(t, `select count(*) from journal_mark where lane > 0`), "what was refused is not there")
	await.Require(t, patience, func() bool { return len(b.bus()) >= bound+1 })
}

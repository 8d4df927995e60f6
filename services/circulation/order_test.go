package circulation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/circulation"
)

// permutations returns all permutations of 0..n-1.
func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return all
}

// In whatever order and however often the two facts come, the record and the calls are the same, and the hub gets each call once.
func TestFactsCommute(t *testing.T) {
	t.Parallel()
	o := setup(t)
	makers := []func(*platformv1.DocumentFacts) journal.Fact{received, read}
	type plan struct {
		facts  *platformv1.DocumentFacts
		events []journal.Fact
	}
	var plans []plan
	for _, order := range permutations(2) {
		for duplicate := range 2 {
			p := plan{facts: o.facts(t)}
			for _, i := range append(slices.Clone(order), duplicate) {
				p.events = append(p.events, makers[i](p.facts))
			}
			plans = append(plans, p)
		}
	}
	for step := range 3 {
		for _, p := range plans {
			o.Deliver(t, express, p.events[step])
		}
	}
	for _, p := range plans {
		r := o.awaitCalls(t, p.facts.GetEdocNum(), isDone, isDone)
		require.Equal(t, p.facts.GetSentAt().AsTime(), r.GetSentAt().AsTime())
		require.Equal(t, p.facts.GetReceivedAt().AsTime(), r.GetReceivedAt().AsTime())
		require.Equal(t, p.facts.GetReceivedAt().AsTime().Add(10*time.Second), r.GetReadAt().AsTime())
		require.True(t, proto.Equal(p.facts.GetFrom(), r.GetFrom()))
		require.True(t, proto.Equal(p.facts.GetTo(), r.GetTo()))
		require.True(t, proto.Equal(p.facts.GetDocumentHash(), r.GetDocumentHash()))
		require.Len(t, r.GetAttachmentHashes(), 2)
		require.Equal(t, int32(1), r.GetRegistration().GetAttempts())
		require.Equal(t, int32(1), r.GetReadTime().GetAttempts())
	}
	require.Len(t, unittest.Facts[*circulationv1.CirculationRegistered](t, o.Bench), len(plans))
	require.Len(t, unittest.Facts[*circulationv1.ReadTimeRegistered](t, o.Bench), len(plans))
	o.hub.do(func() {
		require.Len(t, o.hub.items, len(plans))
		require.Len(t, o.hub.readItems, len(plans))
	})
}

// A read time without a known receipt is stored, and nothing is sent.
func TestReadAloneIsKept(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f, other := o.facts(t), o.facts(t)
	o.Deliver(t, express, read(f))
	o.Deliver(t, express, received(other))
	o.awaitCalls(t, other.GetEdocNum(), isDone, isWaiting)
	r := o.awaitCalls(t, f.GetEdocNum(), isWaiting, isWaiting)
	require.Equal(t, f.GetReceivedAt().AsTime().Add(10*time.Second), r.GetReadAt().AsTime())
	require.Nil(t, r.GetSentAt())
	require.Nil(t, r.GetReceivedAt())
	o.hub.do(func() { require.Len(t, o.hub.items, 1) })
}

// Contradicting times, and facts that cannot make a record, are parked; a bad event does not affect others.
func TestContradictionsAreParked(t *testing.T) {
	t.Parallel()
	o := setup(t)
	reversed, early, incomplete, good := o.facts(t), o.facts(t), o.facts(t), o.facts(t)
	reversed.SentAt = timestamppb.New(reversed.GetReceivedAt().AsTime().Add(time.Second))
	incomplete.Registrar = ""
	o.Deliver(t, express, received(reversed), received(early), received(incomplete), received(good))
	bad := read(early)
	bad.Message.(*viewingv1.DocumentRead).ReadAt = timestamppb.New(early.GetReceivedAt().AsTime().Add(-2 * time.Second))
	o.Deliver(t, express, bad, read(good))

	o.awaitCalls(t, good.GetEdocNum(), isDone, isDone)
	o.awaitCalls(t, early.GetEdocNum(), isDone, isWaiting)
	parked := map[string]string{}
	rows, err := o.App.Query(t.Context(), `select subject, reason from parked_event`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var subject, reason string
		require.NoError(t, rows.Scan(&subject, &reason))
		parked[subject] = reason
	}
	require.Equal(t, map[string]string{
		reversed.GetEdocNum(): "times_out_of_order", incomplete.GetEdocNum(): "facts_incomplete", early.GetEdocNum(): "handler_failed",
	}, parked)
}

// While the hub is down calls are postponed. When it is up again the same content is sent, with read times after registrations.
func TestOutageOfTheHub(t *testing.T) {
	t.Parallel()
	o := setup(t)
	o.hub.do(func() { o.hub.down = true })
	f := o.facts(t)
	o.Deliver(t, express, read(f))
	o.Deliver(t, express, received(f))
	await.Require(t, unittest.Patience, func(context.Context) error {
		if n := len(o.attempts(t, f.GetEdocNum(), 1)); n < 3 {
			return fmt.Errorf("%d attempts", n)
		}
		return nil
	})
	o.awaitCalls(t, f.GetEdocNum(), isDue, isWaiting)
	o.hub.do(func() { require.Empty(t, o.hub.readItems, "a read time is held until the record is registered") })
	o.hub.do(func() { o.hub.down = false })
	o.awaitCalls(t, f.GetEdocNum(), isDone, isDone)

	attempts := o.attempts(t, f.GetEdocNum(), 1)
	last := attempts[len(attempts)-1]
	require.Equal(t, "ANSWERED", last.outcome)
	for i, a := range attempts {
		require.Equal(t, last.digest, a.digest)
		if i < len(attempts)-1 {
			require.Equal(t, "UNKNOWN", a.outcome)
		}
	}
	o.hub.do(func() {
		require.Greater(t, len(o.hub.items), 3)
		for _, item := range o.hub.items {
			require.True(t, proto.Equal(o.hub.items[0], item))
		}
	})
}

// Content that differs from what was sent before is a defect of ours and is never sent.
func TestOtherContentIsNeverSent(t *testing.T) {
	t.Parallel()
	o := setup(t)
	o.hub.do(func() { o.hub.down = true })
	f := o.facts(t)
	o.Deliver(t, express, received(f))
	await.Require(t, unittest.Patience, func(context.Context) error {
		if len(o.attempts(t, f.GetEdocNum(), 1)) == 0 {
			return errors.New("not tried yet")
		}
		return nil
	})
	_, err := o.Owner.Exec(t.Context(), `update circulation_record set to_address = 'somebody-else' where edoc_num = $1`, f.GetEdocNum())
	require.NoError(t, err)
	r := o.awaitCalls(t, f.GetEdocNum(), isQueued, isWaiting)
	require.Equal(t, "CONTENT_DIFFERS", r.GetRegistration().GetQueueReason())
	require.Equal(t, int32(0), o.refusal(t, f.GetEdocNum()).GetResult())
	o.hub.do(func() {
		for _, item := range o.hub.items {
			require.Equal(t, f.GetTo().GetAddress(), item.GetTo().GetAddress())
		}
	})
}

// A result that comes after its lease was taken over is stored and changes nothing. The other attempt's result 2 counts as our
// own registration.
func TestLateResultChangesNothing(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.facts(t)
	release := make(chan struct{})
	o.hub.do(func() { o.hub.hold[f.GetEdocNum()] = release })
	o.Deliver(t, express, received(f))
	await.Require(t, unittest.Patience, func(ctx context.Context) error {
		tag, err := o.Owner.Exec(ctx, `update hub_call set lease_until = now() where $1 = any(numbers) and digests is not null`, f.GetEdocNum())
		if err == nil && tag.RowsAffected() == 0 {
			err = errors.New("not begun yet")
		}
		return err
	})
	r := o.awaitCalls(t, f.GetEdocNum(), isDone, isWaiting)
	require.Equal(t, int32(2), r.GetRegistration().GetResult())
	close(release)
	await.Require(t, unittest.Patience, func() bool { return len(o.attempts(t, f.GetEdocNum(), 1)) == 2 })
	attempts := o.attempts(t, f.GetEdocNum(), 1)
	require.Equal(t, 1, attempts[0].result)
	require.Equal(t, 2, attempts[1].result)
	require.Equal(t, int32(2), o.record(t, f.GetEdocNum()).GetRegistration().GetResult())
	require.Equal(t, 1, o.statedOf(t, f.GetEdocNum()))
}

// A call that a fact makes due is made at once, not at the next interval.
func TestDueCallsAreMadeAtOnce(t *testing.T) {
	t.Parallel()
	o := setup(t, func(c *circulation.Config) { c.Calls.Interval = config.Duration(time.Hour) })
	for range 5 {
		f := o.facts(t)
		o.Deliver(t, express, received(f))
		o.awaitCalls(t, f.GetEdocNum(), isDone, isWaiting)
		o.Deliver(t, express, read(f))
		o.awaitCalls(t, f.GetEdocNum(), isDone, isDone)
	}
}

package intake

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/authn/authntest"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/pkg/unit"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// An item that the door could not read is refused with what the door tells, and nothing else; the others are accepted.
func TestItemsThatTheDoorCouldNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	resp, err := w.client.BatchSend(t.Context(), &intakev1.BatchSendRequest{
		Items: []*intakev1.SendItem{w.item(t, "own-1"), {}, w.item(t, "own-2")},
		Unreadable: []*platformv1.UnreadableItem{
			{Index: 1, Violations: []*platformv1.UnreadableField{{Field: "title", Rule: "json.type", Message: "must be a string"}, {Rule: "json.type", Message: "x"}}},
			{Index: 7},
		},
	})
	require.NoError(t, err)
	require.NotEmpty(t, resp.GetOutcomes()[0].GetAccepted().GetEdocNum())
	require.NotEmpty(t, resp.GetOutcomes()[2].GetAccepted().GetEdocNum())
	refused := resp.GetOutcomes()[1].GetRefused()
	require.Equal(t, "INVALID_ITEM", refused.GetReason())
	require.Len(t, refused.GetViolations(), 2)
	require.Equal(t, []string{"items[1].title", "json.type", "must be a string"},
		[]string{refused.GetViolations()[0].GetField(), refused.GetViolations()[0].GetRule(), refused.GetViolations()[0].GetMessage()})
	require.Equal(t, "items[1]", refused.GetViolations()[1].GetField())
}

// Each item of a batch has its own outcome, in the order of the request. Bad items do not affect others. A key repeated inside
// the batch is a repetition or a conflict. The good items are stated in the bulk lane in the order of their acceptance.
func TestBatchSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.send(t, w.item(t, "before"))
	good := w.item(t, "own-1")
	changed := proto.Clone(good).(*intakev1.SendItem)
	changed.Title = "다른 제목"
	hash := randomHash()
	shared := w.archive.issue(t, hash)
	byBytes := w.item(t, "own-3", func(i *intakev1.SendItem) { i.DocumentHash.Value, i.RegistrationCertificate = hash, shared })
	byDigest := w.item(t, "own-4", func(i *intakev1.SendItem) {
		i.DocumentHash.Value, i.RegistrationCertificate, i.RegistrationCertificateDigest = hash, nil, archivecert.Digest(shared)
	})
	resp, err := w.client.BatchSend(t.Context(), &intakev1.BatchSendRequest{Items: []*intakev1.SendItem{
		good,
		w.item(t, "no good key"),
		good,
		changed,
		w.item(t, "own-2", func(i *intakev1.SendItem) { i.RegistrationCertificate = []byte("noise") }),
		byBytes,
		byDigest,
		w.item(t, "before"),
	}})
	require.NoError(t, err)
	outcomes := resp.GetOutcomes()
	require.Len(t, outcomes, 8)
	for i, o := range outcomes {
		require.Equal(t, int32(i), o.GetIndex())
	}
	first := outcomes[0].GetAccepted()
	require.NotEmpty(t, first.GetEdocNum())
	require.Equal(t, "INVALID_ITEM", outcomes[1].GetRefused().GetReason())
	require.Equal(t, "items[1].ownKey", outcomes[1].GetRefused().GetViolations()[0].GetField())
	require.True(t, outcomes[2].GetAccepted().GetDuplicate())
	require.Equal(t, first.GetReceipt(), outcomes[2].GetAccepted().GetReceipt())
	require.Equal(t, "OWN_KEY_CONFLICT", outcomes[3].GetRefused().GetReason())
	require.Equal(t, first.GetEdocNum(), outcomes[3].GetRefused().GetExistingEdocNum())
	require.Equal(t, "CERTIFICATE_MALFORMED", outcomes[4].GetRefused().GetReason())
	require.Equal(t, "items[4].registrationCertificate", outcomes[4].GetRefused().GetViolations()[0].GetField())
	require.Equal(t, "own-2", outcomes[4].GetRefused().GetOwnKey())
	require.NotEmpty(t, outcomes[5].GetAccepted().GetEdocNum())
	require.NotEmpty(t, outcomes[6].GetAccepted().GetEdocNum(), "the certificate came with another item of the batch")
	require.Equal(t, before.GetEdocNum(), outcomes[7].GetRefused().GetExistingEdocNum())

	accepted := unittest.AwaitFacts[*intakev1.DocumentAccepted](t, w.Bench, 4)
	require.Len(t, accepted, 4)
	require.Equal(t, before.GetEdocNum(), accepted[0].GetFacts().GetEdocNum())
	for _, i := range []int{0, 5, 6} {
		of := outcomes[i].GetAccepted()
		require.Equal(t, of.GetEdocNum(), w.verifyReceipt(t, of.GetReceipt()).EdocNum, "each receipt stands alone")
	}
	for i, want := range []string{first.GetEdocNum(), outcomes[5].GetAccepted().GetEdocNum(), outcomes[6].GetAccepted().GetEdocNum()} {
		require.Equal(t, want, accepted[i+1].GetFacts().GetEdocNum())
		require.Equal(t, platformv1.Lane_LANE_BULK, accepted[i+1].GetFacts().GetLane())
		require.NotEmpty(t, accepted[i+1].GetSealedRecipient())
	}
	var lane int
	require.NoError(t, w.App.QueryRow(t.Context(), `select distinct lane from journal where events > 1 or lane = 2`).Scan(&lane))
	require.Equal(t, 2, lane)
	require.Equal(t, 3, w.count(t, "registration_certificate"))

	require.InDelta(t, 3, w.metric(t, "naru_intake_accepted_items_total", "lane", "bulk"), 0)
	require.InDelta(t, 1, w.metric(t, "naru_intake_accepted_items_total", "lane", "express"), 0)
	require.InDelta(t, 1, w.metric(t, "naru_intake_duplicate_items_total", "", ""), 0)
	require.InDelta(t, 2, w.metric(t, "naru_intake_refused_items_total", "reason", "OWN_KEY_CONFLICT"), 0)
}

// metric reads one of the unit's metrics as a scrape would.
func (w *world) metric(t *testing.T, name, label, value string) float64 {
	t.Helper()
	families, err := w.Env.Gatherer.Gather()
	require.NoError(t, err)
	var names []string
	for _, family := range families {
		names = append(names, family.GetName())
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == label && l.GetValue() == value {
					return m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
			if label == "" {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	require.Fail(t, "no such metric", "%s in %v", name, names)
	return 0
}

// Two replicas on one database never assign the same number, and only one of them accepts a key.
func TestTwoReplicas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second := w.replica(t)
	ctx := authntest.NewContext(t.Context(), authntest.Sender(w.sender))
	first := func(items []*intakev1.SendItem) (*intakev1.BatchSendResponse, error) {
		return w.client.BatchSend(t.Context(), &intakev1.BatchSendRequest{Items: items})
	}
	other := func(items []*intakev1.SendItem) (*intakev1.BatchSendResponse, error) {
		return second.BatchSend(ctx, &intakev1.BatchSendRequest{Items: items})
	}
	type result struct {
		resp *intakev1.BatchSendResponse
		err  error
	}
	results := make(chan result)
	const rounds, size = 6, 60
	shared := w.item(t, "shared")
	w.send(t, w.item(t, "before"))
	for round := range rounds {
		for name, send := range map[string]func([]*intakev1.SendItem) (*intakev1.BatchSendResponse, error){"a": first, "b": other} {
			items := []*intakev1.SendItem{shared}
			for i := range size {
				item := proto.Clone(shared).(*intakev1.SendItem)
				item.OwnKey = fmt.Sprintf("%s-%d-%d", name, round, i)
				items = append(items, item)
			}
			go func() {
				resp, err := send(items)
				results <- result{resp, err}
			}()
		}
	}
	numbers := map[string]string{}
	fresh := 0
	for range 2 * rounds {
		r := <-results
		require.NoError(t, r.err)
		for _, o := range r.resp.GetOutcomes() {
			a := o.GetAccepted()
			require.NotNil(t, a, "%v", o.GetRefused())
			if key, ok := numbers[a.GetEdocNum()]; ok {
				require.Equal(t, key, a.GetOwnKey(), "number given twice")
			}
			numbers[a.GetEdocNum()] = a.GetOwnKey()
			if !a.GetDuplicate() {
				fresh++
			}
		}
	}
	require.Len(t, numbers, 2*rounds*size+1)
	require.Equal(t, 2*rounds*size+1, fresh)
	require.Equal(t, fresh+1, w.count(t, "document"))
	unittest.AwaitFacts[*intakev1.DocumentAccepted](t, w.Bench, fresh+1)
	require.Len(t, unittest.Facts[*intakev1.DocumentAccepted](t, w.Bench), fresh+1, "each is stated once")
}

// replica builds a second process of the unit on the same database.
func (w *world) replica(t *testing.T) intakev1.IntakeServiceServer {
	t.Helper()
	service, registered := w.build(t)
	runTasks(t, service.Tasks)
	return registered.intake
}

func runTasks(t *testing.T, tasks []lifecycle.Task) {
	t.Helper()
	group := lifecycle.New()
	ctx := context.WithoutCancel(t.Context())
	group.Go(ctx, tasks...)
	t.Cleanup(func() {
		stopCtx, cancel := context.WithTimeout(ctx, unittest.Patience)
		defer cancel()
		if err := group.Stop(stopCtx); err != nil {
			t.Errorf("stop tasks: %v", err)
		}
	})
}

// capture keeps the implementations that a unit registers.
type capture struct{ intake intakev1.IntakeServiceServer }

func (c *capture) RegisterService(_ *grpc.ServiceDesc, impl any) {
	if s, ok := impl.(intakev1.IntakeServiceServer); ok {
		c.intake = s
	}
}

// If the queue is full, the whole call is refused at once with a time to try again, and is accepted when there is room.
func TestOverload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := *w.Config.(*Config)
	config.Queue.Rows = 4
	service, err := Unit.Build(t.Context(), w.Env, &config)
	require.NoError(t, err)
	var registered capture
	service.Register(&registered)
	ctx := authntest.NewContext(t.Context(), authntest.Sender(w.sender))
	batch := &intakev1.BatchSendRequest{Items: []*intakev1.SendItem{w.item(t, "own-1"), w.item(t, "own-2"), w.item(t, "own-3")}}
	_, err = registered.intake.BatchSend(ctx, batch)
	refusal := fault.As(err)
	require.Equal(t, fault.Exhausted, refusal.Kind)
	require.Equal(t, "OVERLOADED", refusal.Reason)
	require.Equal(t, time.Second, refusal.RetryAfter)

	runTasks(t, service.Tasks)
	batch.Items = batch.GetItems()[:2]
	resp, err := registered.intake.BatchSend(ctx, batch)
	require.NoError(t, err)
	require.NotEmpty(t, resp.GetOutcomes()[1].GetAccepted().GetEdocNum())
}

// build builds another intake on the same database. The test calls its RPCs directly.
func (w *world) build(t *testing.T) (*unit.Service, capture) {
	t.Helper()
	service, err := Unit.Build(t.Context(), w.Env, w.Config)
	require.NoError(t, err)
	var registered capture
	service.Register(&registered)
	return service, registered
}

// The item of a caller that left before its group began is not committed; repeating the key commits it.
func TestCallerThatGaveUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	service, registered := w.build(t)
	item := w.item(t, "own-1")
	ctx, cancel := context.WithTimeout(authntest.NewContext(t.Context(), authntest.Sender(w.sender)), 50*time.Millisecond)
	defer cancel()
	_, err := registered.intake.Send(ctx, &intakev1.SendRequest{Item: item}) // no writer runs
	require.ErrorIs(t, err, context.DeadlineExceeded)
	runTasks(t, service.Tasks)
	resp, err := registered.intake.Send(authntest.NewContext(t.Context(), authntest.Sender(w.sender)), &intakev1.SendRequest{Item: item})
	require.NoError(t, err)
	require.False(t, resp.GetAcceptance().GetDuplicate())
	require.Equal(t, 1, w.count(t, "document"))
}

// A stopping unit refuses new calls and commits what it has accepted.
func TestStopping(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	service, registered := w.build(t)
	ctx := authntest.NewContext(t.Context(), authntest.Sender(w.sender))
	group := lifecycle.New()
	group.Go(context.WithoutCancel(t.Context()), service.Tasks...)
	_, err := registered.intake.Send(ctx, &intakev1.SendRequest{Item: w.item(t, "own-1")})
	require.NoError(t, err)
	require.NoError(t, group.Stop(t.Context()))
	_, err = registered.intake.Send(ctx, &intakev1.SendRequest{Item: w.item(t, "own-2")})
	require.ErrorIs(t, err, fault.Unavailable)
	require.Equal(t, 1, w.count(t, "document"))
}

// A caller whose id is not a principal id of the gateway is refused.
func TestCallerWithoutPrincipalID(t *testing.T) {
	t.Parallel()
	_, err := tenantOf(authn.Principal{ID: "somebody"})
	require.ErrorIs(t, err, fault.Denied)
	want := uuid.New()
	got, err := tenantOf(authn.Principal{ID: want.String()})
	require.NoError(t, err)
	require.Equal(t, want, got)
}

package circulation_test

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// acceptReason must not appear in clear in any table or log.
const acceptReason = "허브 담당자 아무개와 통화하여 대조함"

// alreadyThere delivers a document, and its reading, whose number the hub has without a call of ours.
func (o *office) alreadyThere(t *testing.T) *platformv1.DocumentFacts {
	t.Helper()
	f := o.facts(t)
	o.hub.do(func() { o.hub.registered[f.GetEdocNum()] = &hubv1.CirculationItem{EdocNum: f.GetEdocNum()} })
	o.Deliver(t, express, received(f))
	o.Deliver(t, express, read(f))
	require.Equal(t, "HUB_RESULT_2", o.awaitCalls(t, f.GetEdocNum(), isQueued, isWaiting).GetRegistration().GetQueueReason())
	return f
}

func accept(number string) *circulationv1.AcceptQueuedRequest {
	return &circulationv1.AcceptQueuedRequest{EdocNum: number, Reason: acceptReason}
}

// A record that the hub already has leaves the queue only when an operator accepts it. Then everything follows as after a normal
// registration.
func TestAcceptQueued(t *testing.T) {
	t.Parallel()
	o := setup(t)
	admin := circulationv1.NewCirculationAdminServiceClient(o.Admin(t))
	f := o.alreadyThere(t)
	_, err := admin.RetryQueued(t.Context(), &circulationv1.RetryQueuedRequest{EdocNum: f.GetEdocNum()})
	require.NoError(t, err)
	unittest.AwaitFacts[*circulationv1.CirculationRefused](t, o.Bench, 2)
	o.awaitCalls(t, f.GetEdocNum(), isQueued, isWaiting)
	o.Clock.Advance(time.Hour)

	_, err = admin.AcceptQueued(t.Context(), accept(f.GetEdocNum()))
	require.NoError(t, err)
	r := o.awaitCalls(t, f.GetEdocNum(), isDone, isDone)
	require.Equal(t, int32(2), r.GetRegistration().GetResult())
	require.Equal(t, int32(2), r.GetRegistration().GetAttempts(), "nothing was sent")
	require.Equal(t, answeredAt, r.GetRegistration().GetAcknowledgedAt().AsTime(), "when the hub said so, not when it was accepted")
	require.Empty(t, r.GetRegistration().GetQueueReason())
	require.Nil(t, r.GetRegistration().GetQueuedAt())
	attempts := o.attempts(t, f.GetEdocNum(), 1)
	require.Len(t, attempts, 2)

	stated := unittest.AwaitFacts[*circulationv1.CirculationRegistered](t, o.Bench, 1)[0]
	require.Equal(t, int32(2), stated.GetResult())
	require.Equal(t, attempts[1].exchange, stated.GetExchange())
	require.Equal(t, answeredAt, stated.GetAcknowledgedAt().AsTime())
	require.Equal(t, f.GetRecipient(), stated.GetRecipient())
	require.Equal(t, f.GetTo().GetAddress(), stated.GetTo().GetAddress())
	envelope := o.Stated(t, &circulationv1.CirculationRegistered{})[0]
	require.Equal(t, uint32(1), envelope.GetOrdinal())
	require.Equal(t, "unit:circulation", envelope.GetActor())
	require.Len(t, unittest.AwaitFacts[*circulationv1.ReadTimeRegistered](t, o.Bench, 1), 1)

	page, err := admin.ListQueue(t.Context(), &circulationv1.ListQueueRequest{})
	require.NoError(t, err)
	require.Empty(t, page.GetRecords())
	o.requireAccepted(t, f.GetEdocNum())
	o.requireNowhere(t, acceptReason)
}

// requireAccepted checks that the operator and the reason are stored sealed, and proved by a digest over reason and id.
func (o *office) requireAccepted(t *testing.T, number string) {
	t.Helper()
	var acceptance, by string
	var reason, digest []byte
	var at time.Time
	require.NoError(t, o.App.QueryRow(t.Context(), `select id::text, actor, reason, digest, ruled_at from hub_ruling where edoc_num = $1 and kind = 1 and attempt = 2`,
		number).Scan(&acceptance, &by, &reason, &digest, &at))
	clear, err := o.Env.Sealed.Open(t.Context(), "circulation.ruling_reason", acceptance, reason)
	require.NoError(t, err)
	require.Equal(t, acceptReason, string(clear))
	want := sha256.Sum256([]byte("naru.circulation.ruling.v1\x00" + acceptance + "\x00" + acceptReason))
	require.Equal(t, want[:], digest)
	require.True(t, o.Clock.Now().Equal(at))

	retried := o.Stated(t, &circulationv1.QueuedCallRetried{})
	require.Len(t, retried, 1)
	require.Equal(t, number, retried[0].GetSubject())
	require.Equal(t, uint32(1), retried[0].GetOrdinal(), "the first attempt of the registration")
	require.Equal(t, by, retried[0].GetActor())
	require.Len(t, o.proofs(t, number, false), 2)
	require.Len(t, o.proofs(t, number, true), 1)

	envelope := o.Stated(t, &circulationv1.QueuedCallAccepted{})[0]
	require.Equal(t, number, envelope.GetSubject())
	require.Equal(t, uint32(3), envelope.GetOrdinal(), "the second attempt of the registration")
	require.Equal(t, by, envelope.GetActor())
	require.Equal(t, sender, envelope.GetSender())
	accepted := unittest.Facts[*circulationv1.QueuedCallAccepted](t, o.Bench)
	require.Len(t, accepted, 1)
	require.NotEmpty(t, accepted[0].GetAuthentication().GetTokenId())
	require.Equal(t, want[:], accepted[0].GetReasonDigest())
	require.Equal(t, acceptance, accepted[0].GetRuling())
	require.Equal(t, int32(2), accepted[0].GetAccepted().GetResult())
	require.Equal(t, int32(2), accepted[0].GetAccepted().GetAttempt())
	require.NotEmpty(t, accepted[0].GetAccepted().GetExchange())
	require.Equal(t, o.attempts(t, number, 1)[1].digest, accepted[0].GetAccepted().GetContentDigest())

	var commit uuid.UUID
	require.NoError(t, o.App.QueryRow(t.Context(), `select commit_id from hub_ruling where edoc_num = $1`, number).Scan(&commit))
	require.NoError(t, journal.Find(t.Context(), o.App, "circulation", commit, number, &circulationv1.QueuedCallAccepted{}), "the row names its commit")
}

// Only a call that is queued as already registered can be accepted, once, and with a reason.
func TestWhatCannotBeAccepted(t *testing.T) {
	t.Parallel()
	o := setup(t)
	admin := circulationv1.NewCirculationAdminServiceClient(o.Admin(t))
	refused, readRefused, fine := o.facts(t), o.facts(t), o.facts(t)
	o.hub.do(func() {
		o.hub.scripts[refused.GetEdocNum()] = []int32{3}
		o.hub.scripts[readRefused.GetEdocNum()+"/read"] = []int32{3}
	})
	o.Deliver(t, express, received(refused), received(readRefused), received(fine))
	o.Deliver(t, express, read(readRefused))
	o.awaitCalls(t, refused.GetEdocNum(), isQueued, isWaiting)
	o.awaitCalls(t, readRefused.GetEdocNum(), isDone, isQueued)
	o.awaitCalls(t, fine.GetEdocNum(), isDone, isWaiting)
	for _, test := range []struct{ number, reason string }{
		{refused.GetEdocNum(), "NOT_ALREADY_REGISTERED"},
		{readRefused.GetEdocNum(), "NOT_ALREADY_REGISTERED"},
		{fine.GetEdocNum(), "NOT_QUEUED"},
		{"20200101_NARUTEST01_0000000000001", "RECORD_NOT_FOUND"},
	} {
		_, err := admin.AcceptQueued(t.Context(), accept(test.number))
		require.Equal(t, test.reason, fault.ReasonOf(err))
	}
	for _, reason := range []string{"", strings.Repeat("가", 501)} {
		_, err := admin.AcceptQueued(t.Context(), &circulationv1.AcceptQueuedRequest{EdocNum: refused.GetEdocNum(), Reason: reason})
		require.Equal(t, fault.Invalid, fault.KindOf(err))
	}
	_, err := circulationv1.NewCirculationAdminServiceClient(o.Sender(t, sender)).AcceptQueued(t.Context(), accept(refused.GetEdocNum()))
	require.Equal(t, fault.Denied, fault.KindOf(err))
	o.awaitCalls(t, refused.GetEdocNum(), isQueued, isWaiting)
	var kept int
	require.NoError(t, o.App.QueryRow(t.Context(), `select count(*) from hub_ruling`).Scan(&kept))
	require.Zero(t, kept)

	f := o.alreadyThere(t)
	var together errgroup.Group
	results := make([]error, 6)
	for i := range results {
		together.Go(func() error {
			_, results[i] = admin.AcceptQueued(t.Context(), accept(f.GetEdocNum()))
			return nil
		})
	}
	require.NoError(t, together.Wait())
	accepted := 0
	for _, err := range results {
		if err == nil {
			accepted++
			continue
		}
		require.Equal(t, "NOT_QUEUED", fault.ReasonOf(err))
	}
	require.Equal(t, 1, accepted)
	o.awaitCalls(t, f.GetEdocNum(), isDone, isDone)
	require.Equal(t, 1, o.statedOf(t, f.GetEdocNum()))
}

// After an acceptance the hub may answer to the read time that it has no record, and then that it already has it. The second
// answer needs no further acceptance.
func TestAcceptedRegistrationIsCheckedAgain(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.alreadyThere(t)
	o.hub.do(func() { o.hub.scripts[f.GetEdocNum()+"/read"] = []int32{4} })
	_, err := circulationv1.NewCirculationAdminServiceClient(o.Admin(t)).AcceptQueued(t.Context(), accept(f.GetEdocNum()))
	require.NoError(t, err)
	r := o.awaitCalls(t, f.GetEdocNum(), isDone, isDone)
	require.Equal(t, int32(2), r.GetRegistration().GetAttempts())
	require.Equal(t, 1, o.statedOf(t, f.GetEdocNum()), "a registration is stated once")
	told := o.refusals(t, f.GetEdocNum())
	require.Len(t, told, 2)
	require.True(t, told[1].GetReadTime() && told[1].GetRetried(), "the read time that was told of too early")
}

// A read time queued for the same reason is accepted the same way, although this version of the unit never queues one.
func TestAcceptQueuedReadTime(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.facts(t)
	o.hub.do(func() { o.hub.scripts[f.GetEdocNum()+"/read"] = []int32{2} })
	o.Deliver(t, express, received(f))
	o.Deliver(t, express, read(f))
	o.awaitCalls(t, f.GetEdocNum(), isDone, isDone)
	_, err := o.App.Exec(t.Context(), `
		update circulation_record
		set    read_time_state = 4, read_time_reason = 'HUB_RESULT_2', read_time_queued_at = now(), read_time_acknowledged_at = null
		where  edoc_num = $1`, f.GetEdocNum())
	require.NoError(t, err)
	_, err = circulationv1.NewCirculationAdminServiceClient(o.Admin(t)).AcceptQueued(t.Context(), accept(f.GetEdocNum()))
	require.NoError(t, err)
	call := o.awaitCalls(t, f.GetEdocNum(), isDone, isDone).GetReadTime()
	require.Equal(t, int32(2), call.GetResult())
	require.Equal(t, int32(1), call.GetAttempts())
	require.Equal(t, answeredAt, call.GetAcknowledgedAt().AsTime())
	stated := unittest.AwaitFacts[*circulationv1.ReadTimeRegistered](t, o.Bench, 2)
	require.Equal(t, answeredAt, stated[1].GetAcknowledgedAt().AsTime())
	require.Equal(t, 1, o.statedOf(t, f.GetEdocNum()))
}

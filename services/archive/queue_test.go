package archive

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/pkg/work"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	"github.com/naru-relay/naru/services/sandbox/scenario" //nolint:depguard // the test holds this unit against the sandbox of the outside world
)

// An operator sees what fails, has it tried at once, and gives up what is not wanted any more, which fails the document.
func TestQueue(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) {
		c.Deposits.FirstBackoff, c.Deposits.MaxBackoff = config.Duration(time.Hour), config.Duration(time.Hour)
	})
	operator := archivev1.NewDepositAdminServiceClient(b.Admin(t))
	b.misbehave(t, scenario.Scenario{Kind: scenario.CertificateForged, Times: 4})
	var numbers []string
	for range 4 {
		facts := b.document(t, "대기열 "+time.Duration(b.serial).String())
		numbers = append(numbers, facts.GetEdocNum())
		b.resolve(t, facts, 1)
		b.awaitRow(t, facts.GetEdocNum(), func(r row) bool { return r.lastError != "" })
	}
	list := func(ended bool) (all []*archivev1.Deposit) {
		request := &archivev1.ListDepositsRequest{Ended: ended, PageSize: 3}
		for {
			page, err := operator.ListDeposits(t.Context(), request)
			require.NoError(t, err)
			all = append(all, page.GetDeposits()...)
			if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
				return all
			}
		}
	}
	waiting := list(false)
	require.Len(t, waiting, 4)
	require.Equal(t, numbers[0], waiting[0].GetEdocNum())
	require.Equal(t, "certificate: signature", waiting[0].GetLastError())
	require.EqualValues(t, 1, waiting[0].GetAttempts())
	require.True(t, waiting[0].GetNextAttemptAt().IsValid())
	require.False(t, waiting[0].GetEndedAt().IsValid())
	_, err := operator.ListDeposits(t.Context(), &archivev1.ListDepositsRequest{PageToken: "x"})
	require.ErrorContains(t, err, "PAGE_TOKEN_INVALID")

	unknown := "20260302_NARU000001_9999999999999"
	retried, err := operator.RetryDeposits(t.Context(), &archivev1.RetryDepositsRequest{EdocNums: []string{numbers[0], unknown, numbers[0]}})
	require.NoError(t, err)
	require.EqualValues(t, 1, retried.GetRetried())
	require.Equal(t, numbers[0], b.awaitDeposited(t, 1)[0].GetFacts().GetEdocNum())
	require.Equal(t, numbers[0], unittest.Facts[*archivev1.DepositRetried](t, b.Bench)[0].GetEdocNum())

	given, err := operator.GiveUpDeposits(t.Context(), &archivev1.GiveUpDepositsRequest{EdocNums: []string{numbers[2], numbers[1], numbers[0], unknown}, Reason: "sent by letter"})
	require.NoError(t, err)
	require.EqualValues(t, 2, given.GetGivenUp(), "not what is deposited")
	failures := unittest.AwaitFacts[*archivev1.DepositFailed](t, b.Bench, 2)
	require.Equal(t, "DEPOSIT_GIVEN_UP", failures[0].GetReason())
	require.Equal(t, "sent by letter", unittest.Facts[*archivev1.DepositGivenUp](t, b.Bench)[1].GetReason())
	require.NotEqual(t, actor, b.Stated(t, &archivev1.DepositFailed{})[0].GetActor(), "the operator")

	_, err = b.Owner.Exec(t.Context(), `update deposit set lease_until = now() + interval '1 minute' where edoc_num = $1`, numbers[3])
	require.NoError(t, err)
	given, err = operator.GiveUpDeposits(t.Context(), &archivev1.GiveUpDepositsRequest{EdocNums: []string{numbers[3]}, Reason: "sent by letter"})
	require.NoError(t, err)
	require.Zero(t, given.GetGivenUp(), "its call is under way")

	facts := b.document(t, "끝난 것")
	b.end(t, facts, &deliveryv1.DocumentCancelled{EdocNum: facts.GetEdocNum()})
	ended := list(true)
	require.Len(t, ended, 2, "not what was never due")
	require.True(t, ended[0].GetEndedAt().IsValid())
	require.Len(t, list(false), 1)
	require.InDelta(t, 1, b.Metric(t, "naru_archive_failing_deposits"), 0)
}

// Senders take turns: a sender with much to deposit does not hold up one with little.
func TestSendersTakeTurns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hinder(t, true)
	for range 6 {
		b.resolve(t, b.document(t, "많은 문서 "+time.Duration(b.serial).String()), 1)
	}
	b.sender = unittest.NewID()
	b.resolve(t, b.document(t, "한 문서"), 1)
	var claimed []job
	await.Require(t, unittest.Patience, func() bool {
		more, err := claim(t.Context(), b.App, work.Lease{Owner: "slow", For: time.Hour, Limit: 2 - len(claimed)})
		claimed = append(claimed, more...)
		return err == nil && len(claimed) == 2
	})
	require.NotEqual(t, claimed[0].sender, claimed[1].sender)
}

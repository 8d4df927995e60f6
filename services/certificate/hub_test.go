package certificate

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

// What the hub refuses is asked for again and shown meanwhile: right after the registration it may hold no circulation yet, and
// what another code means is not known.
func TestHubRefusesForNow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i, reason := range []hubv1.Reason{hubv1.Reason_REASON_NO_CIRCULATION, hubv1.Reason_REASON_HUB_REFUSED} {
		yet := make(chan struct{})
		b.hub.issue = func(r *hubv1.IssueDistributionCertificateRequest, attempt int) (*hubv1.IssueDistributionCertificateResponse, error) {
			select {
			case <-yet:
				return b.genuine(r, attempt)
			default:
				return nil, hubFault(fault.Conflict, reason)
			}
		}
		c, request := b.asSender(t), fmt.Sprintf("req-%d", i)
		made, err := c.RequestCertificate(t.Context(), ask(b.circulated(t, int64(i+1)), request))
		require.NoError(t, err)
		number := made.GetCertificate().GetId()
		await.Require(t, unittest.Patience, func(ctx context.Context) error {
			got, err := c.GetCertificate(ctx, &certificatev1.GetCertificateRequest{Id: number})
			if err == nil && got.GetCertificate().GetRefusal() != "ERR-01-501" {
				err = fmt.Errorf("it is %s", got.GetCertificate())
			}
			return err
		})
		close(yet)
		got := ended(t, c, made.GetCertificate().GetEdocNum(), request)
		require.Equal(t, certificatev1.CertificateState_CERTIFICATE_STATE_ISSUED, got.GetState())
		require.Empty(t, got.GetRefusal())
		require.Positive(t, b.count(t, `select count(*) from certificate_attempt where id = $1 and outcome = 'refused' and hub_code = 'ERR-01-501'`, got.GetId()))
	}
	require.Empty(t, unittest.Facts[*certificatev1.CertificateFailed](t, b.Bench))
}

// A refusal that stands for longer than the patience, by both clocks, is final, and so is what the hub unit itself refuses.
func TestHubRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.issue = func(*hubv1.IssueDistributionCertificateRequest, int) (*hubv1.IssueDistributionCertificateResponse, error) {
		return nil, hubFault(fault.Conflict, hubv1.Reason_REASON_NO_CIRCULATION)
	}
	number := b.circulated(t, 1)
	_, err := b.asSender(t).RequestCertificate(t.Context(), ask(number, "req-0"))
	require.NoError(t, err)
	attempts := func() int { return b.count(t, `select count(*) from certificate_attempt`) }
	await.Require(t, unittest.Patience, func() bool { return attempts() > 0 })
	b.Advance(t, 25*time.Hour)
	before := attempts()
	await.Require(t, unittest.Patience, func() bool { return attempts() >= before+2 })
	require.Zero(t, b.count(t, `select count(*) from certificate where ended_at is not null`), "one clock alone ends no patience")
	b.database.Advance(25 * time.Hour)
	got := ended(t, b.asSender(t), number, "req-0")
	require.Equal(t, certificatev1.CertificateState_CERTIFICATE_STATE_FAILED, got.GetState())
	require.Equal(t, "HUB_REFUSED", got.GetReason())
	require.Empty(t, got.GetRefusal())

	b.hub.issue = func(*hubv1.IssueDistributionCertificateRequest, int) (*hubv1.IssueDistributionCertificateResponse, error) {
		return nil, hubFault(fault.Invalid, hubv1.Reason_REASON_INVALID_REQUEST)
	}
	got = ended(t, b.asSender(t), b.circulated(t, 2), "req-1")
	require.Equal(t, certificatev1.CertificateState_CERTIFICATE_STATE_FAILED, got.GetState())
	require.Equal(t, 1, b.count(t, `select count(*) from certificate_attempt where id = $1`, got.GetId()))
	require.Len(t, unittest.AwaitFacts[*certificatev1.CertificateFailed](t, b.Bench, 2), 2)
}

func TestAnUnavailableHubIsAskedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.hub.issue = func(r *hubv1.IssueDistributionCertificateRequest, attempt int) (*hubv1.IssueDistributionCertificateResponse, error) {
		if attempt < 4 {
			return nil, hubFault(fault.Unavailable, hubv1.Reason_REASON_HUB_UNAVAILABLE)
		}
		return b.genuine(r, attempt)
	}
	got := ended(t, b.asSender(t), b.circulated(t, 1), "req")
	require.Equal(t, certificatev1.CertificateState_CERTIFICATE_STATE_ISSUED, got.GetState())
	require.Equal(t, 3, b.count(t, `select count(*) from certificate_attempt where id = $1 and outcome = 'unavailable'`, got.GetId()))
	require.Len(t, b.hub.calls(), 4)
	require.Empty(t, unittest.Facts[*certificatev1.CertificateFailed](t, b.Bench))
}

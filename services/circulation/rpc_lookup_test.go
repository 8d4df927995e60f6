package circulation_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
)

// The certificate unit can ask what the hub holds of any document, and since when; no other unit can.
func TestCertificateIsToldWhatTheHubHolds(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ask := func(caller, number string) (*circulationv1.GetRegistrationResponse, error) {
		return circulationv1.NewCirculationLookupServiceClient(o.Unit(t, caller)).GetRegistration(t.Context(), &circulationv1.GetRegistrationRequest{EdocNum: number})
	}
	f := o.facts(t)
	_, err := ask("certificate", f.GetEdocNum())
	require.Equal(t, fault.NotFound, fault.KindOf(err))
	require.Equal(t, "RECORD_NOT_FOUND", fault.ReasonOf(err))

	// The hub does not take it: a person has to look, and it is not registered.
	o.hub.do(func() { o.hub.scripts[f.GetEdocNum()] = []int32{3} })
	o.Deliver(t, express, received(f))
	o.awaitCalls(t, f.GetEdocNum(), isQueued, isWaiting)
	got, err := ask("certificate", f.GetEdocNum())
	require.NoError(t, err)
	require.Nil(t, got.GetRegisteredAt())

	// The read time is returned as soon as it is known; the time of its registration once the hub has registered it.
	o.Deliver(t, express, read(f))
	got, err = ask("certificate", f.GetEdocNum())
	require.NoError(t, err)
	require.Equal(t, read(f).OccurredAt, got.GetReadAt().AsTime())
	require.Nil(t, got.GetReadRegisteredAt())
	_, err = circulationv1.NewCirculationAdminServiceClient(o.Admin(t)).RetryQueued(t.Context(), &circulationv1.RetryQueuedRequest{EdocNum: f.GetEdocNum()})
	require.NoError(t, err)
	record := o.awaitCalls(t, f.GetEdocNum(), isDone, isDone)
	got, err = ask("certificate", f.GetEdocNum())
	require.NoError(t, err)
	require.Equal(t, record.GetRegistration().GetAcknowledgedAt().AsTime(), got.GetRegisteredAt().AsTime())
	require.Equal(t, record.GetReadTime().GetAcknowledgedAt().AsTime(), got.GetReadRegisteredAt().AsTime())
	require.Equal(t, read(f).OccurredAt, got.GetReadAt().AsTime())

	for _, caller := range []string{"viewing", "status", "gateway"} {
		_, err := ask(caller, f.GetEdocNum())
		require.ErrorIs(t, err, fault.Denied, caller)
	}
}

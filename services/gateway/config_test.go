package gateway

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Every public RPC is routed by its unit, and every unit's rule is readable.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	offers, err := newCatalogue(behind()...)
	require.NoError(t, err)
	require.Equal(t, "viewing", offers.methods["/naru.viewing.v1.ViewingService/ReportRead"].unit)
	require.NotContains(t, offers.methods, "/naru.platform.v1.KeyService/GetDataKey")
	batch := offers.methods["/naru.intake.v1.IntakeService/BatchSend"].bounds
	require.Equal(t, 16<<20, batch.RequestBytes)
	require.EqualValues(t, "items", batch.Items.Name())
	for method, to := range offers.methods {
		require.True(t, to.rule.GetOpen() || len(to.rule.GetKinds()) > 0, method)
	}
}

func TestConfigProblems(t *testing.T) {
	t.Parallel()
	good := Default()
	good.PublicURL = publicURL
	require.NoError(t, good.Validate())
	bad := Default()
	bad.REST.Listen, bad.GRPC.KeyFile, bad.TokenLife, bad.Quota.BatchItemsBurst, bad.Quota.RequestsPerSecond = "x", "k", 0, 999, 0
	err := bad.Validate()
	for _, path := range []string{"rest.listen", "grpc.certificate_file", "public_url", "token_life", "quota.batch_items_burst", "quota.requests_per_second"} {
		require.ErrorContains(t, err, path)
	}
}

package gateway_test

import (
	"net/url"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/gateway"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

// grpc-gateway accepts every query that the query check passes, for any input.
func FuzzQuery(f *testing.F) {
	routes, err := gateway.NewRoutes(statusv1.File_naru_status_v1_status_service_proto.Services().ByName("StatusService"))
	require.NoError(f, err)
	route, _ := routes.Match("GET", "/v1/documents")
	require.NotNil(f, route)
	for _, seed := range []string{
		"ownKey=a&pageSize=5&states=DOCUMENT_STATE_READ&states=DOCUMENT_STATE_SENT", "acceptedFrom=2026-01-01T00:00:00Z", "accepted_from=x", "ownKey=%ff&pageSize=-0",
		"acceptedFrom=2026-01-01T00:00:00%2B09:00&acceptedFrom.seconds=1", "pageSize=1;2", "states=1", "pageToken=%00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if len(gateway.CheckQuery(route, raw)) > 0 {
			return
		}
		values, err := url.ParseQuery(raw)
		require.NoError(t, err)
		require.NoError(t, runtime.PopulateQueryParameters(&statusv1.ListStatusesRequest{}, values, utilities.NewDoubleArray(nil)))
	})
}

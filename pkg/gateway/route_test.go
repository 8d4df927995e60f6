package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/gateway"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	routes, err := gateway.NewRoutes(intakev1.File_naru_intake_v1_intake_service_proto.Services().ByName("IntakeService"),
		statusv1.File_naru_status_v1_status_service_proto.Services().ByName("StatusService"))
	require.NoError(t, err)
	tests := []struct {
		method, path, rpc string
		allow             []string
	}{
		{"POST", "/v1/documents", "Send", nil},
		{"POST", "/v1/documents:batch", "BatchSend", nil},
		{"POST", "/v1/documents:batchGet", "BatchGetStatus", nil},
		{"POST", "/v1/documents/n:cancel", "Cancel", nil},
		{"GET", "/v1/documents/n", "GetStatus", nil},
		{"GET", "/v1/documents/n/timeline", "GetTimeline", nil},
		{"PUT", "/v1/documents", "", []string{"GET", "POST"}},
		{"GET", "/v1/documents/n:cancel", "", []string{"POST"}},
		{"GET", "/v1/documents/n:other", "", nil},
		{"GET", "/v1/documents/", "", nil},
		{"GET", "/v1/documents/n/", "", nil},
		{"GET", "//v1/documents", "", nil},
		{"GET", "v1/documents", "", nil},
		{"GET", "", "", nil},
		{"GET", "/", "", nil},
		{"POST", "/v1/documents/:cancel", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			t.Parallel()
			route, allow := routes.Match(tt.method, tt.path)
			require.Equal(t, tt.allow, allow)
			if tt.rpc == "" {
				require.Nil(t, route)
				return
			}
			require.NotNil(t, route)
			require.Equal(t, tt.rpc, string(route.RPC.Name()))
		})
	}
}

package unit

import (
	"context"
	"fmt"
	"slices"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Door is a service that a unit offers through the gateway. Those of its RPCs that are neither public nor open stay closed.
type Door struct {
	// Service is its full name.
	Service string
	// REST adds its routes to a mux, over a connection to the unit; nil if it has none.
	REST func(ctx context.Context, mux *runtime.ServeMux, conn grpc.ClientConnInterface) error
}

// Offer makes the door of a generated service: its description, what grpc-gateway generated for it, and its client.
func Offer[C any](service *grpc.ServiceDesc, register func(context.Context, *runtime.ServeMux, C) error, client func(grpc.ClientConnInterface) C) Door {
	return Door{Service: service.ServiceName, REST: func(ctx context.Context, mux *runtime.ServeMux, conn grpc.ClientConnInterface) error {
		return register(ctx, mux, client(conn))
	}}
}

// PlatformDoors are the doors every unit offers; the request names the unit.
func PlatformDoors() []Door {
	return []Door{
		Offer(&platformv1.ParkedEventService_ServiceDesc, platformv1.RegisterParkedEventServiceHandlerClient, platformv1.NewParkedEventServiceClient),
		Offer(&platformv1.LegalHoldService_ServiceDesc, platformv1.RegisterLegalHoldServiceHandlerClient, platformv1.NewLegalHoldServiceClient),
		Offer(&platformv1.JournalAdminService_ServiceDesc, platformv1.RegisterJournalAdminServiceHandlerClient, platformv1.NewJournalAdminServiceClient),
		{Service: platformv1.KeyService_ServiceDesc.ServiceName},
		{Service: platformv1.LogService_ServiceDesc.ServiceName},
	}
}

// checkDoors compares what a unit offers with what it serves.
func checkDoors(doors []Door, served map[string]grpc.ServiceInfo) error {
	for _, d := range slices.Concat(doors, PlatformDoors()) {
		if _, ok := served[d.Service]; !ok {
			return fmt.Errorf("%s is offered at the doors and not served", d.Service)
		}
	}
	return nil
}

package gateway

import (
	"context"
	"fmt"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/naru-relay/naru/pkg/rpc"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// everyUnit are the units whose keys and parked events can be asked for.
func everyUnit() []string {
	return []string{"address", "certificate", "circulation", "delivery", "gateway", "hub", "intake", "status", "viewing"}
}

// offer is a service at the public doors.
type offer struct {
	// unit serves it; empty where every unit does and the call says which.
	unit    string
	service protoreflect.ServiceDescriptor
	// rest registers its REST routes; nil where it has none.
	rest func(context.Context, *runtime.ServeMux, grpc.ClientConnInterface) error
}

// route turns a generated registration into one over a connection.
func route[C any](register func(context.Context, *runtime.ServeMux, C) error, client func(grpc.ClientConnInterface) C) func(context.Context, *runtime.ServeMux, grpc.ClientConnInterface) error {
	return func(ctx context.Context, mux *runtime.ServeMux, conn grpc.ClientConnInterface) error {
		return register(ctx, mux, client(conn))
	}
}

// offers is the whole of what the doors offer. RPCs of these services that are neither public nor open stay closed.
func offers() []offer {
	services := func(file protoreflect.FileDescriptor, name protoreflect.Name) protoreflect.ServiceDescriptor {
		return file.Services().ByName(name)
	}
	intake, address := intakev1.File_naru_intake_v1_intake_service_proto, addressv1.File_naru_address_v1_address_service_proto
	viewing, circulation := viewingv1.File_naru_viewing_v1_viewing_service_proto, circulationv1.File_naru_circulation_v1_circulation_service_proto
	own := gatewayv1.File_naru_gateway_v1_gateway_service_proto
	return []offer{
		{"intake", services(intake, "IntakeService"), route(intakev1.RegisterIntakeServiceHandlerClient, intakev1.NewIntakeServiceClient)},
		{"address", services(address, "MembershipService"), route(addressv1.RegisterMembershipServiceHandlerClient, addressv1.NewMembershipServiceClient)},
		{
			"delivery", services(deliveryv1.File_naru_delivery_v1_delivery_service_proto, "InboxService"),
			route(deliveryv1.RegisterInboxServiceHandlerClient, deliveryv1.NewInboxServiceClient),
		},
		{"viewing", services(viewing, "SessionService"), route(viewingv1.RegisterSessionServiceHandlerClient, viewingv1.NewSessionServiceClient)},
		{"viewing", services(viewing, "ViewingTokenService"), route(viewingv1.RegisterViewingTokenServiceHandlerClient, viewingv1.NewViewingTokenServiceClient)},
		{"viewing", services(viewing, "ViewingService"), route(viewingv1.RegisterViewingServiceHandlerClient, viewingv1.NewViewingServiceClient)},
		{"circulation", services(circulation, "CirculationService"), route(circulationv1.RegisterCirculationServiceHandlerClient, circulationv1.NewCirculationServiceClient)},
		{
			"circulation", services(circulation, "CirculationAdminService"),
			route(circulationv1.RegisterCirculationAdminServiceHandlerClient, circulationv1.NewCirculationAdminServiceClient),
		},
		{
			"status", services(statusv1.File_naru_status_v1_status_service_proto, "StatusService"),
			route(statusv1.RegisterStatusServiceHandlerClient, statusv1.NewStatusServiceClient),
		},
		{
			"certificate", services(certificatev1.File_naru_certificate_v1_certificate_service_proto, "CertificateService"),
			route(certificatev1.RegisterCertificateServiceHandlerClient, certificatev1.NewCertificateServiceClient),
		},
		{unitName, services(own, "PrincipalAdminService"), route(gatewayv1.RegisterPrincipalAdminServiceHandlerClient, gatewayv1.NewPrincipalAdminServiceClient)},
		{unitName, services(own, "TokenService"), nil},
		{
			"", services(platformv1.File_naru_platform_v1_bus_admin_service_proto, "ParkedEventService"),
			route(platformv1.RegisterParkedEventServiceHandlerClient, platformv1.NewParkedEventServiceClient),
		},
		{
			"", services(platformv1.File_naru_platform_v1_journal_proto, "JournalAdminService"),
			route(platformv1.RegisterJournalAdminServiceHandlerClient, platformv1.NewJournalAdminServiceClient),
		},
		{"", services(platformv1.File_naru_platform_v1_key_service_proto, "KeyService"), nil},
	}
}

// target is a method the gRPC door passes on.
type target struct {
	unit string
	rule *platformv1.Access
	// input is the request message.
	input protoreflect.MessageDescriptor
}

// targets are the public and open RPCs by their full method names.
func targets() (map[string]target, error) {
	found := make(map[string]target)
	for _, o := range offers() {
		for i := range o.service.Methods().Len() {
			method := o.service.Methods().Get(i)
			rule, err := rpc.AccessOf(method)
			if err != nil {
				return nil, fmt.Errorf("open the doors: %w", err)
			}
			if rpc.Public(rule) {
				found["/"+string(o.service.FullName())+"/"+string(method.Name())] = target{unit: o.unit, rule: rule, input: method.Input()}
			}
		}
	}
	return found, nil
}

package status

import (
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// kindNames are the names of kinds, the same as in table timeline_kind.
func kindNames() map[kind]string {
	names := map[kind]string{}
	for k, message := range map[kind]proto.Message{
		accepted: &intakev1.DocumentAccepted{}, cancelRequested: &intakev1.CancelRequested{},
		recipientResolved: &addressv1.RecipientResolved{}, cancelledByAddress: &addressv1.DocumentCancelled{},
		recipientInvited: &deliveryv1.RecipientInvited{}, recipientUnreachable: &deliveryv1.RecipientUnreachable{},
		documentDeposited: &archivev1.DocumentDeposited{},
		documentReceived:  &deliveryv1.DocumentReceived{}, noticeGiven: &deliveryv1.NoticeGiven{},
		deliveryExpired: &deliveryv1.DeliveryExpired{}, deliveryFailed: &deliveryv1.DeliveryFailed{},
		cancelledByDelivery: &deliveryv1.DocumentCancelled{}, cancelRefused: &deliveryv1.CancelRefused{},
		tokenIssued: &viewingv1.ViewingTokenIssued{}, tokenVerified: &viewingv1.ViewingTokenVerified{}, documentRead: &viewingv1.DocumentRead{},
		circulationRegistered: &circulationv1.CirculationRegistered{}, readTimeRegistered: &circulationv1.ReadTimeRegistered{},
		circulationRefused: &circulationv1.CirculationRefused{}, circulationGivenUp: &circulationv1.CirculationGivenUp{},
		certificateIssued: &certificatev1.CertificateIssued{}, certificateFailed: &certificatev1.CertificateFailed{},
		bundleIssued: &certificatev1.BundleIssued{}, bundleFailed: &certificatev1.BundleFailed{},
	} {
		names[k] = string(frame.KindOf(message))
	}
	return names
}

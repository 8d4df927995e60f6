package certificate

import (
	"encoding/hex"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/journal"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// lane: certificates are asked for one at a time.
const lane = platformv1.Lane_LANE_EXPRESS

func emits() []proto.Message {
	return []proto.Message{&certificatev1.CertificateIssued{}, &certificatev1.CertificateFailed{}}
}

// eventOf states the end of a request.
func eventOf(j job, o outcome) journal.Fact {
	e := journal.Fact{Subject: j.edocNum, Ordinal: uint32(j.ordinal), Sender: j.sender, Actor: j.principal, OccurredAt: o.at} //nolint:gosec // a small count
	if o.kind == passed {
		e.Message = &certificatev1.CertificateIssued{
			EdocNum: j.edocNum, Sender: j.sender, Certificate: j.id.String(), CertNum: o.certNum, PdfDigest: hex.EncodeToString(o.digest),
			IssuedAt: timestamppb.New(o.issuedAt), Entitlement: entitlementOf(j.order),
		}
		return e
	}
	e.Message = &certificatev1.CertificateFailed{
		EdocNum: j.edocNum, Sender: j.sender, Certificate: j.id.String(), Reason: o.reason, FailedAt: timestamppb.New(o.at),
		Entitlement: entitlementOf(j.order),
	}
	return e
}

func entitlementOf(o order) certificatev1.Entitlement {
	if o.entitlement == entitledRecipient {
		return certificatev1.Entitlement_ENTITLEMENT_RECIPIENT
	}
	return certificatev1.Entitlement_ENTITLEMENT_SENDER
}

package status

import (
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// fact is what one event says: its part of the summary, and its details in the timeline. Details hold no personal data and, before
// receipt, nothing of the recipient.
type fact struct {
	patch          patch
	details        map[string]string
	acknowledgedAt *time.Time
}

func accepted(m *intakev1.DocumentAccepted, _ uint32) fact {
	return fact{patch: factsPatch(m.GetFacts()), details: map[string]string{"ownKey": m.GetFacts().GetOwnKey(), "documentHash": m.GetFacts().GetDocumentHash().GetValue()}}
}

func cancelRequested(*intakev1.CancelRequested, uint32) fact { return fact{} }

func resolved(m *addressv1.RecipientResolved, ordinal uint32) fact {
	p := factsPatch(m.GetFacts())
	p.resolution, p.resolutionOrdinal = ref(int16(m.GetResolution())), ref(int32(ordinal))
	return fact{patch: p, details: map[string]string{"resolution": m.GetResolution().String()}}
}

func cancelledByAddress(*addressv1.DocumentCancelled, uint32) fact {
	return final(statusv1.DocumentState_DOCUMENT_STATE_CANCELLED, "")
}

func sent(m *deliveryv1.DocumentSent, _ uint32) fact {
	p := factsPatch(m.GetFacts())
	p.receivedAt, p.recipientAddress = nil, nil // said by DocumentReceived alone
	return fact{patch: p}
}

func received(m *deliveryv1.DocumentReceived, _ uint32) fact {
	return fact{patch: factsPatch(m.GetFacts()), details: map[string]string{"address": m.GetFacts().GetTo().GetAddress()}}
}

func expired(*deliveryv1.DeliveryExpired, uint32) fact {
	return final(statusv1.DocumentState_DOCUMENT_STATE_EXPIRED, "")
}

func failed(m *deliveryv1.DeliveryFailed, _ uint32) fact {
	return final(statusv1.DocumentState_DOCUMENT_STATE_FAILED, m.GetReason())
}

func cancelledByDelivery(*deliveryv1.DocumentCancelled, uint32) fact {
	return final(statusv1.DocumentState_DOCUMENT_STATE_CANCELLED, "")
}

func final(state statusv1.DocumentState, reason string) fact {
	f := fact{patch: patch{finalState: ref(int16(state)), finalReason: text(reason)}}
	if reason != "" {
		f.details = map[string]string{"reason": reason}
	}
	return f
}

func cancelRefused(*deliveryv1.CancelRefused, uint32) fact {
	return fact{patch: patch{cancelRefused: true}}
}

func noticeGiven(*deliveryv1.NoticeGiven, uint32) fact { return fact{} }

func tokenIssued(m *viewingv1.ViewingTokenIssued, _ uint32) fact {
	return fact{patch: patch{tokenIssuedAt: moment(m.GetIssuedAt())}}
}

func tokenVerified(m *viewingv1.ViewingTokenVerified, _ uint32) fact {
	return fact{patch: patch{tokenVerifiedAt: moment(m.GetVerifiedAt())}, details: map[string]string{"viewingSystem": m.GetViewingSystem()}}
}

func read(m *viewingv1.DocumentRead, _ uint32) fact {
	return fact{patch: patch{readAt: moment(m.GetReadAt())}, details: map[string]string{"viewingSystem": m.GetViewingSystem(), "logDigest": m.GetLogDigest()}}
}

func registered(m *circulationv1.CirculationRegistered, _ uint32) fact {
	return fact{
		patch:          patch{registrationResult: ref(int16(m.GetResult())), registeredAt: moment(m.GetAcknowledgedAt())},
		details:        result(m.GetResult(), m.GetExchange()),
		acknowledgedAt: moment(m.GetAcknowledgedAt()),
	}
}

func readRegistered(m *circulationv1.ReadTimeRegistered, _ uint32) fact {
	return fact{
		patch:          patch{readResult: ref(int16(m.GetResult())), readRegisteredAt: moment(m.GetAcknowledgedAt())},
		details:        result(m.GetResult(), m.GetExchange()),
		acknowledgedAt: moment(m.GetAcknowledgedAt()),
	}
}

func refused(m *circulationv1.CirculationRefused, ordinal uint32) fact {
	f := fact{details: result(m.GetResult(), m.GetExchange())}
	if m.GetReadTime() {
		f.details["call"] = "readTime"
		f.patch.readRefusedResult, f.patch.readRefusedOrdinal = ref(int16(m.GetResult())), ref(int32(ordinal))
		return f
	}
	f.details["call"] = "registration"
	f.patch.refusedResult, f.patch.refusedOrdinal = ref(int16(m.GetResult())), ref(int32(ordinal))
	return f
}

func result(code int32, exchange string) map[string]string {
	return map[string]string{"result": strconv.Itoa(int(code)), "exchange": exchange}
}

func issued(m *certificatev1.CertificateIssued, _ uint32) fact {
	return fact{details: map[string]string{"certificate": m.GetCertificate(), "certNum": m.GetCertNum(), "pdfDigest": m.GetPdfDigest()}}
}

func certificateFailed(m *certificatev1.CertificateFailed, _ uint32) fact {
	return fact{details: map[string]string{"certificate": m.GetCertificate(), "reason": m.GetReason()}}
}

// reading is a function that reads the events of one kind.
type reading[M proto.Message] func(m M, ordinal uint32) fact

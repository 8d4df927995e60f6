package audit

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// document is what all units together stated about one document.
type document struct {
	accepted, received, reads, ends int
	// handedOver: the sender handed the document itself over; deposited: the archive keeps it.
	handedOver, deposited          bool
	acceptedAt, sentAt, receivedAt time.Time
	readAt, registeredAt           time.Time
	resolution                     addressv1.Resolution
	resolutionOrdinal              uint32
	stated                         bool
}

func (a *audit) document(kind frame.Kind, e *platformv1.Event, m proto.Message) {
	switch m.(type) {
	case *intakev1.DocumentAccepted, *intakev1.CancelRequested, *addressv1.RecipientResolved, *addressv1.DocumentCancelled, *deliveryv1.DocumentReceived,
		*archivev1.DocumentDeposited, *deliveryv1.DeliveryExpired, *deliveryv1.DeliveryFailed, *deliveryv1.DocumentCancelled, *viewingv1.DocumentRead:
	default:
		return
	}
	d := a.documents[e.GetSubject()]
	if d == nil {
		d = &document{}
		a.documents[e.GetSubject()] = d
	}
	d.stated = true
	switch m := m.(type) {
	case *intakev1.DocumentAccepted:
		d.accepted++
		d.handedOver = m.GetFacts().GetViewingMode() == platformv1.ViewingMode_VIEWING_MODE_RELAY
		d.acceptedAt, d.registeredAt = m.GetFacts().GetAcceptedAt().AsTime(), m.GetFacts().GetRegisteredAt().AsTime()
	case *addressv1.RecipientResolved:
		if e.GetOrdinal() >= d.resolutionOrdinal {
			d.resolution, d.resolutionOrdinal = m.GetResolution(), e.GetOrdinal()
		}
	case *archivev1.DocumentDeposited:
		d.deposited, d.registeredAt = true, m.GetFacts().GetRegisteredAt().AsTime()
	case *deliveryv1.DocumentReceived:
		d.received++
		d.sentAt, d.receivedAt = m.GetFacts().GetSentAt().AsTime(), m.GetFacts().GetReceivedAt().AsTime()
	case *addressv1.DocumentCancelled, *deliveryv1.DocumentCancelled, *deliveryv1.DeliveryExpired, *deliveryv1.DeliveryFailed:
		d.ends++
	case *viewingv1.DocumentRead:
		d.reads++
		d.readAt = m.GetReadAt().AsTime()
	}
}

// judgeDocuments puts each accepted document into one of three groups: waiting, ended or complete.
func (a *audit) judgeDocuments() {
	for number, d := range a.documents {
		about := func(code, detail string) {
			a.found(Violation{Unit: "all", Code: code, Subject: "document " + number, Detail: detail})
		}
		if d.accepted == 0 {
			about(FactUnfounded, "a step was stated of a document that nobody accepted")
			continue
		}
		a.report.Documents++
		final := d.resolution == addressv1.Resolution_RESOLUTION_REFUSED || d.resolution == addressv1.Resolution_RESOLUTION_AMBIGUOUS ||
			d.resolution == addressv1.Resolution_RESOLUTION_UNKNOWN
		switch {
		case d.accepted > 1 || d.received > 1 || d.ends > 1 || d.ends > 0 && d.received > 0:
			about(DocumentTwice, "it was accepted, received or ended more than once")
		case d.received == 1:
			a.report.Complete++
		case d.ends == 1 || final:
			a.report.Ended++
		default:
			a.report.Waiting++
		}
		if !ordered(d.registeredAt, d.sentAt, d.received > 0) || !ordered(d.acceptedAt, d.sentAt, d.received > 0) ||
			!ordered(d.sentAt, d.receivedAt, d.received > 0) || !ordered(d.receivedAt.Truncate(time.Second), d.readAt, d.reads > 0 && d.received > 0) {
			about(TimesDisordered, "registered, accepted, sent, received and read do not follow each other")
		}
		if d.handedOver && d.received > 0 && !d.deposited {
			about(FactUnfounded, "it was received and never deposited at the archive")
		}
		if d.reads > 0 && d.received == 0 {
			about(FactUnfounded, "it was read and never received")
		}
	}
	Sort(a.report.Violations)
}

func ordered(before, after time.Time, known bool) bool { return !known || !after.Before(before) }

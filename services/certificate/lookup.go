package certificate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// lookup asks other units about documents. That one cannot be asked is an error: it must not look like a document that does not exist, or is
// not registered.
type lookup struct {
	// intake is asked because a sender has a document from its acceptance on, delivery because both parties have it from its receipt on, and
	// circulation what the hub holds.
	intake      intakev1.IntakeLookupServiceClient
	delivery    deliveryv1.DeliveryLookupServiceClient
	circulation circulationv1.CirculationLookupServiceClient
	// timeout of finding out about a party, and of finding out about a registration.
	timeout time.Duration
	metrics *metrics
}

// party finds out about a document and the caller's right to its certificate: of delivery, and for a sender whose document is not received,
// of intake. Somebody else's document is asked about in the same way as a number nobody has, which would otherwise be told from it by the
// time the answer takes, or by an answer while one cannot be asked. Of an unknown number it gives the zero document.
func (l lookup) party(ctx context.Context, p authn.Principal, number string) (d document, right string, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	sender := isSender(p)
	received, err := l.delivery.GetReceived(ctx, &deliveryv1.GetReceivedRequest{EdocNum: number})
	if d, err = l.documentOf(ctx, "delivery", number, received.GetFacts(), err); err != nil {
		return document{}, "", err
	}
	if right = d.right(p.ID, sender); right != "" || !sender {
		return d, right, nil
	}
	accepted, err := l.intake.GetDocument(ctx, &intakev1.GetDocumentRequest{EdocNum: number})
	if d, err = l.documentOf(ctx, "intake", number, accepted.GetFacts(), err); err != nil {
		return document{}, "", err
	}
	return d, d.right(p.ID, sender), nil
}

// whole is party, and since when the hub holds the circulation of a party's received document.
func (l lookup) whole(ctx context.Context, p authn.Principal, number string) (d document, right string, err error) {
	if d, right, err = l.party(ctx, p, number); err != nil || right == "" || d.receivedAt.IsZero() {
		return d, right, err
	}
	d.registeredAt, _, err = l.registration(ctx, number)
	return d, right, err
}

// registration tells since when the hub holds the circulation of a document, and its read time; zero for what is not known.
func (l lookup) registration(ctx context.Context, number string) (time.Time, reading, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	r, err := l.circulation.GetRegistration(ctx, &circulationv1.GetRegistrationRequest{EdocNum: number})
	if err := l.judge(ctx, "circulation", number, err); err != nil {
		return time.Time{}, reading{}, err
	}
	return instant(r.GetRegisteredAt()), reading{at: instant(r.GetReadAt()), registered: r.GetReadRegisteredAt() != nil}, nil
}

// documentOf reads an answer. One about another number is none.
func (l lookup) documentOf(ctx context.Context, from, number string, f *platformv1.DocumentFacts, err error) (document, error) {
	if err = l.judge(ctx, from, number, err); err != nil || f.GetEdocNum() != number {
		return document{}, err
	}
	d := document{
		sender: f.GetSender(), recipient: f.GetRecipient(), senderAddress: f.GetFrom().GetAddress(), recipientAddress: f.GetTo().GetAddress(),
		hashAlgorithm: f.GetDocumentHash().GetAlgorithm(), hash: f.GetDocumentHash().GetValue(), attachments: []string{},
		sentAt: instant(f.GetSentAt()), receivedAt: instant(f.GetReceivedAt()),
	}
	for _, hash := range f.GetAttachmentHashes() {
		d.attachments = append(d.attachments, attachment(hash.GetAlgorithm(), hash.GetValue()))
	}
	slices.Sort(d.attachments)
	return d, nil
}

// judge counts an answer, and leaves of its errors those that are not that nothing is known.
func (l lookup) judge(ctx context.Context, from, number string, err error) error {
	outcome := "found"
	switch {
	case fault.KindOf(err) == fault.NotFound:
		outcome, err = "unknown", nil
	case err != nil:
		outcome, err = "unavailable", lookupUnavailable(fmt.Errorf("ask %s about %s: %w", from, number, err))
	}
	l.metrics.asked(ctx, from, outcome)
	return err
}

func instant(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

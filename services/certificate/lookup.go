package certificate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// lookup asks other units about documents. If a unit cannot be asked, that is an error: it must not look like a document that
// does not exist or is not registered.
type lookup struct {
	// intake knows a sender's document from its acceptance on, delivery knows it from its receipt on for both parties, and
	// circulation knows what the hub has.
	intake      intakev1.IntakeLookupServiceClient
	delivery    deliveryv1.DeliveryLookupServiceClient
	circulation circulationv1.CirculationLookupServiceClient
	archive     archivev1.DepositLookupServiceClient
	// timeout for the question about a party, and again for the question about a registration.
	timeout time.Duration
	metrics *metrics
}

// party asks about a document and the caller's right to its certificate: delivery, and for whom it knows no right, intake, which
// knows the sender of a document that is not received. For somebody else's document and for an unknown number the same questions
// are asked. Otherwise the caller could tell them apart by the time of the answer, or by an answer while one unit is away. For an
// unknown number it returns the zero document.
func (l lookup) party(ctx context.Context, p authn.Principal, number string) (d document, right string, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	sender := isSender(p)
	received, err := l.delivery.GetReceived(ctx, &deliveryv1.GetReceivedRequest{EdocNum: number})
	if d, err = l.documentOf(ctx, "delivery", number, received.GetFacts(), err); err != nil {
		return document{}, "", err
	}
	if right = d.right(p.ID, sender); right != "" {
		return d, right, nil
	}
	accepted, err := l.intake.GetDocument(ctx, &intakev1.GetDocumentRequest{EdocNum: number})
	if d, err = l.documentOf(ctx, "intake", number, accepted.GetFacts(), err); err != nil {
		return document{}, "", err
	}
	return d, d.right(p.ID, sender), nil
}

// whole is party together with the time since when the hub has the circulation record of a received document, or whether a
// document that is not received has ended. What has no circulation will never have a record.
func (l lookup) whole(ctx context.Context, p authn.Principal, number string) (d document, right string, err error) {
	if d, right, err = l.party(ctx, p, number); err != nil || right == "" || !d.circulation {
		return d, right, err
	}
	if d.receivedAt.IsZero() {
		d.ended, err = l.end(ctx, number)
	} else {
		var r *circulationv1.GetRegistrationResponse
		r, err = l.registration(ctx, number)
		d.registeredAt, d.givenUp = instant(r.GetRegisteredAt()), r.GetGivenUp()
	}
	return d, right, err
}

// end asks whether a document has ended without being received.
func (l lookup) end(ctx context.Context, number string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	r, err := l.delivery.GetEnd(ctx, &deliveryv1.GetEndRequest{EdocNum: number})
	return r.GetEnded(), l.judge(ctx, "delivery", number, err)
}

// registration tells since when the hub has the circulation record of a document, and its read time; empty if nothing is known.
func (l lookup) registration(ctx context.Context, number string) (*circulationv1.GetRegistrationResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	r, err := l.circulation.GetRegistration(ctx, &circulationv1.GetRegistrationRequest{EdocNum: number})
	return r, l.judge(ctx, "circulation", number, err)
}

// deposit tells the digest of the registration certificate of a document that this relay deposited; empty if it did not.
func (l lookup) deposit(ctx context.Context, number string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	r, err := l.archive.GetDeposit(ctx, &archivev1.GetDepositRequest{EdocNum: number})
	return r.GetDigest(), l.judge(ctx, "archive", number, err)
}

// reading returns what is known of a document's read time.
func (l lookup) reading(ctx context.Context, number string) (reading, error) {
	r, err := l.registration(ctx, number)
	return reading{at: instant(r.GetReadAt()), registered: r.GetReadRegisteredAt() != nil}, err
}

// documentOf reads an answer. An answer about another number counts as none.
func (l lookup) documentOf(ctx context.Context, from, number string, f *platformv1.DocumentFacts, err error) (document, error) {
	if err = l.judge(ctx, from, number, err); err != nil || f.GetEdocNum() != number {
		return document{}, err
	}
	d := document{
		sender: f.GetSender(), recipient: f.GetRecipient(), senderAddress: f.GetFrom().GetAddress(), recipientAddress: f.GetTo().GetAddress(),
		hashAlgorithm: f.GetDocumentHash().GetAlgorithm(), hash: f.GetDocumentHash().GetValue(), attachments: []string{},
		sentAt: instant(f.GetSentAt()), receivedAt: instant(f.GetReceivedAt()), circulation: f.GetCirculation(),
		bundled: bundled{
			senderPlatform: f.GetFrom().GetPlatformId(), recipientPlatform: f.GetTo().GetPlatformId(), documentContent: f.GetDocumentContent(),
			attachmentContents: f.GetAttachmentContents(), attachmentHashes: []string{},
		},
	}
	for _, hash := range f.GetAttachmentHashes() {
		d.attachments = append(d.attachments, attachment(hash.GetAlgorithm(), hash.GetValue()))
		d.bundled.attachmentHashes = append(d.bundled.attachmentHashes, hash.GetValue())
	}
	slices.Sort(d.attachments)
	return d, nil
}

// judge counts an answer. It drops errors that only say that nothing is known, and returns the others.
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

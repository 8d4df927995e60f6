package certificate

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// acceptedDocuments is the part of the intake unit this unit asks: a sender has a document from its acceptance on.
type acceptedDocuments interface {
	GetDocument(ctx context.Context, in *intakev1.GetDocumentRequest, opts ...grpc.CallOption) (*intakev1.GetDocumentResponse, error)
}

// receivedDocuments is the part of the delivery unit this unit asks: a recipient has a document from its receipt on.
type receivedDocuments interface {
	GetReceived(ctx context.Context, in *deliveryv1.GetReceivedRequest, opts ...grpc.CallOption) (*deliveryv1.GetReceivedResponse, error)
}

// lookup asks about documents whose facts have not come here yet.
type lookup struct {
	intake   acceptedDocuments
	delivery receivedDocuments
	timeout  time.Duration
}

// find gives the parties of a document; of a number that is unknown, the zero document. That nobody can be asked is an error: it must
// not look like a document that does not exist.
func (l lookup) find(ctx context.Context, sender bool, number string) (document, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	f, err := l.ask(ctx, sender, number)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return document{}, nil
	case err != nil:
		return document{}, lookupUnavailable(fmt.Errorf("ask about %s: %w", number, err))
	case f.GetEdocNum() != number:
		return document{}, nil
	}
	return document{edocNum: number, sender: f.GetSender(), recipient: f.GetRecipient(), attachments: attachmentsIn(f)}, nil
}

func (l lookup) ask(ctx context.Context, sender bool, number string) (*platformv1.DocumentFacts, error) {
	if sender {
		answer, err := l.intake.GetDocument(ctx, &intakev1.GetDocumentRequest{EdocNum: number})
		return answer.GetFacts(), err
	}
	answer, err := l.delivery.GetReceived(ctx, &deliveryv1.GetReceivedRequest{EdocNum: number})
	return answer.GetFacts(), err
}

// whole gives what is known of a document that certificates are asked for. Rows from before attachments were kept are without them; intake,
// which has accepted every document, is then asked.
func (s *service) whole(ctx context.Context, number string) (document, error) {
	d, err := findDocument(ctx, s.db, findDocumentSQL, number)
	if err != nil || d.attachments != nil {
		return d, err
	}
	asked, err := s.lookup.find(ctx, true, number)
	if err != nil {
		return document{}, err
	}
	d.merge(asked)
	return d, nil
}

// document gives what is known of a document. Where that gives the caller no right to its certificate, the unit that would know of one is
// asked, once: a fact may still be on its way. It is asked about somebody else's document too, which would otherwise be told from one that
// does not exist by the time the answer takes, or by an answer while nobody can be asked.
func (s *service) document(ctx context.Context, p authn.Principal, number string) (document, error) {
	known, err := findDocument(ctx, s.db, findDocumentSQL, number)
	if err != nil {
		return document{}, err
	}
	if right, _ := known.entitlement(p.ID, isSender(p)); right != "" {
		return known, nil
	}
	asked, err := s.lookup.find(ctx, isSender(p), number)
	if err != nil {
		s.metrics.asked(ctx, "unavailable")
		return document{}, err
	}
	if right, _ := asked.entitlement(p.ID, isSender(p)); right == "" {
		s.metrics.asked(ctx, "unknown")
		return known, nil
	}
	s.metrics.asked(ctx, "found")
	known.edocNum = number
	known.merge(asked)
	return known, nil
}

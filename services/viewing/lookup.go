package viewing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

// lookup is asked about a document for which no token was requested yet; it is a deliveryv1.DeliveryLookupServiceClient.
type lookup interface {
	GetReceived(ctx context.Context, in *deliveryv1.GetReceivedRequest, opts ...grpc.CallOption) (*deliveryv1.GetReceivedResponse, error)
}

// documents finds received documents for their parties.
type documents struct {
	core
	delivery lookup
	// timeout of a question to delivery.
	timeout time.Duration
}

// find returns a document whose sender and recipient make the caller one who may have it. Somebody else's is not found, just like
// an unknown number.
func (s documents) find(ctx context.Context, number string, entitled func(sender, recipient string) bool) (document, error) {
	edocNum, err := id.ParseEdocNumber(number)
	if err != nil {
		return document{}, documentNotFound()
	}
	d, _, found, err := readDocument(ctx, s.db, edocNum, "")
	if err != nil {
		return document{}, err
	}
	if found && entitled(d.sender, d.recipient) {
		return d, nil
	}
	// Delivery is asked about somebody else's document, too: its answer must not be faster, or different while delivery is away,
	// than the answer for a number that does not exist.
	return s.ask(ctx, edocNum, entitled)
}

// ask asks delivery about a document for which no token was requested yet. The answer is kept with the first token.
func (s documents) ask(ctx context.Context, number id.EdocNumber, entitled func(sender, recipient string) bool) (document, error) {
	asking, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	answer, err := s.delivery.GetReceived(asking, &deliveryv1.GetReceivedRequest{EdocNum: number.String()})
	if fault.KindOf(err) == fault.NotFound {
		count(ctx, s.metrics.lookups, "unknown")
		return document{}, documentNotFound()
	}
	if err != nil {
		count(ctx, s.metrics.lookups, "unavailable")
		return document{}, unavailable("the document cannot be looked up now", err)
	}
	count(ctx, s.metrics.lookups, "found")
	// Who it is for is checked first: nothing about somebody else's document may be reported.
	if f := answer.GetFacts(); f.GetEdocNum() != number.String() || !entitled(f.GetSender(), f.GetRecipient()) {
		return document{}, documentNotFound()
	}
	d, err := documentOf(answer.GetFacts())
	if errors.Is(err, errFactsLater) {
		return document{}, unavailable("the document cannot be viewed yet", err)
	}
	if err != nil {
		return document{}, fmt.Errorf("facts of %s: %w", number, err)
	}
	if d.receivedCommit, err = uuid.Parse(answer.GetCommit()); err != nil {
		return document{}, fmt.Errorf("commit of %s: %w", number, err)
	}
	d.cancelled, err = isCancelled(ctx, s.db, number)
	return d, err
}

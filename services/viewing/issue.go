package viewing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/viewingtoken"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// lookup is asked about a document when its first token is requested; it is a deliveryv1.DeliveryLookupServiceClient.
type lookup interface {
	GetReceived(ctx context.Context, in *deliveryv1.GetReceivedRequest, opts ...grpc.CallOption) (*deliveryv1.GetReceivedResponse, error)
}

// issuer is ViewingTokenService.
type issuer struct {
	viewingv1.UnsafeViewingTokenServiceServer
	core
	platform string
	signer   keys.Signer
	delivery lookup
	// authorities says whether who acts for an organisation still may.
	authorities authorities
	// timeout of a question to delivery.
	timeout time.Duration
	// perHour bounds the tokens of a document.
	perHour int
	group   *journal.Group[*issuance]
}

// issuance is a token that is to be kept and stated.
type issuance struct {
	tokenRow
	document             document
	session, traceparent string
	// over says that the document had its tokens of this hour.
	over bool
}

var _ viewingv1.ViewingTokenServiceServer = (*issuer)(nil)

// IssueViewingToken gives the recipient of a document a token for its viewing system.
func (s *issuer) IssueViewingToken(ctx context.Context, r *viewingv1.IssueViewingTokenRequest) (*viewingv1.IssueViewingTokenResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.authorities.stillMay(ctx, caller); err != nil {
		return nil, err
	}
	d, err := s.documentFor(ctx, caller.ID, r.GetEdocNum())
	if err != nil {
		return nil, err
	}
	now, err := s.now()
	if err != nil {
		return nil, err
	}
	expires, err := d.expiry(now)
	if err != nil {
		return nil, err
	}
	i := &issuance{document: d, session: caller.Session, traceparent: journal.Traceparent(ctx), tokenRow: tokenRow{
		number: d.number, jti: id.New(), keyID: s.signer.KeyID(), recipient: caller.ID, actedBy: caller.Actor, system: d.system, issuedAt: now, expiresAt: expires,
	}}
	compact, err := viewingtoken.Sign(s.signer, viewingtoken.Claims{
		Platform: s.platform, Address: d.address, EdocNum: d.number, Audience: d.system, ID: i.jti,
		DocumentHash: viewingtoken.Hash{Algorithm: d.hash.GetAlgorithm(), Value: d.hash.GetValue()}, IssuedAt: now, ExpiresAt: expires,
	})
	if err != nil {
		return nil, err
	}
	i.digest = digestBytes(compact)
	if err := s.group.Commit(ctx, i); err != nil {
		return nil, err
	}
	if i.over {
		next, err := nextToken(ctx, s.db, d.number, s.perHour)
		if err != nil {
			return nil, err
		}
		return nil, tooManyTokens(next.Sub(now))
	}
	s.metrics.tokens.Add(ctx, 1)
	answer := &viewingv1.IssueViewingTokenResponse{Token: compact, ExpiresAt: timestamppb.New(expires)}
	if d.url != "" {
		answer.Url = withToken(d.url, compact)
	}
	return answer, nil
}

// keepIssued keeps and states tokens, with the documents that are not here yet.
func (s *issuer) keepIssued(ctx context.Context, tx *journal.Tx, of []*issuance) error {
	rows := make([]tokenRow, len(of))
	var asked []document
	for n, i := range of {
		rows[n] = i.tokenRow
		if i.document.receivedCommit != uuid.Nil {
			asked = append(asked, i.document)
		}
	}
	insertDocuments(tx, asked)
	ordinals, err := insertTokens(ctx, tx, rows, s.perHour)
	if err != nil {
		return err
	}
	for _, i := range of {
		ordinal, kept := ordinals[i.number]
		if i.over = !kept; i.over {
			continue
		}
		if err := i.state(ctx, tx, ordinal); err != nil {
			return err
		}
	}
	return nil
}

// documentFor returns a recipient's own document. Somebody else's document is not found, just like an unknown number.
func (s *issuer) documentFor(ctx context.Context, recipient, number string) (document, error) {
	edocNum, err := id.ParseEdocNumber(number)
	if err != nil {
		return document{}, documentNotFound()
	}
	d, _, found, err := readDocument(ctx, s.db, edocNum, "")
	if err != nil {
		return document{}, err
	}
	if found && d.recipient == recipient {
		return d, nil
	}
	// Delivery is asked about somebody else's document, too: its answer must not be faster, or different while delivery is away,
	// than the answer for a number that does not exist.
	return s.ask(ctx, recipient, edocNum)
}

// ask asks delivery about a document for which no token was requested yet. The answer is kept with the token.
func (s *issuer) ask(ctx context.Context, recipient string, number id.EdocNumber) (document, error) {
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
	// The recipient is checked first: nothing about somebody else's document may be reported.
	if f := answer.GetFacts(); f.GetEdocNum() != number.String() || f.GetRecipient() != recipient {
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

// withToken appends a token to a viewing URL, whose own query and fragment stay as they are. The token's characters need no
// escape.
func withToken(viewingURL, compact string) string {
	base, fragment, hasFragment := strings.Cut(viewingURL, "#")
	separator := "?"
	if strings.Contains(base, "?") {
		separator = "&"
		if strings.HasSuffix(base, "?") || strings.HasSuffix(base, "&") {
			separator = ""
		}
	}
	base += separator + viewingtoken.URLParameter + "=" + compact
	if hasFragment {
		base += "#" + fragment
	}
	return base
}

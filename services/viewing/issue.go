package viewing

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/viewingtoken"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// issuer is ViewingTokenService.
type issuer struct {
	viewingv1.UnsafeViewingTokenServiceServer
	core
	platform  string
	signer    keys.Signer
	documents documents
	// authorities says whether who acts for an organisation still may.
	authorities authorities
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
	d, err := s.documents.find(ctx, r.GetEdocNum(), func(_, recipient string) bool { return recipient == caller.ID })
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

package viewing

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/viewingtoken"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

var errSystemUnknown = errors.New("nothing is known yet of the viewing system")

// checker is ViewingService: VerifyViewingToken here, ReportRead in report.go.
type checker struct {
	viewingv1.UnsafeViewingServiceServer
	core
	platform string
	// ahead is how far a viewing system's clock may be ahead.
	ahead  time.Duration
	keys   *keyring
	sealed sealed.Opener
	// authorities says whether who got a token for an organisation still may act for it.
	authorities authorities

	checks  *journal.Group[*check]
	reports *journal.Group[*reporting]
}

var _ viewingv1.ViewingServiceServer = (*checker)(nil)

// check is one attempt to verify a token.
type check struct {
	id                             uuid.UUID
	at                             time.Time
	system, requestID, traceparent string
	digest                         []byte
	// number, jti and document are set once this relay is known to have issued the token.
	number   id.EdocNumber
	jti      uuid.UUID
	document document
	// says is what the token says of the document's hash.
	says viewingtoken.Hash
	// hosted is set for this relay's own viewing.
	hosted *hosting
	// refusedAs is empty while there is no reason to refuse.
	refusedAs outcome

	// became is the final outcome; the verification is returned to the caller, or failure says why it cannot be now.
	became       outcome
	verification verification
	failure      error
}

// key of checks: checks of one document run one after the other, those without a document of ours in parallel.
func (c *check) key() string {
	if c.number == "" {
		return c.id.String()
	}
	return c.number.String()
}

// VerifyViewingToken checks a token for the viewing system it was made for, and marks it as used.
func (s *checker) VerifyViewingToken(ctx context.Context, r *viewingv1.VerifyViewingTokenRequest) (*viewingv1.VerifyViewingTokenResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	c, err := s.check(ctx, caller.ID, r.GetRequestId(), r.GetToken())
	if err != nil {
		return nil, err
	}
	var recipient *platformv1.RecipientIdentifier
	if c.refusedAs == "" {
		// This happens before the token is used: if a key is unavailable now, the recipient must not lose its token.
		if recipient, err = s.recipient(ctx, c.document); err != nil {
			return nil, err
		}
	}
	if err := s.settle(ctx, c); err != nil {
		return nil, err
	}
	return verified(c.document, c.verification, recipient), nil
}

// check judges a token for a viewing system.
func (s *checker) check(ctx context.Context, system, requestID, token string) (*check, error) {
	c := &check{id: id.New(), system: system, requestID: requestID, digest: digestBytes(token), traceparent: journal.Traceparent(ctx)}
	var err error
	c.refusedAs, err = s.judge(ctx, c, token)
	return c, err
}

// settle uses the token up, or keeps why it was refused, which is the error.
func (s *checker) settle(ctx context.Context, c *check) error {
	var err error
	if c.at, err = s.now(); err != nil {
		return err
	}
	if err := cmp.Or(s.checks.Commit(ctx, c), c.failure); err != nil {
		return err
	}
	count(ctx, s.metrics.checks, string(c.became))
	if refused := c.became.refusal(); refused != nil {
		return refused
	}
	return nil
}

// judge reads a token and returns why it is refused; empty while there is no reason.
func (s *checker) judge(ctx context.Context, c *check, compact string) (outcome, error) {
	t, err := viewingtoken.Parse(compact)
	if err != nil {
		return malformed, nil //nolint:nilerr // what is wrong with it is the outcome
	}
	ours, err := s.ours(ctx, t)
	if err != nil {
		return "", err
	}
	if !ours {
		return forged, nil
	}
	d, system, found, err := readDocument(ctx, s.db, t.Claims.EdocNum, c.system)
	if err != nil {
		return "", err
	}
	if !found {
		return forged, nil
	}
	c.number, c.jti, c.document, c.says = t.Claims.EdocNum, t.Claims.ID, d, t.Claims.DocumentHash
	switch {
	case t.Claims.Audience != c.system:
		return foreign, nil
	case !system.known:
		return "", unavailable("the viewing system is not known yet", errSystemUnknown)
	case !system.serves:
		return foreign, nil
	}
	return s.stillReads(ctx, c)
}

// ours reports whether this relay signed a token as its issuer, with a current or an earlier key.
func (s *checker) ours(ctx context.Context, t viewingtoken.Token) (bool, error) {
	key, err := s.keys.public(ctx, t.KeyID)
	if err != nil || key == nil {
		return false, err
	}
	return t.Verify(key) == nil && t.Claims.Platform == s.platform, nil
}

// keepChecks marks the good tokens as used, and records and states every attempt.
func keepChecks(ctx context.Context, tx *journal.Tx, checks []*check) error {
	if err := settleChecks(ctx, tx, checks); err != nil {
		return err
	}
	var kept []*check
	var good []string
	for _, c := range checks {
		if c.failure != nil {
			continue
		}
		kept = append(kept, c)
		if c.became == accepted {
			good = append(good, c.number.String())
		}
	}
	insertChecks(tx, kept)
	ordinals, err := countVerifications(ctx, tx, good)
	if err != nil {
		return err
	}
	for _, c := range kept {
		if c.became == accepted {
			err = c.stateVerified(ctx, tx, ordinals[c.number])
			if err == nil && c.hosted != nil {
				err = c.hosted.open(ctx, tx, c)
			}
		} else {
			err = c.recordAttempt(ctx, tx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settleChecks decides the outcome of the checks.
func settleChecks(ctx context.Context, tx *journal.Tx, checks []*check) error {
	var good []*check
	for _, c := range checks {
		c.became, c.verification, c.failure = c.refusedAs, verification{}, nil
		if c.refusedAs == "" {
			good = append(good, c)
		}
	}
	used, err := useTokens(ctx, tx, good)
	if err != nil {
		return err
	}
	for _, c := range good {
		if used[c.id] {
			c.became, c.verification = accepted, verification{id: c.id, verifiedAt: c.at}
			continue
		}
		state, issued, err := readToken(ctx, tx, c)
		if err != nil {
			return err
		}
		c.explain(state, issued)
	}
	return nil
}

// recipient opens the identifier that the sender gave for its recipient.
func (s *checker) recipient(ctx context.Context, d document) (*platformv1.RecipientIdentifier, error) {
	identifier := &platformv1.RecipientIdentifier{}
	err := sealed.OpenMessage(ctx, s.sealed, sealedRecipient, d.number.String(), d.sealedIdentifier, identifier)
	switch {
	case err == nil:
		return identifier, nil
	case fault.KindOf(err) == fault.Corrupt:
		return nil, err
	default:
		return nil, unavailable("the recipient's identifier cannot be opened now", err)
	}
}

func verified(d document, v verification, recipient *platformv1.RecipientIdentifier) *viewingv1.VerifyViewingTokenResponse {
	return &viewingv1.VerifyViewingTokenResponse{
		EdocNum: d.number.String(), VerificationId: v.id.String(), VerifiedAt: timestamppb.New(v.verifiedAt),
		DocumentHash: d.hash, AttachmentHashes: d.attachments, RegisteredHash: d.registered, RegistrationCertificateDigest: d.certificateDigest,
		Recipient: recipient, ViewingDeadline: timestamppb.New(d.deadline),
	}
}

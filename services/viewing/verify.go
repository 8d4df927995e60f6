package viewing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/sealed"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
	"github.com/naru-relay/naru/services/viewing/internal/token"
)

// repeatWindow is how long the call that used a token up is answered again.
const repeatWindow = time.Minute

var (
	errClockBehind   = errors.New("the clock is behind a fact it has to answer")
	errSystemUnknown = errors.New("nothing is known yet of the viewing system")
)

// opener opens sealed values; *sealed.Box does.
type opener interface {
	Open(ctx context.Context, p sealed.Purpose, subject string, value []byte) ([]byte, error)
}

// checker is ViewingService.
type checker struct {
	viewingv1.UnsafeViewingServiceServer
	core
	platform string
	keys     *keyring
	sealed   opener
}

var _ viewingv1.ViewingServiceServer = (*checker)(nil)

// check is one attempt to verify a token.
type check struct {
	id                uuid.UUID
	at                time.Time
	system, requestID string
	digest            []byte
	// number, jti and document are set once the token is known as one of this relay.
	number   id.EdocNumber
	jti      uuid.UUID
	document document
}

// VerifyViewingToken checks a token for the viewing system it was made for, and uses it up.
func (s *checker) VerifyViewingToken(ctx context.Context, r *viewingv1.VerifyViewingTokenRequest) (*viewingv1.VerifyViewingTokenResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	c := check{id: id.New(), system: caller.ID, requestID: r.GetRequestId(), digest: digestBytes(r.GetToken())}
	refusedAs, err := s.judge(ctx, &c, r.GetToken())
	if err != nil {
		return nil, err
	}
	var recipient *platformv1.RecipientIdentifier
	if refusedAs == "" {
		// Before the token is used up: a key that cannot be had now must not cost the recipient its token.
		if recipient, err = s.recipient(ctx, c.document); err != nil {
			return nil, err
		}
	}
	if c.at, err = s.now(); err != nil {
		return nil, err
	}
	became := refusedAs
	var v verification
	err = s.journal.Together(ctx, string(c.number), func(ctx context.Context, tx *journal.Tx) error {
		became = refusedAs
		if refusedAs == "" {
			var err error
			if became, v, err = use(ctx, tx, c); err != nil {
				return err
			}
		}
		return keepCheck(ctx, tx, c, became, v)
	})
	if err != nil {
		return nil, err
	}
	count(ctx, s.metrics.checks, string(became))
	if refused := became.refusal(); refused != nil {
		return nil, refused
	}
	return verified(c.document, v, recipient), nil
}

// judge reads a token and tells why it is refused; empty while nothing speaks against it.
func (s *checker) judge(ctx context.Context, c *check, compact string) (outcome, error) {
	t, err := token.Parse(compact)
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
	d, found, err := readDocument(ctx, s.db, t.Claims.EdocNum)
	if err != nil {
		return "", err
	}
	if !found {
		return forged, nil
	}
	c.number, c.jti, c.document = t.Claims.EdocNum, t.Claims.ID, d
	if t.Claims.Audience != c.system {
		return foreign, nil
	}
	may, known, err := serves(ctx, s.db, c.system, d.sender)
	switch {
	case err != nil:
		return "", err
	case !known:
		return "", unavailable("the viewing system is not known yet", errSystemUnknown)
	case !may:
		return foreign, nil
	}
	return "", nil
}

// ours tells whether this relay signed a token, with a key of today or of before, as its issuer.
func (s *checker) ours(ctx context.Context, t token.Token) (bool, error) {
	key, err := s.keys.public(ctx, t.KeyID)
	if err != nil || key == nil {
		return false, err
	}
	return t.Verify(key) == nil && t.Claims.Platform == s.platform, nil
}

// use decides what becomes of a token nothing speaks against.
func use(ctx context.Context, tx *journal.Tx, c check) (outcome, verification, error) {
	used, err := useToken(ctx, tx, c)
	if err != nil {
		return "", verification{}, err
	}
	if used {
		return accepted, verification{id: c.id, verifiedAt: c.at}, nil
	}
	state, issued, err := readToken(ctx, tx, c)
	switch {
	case err != nil:
		return "", verification{}, err
	case !issued:
		return forged, verification{}, nil
	case state.usedAt != nil && state.repeatedBy(c):
		return repeated, verification{id: *state.verification, verifiedAt: state.usedAt.UTC()}, nil
	case state.usedAt != nil:
		return replayed, verification{}, nil
	case !c.at.Before(state.expiresAt):
		return expired, verification{}, nil
	default:
		return "", verification{}, unavailable("the relay's clock is behind", errClockBehind)
	}
}

// repeatedBy tells whether a check is the very call that used the token, again.
func (s tokenState) repeatedBy(c check) bool {
	return s.requestID != nil && *s.requestID == c.requestID && s.verification != nil && c.at.Sub(*s.usedAt) <= repeatWindow
}

// keepCheck records and states an attempt, whatever became of it.
func keepCheck(ctx context.Context, tx *journal.Tx, c check, became outcome, v verification) error {
	var verificationID *uuid.UUID
	if became == accepted || became == repeated {
		verificationID = &v.id
	}
	if err := insertCheck(ctx, tx, c, became, verificationID); err != nil {
		return err
	}
	if became != accepted {
		return recordCheck(ctx, tx, c, became, v)
	}
	ordinal, err := countVerification(ctx, tx, c.number)
	if err != nil {
		return err
	}
	return stateVerified(ctx, tx, c, ordinal)
}

// recipient opens the identifier by which the sender named its recipient.
func (s *checker) recipient(ctx context.Context, d document) (*platformv1.RecipientIdentifier, error) {
	clear, err := s.sealed.Open(ctx, sealed.ViewingIdentifier, d.number.String(), d.sealedIdentifier)
	if err != nil {
		if fault.KindOf(err) == fault.Corrupt {
			return nil, err
		}
		return nil, unavailable("the recipient's identifier cannot be opened now", err)
	}
	var identifier platformv1.RecipientIdentifier
	if proto.Unmarshal(clear, &identifier) != nil {
		return nil, fmt.Errorf("read recipient identifier of %s: it is not one", d.number)
	}
	return &identifier, nil
}

func verified(d document, v verification, recipient *platformv1.RecipientIdentifier) *viewingv1.VerifyViewingTokenResponse {
	return &viewingv1.VerifyViewingTokenResponse{
		EdocNum: d.number.String(), VerificationId: v.id.String(), VerifiedAt: timestamppb.New(v.verifiedAt),
		DocumentHash: d.hash, AttachmentHashes: d.attachments, RegisteredHash: d.registered, RegistrationCertificateDigest: d.certificateDigest,
		Recipient: recipient, ViewingDeadline: timestamppb.New(d.deadline),
	}
}

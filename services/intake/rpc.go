package intake

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/limits"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/viewingtoken"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// publishedStatusIDs is a limit that the status unit enforces and this one publishes.
const publishedStatusIDs = 100

// trust reports whether the clock's time may be written into evidence.
type trust interface{ Ready() error }

// server serves both of the unit's gRPC services.
type server struct {
	intakev1.UnsafeIntakeServiceServer
	intakev1.UnsafeIntakeLookupServiceServer

	clock     clock.Clock
	trust     trust
	db        pg.DBTX
	journal   *journal.Journal
	limits    Limits
	verifier  verifier
	directory *directory
	acceptor  *acceptor
	uploads   *journal.Group[*upload]
	box       *sealed.Box
}

var (
	_ intakev1.IntakeServiceServer       = (*server)(nil)
	_ intakev1.IntakeLookupServiceServer = (*server)(nil)
)

// caller returns the calling sender, or an error if the clock is too bad for making evidence.
func (s *server) caller(ctx context.Context) (authn.Principal, error) {
	if err := s.trust.Ready(); err != nil {
		return authn.Principal{}, clockUntrusted(err)
	}
	return authn.Require(ctx)
}

// Send accepts one item.
func (s *server) Send(ctx context.Context, req *intakev1.SendRequest) (*intakev1.SendResponse, error) {
	caller, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	outcomes, err := s.acceptor.accept(ctx, caller, platformv1.Lane_LANE_EXPRESS, []*intakev1.SendItem{req.GetItem()}, nil)
	if err != nil {
		return nil, err
	}
	if refusal := outcomes[0].refusal; refusal != nil {
		return nil, below("item", refusal)
	}
	return &intakev1.SendResponse{Acceptance: outcomes[0].acceptance}, nil
}

// BatchSend accepts many items, each by itself.
func (s *server) BatchSend(ctx context.Context, req *intakev1.BatchSendRequest) (*intakev1.BatchSendResponse, error) {
	caller, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	if proto.Size(req) > maxBatchBytes {
		return nil, batchTooLarge()
	}
	outcomes, err := s.acceptor.accept(ctx, caller, platformv1.Lane_LANE_BULK, req.GetItems(), req.GetUnreadable())
	if err != nil {
		return nil, err
	}
	resp := &intakev1.BatchSendResponse{Outcomes: make([]*intakev1.ItemOutcome, len(outcomes))}
	for i, c := range outcomes {
		resp.Outcomes[i] = c.outcome(int32(i)) //nolint:gosec // at most maxBatchItems
	}
	return resp, nil
}

// outcome is the item's answer within a batch.
func (c *candidate) outcome(index int32) *intakev1.ItemOutcome {
	if c.refusal == nil {
		return &intakev1.ItemOutcome{Index: index, Outcome: &intakev1.ItemOutcome_Accepted{Accepted: c.acceptance}}
	}
	refusal := below(fmt.Sprintf("items[%d]", index), c.refusal)
	reason := refusal.Reason
	if reason == "" {
		reason = strings.ToUpper(refusal.Kind.String()) // INTERNAL: a defect of ours, which no reason is made for
	}
	refused := &intakev1.Refusal{
		OwnKey: c.item.GetOwnKey(), Reason: reason, Message: refusal.Message, ExistingEdocNum: refusal.Metadata[existingKey],
	}
	for _, v := range refusal.Violations {
		refused.Violations = append(refused.Violations, &intakev1.Violation{Field: v.Field, Rule: v.Rule, Message: v.Message})
	}
	return &intakev1.ItemOutcome{Index: index, Outcome: &intakev1.ItemOutcome_Refused{Refused: refused}}
}

// Cancel states once that the sender wants to stop the document.
func (s *server) Cancel(ctx context.Context, req *intakev1.CancelRequest) (*intakev1.CancelResponse, error) {
	caller, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	number, err := id.ParseEdocNumber(req.GetEdocNum())
	if err != nil {
		return nil, documentNotFound()
	}
	tenant, err := s.senderFor(ctx, caller, string(number))
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		lane, err := readLane(ctx, tx, string(number), tenant)
		if errors.Is(err, pgx.ErrNoRows) {
			return documentNotFound()
		}
		if err != nil {
			return err
		}
		if first, err := insertCancel(ctx, tx, string(number), tenant, now); err != nil || !first {
			return err
		}
		return stateCancelRequested(ctx, tx, lane, number, tenant, caller, now)
	})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	return &intakev1.CancelResponse{}, nil
}

// senderFor is the sender of a document that the caller may stop: the caller itself, or the one for whom an agent sent it.
func (s *server) senderFor(ctx context.Context, caller authn.Principal, number string) (uuid.UUID, error) {
	if !isAgent(caller) {
		return tenantOf(caller)
	}
	accepted, err := s.accepted(ctx, number)
	if err != nil {
		return uuid.UUID{}, err
	}
	if accepted.GetFacts().GetActor() != caller.ID {
		return uuid.UUID{}, documentNotFound()
	}
	sender, err := uuid.Parse(accepted.GetFacts().GetSender())
	if err != nil {
		return uuid.UUID{}, fmt.Errorf("read the sender of %s: %w", number, err)
	}
	return sender, nil
}

// GetLimits publishes what a caller has to keep to.
func (s *server) GetLimits(context.Context, *intakev1.GetLimitsRequest) (*intakev1.GetLimitsResponse, error) {
	return &intakev1.GetLimitsResponse{
		BatchItems: maxBatchItems, BatchBytes: maxBatchBytes, TitleCharacters: limits.Title,
		RegistrationCertificateBytes: limits.RegistrationCertificateBytes, Attachments: limits.Attachments, StatusIds: publishedStatusIDs,
		ViewingUrlCharacters: limits.ViewingURL, OwnKeyCharacters: limits.OwnKey,
		SendDeadlineMax: durationpb.New(s.limits.SendDeadlineMax.Std()), ViewingDeadlineMax: durationpb.New(s.limits.ViewingDeadlineMax.Std()),
		ViewingTokenLife: durationpb.New(viewingtoken.Life),
	}, nil
}

// GetRegistrationCertificate gives a unit the bytes of a kept certificate.
func (s *server) GetRegistrationCertificate(ctx context.Context, req *intakev1.GetRegistrationCertificateRequest) (*intakev1.GetRegistrationCertificateResponse, error) {
	var digest certificateID
	if n, err := hex.Decode(digest[:], []byte(req.GetDigest())); err != nil || n != len(digest) {
		return nil, certificateNotKept()
	}
	der, kept, err := readCertificate(ctx, s.db, s.box, digest)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	if !kept {
		return nil, certificateNotKept()
	}
	return &intakev1.GetRegistrationCertificateResponse{RegistrationCertificate: der}, nil
}

// GetDocument gives a unit the facts of a document as they were accepted.
func (s *server) GetDocument(ctx context.Context, req *intakev1.GetDocumentRequest) (*intakev1.GetDocumentResponse, error) {
	accepted, err := s.accepted(ctx, req.GetEdocNum())
	if err != nil {
		return nil, err
	}
	return &intakev1.GetDocumentResponse{Facts: accepted.GetFacts()}, nil
}

// GetSealedRecipient gives address the description of a document's recipient, which address alone can open.
func (s *server) GetSealedRecipient(ctx context.Context, req *intakev1.GetSealedRecipientRequest) (*intakev1.GetSealedRecipientResponse, error) {
	accepted, err := s.accepted(ctx, req.GetEdocNum())
	if err != nil {
		return nil, err
	}
	return &intakev1.GetSealedRecipientResponse{SealedRecipient: accepted.GetSealedRecipient()}, nil
}

// accepted is the fact of a document's acceptance.
func (s *server) accepted(ctx context.Context, number string) (*intakev1.DocumentAccepted, error) {
	accepted, err := readAccepted(ctx, s.db, number)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, documentNotFound()
	}
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	return accepted, nil
}

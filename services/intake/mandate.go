package intake

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authorisation"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/pg"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// GetMandate gives certificate the authorisation by which an agent obtains certificates. It is judged by the time of the
// question: a revocation that was answered before counts.
func (s *server) GetMandate(ctx context.Context, r *intakev1.GetMandateRequest) (*intakev1.GetMandateResponse, error) {
	named, err := uuid.Parse(r.GetAuthorisation())
	if err != nil {
		return nil, authorisationNotFound()
	}
	a, known, err := readAuthorisation(ctx, s.db, named)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	if !known || a.agent.String() != r.GetAgent() {
		return nil, authorisationNotFound()
	}
	if !a.holds(s.acceptor.hasher, authorisation.OfCertificate(r.GetEdocNum(), r.GetReason())) {
		return nil, digestDiffers()
	}
	if !a.is(intakev1.AuthorisationState_AUTHORISATION_STATE_GIVEN, s.clock.Now()) {
		return nil, mandateNotInForce()
	}
	suspended, err := readSuspended(ctx, s.db, a.sender)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	if suspended || a.agentSuspended {
		return nil, fault.New(fault.Denied, domain, intakev1.Reason_REASON_SENDER_SUSPENDED, "the agent or who authorised it is suspended")
	}
	return &intakev1.GetMandateResponse{
		Principal: a.sender.String(), Kind: a.senderKind, Digest: a.digest[:], GivenAt: timestamppb.New(a.givenAt), ExpiresAt: timestamppb.New(a.expiresAt),
	}, nil
}

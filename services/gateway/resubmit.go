package gateway

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

// Who refused what was submitted before: the hub (which may also have lost an address it had registered), or this relay because the
// address is somebody else's here.
const (
	refusedByHub   = "hub"
	refusedByRelay = "relay"
)

// ResubmitInstitution submits papers, and where it was wrong the name, again for an institution whose address was refused.
func (s *adminService) ResubmitInstitution(ctx context.Context, r *gatewayv1.ResubmitInstitutionRequest) (*gatewayv1.ResubmitInstitutionResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	wanted, err := parseID("id", r.GetId())
	if err != nil {
		return nil, err
	}
	asked := submission{Principal: wanted, Operator: caller.ID, RequestID: r.GetRequestId(), Digest: digestOfSubmission(wanted, r)}
	answer, err := s.submittedBefore(ctx, asked)
	if answer != nil || err != nil {
		return answer, err
	}
	answer, err = s.submitAgain(ctx, asked, r)
	if errors.Is(err, fault.Conflict) {
		// The same call may have come first while this one was judged; then its submission is what leads out of the refusal.
		if first, lookErr := s.submittedBefore(ctx, asked); first != nil || lookErr != nil {
			return first, lookErr
		}
	}
	return answer, err
}

// submittedBefore answers a repeat with the institution as it is now; nil where it is none. Another content under the same request id
// is a fault.
func (s *adminService) submittedBefore(ctx context.Context, asked submission) (*gatewayv1.ResubmitInstitutionResponse, error) {
	digest, err := submissionDigest(ctx, s.db, asked.Operator, asked.RequestID)
	switch {
	case err != nil:
		return nil, pg.AsFault(err, nil)
	case digest == nil:
		return nil, nil //nolint:nilnil // nothing was submitted, and nothing is wrong with that
	case !bytes.Equal(digest, asked.Digest):
		return nil, requestIDReused()
	}
	found, state, err := s.institution(ctx, asked.Principal)
	if err != nil {
		return nil, err
	}
	return &gatewayv1.ResubmitInstitutionResponse{Institution: institutionProto(found, state)}, nil
}

// submitAgain makes the next submission of an institution that is refused. That it is cannot change before the commit but by another
// submission, because only a submission leads out of it; the commit finds that out by the number.
func (s *adminService) submitAgain(ctx context.Context, asked submission, r *gatewayv1.ResubmitInstitutionRequest) (*gatewayv1.ResubmitInstitutionResponse, error) {
	found, state, err := s.institution(ctx, asked.Principal)
	if err != nil {
		return nil, err
	}
	if state != gatewayv1.AddressState_ADDRESS_STATE_REFUSED {
		return nil, addressNotRefused()
	}
	asked.Number, asked.SubmittedAt = found.Submission+1, s.clock.Now()
	asked.RefusedBy = refusedByHub
	if found.Registration == stateRefused {
		asked.RefusedBy = refusedByRelay
	}
	next := found
	next.Name, next.Registration, next.Submission = cmp.Or(r.GetName(), found.Name), stateDue, asked.Number
	due, err := s.registration.seal(next, r.GetBusinessDocument(), r.GetRegistrationDocument())
	if err != nil {
		return nil, err
	}
	if err := s.commitSubmission(ctx, found, due, asked, r); err != nil {
		return nil, pg.AsFault(err, nil)
	}
	state = s.registration.now(ctx, due, r.GetBusinessDocument(), r.GetRegistrationDocument())
	return &gatewayv1.ResubmitInstitutionResponse{Institution: institutionProto(next, state)}, nil
}

// commitSubmission commits the submission, the due registration, the name and the fact together.
func (s *adminService) commitSubmission(ctx context.Context, found institution, due dueRegistration, asked submission, r *gatewayv1.ResubmitInstitutionRequest) error {
	fact, err := s.submitted(ctx, due.institution, asked, r.GetBusinessDocument(), r.GetRegistrationDocument())
	if err != nil {
		return err
	}
	return s.journal.InTx(ctx, func(tx *journal.Tx) error {
		reopened, err := reopenRegistration(ctx, tx, due, s.registration.lease())
		if err != nil {
			return err
		}
		if !reopened {
			return addressNotRefused()
		}
		if err := insertSubmission(ctx, tx, asked); err != nil {
			return err
		}
		if due.Name != found.Name {
			if err := renamePrincipal(ctx, tx, due.ID, due.Name); err != nil {
				return err
			}
		}
		return recordSubmission(ctx, tx, due.institution, asked, fact)
	})
}

// digestOfSubmission is that of everything an operator submits, so that a repeat is told from another request.
func digestOfSubmission(id uuid.UUID, r *gatewayv1.ResubmitInstitutionRequest) []byte {
	h := sha256.New()
	for _, part := range [][]byte{id[:], []byte(r.GetName()), r.GetBusinessDocument(), r.GetRegistrationDocument()} {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part))) // a hash never fails to take bytes
		_, _ = h.Write(part)
	}
	return h.Sum(nil)
}

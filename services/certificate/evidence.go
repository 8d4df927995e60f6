package certificate

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/pg"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// leading asks every unit for what led to the certificates. While one is away, or has facts that no witness has cosigned yet, the
// bundle waits.
func (s *service) leading(ctx context.Context, j bundleJob) (l bundle.Leading, err error) {
	deposit, err := s.lookup.archive.GetDeposit(ctx, &archivev1.GetDepositRequest{EdocNum: j.edocNum})
	if err != nil {
		return l, fmt.Errorf("get the registration certificate: %w", err)
	}
	l.Registration = deposit.GetRegistrationCertificate()
	for _, unit := range s.provers {
		answer, err := unit.ProveDocument(ctx, &platformv1.ProveDocumentRequest{EdocNum: j.edocNum})
		if err != nil {
			return l, fmt.Errorf("have facts proved: %w", err)
		}
		l.Proofs = append(l.Proofs, answer.GetProof())
	}
	own, err := s.proveRequest(ctx, j)
	if err != nil {
		return l, err
	}
	l.Proofs = append(l.Proofs, own)
	exchanges, err := bundle.Exchanges(l.Proofs)
	if err != nil {
		return l, err
	}
	for _, of := range exchanges {
		answer, err := s.hub.GetAnswer(ctx, &hubv1.GetAnswerRequest{Exchange: of, EdocNum: j.edocNum})
		if err != nil {
			return l, fmt.Errorf("get an answer of the hub: %w", err)
		}
		l.Proofs = append(l.Proofs, answer.GetProof())
		if len(answer.GetAnswer()) > 0 {
			l.Answers = append(l.Answers, answer.GetAnswer())
		}
	}
	return l, nil
}

const requestCommitsSQL = `
	select q.commit_id, a.commit_id
	  from certificate_request q
	  join certificate_attempt a on a.id = q.id and a.attempt = $2
	 where q.id = $1`

// proveRequest proves what this unit stated about the request for the bundle (Decree 2-5).
func (s *service) proveRequest(ctx context.Context, j bundleJob) (*platformv1.LogProof, error) {
	var requestedBy, attemptedBy uuid.UUID
	if _, err := pg.Scan(ctx, s.db, fmt.Sprintf("read what was stated about request %s", j.id), []any{&requestedBy, &attemptedBy}, requestCommitsSQL, j.id, j.certificateAttempt); err != nil {
		return nil, err
	}
	return s.journal.Prove(ctx, j.id.String(), []uuid.UUID{requestedBy, j.acceptedBy, attemptedBy},
		&certificatev1.CertificateRequested{}, &certificatev1.CertificateAccepted{}, &certificatev1.CertificateAttempted{})
}
